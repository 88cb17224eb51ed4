/**
 * `everfresh run FILE`: runs the supervisor that a file exports, ends it in order when it is told to, and shows what its children do.
 */
import { relative } from "node:path";
import { escapeControls } from "../escape.ts";
import type { ExitReason } from "../index.ts";
import type { Arguments, OptionTable } from "./arguments.ts";
import type { Command } from "./command.ts";
import { EXIT_CUT_OFF, EXIT_FAILED } from "./exit-code.ts";
import type { Host } from "./host.ts";
import { type App, AppError, startApp } from "./run/app.ts";
import { type Control, parentControl, signalControl } from "./run/control.ts";
import { durationText } from "./run/duration.ts";
import { onTyped } from "./run/keys.ts";
import { outcomeOf } from "./run/outcome.ts";
import { parentOf } from "./run/parent.ts";
import { type Plan, planOf, TIMEOUT } from "./run/plan.ts";
import { RateMeter } from "./run/rates.ts";
import { treeOf } from "./run/tree.ts";
import { treeLines } from "./run/tree-lines.ts";
import { NeedsNodeOptions } from "./run/typescript.ts";
import { watchEnds } from "./run/unfinished.ts";
import { carryApp, watchApp } from "./run/watch.ts";
import { inTone } from "./tone.ts";

/** How long a stop may take beyond its own deadline, in ms. */
const GRACE = 500;
/** ms; as long as a timer can be. */
const FOREVER = 2 ** 31 - 1;

const OPTIONS = {
  timeout: {
    short: "t",
    value: "MS",
    doc: `How long the app may take to end in order, once it is told to; then it is cut off. Default ${TIMEOUT}.`,
  },
  watch: {
    short: "w",
    doc: "Start the app anew when its file or a module of the project that it imports has changed, after an orderly end.",
  },
  quiet: { short: "q", doc: "On standard error only errors, and the tree when it is asked for." },
} as const satisfies OptionTable;

export const run: Command = {
  name: "run",
  summary: "Run the supervisor that a file exports, until it ends or is told to.",
  usage: "[options] FILE",
  description: [
    "FILE is a module, app.js or app.ts, whose default export is a supervisor, a list of children, or a function that gives one of these or a promise of it. For a list, a named export `options` has the supervisor's options.",
    'SIGTERM, SIGINT (Ctrl-C) and SIGHUP begin an orderly end: the children are stopped in reverse with "shutdown", and connections close with 1001. A second signal ends it at once. SIGUSR2, or t and Enter in a terminal, prints the live tree of children on standard error.',
    "TypeScript runs by itself from Node 22.18 on, in older ones if tsx is installed in the project.",
  ],
  options: OPTIONS,
  examples: [
    ["everfresh run app.js", "Run it until it ends, or until Ctrl-C."],
    ["everfresh run --watch app.ts", "While you write it: start anew at each change."],
    ["everfresh run --timeout 8000 app.js", "Where only 10 s are given to end, as by docker stop."],
    ["kill -USR2 PID", "Show its children; PID is in its first line."],
  ],
  exitCodes: [
    [0, 'It ended in order: told to by a signal, or by itself with "normal" or "shutdown".'],
    [1, "A child could not be started, the app's own code failed, or it ended with a fault."],
    [2, "The command line can't be carried out: there is no such file, or nothing in it that can be run."],
    [3, "The supervisor gave up: children had to be restarted too often."],
    [4, "It was told to end, and what had not ended at the deadline was cut off."],
    [130, "A second SIGINT (Ctrl-C) ended it at once; 143 for SIGTERM, 129 for SIGHUP."],
  ],
  run: runCommand,
};

async function runCommand(args: Arguments, host: Host): Promise<number> {
  const plan = planOf(args);
  const note = plan.quiet ? () => undefined : (line: string) => void host.errors.line(noteLine(host, line));
  const parent = parentOf(process);
  const control = parent === undefined ? signalControl(host) : parentControl(parent);
  // Neither a supervisor without children nor a listener for a signal keeps a process.
  const hold = setInterval(() => undefined, FOREVER);
  try {
    return await (args.has("watch") ? watchApp(plan, control, note) : runHere(plan, host, control, note));
  } catch (error) {
    if (error instanceof NeedsNodeOptions) {
      if (parent === undefined) return await carryApp(plan, error.nodeOptions, control);
      await parent.send({ everfresh: "needs", nodeOptions: error.nodeOptions });
      return EXIT_FAILED;
    }
    if (!(error instanceof AppError)) throw error;
    host.errors.line(`everfresh: ${escapeControls(error.message)}\n${escapeControls(stackOf(error.cause), "\n")}`);
    return EXIT_FAILED;
  } finally {
    clearInterval(hold);
  }
}

type Note = (line: string) => void;

/** Runs the app in this process, to its end. */
async function runHere(plan: Plan, host: Host, control: Control, note: Note): Promise<number> {
  const name = escapeControls(relative("", plan.file));
  const startedAt = Date.now();
  const meter = new RateMeter();
  const starting = startApp(plan.file);
  const app = await Promise.race([starting, control.ending.then(() => later(plan.timeout))]);
  if (app === undefined) {
    host.errors.line(`everfresh: ${name} had not begun, and was cut off.`);
    return EXIT_CUT_OFF;
  }

  const look = (): void => {
    const lines = treeLines(treeOf(app, { meter, now: Date.now(), startedAt }));
    host.errors.line(`everfresh: ${name}, process ${process.pid}, ${new Date().toISOString()}\n${lines.join("\n")}`);
  };
  control.onLook(look);
  onTyped(host.input, "t", look);

  let startError: unknown;
  const started = Promise.resolve(app.started).then(
    () => note(`${name} runs as process ${process.pid}`),
    (error) => {
      startError = error ?? new Error("A child could not be started.");
    },
  );
  let told = false;
  const cutOff = control.ending.then(() => {
    told = true;
    return endInOrder(app, plan, host, note);
  });
  const reason = await Promise.race([app.exited, cutOff]);
  // Why it ended is in `started`, if it could not start.
  if (!told) await Promise.race([started, later(GRACE)]);
  const { exitCode, sentence } = outcomeOf({ reason, told, gaveUp: app.gaveUp === true, startError });
  if (sentence !== undefined) host.errors.line(`everfresh: ${escapeControls(sentence)}`);
  return exitCode;
}

/** Stops the app. Resolves only if it takes longer than it may. */
function endInOrder(app: App, { timeout }: Plan, { errors }: Host, note: Note): Promise<ExitReason> {
  note(`told to end: it has ${durationText(timeout)} for it; a second signal ends it at once`);
  const unfinished = watchEnds(app);
  return new Promise((resolve) => {
    // Before the app's own deadline, which leaves nobody to be named.
    setTimeout(() => {
      errors.line(`everfresh: cut off after ${durationText(timeout)}; not ended: ${escapeControls(unfinished())}`);
      setTimeout(() => resolve("killed"), GRACE);
    }, timeout);
    // A stop that fails is seen in `exited`, or at the deadline.
    Promise.resolve(app.stop("shutdown", { timeout })).catch(() => undefined);
  });
}

function later(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms));
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}

function noteLine({ errors }: Host, line: string): string {
  return inTone(errors, "dim", `everfresh: ${line}`);
}
