/**
 * docs/semantics.md has all thirteen rules and the chapter on supervision, and the tests that it names as their proofs are there.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pageAt } from "./pages.ts";
import { hasTest } from "./test-names.ts";

const chapters = pageAt("docs/semantics.md").lines.join("\n").split(/^## /m).slice(1);

test("docs/semantics.md has a chapter for each of the thirteen rules and one on supervision, and each names a proof", () => {
  assert.deepEqual(
    chapters.map((chapter) => Number.parseInt(chapter, 10)),
    Array.from({ length: 14 }, (_, index) => index + 1),
  );
  assert.deepEqual(
    chapters.filter((chapter) => proofsIn(chapter).length === 0).map((chapter) => chapter.split("\n", 1)[0]),
    [],
  );
});

test("every test that docs/semantics.md names is there", () => {
  const missing = chapters.flatMap(proofsIn).filter(({ file, name }) => !hasTest(file, name));
  assert.deepEqual(missing, []);
});

function proofsIn(chapter: string): readonly { readonly file: string; readonly name: string }[] {
  return [...chapter.matchAll(/^- `(test\/[^`]+)`: "(.+)"$/gm)].map(([, file, name]) => ({
    file: file as string,
    name: name as string,
  }));
}
