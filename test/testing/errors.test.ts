import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerError, ScriptError } from "../../src/testing/errors.ts";

test("a ScriptError names the connection, says what was thrown, and keeps it", () => {
  const thrown = new PeerError("timeout", "The script waited 5 ms for a frame, and the client sent none.");
  const error = new ScriptError(3, thrown);
  assert.equal(error.connection, 3);
  assert.equal(error.cause, thrown);
  assert.equal(error.message, `The script of connection 3 failed: ${thrown.message}`);
  assert.equal(new ScriptError(1, "just words").message, "The script of connection 1 failed: just words");
});

test("both errors are told apart by name and by reason", () => {
  assert.equal(new PeerError("ended", "x").name, "PeerError");
  assert.equal(new PeerError("ended", "x").reason, "ended");
  assert.equal(new ScriptError(1, undefined).name, "ScriptError");
});
