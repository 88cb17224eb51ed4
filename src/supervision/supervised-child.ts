/**
 * One place for a child in a supervisor: what is to run there, what runs there now, and how both are started and ended. There is never
 * more than one child in it at a time. When to start, restart and end it is the supervisor's to say.
 */
import type { Clock } from "../platform/platform.ts";
import type { Child } from "./child.ts";
import type { ResolvedSpec } from "./child-spec.ts";
import { ChildEnding, type Ending } from "./ending.ts";
import { SupervisorError } from "./errors.ts";
import { type ExitReason, isOrderly } from "./exit-reason.ts";
import { adopt } from "./link.ts";
import type { Report } from "./report.ts";
import { ChildStart, type StartOutcome } from "./starting.ts";

/** What a place for a child takes of its supervisor. */
export interface Host {
  readonly clock: Clock;
  report(report: Report): void;
  /** The child in this place has exited, without having been told to. */
  exited(place: SupervisedChild, child: Child, reason: ExitReason): void;
}

type Standing =
  | { readonly type: "down" }
  | { readonly type: "starting"; readonly start: ChildStart; readonly settled: Promise<unknown> }
  | { readonly type: "running"; readonly child: Child }
  /** A restart has failed, and is to be tried again. */
  | { readonly type: "restarting" }
  | { readonly type: "ending"; readonly child: Child; readonly ending: ChildEnding; readonly ended: Promise<void> };

export type StartFailure = { readonly error: unknown };

/** How a child that exited is dealt with, by its specification. */
export type Verdict = "restart" | "leave";

const DOWN: Standing = { type: "down" };

export class SupervisedChild {
  readonly spec: ResolvedSpec;
  /** How often it has been started again. */
  restarts = 0;
  readonly #host: Host;
  #standing: Standing = DOWN;
  #startedAt: number | undefined;
  #lastFault: ExitReason | undefined;

  constructor(spec: ResolvedSpec, host: Host) {
    this.spec = spec;
    this.#host = host;
  }

  get standing(): Standing["type"] {
    return this.#standing.type;
  }

  /** What runs here, or is still being ended. */
  get child(): Child | undefined {
    return "child" in this.#standing ? this.#standing.child : undefined;
  }

  /** When it was last started, as Date.now() has it. */
  get startedAt(): number | undefined {
    return this.#startedAt;
  }

  /** The reason of its newest exit that was a fault. */
  get lastFault(): ExitReason | undefined {
    return this.#lastFault;
  }

  /** What it fails with; undefined when it runs, or has nothing to run. A promise only if the specification's start() gives one. */
  start(): StartFailure | undefined | Promise<StartFailure | undefined> {
    const start = new ChildStart(this.spec, this.#host.clock);
    const { outcome } = start;
    if (!(outcome instanceof Promise)) return this.#started(outcome);
    const settled = outcome.then((late) => this.#started(late));
    this.#standing = { type: "starting", start, settled };
    return settled;
  }

  /** A restart has failed, and is to be tried again. */
  awaitRestart(): void {
    this.#standing = { type: "restarting" };
  }

  /** Takes note that this child has exited. Undefined: it isn't the one that runs here, so that is no news. */
  note(child: Child, reason: ExitReason): Verdict | undefined {
    if (this.#standing.type !== "running" || this.#standing.child !== child) return undefined;
    this.#standing = DOWN;
    const { id, restart } = this.spec;
    const fault = !isOrderly(reason);
    if (fault) this.#lastFault = reason;
    const restarted = restart === "permanent" || (restart === "transient" && fault);
    if (fault || restart === "permanent") {
      this.#host.report({ type: "child_terminated", childId: id, reason, restarted });
    }
    return restarted ? "restart" : "leave";
  }

  /** Tells its start that the child isn't wanted any more, if one is under way. */
  cancelStart(): void {
    if (this.#standing.type === "starting") this.#standing.start.cancel();
  }

  /** Ends what runs here within its shutdown time, and resolves when it has; nothing is tried again. */
  async end(): Promise<void> {
    if (this.#standing.type === "starting") {
      this.#standing.start.cancel();
      await this.#standing.settled;
    }
    if (this.#standing.type === "running") this.#end(this.#standing.child, this.spec.shutdown);
    if (this.#standing.type === "ending") await this.#standing.ended;
    else this.#standing = DOWN;
  }

  /** The supervisor's own time is up, and so is that of whatever runs here: OTP's brutal kill. */
  cutOff(): void {
    if (this.#standing.type === "starting") this.#standing.start.cutOff();
    if (this.#standing.type === "running") this.#end(this.#standing.child, "brutal_kill");
    if (this.#standing.type === "ending") this.#standing.ending.cutOff();
  }

  #started(outcome: StartOutcome): StartFailure | undefined {
    this.#standing = DOWN;
    switch (outcome.type) {
      case "ignored":
        return undefined;
      case "started":
        this.#run(outcome.child);
        return undefined;
      case "failed":
        return { error: outcome.error };
      case "abandoned":
        this.#host.report({ type: "shutdown_failed", childId: this.spec.id, reason: "killed", abandoned: true });
        return {
          error: new SupervisorError("terminated", "The supervisor was stopped while this child was being started."),
        };
    }
  }

  #run(child: Child): void {
    this.#standing = { type: "running", child };
    this.#startedAt = this.#host.clock.wallClock();
    adopt(child);
    child.exited.then(
      (reason) => this.#host.exited(this, child, reason),
      (error) => this.#host.exited(this, child, { error, callback: "exited" }),
    );
  }

  #end(child: Child, shutdown: ResolvedSpec["shutdown"]): void {
    const ending = new ChildEnding(child, shutdown, this.#host.clock);
    const ended = ending.done.then((end) => this.#ended(end, shutdown));
    this.#standing = { type: "ending", child, ending, ended };
  }

  #ended({ reason, abandoned }: Ending, shutdown: ResolvedSpec["shutdown"]): void {
    this.#standing = DOWN;
    if (!abandoned && this.#isExpected(reason, shutdown)) return;
    this.#host.report({ type: "shutdown_failed", childId: this.spec.id, reason, abandoned });
  }

  // OTP's supervisor:shutdown/1: what is always to run ends for "shutdown", and for nothing else.
  #isExpected(reason: ExitReason, shutdown: ResolvedSpec["shutdown"]): boolean {
    if (reason === (shutdown === "brutal_kill" ? "killed" : "shutdown")) return true;
    return this.spec.restart !== "permanent" && isOrderly(reason);
  }
}
