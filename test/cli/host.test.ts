/** The first signal asks for an orderly end, the second takes it without. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepting, TestServer } from "../../src/testing/index.ts";
import { RunningCommand } from "./running-command.ts";

test("a second signal ends the process at once, with the code of that signal", async (t) => {
  // A server that never answers the close frame: an orderly end would take three seconds.
  const server = await TestServer.start({ script: accepting(() => {}, { automatic: false }) });
  t.after(() => server.stop());
  const command = new RunningCommand(t, ["connect", "--json", server.url]);
  const peer = await server.connection(1);
  await command.stdout.line(/"open"/);
  command.signal("SIGINT");
  const { code } = await peer.receive("close");
  assert.equal(code, 1001);
  command.signal("SIGTERM");
  const ended = await command.ended;
  assert.equal(ended.code, 143);
  // It had no time to tell of its end.
  assert.doesNotMatch(ended.stdout, /"exit"/);
});
