import assert from "node:assert/strict";
import { test } from "node:test";
import { isOrderly } from "../../src/supervision/exit-reason.ts";

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
