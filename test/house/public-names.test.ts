/**
 * The public names of each entry point, values and types, are those listed in public-names.json, no more and no fewer.
 *
 * A name added or removed is a decision: it shows in a diff. To take over what the sources say, run
 * `EVERFRESH_UPDATE_NAMES=1 npm test -- test/house/public-names.test.ts`, read the diff, and commit it.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";

type Names = { readonly values: readonly string[]; readonly types: readonly string[] };

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const LIST = fileURLToPath(new URL("./public-names.json", import.meta.url));
const CONDITION = "everfresh-source";

const entries = entriesOf(JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")));

if (process.env.EVERFRESH_UPDATE_NAMES !== undefined) {
  const names = Object.fromEntries([...entries].map(([entry, file]) => [entry, namesOf(file)]));
  writeFileSync(LIST, `${JSON.stringify(names, null, 2)}\n`);
}
const listed: Readonly<Record<string, Names>> = JSON.parse(readFileSync(LIST, "utf8"));

test("the list covers exactly the entry points of package.json", () => {
  assert.deepEqual(Object.keys(listed).sort(), [...entries.keys()].sort());
});

for (const [entry, file] of entries) {
  test(`${entry} exports exactly the listed names`, () => {
    assert.deepEqual(namesOf(file), listed[entry]);
  });

  test(`${entry} has its listed values when it runs, and no default export`, async () => {
    const running = Object.keys(await import(pathToFileURL(file).href)).sort();
    assert.deepEqual(running, listed[entry]?.values);
    assert.ok(!running.includes("default"));
  });
}

/** The sub-paths that are code, as an importer writes them, and the source behind each. */
function entriesOf(manifest: { name: string; exports: Record<string, string | Record<string, unknown>> }) {
  const entries = new Map<string, string>();
  for (const [path, target] of Object.entries(manifest.exports)) {
    if (typeof target === "string") continue;
    entries.set(`${manifest.name}${path.slice(1)}`, `${ROOT}${String(target[CONDITION]).slice(2)}`);
  }
  return entries;
}

function namesOf(file: string): Names {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile).config,
    ts.sys,
    ROOT,
  );
  const program = ts.createProgram([file], options);
  const source = program.getSourceFile(file);
  const checker = program.getTypeChecker();
  const module = source && checker.getSymbolAtLocation(source);
  assert.ok(module, `${file} is no module, or isn't there.`);
  const values: string[] = [];
  const types: string[] = [];
  for (const symbol of checker.getExportsOfModule(module)) {
    (isValue(symbol, checker) ? values : types).push(symbol.name);
  }
  return { values: values.sort(), types: types.sort() };
}

/** Is there something of this name when the module runs? A class is a value; what comes by `export type` is not. */
function isValue(symbol: ts.Symbol, checker: ts.TypeChecker): boolean {
  if ((symbol.flags & ts.SymbolFlags.Alias) === 0) return (symbol.flags & ts.SymbolFlags.Value) !== 0;
  const isTypeOnly = symbol.declarations?.some((declaration) => ts.isTypeOnlyExportDeclaration(declaration)) ?? false;
  return !isTypeOnly && (checker.getAliasedSymbol(symbol).flags & ts.SymbolFlags.Value) !== 0;
}
