/** Colours are for terminals that want them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inTone } from "../../src/cli/tone.ts";

test("a tone is switched on before the text and off behind it", () => {
  assert.equal(inTone({ hasColours: true }, "red", "no"), "\u001b[31mno\u001b[39m");
  assert.equal(inTone({ hasColours: true }, "bold", "yes"), "\u001b[1myes\u001b[22m");
});

test("where there are no colours the text stays as it is", () => {
  assert.equal(inTone({ hasColours: false }, "red", "no"), "no");
});
