/**
 * Compiles the type tests beside this file, so that a regression of the types fails a test.
 *
 * `@ts-expect-error` accepts any error, also one that comes from a slip in the test itself. So the files are compiled a second
 * time without those comments, and each error must stand where one is expected, with the code that the comment names.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDER = fileURLToPath(new URL("./", import.meta.url));
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));

const DIRECTIVE = /@ts-expect-error (\d+):/;

type Found = { readonly at: string; readonly code: number; readonly text: string };

let errors: readonly Found[] = [];
let unmarked: readonly Found[] = [];
const expected: { readonly at: string; readonly code: number }[] = [];

// Compiling takes some seconds, and that is no test's own time.
before(() => {
  errors = compile((source) => source);
  unmarked = compile((source) => source.replaceAll("@ts-expect-error", "expected:"));
  for (const name of FILES) {
    const lines = (ts.sys.readFile(join(FOLDER, name)) ?? "").split("\n");
    for (const [index, line] of lines.entries()) {
      const code = DIRECTIVE.exec(line)?.[1];
      // The line after the comment's, counted from 1.
      if (code !== undefined) expected.push({ at: `${name}:${index + 2}`, code: Number(code) });
    }
  }
});

test("what must compile compiles, and what must not does not", () => {
  assert.deepEqual(errors, []);
});

test("each error that is expected is the one that its comment names, and there is no other", () => {
  assert.ok(expected.length > 50, `${expected.length} expectations were found`);
  const matches = (one: { at: string; code: number }) => (other: { at: string; code: number }) =>
    one.at === other.at && one.code === other.code;
  const surprising = unmarked.filter((error) => !expected.some(matches(error)));
  const missing = expected.filter((error) => !unmarked.some(matches(error)));
  assert.deepEqual({ surprising, missing }, { surprising: [], missing: [] });
});

/** The errors in these files, with their sources changed by `edit`. */
function compile(edit: (source: string) => string): readonly Found[] {
  const config = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, ROOT);
  const host = ts.createCompilerHost(options);
  const { readFile } = host;
  const paths = FILES.map((name) => join(FOLDER, name));
  host.readFile = (path) => {
    const source = readFile(path);
    return source !== undefined && paths.includes(join(path)) ? edit(source) : source;
  };
  const program = ts.createProgram(paths, options, host);
  return paths.flatMap((path) => ts.getPreEmitDiagnostics(program, program.getSourceFile(path))).map(found);
}

function found({ file, start = 0, code, messageText }: ts.Diagnostic): Found {
  const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1;
  return {
    at: `${basename(file?.fileName ?? "")}:${line}`,
    code,
    text: ts.flattenDiagnosticMessageText(messageText, " "),
  };
}
