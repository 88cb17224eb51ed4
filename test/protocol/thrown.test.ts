import assert from "node:assert/strict";
import { test } from "node:test";
import { wordsOf } from "../../src/protocol/thrown.ts";

test("whatever is thrown has words, and asking for them never throws", () => {
  assert.equal(wordsOf(new TypeError("no such thing")), "no such thing");
  assert.equal(wordsOf("a string"), "a string");
  assert.equal(wordsOf(undefined), "undefined");
  assert.equal(wordsOf(Symbol("odd")), "Symbol(odd)");
  assert.match(wordsOf(Object.create(null)), /no words/);
  const silent = Object.defineProperty(new Error(), "message", {
    get() {
      throw new Error("again");
    },
  });
  assert.match(wordsOf(silent), /no words/);
});
