/**
 * Fuzzes for as long as it is told: `npm run fuzz -- --minutes N`.
 *
 *     npm run fuzz -- --minutes 30                       every target in turn, with a seed of its own
 *     npm run fuzz -- --minutes 5 --seed 7               the same inputs again
 *     npm run fuzz -- --minutes 5 --target uri           one target; may be given more than once
 *     npm run fuzz -- --replay test/fuzz/corpus/…/FILE   one input, with every target that takes such
 *
 * An input that breaks a rule is made small and written to the corpus, where each later run, the tests' too, begins with
 * it. The exit code is then 1; it is 2 for wrong arguments. An input from which a check doesn't come back is kept as it is, and the process killed. Two targets need Python's websockets, which npm run test:interop installs.
 */
import { spawnSync } from "node:child_process";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { keepFinding, seedAt } from "../test/fuzz/corpus.ts";
import { type Finding, fuzz, tryInput } from "../test/fuzz/fuzzing.ts";
import { watchForHangs } from "../test/fuzz/hang-watch.ts";
import type { Target } from "../test/fuzz/target.ts";
import { TARGETS } from "../test/fuzz/targets.ts";
import { besidePython } from "../test/interop/beside-python.ts";
import { PYTHON } from "../test/interop/python.ts";

/** A target's turn, in s: short, so that a run of some minutes gets round to all. */
const TURN = 30;
const MINUTE = 60;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string" },
    target: { type: "string", multiple: true, default: [] },
    replay: { type: "string" },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) refuse(`--minutes takes a number above 0; it got ${values.minutes}.`);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!Number.isSafeInteger(seed)) refuse(`--seed takes a whole number; it got ${values.seed}.`);

const targetsWithPython = [besidePython("client"), besidePython("server")];
const all = [...TARGETS, ...targetsWithPython];
const unknown = values.target.find((name) => !all.some((target) => target.name === name));
if (unknown !== undefined)
  refuse(`There is no target ${unknown}: there are ${all.map(({ name }) => name).join(", ")}.`);
const targets = values.target.length === 0 ? all : all.filter(({ name }) => values.target.includes(name));
if (targets.some((target) => targetsWithPython.includes(target)) && !hasWebsockets()) {
  refuse(`${PYTHON} can't import websockets: npm run test:interop installs it. Or name other targets with --target.`);
}

const watch = watchForHangs(targets);
try {
  process.exitCode = (await (values.replay === undefined ? run() : replay(values.replay))) ? 0 : 1;
} finally {
  await Promise.all([watch.end(), ...all.map((target) => target.end?.())]);
}

function hasWebsockets(): boolean {
  return spawnSync(PYTHON, ["-c", "import websockets"], { stdio: "ignore" }).status === 0;
}

/** True when nothing was found. */
async function run(): Promise<boolean> {
  console.log(`${targets.length} targets for ${minutes} min, seed ${seed}`);
  const turn = Math.min(TURN, (minutes * MINUTE) / targets.length);
  const rounds = Math.max(1, Math.round((minutes * MINUTE) / (turn * targets.length)));
  let executions = 0;
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      const start = performance.now();
      const goOn = () => performance.now() - start < turn * 1000;
      const { finding, ...done } = await fuzz(target, seed + round, goOn, watch.begin);
      const seconds = (performance.now() - start) / 1000;
      executions += done.executions;
      const perSecond = Math.round(done.executions / seconds);
      console.log(
        `${target.name.padEnd(30)} ${String(done.executions).padStart(9)} inputs, ${perSecond}/s, ${done.answers} answers`,
      );
      if (finding === undefined) continue;
      report(target, finding);
      return false;
    }
  }
  console.log(`${executions} inputs, nothing found`);
  return true;
}

async function replay(path: string): Promise<boolean> {
  const { corpus, bytes } = seedAt(path);
  const taking = targets.filter((target) => target.corpus === corpus);
  if (taking.length === 0) refuse(`No target takes inputs of ${corpus}: the folder of a file says what it is.`);
  let passed = true;
  for (const target of taking) {
    try {
      watch.begin(target, bytes);
      console.log(`${target.name}: ${await tryInput(target, bytes)}`);
    } catch (error) {
      console.log(`${target.name} fails:`, error);
      passed = false;
    }
  }
  return passed;
}

function report(target: Target, { input, error }: Finding): void {
  const path = relative(".", keepFinding(target.corpus, target.name, input));
  console.log(`${target.name} fails on ${input.length} bytes, kept as ${path}:`, error);
  console.log(`Once more: npm run fuzz -- --replay ${path}`);
}

function refuse(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}
