/** The demo as a newcomer runs it: by itself, without a terminal, and told off if it isn't what it says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FAULTS } from "../../src/cli/demo/faults.ts";
import { RunningCommand } from "./running-command.ts";

test("it ends by itself with 0 in less than 25 seconds, without a terminal and without colours, with a table of all faults", async (t) => {
  const began = performance.now();
  const { code, stdout, stderr } = await new RunningCommand(t, ["demo"], { input: "nothing" }).ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  assert.ok(performance.now() - began < 25_000);
  assert.ok(!stdout.includes("\u001b"), "there are escape sequences where there is no terminal");
  const table = stdout.slice(stdout.indexOf("what the server did"));
  for (const { deed, expected } of FAULTS) {
    const row = table.split("\n").find((line) => line.startsWith(deed));
    assert.ok(row, `the table has no row for: ${deed}`);
    assert.ok(
      expected.some((what) => row.includes(what)),
      row,
    );
    assert.match(row, / \d+ ms +\d+ ms/);
  }
  const [, made, received, missed] =
    /Ticks +(\d+) made = (\d+) received \+ (\d+) missed/.exec(table)?.map(Number) ?? [];
  assert.equal(made, (received as number) + (missed as number));
  const [, sent, acknowledged, inDoubt] =
    /Orders +(\d+) sent = (\d+) acknowledged \+ (\d+) in doubt/.exec(table)?.map(Number) ?? [];
  assert.equal(sent, (acknowledged as number) + (inDoubt as number));
});

test("Ctrl-C ends it early, with 130", async (t) => {
  const command = new RunningCommand(t, ["demo"], { input: "nothing" });
  await command.stdout.line(/client connected/);
  command.signal("SIGINT");
  const { code, stdout } = await command.ended;
  assert.equal(code, 130);
  assert.doesNotMatch(stdout, /what the server did/);
});

test("a reader that goes away ends it quietly", async (t) => {
  const command = new RunningCommand(t, ["demo"], { input: "nothing" });
  await command.stdout.line(/client connected/);
  command.stdout.close();
  const { code, stderr } = await command.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
});
