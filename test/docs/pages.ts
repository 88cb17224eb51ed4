/**
 * The pages of the documentation, as the tests of this folder read them.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export type Page = {
  /** From the root, with slashes. */
  readonly path: string;
  readonly lines: readonly string[];
};

/** A fenced code block. */
export type Block = {
  readonly page: string;
  /** What stands behind the opening fence: "ts", "sh", "text" … */
  readonly language: string;
  /** The number of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
  /** The block of what the program prints, if the next fence says so within a line or two: its language is "text". */
  readonly prints: string | undefined;
};

/** Every page that a user reads: the files of the root, docs/ and the examples' own page. */
export function pages(): readonly Page[] {
  const inDocs = readdirSync(`${ROOT}docs`, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `docs/${path.replaceAll("\\", "/")}`);
  return ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md", ...inDocs.sort()]
    .filter((path) => existsSync(`${ROOT}${path}`))
    .map((path) => ({ path, lines: readFileSync(`${ROOT}${path}`, "utf8").split("\n") }));
}

/** The page at this path. */
export function pageAt(path: string): Page {
  return { path, lines: readFileSync(`${ROOT}${path}`, "utf8").split("\n") };
}

// Between a program and what it prints: an empty line, a short sentence, an empty line.
const MOST_LINES_BETWEEN = 3;

/** The code blocks of a page, in order. A fence that is never closed is a fault of the page. */
export function blocksOf(page: Page): readonly Block[] {
  const fences = page.lines.flatMap((line, index) => (line.startsWith("```") ? [index] : []));
  if (fences.length % 2 !== 0) throw new Error(`${page.path} has a code block that is never closed.`);
  const blocks: Block[] = [];
  for (let at = 0; at < fences.length; at += 2) {
    const [open, close, next, end] = fences.slice(at, at + 4) as [number, number, number | undefined, number];
    const printsNext = next !== undefined && page.lines[next] === "```text" && next - close - 1 <= MOST_LINES_BETWEEN;
    blocks.push({
      page: page.path,
      language: (page.lines[open] as string).slice(3).trim(),
      line: open + 2,
      code: page.lines.slice(open + 1, close).join("\n"),
      prints: printsNext ? page.lines.slice(next + 1, end).join("\n") : undefined,
    });
  }
  return blocks;
}

/** The page without its code blocks: line by line, a line of code as an empty one. */
export function proseOf(page: Page): readonly string[] {
  let inCode = false;
  return page.lines.map((line) => {
    if (line.startsWith("```")) {
      inCode = !inCode;
      return "";
    }
    return inCode ? "" : line;
  });
}
