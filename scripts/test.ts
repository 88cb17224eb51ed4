/**
 * Runs the tests: `node … scripts/test.ts SUITE… [PATH…] [--name=PATTERN]`, as the scripts of package.json do.
 *
 *     npm test                                  everything that needs npm packages only
 *     npm test -- test/protocol                 what lies under a path, or one file
 *     npm test -- --name="close code"           tests whose name matches a regular expression
 *     npm run test:interop                      against peers that aren't ours; installs what Debian has of them
 *     npm run test:all                          both, with one summary
 *
 * The last line is the sum, `N passed, N failed` and `, N skipped` if any were. The exit code is 1 when a test failed,
 * when none ran, when one was skipped without a reason, or when a suite's preparation failed; 2 for wrong arguments.
 */
import { readdirSync, statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { preparePython } from "./python-websockets.ts";
import { addUp, type Outcome, runTestFiles } from "./test-run.ts";

type Suite = {
  /** Does this test file, as a path with slashes from the root, belong to the suite? */
  readonly holds: (path: string) => boolean;
  /** Makes the machine ready; throws an Error with a sentence when it can't. */
  readonly prepare?: () => void;
};

const SUITES: Readonly<Record<string, Suite>> = {
  unit: { holds: (path) => !path.startsWith("test/interop/") },
  interop: { holds: (path) => path.startsWith("test/interop/"), prepare: preparePython },
};

const { values, positionals } = parseArgs({ options: { name: { type: "string" } }, allowPositionals: true });
const suites = positionals.filter((argument) => argument in SUITES);
const paths = positionals.filter((argument) => !(argument in SUITES)).map((path) => resolve(path));
if (suites.length === 0) refuse(`Name a suite: ${Object.keys(SUITES).join(" or ")}.`);
for (const path of paths) {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) refuse(`There is no ${path}.`);
}

const outcomes: Outcome[] = [];
for (const name of suites) outcomes.push(await runSuite(name));
const total = addUp(outcomes);
for (const { test, reason } of total.skipped) console.log(`skipped: ${test}: ${reason}`);
for (const fault of total.faults) console.log(`fault: ${fault}`);
const skipped = total.skipped.length === 0 ? "" : `, ${total.skipped.length} skipped`;
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed === 0 ? 0 : 1;

async function runSuite(name: string): Promise<Outcome> {
  const suite = SUITES[name] as Suite;
  try {
    suite.prepare?.();
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error);
    return { passed: 0, failed: 1, skipped: [], faults: [`The suite ${name} can't run. ${sentence}`] };
  }
  const files = testFiles("test")
    .filter((path) => suite.holds(path.split(sep).join("/")))
    .map((path) => resolve(path))
    .filter((file) => paths.length === 0 || paths.some((path) => file === path || file.startsWith(path + sep)));
  if (files.length === 0)
    return { passed: 0, failed: 1, skipped: [], faults: [`The suite ${name} has no test there.`] };
  return runTestFiles(files, values.name);
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
