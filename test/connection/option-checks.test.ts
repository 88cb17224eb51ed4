import assert from "node:assert/strict";
import { test } from "node:test";
import { rejectUnknown, show } from "../../src/connection/option-checks.ts";

test("a value is shown short, and a long string not at all: it may be a secret", () => {
  assert.equal(show("x".repeat(41)), "a string of 41 characters");
  assert.equal(show("short"), '"short"');
  assert.equal(show(10n), "10n");
  assert.equal(show(Object.create(null)), "an object (no prototype)");
  assert.equal(show([1]), "an array");
  assert.equal(show(null), "null");
  assert.equal(show(undefined), "undefined");
});

test("the nearest known name is found whatever its case", () => {
  assert.throws(
    () => rejectUnknown("", "PINGINTERVAL", ["pingInterval", "pongTimeout"]),
    /Did you mean pingInterval\?/,
  );
  assert.doesNotThrow(() => rejectUnknown("", "pongTimeout", ["pingInterval", "pongTimeout"]));
});
