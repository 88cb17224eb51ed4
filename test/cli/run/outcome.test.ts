import assert from "node:assert/strict";
import { test } from "node:test";
import { type Ending, outcomeOf } from "../../../src/cli/run/outcome.ts";

const ENDING: Ending = { reason: "shutdown", told: false, gaveUp: false, startError: undefined };
const CASES: readonly (readonly [what: string, ending: Partial<Ending>, exitCode: number])[] = [
  ["by itself, in order", {}, 0],
  ["told, in order", { told: true }, 0],
  ["told while it started", { told: true, startError: new Error("stopped") }, 0],
  ["told, cut off", { told: true, reason: "killed" }, 4],
  ["gave up", { gaveUp: true }, 3],
  ["gave up when it was told anyway", { told: true, gaveUp: true }, 0],
  ["not started", { reason: { shutdown: "x" }, startError: new Error("no") }, 1],
  ["a fault", { reason: { error: new Error("x"), callback: "task" } }, 1],
  ["killed by somebody else", { reason: "killed" }, 1],
];
for (const [what, ending, exitCode] of CASES) {
  test(`an app that ended so: ${what}: ${exitCode}`, () => {
    const outcome = outcomeOf({ ...ENDING, ...ending });
    assert.equal(outcome.exitCode, exitCode);
    assert.equal(outcome.sentence === undefined, exitCode === 0 || exitCode === 4);
  });
}
