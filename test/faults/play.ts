/**
 * Plays a cell: sets its stage, brings the connection to the phase, lets the fault happen, follows the outcome step by step, stops, and looks at what
 * is left.
 */
import assert from "node:assert/strict";
import type { Cell, Figures, Phase } from "./cell.ts";
import { Stage } from "./stage.ts";

const ENDINGS = /^(handleDisconnect|handleError (?!casting_failed|encoding_failed))/;

export async function play(phase: Phase, cell: Cell): Promise<void> {
  await using stage = await Stage.set({ ...phase.setting, ...cell });
  await (cell.reach ?? phase.reach)(stage);
  const before = stepsOf(phase.before);
  const expected = before.filter((step) => !isSilent(step));
  // What leads there by a fault of the plan may go on at once; what is by hand begins with the phase.
  assert.deepEqual(stage.trace.lines.slice(0, expected.length), expected, "the phase was not reached");
  if (cell.fault !== undefined) await stage.fault(cell.fault, phase.connection);
  await cell.act?.(stage);
  const after = stepsOf(cell.outcome);
  await follow(stage, expected, after);
  await exit(stage, expected);
  assert.deepEqual(stage.trace.lines, expected);
  checkFigures(stage, expected, [...before, ...after], { ...phase.figures, ...cell });
  assert.deepEqual(await stage.leftovers(), [], "something is left");
  await stage.settle();
  assert.deepEqual(stage.trace.lines, expected, "something came after the exit");
}

function stepsOf(outcome: string): readonly string[] {
  return outcome === "" ? [] : outcome.split(" → ");
}

/** Does this step leave no line of its own? */
function isSilent(step: string): boolean {
  return /^(at once|after \d|stays |stop\(\)|handleControl ×|loads ×)/.test(step);
}

async function follow(stage: Stage, expected: string[], steps: readonly string[]): Promise<void> {
  for (const [index, step] of steps.entries()) {
    const [, word, rest = ""] =
      /^(after|stays|handleControl|loads|waits|echo|exit|at once|stop\(\))(?: ×?|$)(.*)$/.exec(step) ?? [];
    switch (word) {
      case "after":
        await stage.clock.run(Number(rest) - 1);
        assertSoFar(stage, expected, `within the ${rest} ms`);
        await stage.clock.run(1);
        break;
      case "stays":
        await stage.settle();
        assertSoFar(stage, expected, "while nothing was to happen");
        assert.equal(stage.connection.status, rest);
        break;
      case "handleControl":
        await stage.until(() => stage.count.controls >= Number(rest), step);
        assert.equal(stage.count.controls, Number(rest));
        break;
      case "loads":
        await stage.until(() => stage.count.loads >= Number(rest), step);
        assert.equal(stage.count.loads, Number(rest));
        break;
      case "at once":
        break;
      case "stop()":
        void stage.connection.stop();
        break;
      case "waits":
        await see(stage, expected, step);
        if (runsOut(steps[index + 1])) stage.clock.advance(Number(rest));
        break;
      case "echo":
        await stage.echo(expected.length);
        await see(stage, expected, step);
        break;
      default:
        await see(stage, expected, step);
    }
  }
}

/** Is a wait followed by this one that passes? Else it is cut short. */
function runsOut(next: string | undefined): boolean {
  return next !== undefined && !/^(handleTerminate|at once|after|stays)/.test(next);
}

async function see(stage: Stage, expected: string[], step: string): Promise<void> {
  const line = await stage.line(expected.length).catch((error: Error) => error.message);
  const [begins = "", ends] = step.split("…");
  const isRight = ends === undefined ? line === step : line.startsWith(begins) && line.endsWith(ends);
  expected.push(isRight ? line : step);
  if (!isRight) assert.deepEqual(stage.trace.lines, expected, line);
}

function assertSoFar(stage: Stage, expected: readonly string[], when: string): void {
  assert.deepEqual(stage.trace.lines, expected, `something came ${when}`);
}

async function exit(stage: Stage, expected: string[]): Promise<void> {
  if (expected.at(-1)?.startsWith("exit ")) return;
  void stage.connection.stop();
  await see(stage, expected, "handleTerminate normal");
  await see(stage, expected, "exit normal");
}

function checkFigures(
  stage: Stage,
  trace: readonly string[],
  steps: readonly string[],
  { replacements = 0, unheard = 0, dropped = {} }: Figures,
): void {
  const { stats } = stage.connection;
  const opens = count(trace, /^handleConnect/);
  const begun =
    1 +
    steps.filter((step, index) => step === "at once" || (step.startsWith("waits") && passes(steps, index))).length +
    replacements +
    unheard;
  assert.deepEqual(
    { attempts: stats.attempts, opens: stats.opens, reconnects: stats.reconnects, replacements: stats.replacements },
    { attempts: begun, opens, reconnects: Math.max(0, opens - 1 - replacements), replacements },
    "the figures",
  );
  // Each attempt ends once: with a word of its own, in a replacement, or with the connection.
  const last = trace.filter((line) => !/^(handleTerminate|exit)/.test(line)).at(-1) ?? "";
  const livesOn = !/^waits/.test(last) && !ENDINGS.test(last) ? 1 : 0;
  assert.equal(count(trace, ENDINGS) + replacements + unheard + livesOn, begun, "one ending for each attempt");
  for (const [cause, number] of Object.entries(stats.dropped)) {
    const due = dropped[cause as keyof typeof dropped] ?? 0;
    if (due === "some") assert.ok(number > 0, `no frame was dropped as ${cause}`);
    else assert.equal(number, due, `frames dropped as ${cause}`);
  }
}

/** Has the wait at this place been followed by an attempt? */
function passes(steps: readonly string[], index: number): boolean {
  const next = steps.slice(index + 1).find((step) => !/^(stays|after)/.test(step));
  return next !== undefined && !/^(handleTerminate|at once)/.test(next);
}

function count(lines: readonly string[], pattern: RegExp): number {
  return lines.filter((line) => pattern.test(line)).length;
}
