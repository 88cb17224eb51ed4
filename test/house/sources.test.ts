/**
 * What every source file keeps to: a header, no default export, a test of its own, a name that says something.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Sources whose rules are proven elsewhere: path → the test that proves them, and why they have none of their own. Files of
 * types only and files that only re-export need no entry.
 */
const NO_MIRROR: Readonly<Record<string, readonly [proof: string, reason: string]>> = {
  "src/connection/attempt.ts": ["test/fresh/errors.test.ts", "an attempt is seen from the module that makes it"],
  "src/connection/connection.ts": [
    "test/fresh/semantics.test.ts",
    "it performs; every rule of it is one of a whole connection",
  ],
  "src/connection/runner.ts": ["test/fresh/callbacks.test.ts", "what it does is what a module's callbacks see"],
  "src/connection/transports.ts": [
    "test/fresh/replacing.test.ts",
    "it opens and ends what the lifecycle says; what comes of it is seen from a whole connection",
  ],
  "src/protocol/close-payload.ts": ["test/protocol/decoder.test.ts", "a part of the decoder, on the same bytes"],
  "src/protocol/masked-payload.ts": ["test/protocol/decoder.test.ts", "a part of the decoder, on the same bytes"],
  "src/protocol/opcode.ts": ["test/protocol/decoder.test.ts", "numbers of the RFC, which the tests spell out in bytes"],
  "src/protocol/slab.ts": [
    "test/protocol/encoder.test.ts",
    "memory of the encoder and decoder, seen in what they give",
  ],
  "src/protocol/text.ts": ["test/protocol/decoder.test.ts", "a part of the decoder, on the same bytes"],
  "src/rpc/call.ts": ["test/rpc/rpc.test.ts", "one call is seen from its caller"],
  "src/rpc/wrapped-module.ts": ["test/rpc/rpc.test.ts", "what it does is what the wrapped module sees"],
  "src/supervision/dynamic-supervisor-process.ts": [
    "test/supervision/dynamic-supervisor.test.ts",
    "it is what a dynamic supervisor does",
  ],
  "src/supervision/errors.ts": ["test/supervision/supervisor.test.ts", "what raises them is tested"],
  "src/supervision/supervised-child.ts": [
    "test/supervision/model.test.ts",
    "one child's part of what a supervisor does; the model goes through all of it",
  ],
  "src/supervision/supervisor-process.ts": ["test/supervision/supervisor.test.ts", "it is what a supervisor does"],
  "src/transport/transport-options.ts": [
    "test/connection/options.test.ts",
    "a table; the options' validation reads it",
  ],
};

/** Names that tell nothing of what is inside, and so attract everything. */
const EMPTY_NAME = /^(utils?|helpers?|common|misc|shared|lib)(\..*)?$/;
const FOLDERS = ["src", "test", "bench", "examples", "scripts"] as const;

const sources = filesBelow("src").filter((path) => path.endsWith(".ts"));
const tests = filesBelow("test").filter((path) => path.endsWith(".test.ts"));

test("every source file begins with a comment that says what it is for", () => {
  const bare = sources.filter((path) => !/^(#!.*\n)?\/\*\*\n? \*?/.test(read(path)));
  assert.deepEqual(bare, []);
});

test("no source file has a default export", () => {
  const offenders = sources.filter((path) => parse(path).statements.some(exportsDefault));
  assert.deepEqual(offenders, []);
});

test("an index file re-exports and does nothing else", () => {
  const offenders = sources.filter(
    (path) => path.endsWith("/index.ts") && !parse(path).statements.every((statement) => isReExport(statement)),
  );
  assert.deepEqual(offenders, []);
});

test("every source file that runs code has a test file, or a folder of them, of the same name", () => {
  const untested = sources.filter((path) => hasCode(parse(path)) && !isMirrored(path) && !(path in NO_MIRROR));
  assert.deepEqual(untested, []);
});

test("an exemption from that is still needed, and the test it names is there", () => {
  const idle = Object.keys(NO_MIRROR).filter(
    (path) => !sources.includes(path) || isMirrored(path) || !hasCode(parse(path)),
  );
  assert.deepEqual(idle, []);
  const proofs = Object.values(NO_MIRROR).map(([proof]) => proof);
  assert.deepEqual(
    proofs.filter((path) => !existsSync(`${ROOT}${path}`)),
    [],
  );
});

test("no file and no folder has a name that says nothing", () => {
  const offenders = FOLDERS.flatMap(filesBelow).filter((path) => path.split("/").some((part) => EMPTY_NAME.test(part)));
  assert.deepEqual(offenders, []);
});

function filesBelow(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length).split(sep).join("/"))
    .filter((path) => !path.includes("node_modules/"))
    .sort();
}

function isMirrored(path: string): boolean {
  const mirror = path.replace(/^src\//, "test/").replace(/\.ts$/, "");
  return tests.some((test) => test === `${mirror}.test.ts` || test.startsWith(`${mirror}/`));
}

function read(path: string): string {
  return readFileSync(`${ROOT}${path}`, "utf8");
}

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true);
}

function exportsDefault(statement: ts.Statement): boolean {
  if (ts.isExportAssignment(statement)) return true;
  if (ts.canHaveModifiers(statement)) {
    const modifiers = ts.getModifiers(statement) ?? [];
    if (modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)) return true;
  }
  if (!ts.isExportDeclaration(statement) || statement.exportClause === undefined) return false;
  if (ts.isNamespaceExport(statement.exportClause)) return statement.exportClause.name.text === "default";
  return statement.exportClause.elements.some(({ name }) => name.text === "default");
}

function isReExport(statement: ts.Statement): boolean {
  return ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined;
}

/** Does anything of it run, apart from imports and re-exports? */
function hasCode(source: ts.SourceFile): boolean {
  return source.statements.some(
    (statement) =>
      !ts.isImportDeclaration(statement) &&
      !ts.isExportDeclaration(statement) &&
      !ts.isInterfaceDeclaration(statement) &&
      !ts.isTypeAliasDeclaration(statement),
  );
}
