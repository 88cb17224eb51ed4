import assert from "node:assert/strict";
import { test } from "node:test";
import { LinkedExitError } from "../../src/index.ts";
import { runProgram } from "./program.ts";

test("a linked supervisor that gives up alone raises an uncaught error that says so", async () => {
  const { code, stdout } = await runProgram("linked-supervisor.ts", "alone");
  assert.equal(code, 0);
  assert.match(stdout, /^The linked supervisor "app" ended: shutdown\. .*\nstill here\n$/);
});

test("nothing is raised for one that another supervisor answers for, nor for one that was told to stop", async () => {
  for (const place of ["below", "told"]) {
    const { code, stdout } = await runProgram("linked-supervisor.ts", place);
    assert.deepEqual([code, stdout], [0, "still here\n"], place);
  }
});

test("the error has the reason, and the fault behind it as its cause", () => {
  const cause = new Error("boom");
  const error = new LinkedExitError("connection Feed", { error: cause, callback: "handleIn" });
  assert.equal(error.cause, cause);
  assert.match(error.message, /^The linked connection Feed ended: handleIn failed: Error: boom\./);
  assert.equal(new LinkedExitError("supervisor", "shutdown").cause, "shutdown");
});
