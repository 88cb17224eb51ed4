/** What a connection leaves behind in its process, and whether it keeps it alive: each in a process of its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runProgram } from "./program.ts";
import { WsServer } from "./ws-server.ts";

test("nothing is left of connections that have ended: a process with nothing else exits", async () => {
  await using server = await WsServer.start();
  const before = performance.now();
  const { code, stdout, stderr } = await runProgram("stopped.ts", server.url);
  assert.equal(stderr, "");
  assert.equal(stdout, "stopped\n");
  assert.equal(code, 0);
  // Less than any timer that might have been left.
  assert.ok(performance.now() - before < 10_000);
});

test("an idle connection keeps no process alive", async () => {
  const { code, stdout } = await runProgram("idle.ts");
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "idle\n" });
});

test("ref: false lets the process exit while the connection is open", async () => {
  await using server = await WsServer.start();
  const { code, stdout } = await runProgram("unreferenced.ts", server.url, "false");
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "open\n" });
});

test("ref: false lets the process exit while the connection waits for its next attempt", async () => {
  const { code, stdout } = await runProgram("unreferenced.ts", "ws://127.0.0.1:9/", "false");
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "waiting\n" });
});

test("by default a connection keeps the process alive until it has ended", async () => {
  await using server = await WsServer.start();
  const running = runProgram("unreferenced.ts", server.url, "true");
  const { socket } = await server.peer();
  // It would have exited by now without the connection: it has nothing else to do.
  const early = await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 300, "runs"))]);
  assert.equal(early, "runs");
  socket.close(1000);
  assert.deepEqual(await running, { code: 0, stdout: "terminated\n", stderr: "" });
});
