/**
 * Every example runs by itself, ends by itself with exit code 0, and prints what its header says.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { blocksOf, pageAt, ROOT } from "./pages.ts";
import { runProgram } from "./program.ts";

const examples = readdirSync(`${ROOT}examples`).filter((name) => name.endsWith(".ts"));

describe("every example ends by itself, and prints what its header says", { concurrency: 2 }, () => {
  assert.ok(examples.length >= 7, `only ${examples.length} examples were found`);
  for (const name of examples) {
    test(`examples/${name}`, async () => {
      const { code, printed, all } = await runProgram(`${ROOT}examples/${name}`);
      assert.equal(code, 0, all);
      assert.equal(printed, promisedBy(name));
    });
  }
});

test("examples/README.md lists each example", () => {
  const listed = pageAt("examples/README.md").lines.join("\n");
  assert.deepEqual(
    examples.filter((name) => !listed.includes(`(${name})`)),
    [],
  );
});

test("the first program of README.md is examples/counter.ts", () => {
  const [program] = blocksOf(pageAt("README.md")).filter(({ language }) => language === "ts");
  const example = readFileSync(`${ROOT}examples/counter.ts`, "utf8");
  assert.equal(program?.code, example.slice(example.indexOf("import ")).trimEnd());
});

/** The lines behind "Prints:" in the header comment, four spaces deeper than its sentences. */
function promisedBy(name: string): string {
  const header = readFileSync(`${ROOT}examples/${name}`, "utf8").split(" */", 1)[0] as string;
  const [, promised] = header.split(/^ \* Prints:\n/m);
  assert.ok(promised, `examples/${name} says nothing of what it prints: its header needs a line "Prints:".`);
  return promised
    .split("\n")
    .map((line) => line.replace(/^ \*( {5})?/, ""))
    .join("\n")
    .trim();
}
