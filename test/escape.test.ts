/** What a peer sends can neither forge a line nor drive a terminal once it has been escaped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeControls } from "../src/escape.ts";

test("tab, line feed and carriage return get their short names, all other control characters their numbers", () => {
  assert.equal(escapeControls("a\tb\r\nc\u001b[2J\u0000\u007f\u009b"), "a\\tb\\r\\nc\\u001b[2J\\u0000\\u007f\\u009b");
});

test("separators of lines and marks of direction are spelt out", () => {
  assert.equal(escapeControls("\u2028\u2029"), "\\u2028\\u2029");
  assert.equal(
    escapeControls("\u061c\u200e\u200f\u202a\u202e\u2066\u2069"),
    "\\u061c\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069",
  );
});

test("all other text stays as it is, joined emoji and backslashes too", () => {
  for (const text of ["Grüße 🎉", "👩‍👩‍👧", "שלום", "C:\\new", '{"a":"x\\ny"}'])
    assert.equal(escapeControls(text), text);
});

test("what is to be kept is kept", () => {
  assert.equal(escapeControls("a\nb\tc", "\n"), "a\nb\\tc");
});

test("nothing of the sort is left of any text, and a line of JSON still says the same", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left.
      assert.doesNotMatch(escapeControls(text), /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
      assert.equal(JSON.parse(escapeControls(JSON.stringify(text))), text);
    }),
  );
});
