/**
 * Runs a sequence on our supervisors, on a fake clock, and tells what happened in the words of a recording.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type Child,
  type ChildSpec,
  DynamicSupervisor,
  type ExitReason,
  Supervisor,
  SupervisorError,
} from "../../../src/index.ts";
import { FakeClock } from "../../../src/testing/fake-clock.ts";
import type { ChildPlan, Command, Event, Reason, Sequence } from "./sequence.ts";

/** Longer than any sequence takes, as in record-otp.exs. */
const PERIOD = 3600;
/** Turns of the event loop in which whatever waits for promises only comes to rest. */
const TURNS = 4;

export async function replay(sequence: Sequence): Promise<readonly Event[]> {
  return new Replay(sequence).run();
}

/** A child that does what its plan says. */
class PlannedChild implements Child {
  readonly exited: Promise<ExitReason>;
  isOver = false;
  readonly #plan: ChildPlan;
  readonly #events: Event[];
  #exit: (reason: ExitReason) => void = () => undefined;

  constructor(plan: ChildPlan, events: Event[]) {
    this.#plan = plan;
    this.#events = events;
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
  }

  exit(reason: Reason): void {
    if (this.isOver) return;
    this.isOver = true;
    const [id] = this.#plan;
    this.#events.push(["end", id, reason]);
    this.#exit(reasonOf(reason));
  }

  async stop(reason: ExitReason = "normal"): Promise<void> {
    const [, , , , , , onStop] = this.#plan;
    if (reason === "killed") this.exit("killed");
    else if (onStop !== "never") this.exit(onStop === "obey" ? (reason as Reason) : onStop);
  }
}

class Replay {
  readonly #sequence: Sequence;
  readonly #events: Event[] = [];
  readonly #clock = new FakeClock();
  readonly #starts = new Map<string, number>();
  readonly #newest = new Map<string, PlannedChild>();
  #exit: ExitReason | undefined;

  constructor(sequence: Sequence) {
    this.#sequence = sequence;
  }

  async run(): Promise<readonly Event[]> {
    const [kind, strategy, maxRestarts, autoShutdown, maxChildren, children, commands, stop] = this.#sequence;
    const shared = { maxRestarts, maxSeconds: PERIOD, clock: this.#clock, logger: { error: this.#report } };
    let isStarted = true;
    let supervisor: Supervisor | DynamicSupervisor;
    if (kind === "dynamic") {
      supervisor = DynamicSupervisor.start({ ...shared, ...(maxChildren === 0 ? {} : { maxChildren }) });
    } else {
      const tree = Supervisor.start(
        children.map((plan) => this.#spec(plan)),
        { ...shared, strategy, autoShutdown },
      );
      tree.started.catch(() => {
        isStarted = false;
      });
      supervisor = tree;
    }
    void supervisor.exited.then((reason) => {
      this.#exit = reason;
    });
    await this.#settle();
    this.#events.push(["result", isStarted ? "started" : "not started"]);
    for (const command of commands) {
      if (this.#exit !== undefined) break;
      const running = this.#command(supervisor, command);
      await this.#settle();
      const result = await running;
      if (result !== undefined) this.#events.push(["result", result]);
    }
    void supervisor.stop(reasonOf(stop));
    await this.#settle();
    if (this.#exit !== undefined) this.#events.push(["exit", wordOf(this.#exit)]);
    return this.#events;
  }

  readonly #report = (fields: Readonly<Record<string, unknown>>): void => {
    this.#events.push(["report", String(fields.event), String(fields.childId)]);
  };

  #spec(plan: ChildPlan): ChildSpec {
    const [id, restart, shutdown, significant, type, starts] = plan;
    const start = (): Child | undefined => {
      const number = this.#starts.get(id) ?? 0;
      this.#starts.set(id, number + 1);
      const outcome = starts[number] ?? "ok";
      this.#events.push(["start", id, outcome]);
      if (outcome === "ignore") return undefined;
      if (outcome !== "ok") throw new Error("boom");
      const child = new PlannedChild(plan, this.#events);
      this.#newest.set(id, child);
      return child;
    };
    return { id, restart, shutdown, significant, type, start };
  }

  /** Whatever waits for promises, and for the clock, has come to rest. */
  async #settle(): Promise<void> {
    for (let timers = 0; timers < 1000; timers += 1) {
      for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
      if (this.#clock.pending === 0) return;
      this.#clock.advanceToNext();
    }
    throw new Error("The supervisor doesn't come to rest.");
  }

  async #command(supervisor: Supervisor | DynamicSupervisor, command: Command): Promise<unknown> {
    try {
      switch (command[0]) {
        case "exit":
          this.#newest.get(command[1])?.exit(command[2]);
          return undefined;
        case "exit_together":
          for (const id of command[1]) this.#newest.get(id)?.exit(command[2]);
          return undefined;
        case "start":
          return (await supervisor.startChild(this.#spec(command[1]))) === undefined ? "ignored" : "ok";
        case "which":
          return this.#which(supervisor);
        case "count": {
          const { specs, active, supervisors, workers } = supervisor.countChildren();
          return [specs, active, supervisors, workers];
        }
        case "terminate":
          if (!("restartChild" in supervisor)) {
            await supervisor.terminateChild(this.#newest.get(command[1]) ?? new PlannedChild(NOBODY, []));
          } else {
            await supervisor.terminateChild(command[1]);
          }
          return "ok";
        case "restart":
          return (await (supervisor as Supervisor).restartChild(command[1])) === undefined ? "ignored" : "ok";
        case "delete":
          await (supervisor as Supervisor).deleteChild(command[1]);
          return "ok";
      }
    } catch (error) {
      if (error instanceof SupervisorError) return error.reason;
      throw error;
    }
  }

  #which(supervisor: Supervisor | DynamicSupervisor): readonly (readonly string[])[] {
    const rows = supervisor.whichChildren().map(({ id, child, type }): readonly string[] => {
      const state = child === undefined ? "down" : child === "restarting" ? "restarting" : "running";
      return "restartChild" in supervisor ? [id, state, type] : [state, type];
    });
    return "restartChild" in supervisor ? rows : rows.sort();
  }
}

const NOBODY: ChildPlan = ["nobody", "temporary", 0, false, "worker", [], "obey"];

function reasonOf(reason: Reason): ExitReason {
  return reason === "shutdown_x" ? { shutdown: "x" } : reason;
}

function wordOf(reason: ExitReason): string {
  if (typeof reason === "string") return reason;
  if (!("shutdown" in reason)) return String(reason);
  const { shutdown } = reason as { readonly shutdown: string | { readonly failedToStartChild: string } };
  return typeof shutdown === "string" ? "shutdown_x" : `failed_to_start ${shutdown.failedToStartChild}`;
}
