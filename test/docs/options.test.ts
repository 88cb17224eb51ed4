/**
 * The documentation of options is current: docs/options.md, which is written from their table, and the short list in README.md.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CHAPTERS, optionsPage } from "../../scripts/options-page.ts";
import { OPTIONS } from "../../src/connection/options.ts";
import { pageAt, ROOT } from "./pages.ts";

test("docs/options.md is what the table of options says: if not, run npm run docs", () => {
  assert.equal(readFileSync(`${ROOT}docs/options.md`, "utf8"), optionsPage());
});

test("every option stands in exactly one chapter of the page", () => {
  const listed = CHAPTERS.flatMap(([, , names]) => names);
  assert.deepEqual([...listed].sort(), Object.keys(OPTIONS).sort());
});

test("README.md lists every option once, with its default, and no other", () => {
  const lines = pageAt("README.md").lines;
  const start = lines.indexOf("## Options");
  assert.ok(start > 0, "README.md has no chapter Options");
  const chapter = lines.slice(
    start + 1,
    lines.findIndex((line, index) => index > start && line.startsWith("## ")),
  );
  const listed = chapter.flatMap((line) => {
    const row = /^\| (.+?) \| (.+?) \| .+ \|$/.exec(line);
    if (row === null) return [];
    const names = [...(row[1] as string).matchAll(/`(\w+)`/g)].map(([, name]) => name as string);
    const defaults = [...(row[2] as string).matchAll(/`([^`]+)`/g)].map(([, value]) => value as string);
    return names.map((name, at) => [name, defaults[at] ?? "–"] as const);
  });
  assert.deepEqual(listed.map(([name]) => name).sort(), Object.keys(OPTIONS).sort());
  for (const [name, standard] of listed) {
    const expected = OPTIONS[name as keyof typeof OPTIONS].default;
    assert.equal(standard, /^[a-z ]+ (of .*)$|^none$/.test(expected) ? "–" : expected, name);
  }
});
