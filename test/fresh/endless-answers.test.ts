/** Answers without an end that stay below every bound of size: upgradeTimeout ends the attempt, and nothing is left of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stop } from "../../src/index.ts";
import { PeerError, TestServer } from "../../src/testing/index.ts";
import { launch, Recorder } from "./fixtures.ts";

const ANSWERS: readonly (readonly [what: string, beginning: string, again: string])[] = [
  ["nothing but empty lines", "", "\r\n"],
  ["a status line, a byte at a time", "HTTP/1.1 101 ", "S"],
  ["a field's name, a byte at a time", "HTTP/1.1 101 S\r\nX", "X"],
  ["a field's value, a byte at a time", "HTTP/1.1 101 S\r\nX: ", "x"],
  ["field after field", "HTTP/1.1 101 S\r\n", "X: x\r\n"],
  ["a head whose last line never comes", "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n", ""],
  ["an interim answer's fields", "HTTP/1.1 103 Early Hints\r\n", "X: x\r\n"],
];

for (const [what, beginning, again] of ANSWERS) {
  test(`an answer that drips for ever is left after upgradeTimeout: ${what}`, async () => {
    await using server = await TestServer.start({
      script: async (peer) => {
        await peer.request();
        peer.sendRaw(beginning);
        // The client's FIN may come between a delay and its byte.
        try {
          while (await peer.delay(10)) peer.sendRaw(again);
        } catch (error) {
          assert.ok(error instanceof PeerError, String(error));
        }
      },
    });
    const recorder = new Recorder<null>({ handleError: () => stop() });
    const started = performance.now();
    const connection = launch(server, recorder, null, { upgradeTimeout: 100 });
    await connection.exited;
    const [error] = (await recorder.call("handleError")).given;
    assert.equal(`${error.kind} ${error.phase} ${error.reason}`, "establishing_failed upgrade timed_out");
    assert.ok(performance.now() - started >= 99);
    assert.notEqual((await (await server.connection(1)).ended).type, "closed");
  });
}
