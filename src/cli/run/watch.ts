/**
 * `everfresh run --watch`: the app in a process of its own, ended in order and started anew when one of its files has changed.
 */
import { relative } from "node:path";
import { escapeControls } from "../../escape.ts";
import { EXIT_BY_SIGNAL, EXIT_DONE } from "../exit-code.ts";
import { AppProcess } from "./app-process.ts";
import type { Control } from "./control.ts";
import { changedFile } from "./file-watch.ts";
import { modulesOf } from "./modules.ts";
import type { Plan } from "./plan.ts";

/** Resolves with the exit code when the app is to end; its own end only has it wait for the next change. */
export async function watchApp(plan: Plan, control: Control, note: (line: string) => void): Promise<number> {
  let running: AppProcess | undefined;
  let nodeOptions: readonly string[] = [];
  control.onLook(() => running?.look());
  const ending = control.ending.then((exitCode) => ({ type: "told", exitCode }) as const);
  for (;;) {
    const watching = new AbortController();
    const change = changedFile(modulesOf(plan.file), watching.signal).then(
      (file) => ({ type: "changed", file: escapeControls(relative("", file)) }) as const,
    );
    const app = new AppProcess(plan, nodeOptions);
    running = app;
    const first = await Promise.race([app.ended, change, ending]);
    if (first.type === "ended") {
      running = undefined;
      note(`ended with ${first.exitCode}; the next change starts it again`);
    }
    const next = first.type === "ended" ? await Promise.race([change, ending]) : first;
    watching.abort();
    if (next.type === "needs") nodeOptions = next.nodeOptions;
    if (next.type === "changed") {
      note(`${next.file} has changed; starting anew`);
      if (running !== undefined) await endOf(running, EXIT_BY_SIGNAL.SIGTERM);
    }
    if (next.type === "told") return running === undefined ? EXIT_DONE : endOf(running, next.exitCode);
  }
}

/** The app in a process of its own because Node needs these options for it; resolves with its exit code. */
export async function carryApp(plan: Plan, nodeOptions: readonly string[], control: Control): Promise<number> {
  const app = new AppProcess(plan, nodeOptions);
  control.onLook(() => app.look());
  void control.ending.then((exitCode) => app.end(exitCode));
  const end = await app.ended;
  if (end.type === "ended") return end.exitCode;
  return carryApp(plan, [...nodeOptions, ...end.nodeOptions], control);
}

async function endOf(app: AppProcess, exitCode: number): Promise<number> {
  app.end(exitCode);
  const end = await app.ended;
  return end.type === "ended" ? end.exitCode : EXIT_DONE;
}
