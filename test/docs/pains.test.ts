/**
 * docs/resilience.md has a line for each of the thirty complaints, and each has a test named after it.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { filesFor, withPains } from "../../scripts/pains-section.ts";
import { PAINS } from "../pains/pains.ts";
import { ROOT } from "./pages.ts";

test("the complaints in docs/resilience.md are those of test/pains: if not, run npm run docs", () => {
  const page = readFileSync(`${ROOT}docs/resilience.md`, "utf8");
  assert.equal(page, withPains(page));
});

test("there are thirty, numbered, and each has a test named after it", () => {
  assert.deepEqual(
    PAINS.map(({ number }) => number),
    Array.from({ length: 30 }, (_, index) => index + 1),
  );
  const bare = PAINS.filter(({ number }) => filesFor(number).length === 0);
  assert.deepEqual(
    bare.map(({ number, pain }) => `${number}: ${pain}`),
    [],
  );
});
