/** An error of the system goes by its code. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemCode } from "../../src/cli/system-code.ts";

test("the code, or what there is instead of one", () => {
  assert.equal(systemCode(Object.assign(new Error("x"), { code: "EPIPE" })), "EPIPE");
  assert.equal(systemCode(new Error("boom")), "Error: boom");
  assert.equal(systemCode(undefined), "undefined");
});
