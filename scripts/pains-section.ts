/**
 * The section "Thirty complaints" of docs/resilience.md, from test/pains: what everfresh does about each, and where that is proven.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PAINS } from "../test/pains/pains.ts";

const FOLDER = fileURLToPath(new URL("../test/pains/", import.meta.url));
const BEGIN = "<!-- Written by `npm run docs` from test/pains/pains.ts -->";
const END = "<!-- End of what is written -->";

/** The files, without their ending, that hold a test for this complaint: one whose name begins with "pain" and its number. */
export function filesFor(number: number): readonly string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) => new RegExp(`["'\`]pain ${number}: `).test(readFileSync(FOLDER + file, "utf8")))
    .map((file) => file.replace(/\.test\.ts$/, ""))
    .sort();
}

/** The page with the section in the place of the one that it has. */
export function withPains(page: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from === -1 || to === -1)
    throw new Error(`docs/resilience.md has no place for the complaints: ${BEGIN} … ${END}`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${table()}\n\n${page.slice(to)}`;
}

function table(): string {
  const rows = PAINS.map(({ number, pain, threads, does }) => {
    const links = threads
      .map((thread) => `[${thread}](https://github.com/${thread.replace("#", "/issues/")})`)
      .join(", ");
    const proof = filesFor(number)
      .map((file) => `\`pains/${file}\``)
      .join(", ");
    return `| ${number} | ${pain}<br>${links} | ${does} | ${proof} |`;
  });
  return ["| | Complaint | What everfresh does | Proof |", "|---|---|---|---|", ...rows].join("\n");
}
