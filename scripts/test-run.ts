/**
 * Runs test files with node:test, each in a process of its own, prints them as they go, and counts.
 *
 * Node's runner passes a file without a test and a test skipped for no reason; here both are faults, and so is a `todo`:
 * what is not done has an issue, not a test that can't fail.
 */
import { relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";

export type Skipped = { readonly test: string; readonly reason: string };

export type Outcome = {
  readonly passed: number;
  /** Failed tests, and faults of the run that are no test's. */
  readonly failed: number;
  readonly skipped: readonly Skipped[];
  /** What is wrong and no test's own message, as sentences. Each is counted in `failed`. */
  readonly faults: readonly string[];
};

/** Files run at once: the machines of CI have two cores, and a test that only passes alone is a finding. */
const CONCURRENCY = 2;
/** The longest a file may take, in ms; for a single test the watchdog has its own, shorter limit. */
const FILE_TIMEOUT = 240_000;

/** What this file reads of the events of a run. Node 20's own types leave `skip` and `todo` of suites out. */
type Report = {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: { readonly type?: string; readonly error?: { readonly failureType?: string } };
};

/** Runs these files, absolute paths; with a pattern only the tests whose names match it. */
export async function runTestFiles(files: readonly string[], namePattern?: string): Promise<Outcome> {
  const outcome = { passed: 0, failed: 0, skipped: [] as Skipped[], faults: [] as string[] };
  const events = run({
    files: [...files],
    concurrency: CONCURRENCY,
    timeout: FILE_TIMEOUT,
    ...(namePattern === undefined ? {} : { testNamePatterns: [namePattern] }),
  });
  const blame = (sentence: string) => {
    outcome.failed += 1;
    outcome.faults.push(sentence);
  };
  const count = (report: Report, passed: boolean) => {
    // Node reports a file as a test of its own name when it held none, or when it failed beside its tests.
    const isFile = report.nesting === 0 && files.includes(report.name);
    if (isFile) {
      if (!passed) blame(`${relative(".", report.name)} failed as a whole: see above.`);
      else if (namePattern === undefined) blame(`${relative(".", report.name)} holds no test.`);
      return;
    }
    const test = `${relative(".", report.file ?? "")}: ${report.name}`;
    if (report.skip !== undefined) {
      if (typeof report.skip !== "string" || report.skip === "") blame(`${test} is skipped without a reason.`);
      // Under a pattern Node skips whatever doesn't match: nobody wants to read that.
      else if (namePattern === undefined) outcome.skipped.push({ test, reason: report.skip });
      return;
    }
    if (report.todo !== undefined) return blame(`${test} is a todo. Write it, or open an issue.`);
    // A suite fails with its tests, which are counted; by itself it fails only through a hook.
    if (report.details.type !== "suite") outcome[passed ? "passed" : "failed"] += 1;
    else if (!passed && report.details.error?.failureType !== "subtestsFailed") blame(`${test} failed as a suite.`);
  };
  events.on("test:pass", (report: unknown) => count(report as Report, true));
  events.on("test:fail", (report: unknown) => count(report as Report, false));
  for await (const line of events.compose(new spec())) process.stdout.write(line);
  return outcome;
}

/** The outcome of doing nothing. */
export const NOTHING: Outcome = { passed: 0, failed: 0, skipped: [], faults: [] };

/** The outcome of what went wrong apart from any test. */
export const fault = (sentence: string): Outcome => ({ passed: 0, failed: 1, skipped: [], faults: [sentence] });

/** The sum of several runs. */
export function addUp(outcomes: readonly Outcome[]): Outcome {
  return {
    passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
    failed: outcomes.reduce((sum, { failed }) => sum + failed, 0),
    skipped: outcomes.flatMap(({ skipped }) => skipped),
    faults: outcomes.flatMap(({ faults }) => faults),
  };
}
