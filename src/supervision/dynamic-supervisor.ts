/**
 * A supervisor for children that come and go, thousands of a kind: started at any time, in no order, stopped together (Elixir,
 * `DynamicSupervisor`). Each start, stop and exit costs the same however many there are.
 */
import { platform } from "#platform";
import type { Clock } from "../platform/platform.ts";
import { type Child, type ChildInput, type ChildSpec, type ResolvedSpec, resolveSpec } from "./child-spec.ts";
import { endChild } from "./ending.ts";
import { SupervisorError } from "./errors.ts";
import { type ExitReason, isOrderly } from "./exit-reason.ts";
import { adopt, type Link, raiseUnlessAdopted } from "./link.ts";
import { claimName, describeName, type Name } from "./names.ts";
import { consoleReports, type Report, reportTo, type SupervisorLogger } from "./report.ts";
import { RestartIntensity } from "./restart-intensity.ts";
import { type ChildCounts, checkNumber, isChild } from "./supervisor.ts";

export type DynamicSupervisorOptions = {
  /** Default Infinity. */
  readonly maxChildren?: number;
  readonly maxRestarts?: number;
  readonly maxSeconds?: number;
  readonly name?: Name;
  readonly logger?: SupervisorLogger;
  readonly clock?: Clock;
};

/** What whichChildren() tells of a child. */
export type DynamicChildInfo = {
  /** "restarting" when a restart has failed and is tried again. */
  readonly child: Child | "restarting";
  readonly id: string;
  readonly type: "worker" | "supervisor";
  readonly restarts: number;
};

type Entry = {
  readonly spec: ResolvedSpec;
  child: Child | undefined;
  restarts: number;
};

export class DynamicSupervisorProcess implements Child, AsyncDisposable {
  readonly name?: Name;
  /** Resolves with the exit reason; never rejects. "shutdown" when it gave up. */
  readonly exited: Promise<ExitReason>;

  readonly #maxChildren: number;
  readonly #limits: { readonly maxRestarts: number; readonly maxSeconds: number };
  readonly #intensity: RestartIntensity;
  readonly #clock: Clock;
  readonly #report: (report: Report) => void;
  readonly #link: Link;
  readonly #running = new Map<Child, Entry>();
  readonly #restarting = new Set<Entry>();
  #starting = 0;
  #supervisors = 0;
  #life: "running" | "stopping" | "over" = "running";
  #releaseName: () => void = () => undefined;
  #resolveExited: (reason: ExitReason) => void = () => undefined;

  constructor(options: DynamicSupervisorOptions, link: Link) {
    const { maxChildren = Number.POSITIVE_INFINITY, maxRestarts = 3, maxSeconds = 5 } = options;
    checkNumber("maxChildren", maxChildren, 0);
    checkNumber("maxRestarts", maxRestarts, 0);
    checkNumber("maxSeconds", maxSeconds, 0.001);
    this.#maxChildren = maxChildren;
    this.#limits = { maxRestarts, maxSeconds };
    this.#clock = options.clock ?? platform.clock;
    this.#intensity = new RestartIntensity(this.#limits, () => this.#clock.now());
    this.#link = link;
    if (options.name !== undefined) {
      this.#releaseName = claimName(options.name, this);
      this.name = options.name;
    }
    this.#report = reportTo(options.logger ?? consoleReports(platform), this.#label, platform);
    this.exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
  }

  /** Starts a child. Ids may be alike. Rejects with a SupervisorError: "max_children", "start_failed", "terminated". */
  async startChild(input: ChildInput): Promise<Child | undefined> {
    const spec = resolveSpec(input);
    this.#mustRun();
    if (this.#count >= this.#maxChildren) {
      throw new SupervisorError("max_children", `The ${this.#label} has its ${this.#maxChildren} children already.`);
    }
    const entry: Entry = { spec, child: undefined, restarts: 0 };
    const error = await this.#start(entry);
    if (error === undefined) return entry.child;
    const why = error.error instanceof Error ? error.error.message : String(error.error);
    throw new SupervisorError("start_failed", `The child ${JSON.stringify(spec.id)} could not be started: ${why}`, {
      cause: error.error,
      childId: spec.id,
    });
  }

  /** Stops a child, and forgets it. Rejects with "not_found". */
  async terminateChild(child: Child): Promise<void> {
    const entry = this.#running.get(child);
    if (entry === undefined) {
      throw new SupervisorError(
        "not_found",
        `The ${this.#label} has no such child; it has ended, or is somebody else's.`,
      );
    }
    await this.#terminate(entry);
  }

  whichChildren(): readonly DynamicChildInfo[] {
    return [...this.#running.values(), ...this.#restarting].map(({ spec, child, restarts }) => ({
      child: child ?? "restarting",
      id: spec.id,
      type: spec.type,
      restarts,
    }));
  }

  countChildren(): ChildCounts {
    const specs = this.#running.size + this.#restarting.size;
    return { specs, active: this.#running.size, supervisors: this.#supervisors, workers: specs - this.#supervisors };
  }

  /** Stops all children at once, each within its own deadline, then ends. After `timeout` ms (default: none) all are cut off. */
  stop(
    reason: ExitReason = "normal",
    { timeout = Number.POSITIVE_INFINITY }: { readonly timeout?: number } = {},
  ): Promise<ExitReason> {
    if (this.#life === "over") return this.exited;
    const deadline = this.#clock.after(timeout, () => this.#cutOff(), true);
    this.exited.then(() => this.#clock.cancel(deadline));
    void this.#end(reason, "told");
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #count(): number {
    return this.#running.size + this.#restarting.size + this.#starting;
  }

  get #label(): string {
    return this.name === undefined ? "dynamic supervisor" : `dynamic supervisor ${describeName(this.name)}`;
  }

  #mustRun(): void {
    if (this.#life === "running") return;
    throw new SupervisorError(
      "terminated",
      `The ${this.#label} has ended, or is ending. Start another, or ask its supervisor.`,
    );
  }

  // Children are started beside each other: one that takes long doesn't keep the others waiting.
  async #start(entry: Entry): Promise<{ readonly error: unknown } | undefined> {
    this.#starting += 1;
    try {
      const child = await entry.spec.start();
      if (child === undefined) return undefined;
      if (!isChild(child)) {
        throw new TypeError("start() gave what is no child: it needs a promise `exited` and a function `stop`.");
      }
      if (this.#life !== "running") {
        await child.stop("shutdown", { timeout: 0 });
        throw new SupervisorError("terminated", "The supervisor was stopped while this child was being started.");
      }
      this.#adopt(entry, child);
      return undefined;
    } catch (error) {
      this.#report({ type: "start_failed", childId: entry.spec.id, error });
      return { error };
    } finally {
      this.#starting -= 1;
    }
  }

  #adopt(entry: Entry, child: Child): void {
    entry.child = child;
    this.#running.set(child, entry);
    if (entry.spec.type === "supervisor") this.#supervisors += 1;
    adopt(child);
    const exited = (reason: ExitReason): void => this.#exitOf(child, reason);
    child.exited.then(exited, (error) => exited({ error, callback: "exited" }));
  }

  #forget(entry: Entry): void {
    if (entry.child === undefined) return;
    this.#running.delete(entry.child);
    entry.child = undefined;
    if (entry.spec.type === "supervisor") this.#supervisors -= 1;
  }

  #exitOf(child: Child, reason: ExitReason): void {
    const entry = this.#running.get(child);
    // One that we have ended is no news.
    if (this.#life !== "running" || entry === undefined) return;
    this.#forget(entry);
    const { id, restart } = entry.spec;
    const fault = !isOrderly(reason);
    const restarted = restart === "permanent" || (restart === "transient" && fault);
    if (fault || restart === "permanent") this.#report({ type: "child_terminated", childId: id, reason, restarted });
    if (restarted) void this.#restart(entry);
  }

  async #restart(entry: Entry): Promise<void> {
    this.#restarting.delete(entry);
    if (!this.#intensity.add()) {
      this.#report({ type: "gave_up", childId: entry.spec.id, ...this.#limits });
      return this.#end("shutdown", "by itself");
    }
    entry.restarts += 1;
    const failure = await this.#start(entry);
    if (failure === undefined || this.#life !== "running") return;
    this.#restarting.add(entry);
    this.#clock.after(
      0,
      () => {
        if (this.#life === "running" && this.#restarting.has(entry)) void this.#restart(entry);
      },
      true,
    );
  }

  async #terminate(entry: Entry): Promise<void> {
    const { child, spec } = entry;
    if (child === undefined) return;
    this.#forget(entry);
    const { reason, abandoned } = await endChild(child, spec.shutdown, this.#clock);
    const expected = isOrderly(reason) || (spec.shutdown === "brutal_kill" && reason === "killed");
    if (abandoned || !expected) this.#report({ type: "shutdown_failed", childId: spec.id, reason, abandoned });
  }

  async #end(reason: ExitReason, how: "told" | "by itself"): Promise<void> {
    if (this.#life !== "running") return;
    this.#life = "stopping";
    this.#restarting.clear();
    this.#ending = [...this.#running.keys()];
    await Promise.all([...this.#running.values()].map((entry) => this.#terminate(entry)));
    this.#over(reason, how);
  }

  /** Children that are being stopped with their supervisor. */
  #ending: readonly Child[] = [];

  /** A stop's own deadline has run out: OTP's brutal kill, of us and so of all below. */
  #cutOff(): void {
    if (this.#life === "over") return;
    for (const child of this.#ending) void child.stop("killed", { timeout: 0 });
    this.#over("killed", "told");
  }

  #over(reason: ExitReason, how: "told" | "by itself"): void {
    // It may have been cut off meanwhile.
    if (this.#hasEnded) return;
    this.#life = "over";
    this.#ending = [];
    this.#releaseName();
    this.#resolveExited(reason);
    if (this.#link === "linked" && how === "by itself" && reason !== "normal")
      raiseUnlessAdopted(this, this.#label, reason);
  }

  // A getter, because the compiler doesn't expect another call to have changed it.
  get #hasEnded(): boolean {
    return this.#life === "over";
  }
}

/** A dynamic supervisor that runs. */
export type DynamicSupervisor = Omit<DynamicSupervisorProcess, never>;

/** Starts and stops children at any time, thousands of a kind. */
export const DynamicSupervisor = {
  /** @throws SupervisorError for what can't be used ("bad_option"); NameTakenError */
  start: (options: DynamicSupervisorOptions = {}): DynamicSupervisor =>
    new DynamicSupervisorProcess(options, "unlinked"),
  /** As start, and linked: when it gives up outside of another supervisor, that is raised as an uncaught LinkedExitError. */
  startLink: (options: DynamicSupervisorOptions = {}): DynamicSupervisor =>
    new DynamicSupervisorProcess(options, "linked"),
  /** A dynamic supervisor as a child of a supervisor. */
  childSpec: ({
    options = {},
    id,
  }: {
    readonly options?: DynamicSupervisorOptions;
    readonly id?: string;
  } = {}): ChildSpec => ({
    id: id ?? (typeof options.name === "string" ? options.name : "DynamicSupervisor"),
    start: () => new DynamicSupervisorProcess(options, "unlinked"),
    type: "supervisor",
  }),
} as const;
