/**
 * Every relative link of the documentation leads to a file that is there, and to a heading of it that is there.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";
import { type Page, pageAt, pages, proseOf, ROOT } from "./pages.ts";

test("every relative link leads somewhere", () => {
  const links = pages().flatMap((page) => linksOf(page).map((target) => ({ page: page.path, target })));
  assert.ok(links.length > 40, `only ${links.length} links were found`);
  assert.deepEqual(
    links.filter(({ page, target }) => !leadsSomewhere(page, target)).map(({ page, target }) => `${page}: ${target}`),
    [],
  );
});

test("a link to a missing file or heading is found", () => {
  assert.ok(leadsSomewhere("README.md", "docs/guide.md"));
  assert.ok(!leadsSomewhere("README.md", "docs/nowhere.md"));
  assert.ok(!leadsSomewhere("README.md", "docs/guide.md#no-such-heading"));
});

function linksOf(page: Page): readonly string[] {
  const prose = proseOf(page)
    .join("\n")
    .replaceAll(/`[^`]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target as string)
    .filter((target) => !/^[a-z]+:/.test(target));
}

function leadsSomewhere(from: string, link: string): boolean {
  const [path, anchor] = link.split("#") as [string, string | undefined];
  const target = path === "" ? from : posix.join(posix.dirname(from), path);
  if (!existsSync(`${ROOT}${target}`)) return false;
  return anchor === undefined || (target.endsWith(".md") && anchorsOf(pageAt(target)).includes(anchor));
}

/** As the usual Markdown sites make them: lower case, only letters, digits, hyphens and underscores, a hyphen for each space. */
function anchorsOf(page: Page): readonly string[] {
  return proseOf(page)
    .filter((line) => /^#+ /.test(line))
    .map((line) =>
      line
        .replace(/^#+ /, "")
        .toLowerCase()
        .replaceAll(/[^\p{Letter}\p{Number}\-_ ]/gu, "")
        .replaceAll(" ", "-"),
    );
}
