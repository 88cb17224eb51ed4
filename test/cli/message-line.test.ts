/** A message from outside is one line, whatever is in it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { messageLine, SHOWN_BYTES } from "../../src/cli/message-line.ts";

test("text is itself, its control characters escaped", () => {
  assert.equal(messageLine("Grüße"), "Grüße");
  assert.equal(messageLine("two\nlines\u001b[2J"), "two\\nlines\\u001b[2J");
});

test("binary data is told by its length and in hex", () => {
  assert.equal(messageLine(Uint8Array.of(1, 2, 255)), "binary 3 bytes: 0102ff");
  assert.equal(messageLine(Uint8Array.of(0)), "binary 1 byte: 00");
  assert.equal(messageLine(new Uint8Array(0)), "binary 0 bytes");
});

test("of long binary data only the beginning is shown", () => {
  const line = messageLine(new Uint8Array(SHOWN_BYTES + 1));
  assert.equal(line, `binary ${SHOWN_BYTES + 1} bytes: ${"00".repeat(SHOWN_BYTES)}…`);
  assert.doesNotMatch(messageLine(new Uint8Array(SHOWN_BYTES)), /…/);
});

test("of data inside a larger buffer nothing but itself is shown", () => {
  assert.equal(messageLine(new Uint8Array([9, 1, 2, 9]).subarray(1, 3)), "binary 2 bytes: 0102");
});
