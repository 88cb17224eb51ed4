/**
 * Counts with a server: the example of the README, with a server of its own that sends everything back.
 *
 * Prints:
 *     the server sent 1 back
 *     the server sent 2 back
 *     the server sent 3 back
 *     exited: normal
 */
import { close, Fresh, reconnect, reply, stop } from "everfresh";
import { TestServer } from "everfresh/testing";

const Counter = Fresh.define<number>("Counter", {
  handleConnect: (_status, _headers, count) => reply(String(count), count),
  handleIn(frame, count) {
    console.log(`the server sent ${frame.data} back`);
    return count < 3 ? reply(String(count + 1), count + 1) : close(1000, "done", count);
  },
  handleDisconnect: (code) => (code === 1000 ? stop() : reconnect()),
});

const server = await TestServer.start(); // on a free port of 127.0.0.1; sends every message back
const counter = Counter.start({ uri: server.url, state: 1 });
console.log(`exited: ${await counter.exited}`);
await server.stop();
