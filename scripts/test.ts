/**
 * Runs the tests: `node … scripts/test.ts SUITE… [PATH…] [--name=PATTERN] [--coverage]`, as the scripts of package.json do.
 *
 *     npm test                                  everything that needs npm packages only
 *     npm test -- test/protocol                 what lies under a path, or one file
 *     npm test -- --name="close code"           tests whose name matches a regular expression
 *     npm run test:interop                      against peers that aren't ours; installs what Debian has of them
 *     npm run test:all                          both, with one summary
 *     npm run coverage                          both, and what of src/ they ran, by .c8rc.json's measure
 *
 * The last line is the sum, `N passed, N failed` and `, N skipped` if any were. The exit code is 1 when a test failed,
 * when none ran, when one was skipped without a reason, when a suite's preparation failed, or when they cover too little;
 * 2 for wrong arguments.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { prepareForeignPeers } from "./foreign-peers.ts";
import { addUp, fault, NOTHING, type Outcome, runTestFiles } from "./test-run.ts";

type Suite = {
  /** Does this test file, as a path with slashes from the root, belong to the suite? */
  readonly holds: (path: string) => boolean;
  /** Makes the machine ready; throws an Error with a sentence when it can't. */
  readonly prepare?: () => void;
};

const SUITES: Readonly<Record<string, Suite>> = {
  unit: { holds: (path) => !path.startsWith("test/interop/") },
  interop: { holds: (path) => path.startsWith("test/interop/"), prepare: prepareForeignPeers },
};

/** Where the processes of the tests leave what they covered; .c8rc.json names it too. */
const COVERED = "coverage/tmp";

const { values, positionals } = parseArgs({
  options: { name: { type: "string" }, coverage: { type: "boolean", default: false } },
  allowPositionals: true,
});
const suites = positionals.filter((argument) => argument in SUITES);
const paths = positionals.filter((argument) => !(argument in SUITES)).map((path) => resolve(path));
if (suites.length === 0) refuse(`Name a suite: ${Object.keys(SUITES).join(" or ")}.`);
for (const path of paths) {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) refuse(`There is no ${path}.`);
}

const outcomes: Outcome[] = [];
if (values.coverage) {
  rmSync(COVERED, { recursive: true, force: true });
  process.env.NODE_V8_COVERAGE = resolve(COVERED);
}
for (const name of suites) outcomes.push(await runSuite(name));
if (values.coverage) outcomes.push(reportCoverage());
if (outcomes.every(({ passed, failed }) => passed + failed === 0)) outcomes.push(fault("No test ran."));
const total = addUp(outcomes);
for (const { test, reason } of total.skipped) console.log(`skipped: ${test}: ${reason}`);
for (const fault of total.faults) console.log(`fault: ${fault}`);
const skipped = total.skipped.length === 0 ? "" : `, ${total.skipped.length} skipped`;
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed === 0 ? 0 : 1;

async function runSuite(name: string): Promise<Outcome> {
  const suite = SUITES[name] as Suite;
  const files = testFiles("test")
    .filter((path) => suite.holds(path.split(sep).join("/")))
    .map((path) => resolve(path))
    .filter((file) => paths.length === 0 || paths.some((path) => file === path || file.startsWith(path + sep)));
  if (files.length === 0) return paths.length === 0 ? fault(`The suite ${name} has no test.`) : NOTHING;
  try {
    suite.prepare?.();
  } catch (error) {
    return fault(`The suite ${name} can't run. ${error instanceof Error ? error.message : String(error)}`);
  }
  return runTestFiles(files, values.name);
}

function reportCoverage(): Outcome {
  const c8 = fileURLToPath(import.meta.resolve("c8/bin/c8.js"));
  delete process.env.NODE_V8_COVERAGE;
  const { status } = spawnSync(process.execPath, [c8, "report"], { stdio: "inherit" });
  return status === 0 ? NOTHING : fault("The tests cover too little of src/: see the table above, and .c8rc.json.");
}

/** All test files below a folder, sorted, as paths from the root. Node 20's own runner expands no patterns. */
function testFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) => relative(".", join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes("node_modules"))
    .sort();
}

function refuse(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}
