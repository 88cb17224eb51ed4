/**
 * Runs a program of the documentation as a reader would: a process of its own, from the sources.
 */
import { spawn } from "node:child_process";
import { ROOT } from "./pages.ts";

export type Run = {
  /** Null when it had to be killed. */
  readonly code: number | null;
  /** What it printed, without the log lines of everfresh itself, which carry identifiers. */
  readonly printed: string;
  /** Everything, for a failed test's message. */
  readonly all: string;
};

/** No program of the documentation may take longer, in ms. */
const LONGEST = 15_000;

export async function runProgram(file: string): Promise<Run> {
  const env = { ...process.env };
  // Set by the test runner: a program that is itself a test would then report in the runner's own form.
  delete env.NODE_TEST_CONTEXT;
  const child = spawn(process.execPath, ["--conditions=everfresh-source", "--import", "tsx", file], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LONGEST,
  });
  let out = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    out += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    errors += chunk;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const printed = out
    .split("\n")
    .filter((line) => !line.startsWith("(everfresh) "))
    .join("\n")
    .trimEnd();
  return { code, printed, all: `exit code ${code}\n${out}${errors}` };
}
