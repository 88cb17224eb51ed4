/**
 * Sends back whatever comes: text as text, bytes as bytes. The state counts the messages.
 *
 * The server here asks a few things and then says goodbye. Pings need no code: they are answered before handleControl
 * hears of them.
 *
 * Prints:
 *     echoing "hello"
 *     echoing 3 bytes
 *     answered a ping of "are you there?"
 *     echoing "¡adiós!"
 *     the server closed with 1000 "enough": 3 messages
 *     exited: normal
 */
import assert from "node:assert/strict";
import { Fresh, ok, ping, reply, stop } from "everfresh";
import { TestServer } from "everfresh/testing";

const Echo = Fresh.define<number>("Echo", {
  handleIn(frame, count) {
    console.log(`echoing ${frame.type === "text" ? JSON.stringify(frame.data) : `${frame.data.length} bytes`}`);
    return reply(frame, count + 1);
  },
  handleControl(frame, count) {
    if (frame.type === "ping") console.log(`answered a ping of "${Buffer.from(frame.data)}"`);
    return ok(count);
  },
  handleDisconnect(code, reason, count) {
    console.log(`the server closed with ${code} ${JSON.stringify(reason)}: ${count} messages`);
    return stop();
  },
});

const server = await TestServer.start({
  script: async (peer) => {
    await peer.accept();
    peer.send("hello");
    assert.equal((await peer.receive("text")).data, "hello");
    peer.send(Uint8Array.of(1, 2, 3));
    assert.deepEqual([...(await peer.receive("binary")).data], [1, 2, 3]);
    peer.send(ping("are you there?"));
    await peer.receive("pong");
    peer.send("¡adiós!");
    assert.equal((await peer.receive("text")).data, "¡adiós!");
    peer.close(1000, "enough");
  },
});

const echo = Echo.start({ uri: server.url, state: 0, options: { infoLogging: false } });
console.log(`exited: ${await echo.exited}`);
await server.stop(); // throws if one of the script's assertions failed
