/** A user's program in JavaScript: a conversation over the packed library and its scripted server. */
import { Fresh, ok, reply, stop, text } from "everfresh";
import { TestServer } from "everfresh/testing";

const server = await TestServer.start();
const Talk = Fresh.define("Talk", {
  handleConnect: () => reply(text("ping"), 0),
  handleIn: (frame, count) => (count < 2 ? reply(text(`${frame.data}!`), count + 1) : done(frame, count)),
});
let last = "";
function done(frame, count) {
  last = frame.data;
  talk.stop();
  return ok(count);
}
const talk = Talk.start({ uri: server.url, state: 0, options: { infoLogging: false } });
const reason = await talk.exited;
await server.stop();
console.log(JSON.stringify({ last, reason, stopIsThere: typeof stop }));
