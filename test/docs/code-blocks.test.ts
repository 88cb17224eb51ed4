/**
 * Every TypeScript block of README.md and docs/ compiles, and those that are programs run.
 *
 * - A block that imports is a file of its own, with the package's strict compiler options.
 * - Any other block is a fragment. It is compiled inside an async function, in a module that imports all of `everfresh` and
 *   declares a few things that every page may speak of: see `contextLine`.
 * - A file that starts a TestServer, or that is followed by a block in the language `text`, is a program: it runs, and must end by itself
 *   with exit code 0. The text is what it prints.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import ts from "typescript";
import { type Block, blocksOf, pages, ROOT } from "./pages.ts";
import { runProgram } from "./program.ts";

const TYPES = "Callbacks, Connection, ConnectionStats, ExitReason, Frame, FreshModule, Logger, Options, Provider";

/** What a fragment may use without saying where it comes from. One line, so that line numbers are easy to give back. */
async function contextLine(): Promise<string> {
  const values = Object.keys(await import("../../src/index.ts")).join(", ");
  return [
    `import { ${values} } from "everfresh";`,
    `import type { ${TYPES} } from "everfresh";`,
    `import { TestServer } from "everfresh/testing";`,
    `import assert from "node:assert/strict";`,
    "declare const uri: string;",
    "declare const Counter: FreshModule<number>;",
    "declare const connection: Connection<number>;",
    "declare const freshToken: (options: { force: boolean; signal: AbortSignal }) => Promise<string>;",
    "export async function fragment(): Promise<void> {",
  ].join(" ");
}

const isFile = ({ code }: Block): boolean => /^import /m.test(code);
const isProgram = (block: Block): boolean =>
  isFile(block) && (block.prints !== undefined || block.code.includes("TestServer.start("));

mkdirSync(`${ROOT}test/docs/.tmp`, { recursive: true });
const folder = mkdtempSync(`${ROOT}test/docs/.tmp/blocks-`);
after(() => rmSync(folder, { recursive: true, force: true }));

const context = await contextLine();
const blocks = new Map(
  pages()
    .flatMap((page) => blocksOf(page))
    .filter(({ language }) => language === "ts")
    .map((block) => {
      const file = join(folder, `${block.page.replaceAll(/[/.]/g, "-")}-${block.line}.ts`);
      writeFileSync(file, isFile(block) ? `${block.code}\nexport {};\n` : `${context}\n${block.code}\n}\n`);
      return [file, block] as const;
    }),
);

test("every TypeScript block of the documentation compiles, and one that doesn't is found with its page and line", () => {
  assert.ok(blocks.size > 20, `only ${blocks.size} blocks were found`);
  const broken = join(folder, "broken.ts");
  writeFileSync(broken, `${context}\n\nconst count: number = ok(1);\n}\n`);
  blocks.set(broken, { page: "docs/x.md", language: "ts", line: 10, code: "", prints: undefined });
  const [found, ...others] = diagnose([broken, ...blocks.keys()]);
  blocks.delete(broken);
  assert.match(found ?? "", /^docs\/x\.md:11: Type .* is not assignable to type 'number'/);
  assert.deepEqual(others, []);
});

describe("every block that is a program ends by itself, and prints what the page says", { concurrency: 2 }, () => {
  const programs = [...blocks].filter(([, block]) => isProgram(block));
  assert.ok(programs.length > 3, `only ${programs.length} programs were found`);
  for (const [file, block] of programs) {
    test(`${block.page}:${block.line}`, async () => {
      const { code, printed, all } = await runProgram(file);
      assert.equal(code, 0, all);
      if (block.prints !== undefined) assert.equal(printed, block.prints);
    });
  }
});

/** What the compiler has to say, as `page:line: sentence`. */
function diagnose(files: readonly string[]): readonly string[] {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile).config,
    ts.sys,
    ROOT,
  );
  // A page shows things one at a time, and doesn't use all that it shows.
  const program = ts.createProgram([...files], { ...options, noUnusedLocals: false, noUnusedParameters: false });
  return ts.getPreEmitDiagnostics(program).flatMap((diagnostic) => {
    const sentence = ts.flattenDiagnosticMessageText(diagnostic.messageText, " ");
    if (diagnostic.file === undefined) return [sentence];
    const block = blocks.get(diagnostic.file.fileName);
    // What is wrong in the sources themselves is not the documentation's fault, and told by `npm run check:types`.
    if (block === undefined) return [];
    const { line } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
    return [`${block.page}:${block.line + line - (isFile(block) ? 0 : 1)}: ${sentence}`];
  });
}
