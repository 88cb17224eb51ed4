import assert from "node:assert/strict";
import { test } from "node:test";
import { describeExitReason, isOrderly } from "../../src/supervision/exit-reason.ts";

test('"normal", "shutdown" and { shutdown } are orderly; everything else is a fault', () => {
  for (const reason of ["normal", "shutdown", { shutdown: "deploy" }] as const) assert.equal(isOrderly(reason), true);
  for (const reason of [
    "killed",
    "boom",
    { error: new Error("x"), callback: "handleIn" },
    { error: "unknown" },
    new Error("x"),
  ]) {
    assert.equal(isOrderly(reason), false);
  }
});

test("an exit reason of any kind has words", () => {
  assert.equal(describeExitReason("normal"), "normal");
  assert.equal(describeExitReason({ shutdown: "deploy" }), '{"shutdown":"deploy"}');
  assert.equal(describeExitReason(new Error("x")), "Error: x");
  assert.equal(describeExitReason({ error: "e", callback: "handleIn" }), "handleIn failed: e");
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  assert.equal(describeExitReason(circular), "[object Object]");
});
