/**
 * docs/semantics.md has all thirteen rules, and the tests that it names as their proofs are there.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { pageAt, ROOT } from "./pages.ts";

const chapters = pageAt("docs/semantics.md").lines.join("\n").split(/^## /m).slice(1);

test("docs/semantics.md has a chapter for each of the thirteen rules, and each names a proof", () => {
  assert.deepEqual(
    chapters.map((chapter) => Number.parseInt(chapter, 10)),
    Array.from({ length: 13 }, (_, index) => index + 1),
  );
  assert.deepEqual(
    chapters.filter((chapter) => proofsIn(chapter).length === 0).map((chapter) => chapter.split("\n", 1)[0]),
    [],
  );
});

test("every test that docs/semantics.md names is there", () => {
  const missing = chapters.flatMap(proofsIn).filter(({ file, name }) => !isTest(file, name));
  assert.deepEqual(missing, []);
});

test("a test that isn't there is found to be missing", () => {
  assert.ok(!isTest("test/docs/semantics.test.ts", ["no such", "test"].join(" ")));
  assert.ok(!isTest("test/docs/nowhere.test.ts", "x"));
  assert.ok(isTest("test/docs/semantics.test.ts", "every test … names is there"));
});

function proofsIn(chapter: string): readonly { readonly file: string; readonly name: string }[] {
  return [...chapter.matchAll(/^- `(test\/[^`]+)`: "(.+)"$/gm)].map(([, file, name]) => ({
    file: file as string,
    name: name as string,
  }));
}

/** Is there a test of this name? "…" stands for what a loop fills in. */
function isTest(file: string, name: string): boolean {
  if (!existsSync(`${ROOT}${file}`)) return false;
  const parts = name.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`\\b(test|it)\\(\\s*["\`]${parts.join("[^\\n]+")}["\`],`).test(
    readFileSync(`${ROOT}${file}`, "utf8"),
  );
}
