/**
 * A supervisor: starts its children in order, restarts those that end as its strategy has it, and stops them in reverse.
 *
 * Terms, numbers and the order of events are those of Erlang/OTP's supervisor; docs/decisions/0025-… has each difference. What it does it
 * does one thing at a time, in the order in which exits and requests reach it.
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
import { Serial } from "./serial.ts";

export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one";
export type AutoShutdown = "never" | "any_significant" | "all_significant";

export type SupervisorOptions = {
  /** Who else is restarted with a child: nobody, all, or those that were started after it. Default "one_for_one". */
  readonly strategy?: Strategy;
  /** More restarts than this within maxSeconds, and the supervisor gives up. Default 3. */
  readonly maxRestarts?: number;
  /** Default 5. */
  readonly maxSeconds?: number;
  /** The name under which `Supervisor.whereis` finds it; one namespace with the connections' names. */
  readonly name?: Name;
  /** When the end of significant children ends the supervisor: never (default), when one has ended, when all have. */
  readonly autoShutdown?: AutoShutdown;
  /** Where reports go; default the console. */
  readonly logger?: SupervisorLogger;
  /** By what clock it counts restarts and waits for children; default the machine's. */
  readonly clock?: Clock;
};

/** What whichChildren() tells of a child. */
export type ChildInfo = {
  readonly id: string;
  /** Undefined when it doesn't run; "restarting" when a restart has failed and is tried again. */
  readonly child: Child | "restarting" | undefined;
  readonly type: "worker" | "supervisor";
  readonly restart: NonNullable<ChildSpec["restart"]>;
  /** How often it has been started again. */
  readonly restarts: number;
  /** When it was last started, as Date.now() has it. */
  readonly startedAt: number | undefined;
  /** The reason of its newest exit that was a fault. */
  readonly lastFault: ExitReason | undefined;
};

export type ChildCounts = {
  readonly specs: number;
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
};

type Entry = {
  readonly spec: ResolvedSpec;
  child: Child | undefined;
  status: "running" | "restarting" | "down";
  restarts: number;
  startedAt: number | undefined;
  lastFault: ExitReason | undefined;
};

type StartFailure = { readonly error: unknown };

const DEFAULTS = { strategy: "one_for_one", maxRestarts: 3, maxSeconds: 5, autoShutdown: "never" } as const;

export class SupervisorProcess implements Child, AsyncDisposable {
  readonly name?: Name;
  /** Resolves when all children given at the start have been started; rejects with a SupervisorError when one could not be. */
  readonly started: Promise<void>;
  /** Resolves with the exit reason; never rejects. "shutdown" when it gave up or shut itself down. */
  readonly exited: Promise<ExitReason>;

  readonly #strategy: Strategy;
  readonly #autoShutdown: AutoShutdown;
  readonly #limits: { readonly maxRestarts: number; readonly maxSeconds: number };
  readonly #intensity: RestartIntensity;
  readonly #clock: Clock;
  readonly #report: (report: Report) => void;
  readonly #link: Link;
  readonly #serial = new Serial();
  readonly #stopping: Promise<void>;
  #children: Entry[] = [];
  /** Children that are being stopped with their supervisor. */
  #ending: readonly Child[] = [];
  #life: "running" | "stopping" | "over" = "running";
  #releaseName: () => void = () => undefined;
  #allStarted = false;
  #beginStop: () => void = () => undefined;
  #resolveExited: (reason: ExitReason) => void = () => undefined;

  constructor(children: readonly ChildInput[], options: SupervisorOptions, link: Link) {
    const { strategy, autoShutdown, maxRestarts, maxSeconds } = { ...DEFAULTS, ...withoutUndefined(options) };
    checkChoice("strategy", strategy, ["one_for_one", "one_for_all", "rest_for_one"]);
    checkChoice("autoShutdown", autoShutdown, ["never", "any_significant", "all_significant"]);
    checkNumber("maxRestarts", maxRestarts, 0);
    checkNumber("maxSeconds", maxSeconds, 0.001);
    if (!Array.isArray(children))
      throw new SupervisorError("bad_option", "A supervisor takes a list of children first.");
    this.#strategy = strategy;
    this.#autoShutdown = autoShutdown;
    this.#limits = { maxRestarts, maxSeconds };
    this.#clock = options.clock ?? platform.clock;
    this.#intensity = new RestartIntensity(this.#limits, () => this.#clock.now());
    this.#link = link;
    for (const input of children) {
      const spec = this.#checked(resolveSpec(input));
      if (this.#find(spec.id) !== undefined) {
        throw new SupervisorError(
          "bad_spec",
          `Two children have the id ${JSON.stringify(spec.id)}. Give each one of its own: { ...Module.childSpec(args), id: "…" }.`,
        );
      }
      this.#children.push(entryOf(spec));
    }
    if (options.name !== undefined) {
      this.#releaseName = claimName(options.name, this);
      this.name = options.name;
    }
    this.#report = reportTo(options.logger ?? consoleReports(platform), this.#label, platform);
    this.#stopping = new Promise((resolve) => {
      this.#beginStop = resolve;
    });
    this.exited = new Promise((resolve) => {
      this.#resolveExited = resolve;
    });
    this.started = this.#serial.run(() => this.#startAll()).then(() => undefined);
    // Who doesn't await it is told by `exited`.
    this.started.catch(() => undefined);
  }

  // ── What users see ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Have all children given at the start been started? */
  get isStarted(): boolean {
    return this.#allStarted;
  }

  /** The children in the order of their start. */
  whichChildren(): readonly ChildInfo[] {
    return this.#children.map(({ spec, child, status, restarts, startedAt, lastFault }) => ({
      id: spec.id,
      child: status === "restarting" ? "restarting" : child,
      type: spec.type,
      restart: spec.restart,
      restarts,
      startedAt,
      lastFault,
    }));
  }

  countChildren(): ChildCounts {
    const supervisors = this.#children.filter(({ spec }) => spec.type === "supervisor").length;
    return {
      specs: this.#children.length,
      active: this.#children.filter(({ status }) => status === "running").length,
      supervisors,
      workers: this.#children.length - supervisors,
    };
  }

  /** Adds a child and starts it. Rejects with a SupervisorError: "already_started", "already_present", "start_failed". */
  async startChild(input: ChildInput): Promise<Child | undefined> {
    const spec = this.#checked(resolveSpec(input));
    return this.#ask(async () => {
      const present = this.#find(spec.id);
      if (present !== undefined) throw presentError(spec.id, present.child);
      const entry = entryOf(spec);
      this.#children.push(entry);
      const failure = await this.#start(entry);
      if (failure !== undefined) {
        this.#remove(entry);
        throw startError(entry, failure.error);
      }
      return entry.child;
    });
  }

  /** Stops a child; its specification stays, but for a temporary one. Rejects with "not_found". */
  async terminateChild(id: string): Promise<void> {
    return this.#ask(async () => {
      const entry = this.#known(id);
      await this.#terminate(entry);
      if (entry.spec.restart === "temporary") this.#remove(entry);
    });
  }

  /** Starts a child that was terminated, or has ended and isn't restarted. Rejects with "not_found", "running", "restarting", "start_failed". */
  async restartChild(id: string): Promise<Child | undefined> {
    return this.#ask(async () => {
      const entry = this.#known(id);
      mustBeDown(entry);
      const failure = await this.#start(entry);
      if (failure !== undefined) throw startError(entry, failure.error);
      return entry.child;
    });
  }

  /** Forgets a child that doesn't run. Rejects with "not_found", "running", "restarting". */
  async deleteChild(id: string): Promise<void> {
    return this.#ask(() => {
      const entry = this.#known(id);
      mustBeDown(entry);
      this.#remove(entry);
    });
  }

  /** Stops the children in reverse, each within its own deadline, then ends. After `timeout` ms (default: none) all are cut off. */
  stop(
    reason: ExitReason = "normal",
    { timeout = Number.POSITIVE_INFINITY }: { readonly timeout?: number } = {},
  ): Promise<ExitReason> {
    if (this.#life === "over") return this.exited;
    this.#beginStop();
    const deadline = this.#clock.after(timeout, () => this.#cutOff(), true);
    this.exited.then(() => this.#clock.cancel(deadline));
    void this.#serial.runNext(() => this.#end(reason, "told"));
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  // ── Starting ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #startAll(): Promise<void> {
    // Those that are removed on the way (temporary ones with nothing to run) don't disturb the order.
    for (const entry of [...this.#children]) {
      const starting = this.#start(entry);
      const failure = starting instanceof Promise ? await starting : starting;
      if (failure === undefined) continue;
      const error = startError(entry, failure.error);
      await this.#end({ shutdown: { failedToStartChild: entry.spec.id, reason: failure.error } }, "by itself");
      throw error;
    }
    this.#allStarted = true;
  }

  /** Undefined when it runs, or has nothing to run; a promise only if its start gives one. */
  #start(entry: Entry): StartFailure | undefined | Promise<StartFailure | undefined> {
    let given: unknown;
    try {
      given = entry.spec.start();
    } catch (error) {
      return this.#startFailed(entry, error);
    }
    if (!isThenable(given)) return this.#started(entry, given);
    let left = false;
    const started = Promise.resolve(given).then(
      (child) => (left ? abandonLate(child) : this.#started(entry, child)),
      (error) => (left ? undefined : this.#startFailed(entry, error)),
    );
    // A start that never comes to an end must not keep the supervisor from stopping.
    const stopped = this.#stopping.then((): StartFailure => {
      left = true;
      return {
        error: new SupervisorError("terminated", "The supervisor was stopped while this child was being started."),
      };
    });
    return Promise.race([started, stopped]);
  }

  #startFailed(entry: Entry, error: unknown): StartFailure {
    this.#report({ type: "start_failed", childId: entry.spec.id, error });
    return { error };
  }

  #started(entry: Entry, child: unknown): StartFailure | undefined {
    if (child === undefined) {
      entry.child = undefined;
      entry.status = "down";
      if (entry.spec.restart === "temporary") this.#remove(entry);
      return undefined;
    }
    if (!isChild(child)) {
      return this.#startFailed(
        entry,
        new TypeError("start() gave what is no child: it needs a promise `exited` and a function `stop`."),
      );
    }
    entry.child = child;
    entry.status = "running";
    entry.startedAt = this.#clock.wallClock();
    adopt(child);
    const exited = (reason: ExitReason): void => void this.#serial.run(() => this.#exitOf(entry, child, reason));
    child.exited.then(exited, (error) => exited({ error, callback: "exited" }));
    return undefined;
  }

  // ── Exits ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #exitOf(entry: Entry, child: Child, reason: ExitReason): void | Promise<void> {
    // One that we have ended, or that came before another, is no news.
    if (this.#life !== "running" || entry.child !== child) return undefined;
    entry.child = undefined;
    entry.status = "down";
    const { id, restart } = entry.spec;
    const fault = !isOrderly(reason);
    if (fault) entry.lastFault = reason;
    const restarted = restart === "permanent" || (restart === "transient" && fault);
    if (fault || restart === "permanent") this.#report({ type: "child_terminated", childId: id, reason, restarted });
    if (restarted) return this.#restart(entry);
    if (restart === "temporary") this.#remove(entry);
    return this.#significantEnded(entry) ? this.#end("shutdown", "by itself") : undefined;
  }

  #significantEnded({ spec }: Entry): boolean {
    if (!spec.significant || this.#autoShutdown === "never") return false;
    if (this.#autoShutdown === "any_significant") return true;
    return !this.#children.some((entry) => entry.spec.significant && entry.status === "running");
  }

  async #restart(entry: Entry): Promise<void> {
    if (!this.#intensity.add()) {
      this.#report({ type: "gave_up", childId: entry.spec.id, ...this.#limits });
      this.#remove(entry);
      return this.#end("shutdown", "by itself");
    }
    const at = this.#children.indexOf(entry);
    const group = { one_for_one: [entry], rest_for_one: this.#children.slice(at), one_for_all: [...this.#children] }[
      this.#strategy
    ];
    for (const one of [...group].reverse()) {
      await this.#terminate(one);
      if (one.spec.restart === "temporary") this.#remove(one);
    }
    for (const one of group) {
      if (one.spec.restart === "temporary") continue;
      one.restarts += 1;
      const failure = await this.#start(one);
      if (this.#life !== "running") return;
      if (failure === undefined) continue;
      // It is tried again behind whatever else waits, and counts each time.
      one.status = "restarting";
      this.#clock.after(0, () => void this.#serial.run(() => this.#tryAgain(one)), true);
      return;
    }
  }

  #tryAgain(entry: Entry): void | Promise<void> {
    if (this.#life !== "running" || entry.status !== "restarting") return undefined;
    return this.#restart(entry);
  }

  // ── Ending ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async #terminate(entry: Entry): Promise<void> {
    const { child, spec } = entry;
    entry.child = undefined;
    entry.status = "down";
    if (child === undefined) return;
    const { reason, abandoned } = await endChild(child, spec.shutdown, this.#clock);
    const expected = spec.shutdown === "brutal_kill" ? reason === "killed" || isOrderly(reason) : isOrderly(reason);
    if (abandoned || !expected) {
      this.#report({ type: "shutdown_failed", childId: spec.id, reason, abandoned });
    }
  }

  async #end(reason: ExitReason, how: "told" | "by itself"): Promise<void> {
    if (this.#life !== "running") return;
    this.#life = "stopping";
    this.#beginStop();
    this.#ending = this.#children.flatMap(({ child }) => (child === undefined ? [] : [child]));
    for (const entry of [...this.#children].reverse()) await this.#terminate(entry);
    this.#over(reason, how);
  }

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
    this.#releaseName();
    this.#resolveExited(reason);
    // A supervisor that gives up ends with "shutdown", and whoever is linked to it goes down with it, as in OTP.
    if (this.#link === "linked" && how === "by itself" && reason !== "normal")
      raiseUnlessAdopted(this, this.#label, reason);
  }

  // A getter, because the compiler doesn't expect another call to have changed it.
  get #hasEnded(): boolean {
    return this.#life === "over";
  }

  // ── Small things ───────────────────────────────────────────────────────────────────────────────────────────────

  /** A request, in its turn. */
  #ask<T>(task: () => T | Promise<T>): Promise<T> {
    return this.#serial.run(() => {
      if (this.#life !== "running") {
        throw new SupervisorError(
          "terminated",
          `The ${this.#label} has ended, or is ending. Start another, or ask its supervisor.`,
        );
      }
      return task();
    });
  }

  get #label(): string {
    return this.name === undefined ? "supervisor" : `supervisor ${describeName(this.name)}`;
  }

  #find(id: string): Entry | undefined {
    return this.#children.find(({ spec }) => spec.id === id);
  }

  #known(id: string): Entry {
    const entry = this.#find(id);
    if (entry !== undefined) return entry;
    const ids = this.#children.map(({ spec }) => JSON.stringify(spec.id)).join(", ");
    throw new SupervisorError("not_found", `There is no child ${JSON.stringify(id)}; there are ${ids || "none"}.`);
  }

  #remove(entry: Entry): void {
    this.#children = this.#children.filter((one) => one !== entry);
  }

  #checked(spec: ResolvedSpec): ResolvedSpec {
    if (!spec.significant || this.#autoShutdown !== "never") return spec;
    throw new SupervisorError(
      "bad_spec",
      `The child ${JSON.stringify(spec.id)} is significant, and the supervisor's autoShutdown is "never", so that would mean nothing. Set autoShutdown.`,
    );
  }
}

function entryOf(spec: ResolvedSpec): Entry {
  return { spec, child: undefined, status: "down", restarts: 0, startedAt: undefined, lastFault: undefined };
}

function mustBeDown({ spec, status }: Entry): void {
  if (status === "down") return;
  throw new SupervisorError(status, `The child ${JSON.stringify(spec.id)} is ${status}. Terminate it first.`);
}

function presentError(id: string, child: Child | undefined): SupervisorError {
  const name = JSON.stringify(id);
  return child === undefined
    ? new SupervisorError(
        "already_present",
        `There is a child ${name}, which doesn't run. Restart it, or delete it first.`,
      )
    : new SupervisorError("already_started", `A child ${name} runs already; it is in .child.`, { child });
}

function startError({ spec }: Entry, cause: unknown): SupervisorError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SupervisorError("start_failed", `The child ${JSON.stringify(spec.id)} could not be started: ${why}`, {
    cause,
    childId: spec.id,
  });
}

/** What has started after its supervisor has left it. */
async function abandonLate(child: unknown): Promise<undefined> {
  if (isChild(child)) await child.stop("shutdown", { timeout: 0 });
  return undefined;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

export function isChild(value: unknown): value is Child {
  if (typeof value !== "object" || value === null) return false;
  const { exited, stop } = value as Partial<Child>;
  return isThenable(exited) && typeof stop === "function";
}

function checkChoice(option: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  const takes = choices.map((choice) => JSON.stringify(choice)).join(", ");
  throw new SupervisorError("bad_option", `The option ${option} takes one of ${takes}; it got ${String(value)}.`);
}

export function checkNumber(option: string, value: unknown, least: number): void {
  if (typeof value === "number" && value >= least) return;
  throw new SupervisorError(
    "bad_option",
    `The option ${option} takes a number, ${least} or more; it got ${String(value)}.`,
  );
}

/** An undefined option is none at all. */
function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

/** A supervisor that runs. */
export type Supervisor = Omit<SupervisorProcess, never>;

/** What a supervisor under a supervisor is made of. */
export type SupervisorArguments = {
  readonly children: readonly ChildInput[];
  readonly options?: SupervisorOptions;
  /** Its id among its siblings. Default its name if that is a string, else "Supervisor". */
  readonly id?: string;
};

/** Starts children in order, restarts those that end as the strategy has it, and stops them in reverse. */
export const Supervisor = {
  /**
   * Starts a supervisor and its children. Children whose start needs no wait run when this returns; `started` tells of the others.
   * @throws SupervisorError for what can't be used ("bad_spec", "bad_option"); NameTakenError
   */
  start: (children: readonly ChildInput[], options: SupervisorOptions = {}): Supervisor =>
    new SupervisorProcess(children, options, "unlinked"),
  /** As start, and linked: when it gives up or shuts itself down outside of another supervisor, that is raised as an uncaught LinkedExitError. */
  startLink: (children: readonly ChildInput[], options: SupervisorOptions = {}): Supervisor =>
    new SupervisorProcess(children, options, "linked"),
  /** A supervisor as a child of another: type "supervisor", restart "permanent", shutdown "infinity". */
  childSpec: ({ children, options = {}, id }: SupervisorArguments): ChildSpec => ({
    id: id ?? (typeof options.name === "string" ? options.name : "Supervisor"),
    start: () => startedUnder(children, options),
    type: "supervisor",
  }),
} as const;

// As in OTP, a supervisor that can't start its children is a child that can't be started.
function startedUnder(children: readonly ChildInput[], options: SupervisorOptions): Child | Promise<Child> {
  const supervisor = new SupervisorProcess(children, options, "unlinked");
  if (supervisor.isStarted) return supervisor;
  return supervisor.started.then(() => supervisor);
}
