/**
 * A supervisor that runs: it starts its children in order, restarts those that end as its strategy has it, and ends them in reverse.
 *
 * Terms, numbers and the order of events are those of Erlang/OTP's supervisor; docs/decisions/0028-supervision-and-otp.md has each
 * difference. What it does it does one thing at a time, in the order in which exits and requests reach it.
 */
import { platform } from "#platform";
import type { Clock } from "../platform/platform.ts";
import type { Child } from "./child.ts";
import { type ChildInput, type ChildSpec, type ResolvedSpec, resolveSpec } from "./child-spec.ts";
import { SupervisorError, startFailed, terminatedError } from "./errors.ts";
import type { ExitReason } from "./exit-reason.ts";
import { type Link, raiseUnlessAdopted } from "./link.ts";
import { claimName, describeName, type Name } from "./names.ts";
import { consoleReports, reportTo } from "./report.ts";
import { RestartBurst } from "./restart-burst.ts";
import { RestartIntensity, type RestartLimits } from "./restart-intensity.ts";
import { Serial } from "./serial.ts";
import { type Host, SupervisedChild } from "./supervised-child.ts";
import {
  type AutoShutdown,
  checkSupervisorOptions,
  type Strategy,
  type SupervisorOptions,
} from "./supervisor-options.ts";

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
  /** All children, whether they run or not. */
  readonly specs: number;
  /** Those that run. */
  readonly active: number;
  readonly supervisors: number;
  readonly workers: number;
};

export class SupervisorProcess implements Child, AsyncDisposable {
  readonly name?: Name;
  /** Resolves when all children given at the start have been started; rejects with a SupervisorError when one could not be. */
  readonly started: Promise<void>;
  /** Resolves with the exit reason; never rejects. "shutdown" when it gave up or shut itself down. */
  readonly exited: Promise<ExitReason>;

  readonly #strategy: Strategy;
  readonly #autoShutdown: AutoShutdown;
  readonly #limits: RestartLimits;
  readonly #intensity: RestartIntensity;
  readonly #burst: RestartBurst;
  readonly #clock: Clock;
  readonly #host: Host;
  readonly #link: Link;
  readonly #serial = new Serial();
  #children: readonly SupervisedChild[] = [];
  /** "leaving": a stop has been asked for, and what is under way comes to its end first. */
  #life: "running" | "leaving" | "stopping" | "over" = "running";
  #isStarted = false;
  #isCutOff = false;
  #gaveUp = false;
  #releaseName: () => void = () => undefined;
  #exit: (reason: ExitReason) => void = () => undefined;

  constructor(children: readonly ChildInput[], options: SupervisorOptions, link: Link) {
    const { strategy, autoShutdown, limits } = checkSupervisorOptions(options);
    this.#strategy = strategy;
    this.#autoShutdown = autoShutdown;
    this.#limits = limits;
    this.#clock = options.clock ?? platform.clock;
    this.#intensity = new RestartIntensity(limits, () => this.#clock.now());
    this.#burst = new RestartBurst(this.#clock);
    this.#link = link;
    const specs = this.#checkAll(children);
    if (options.name !== undefined) {
      this.#releaseName = claimName(options.name, this);
      this.name = options.name;
    }
    this.#host = {
      clock: this.#clock,
      report: reportTo(options.logger ?? consoleReports(platform), this.#label, platform),
      exited: (place, child, reason) => void this.#serial.run(() => this.#exitOf(place, child, reason)),
    };
    this.#children = specs.map((spec) => new SupervisedChild(spec, this.#host));
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
    this.started = this.#serial.run(() => this.#startAll());
    // Who doesn't await it is told by `exited`.
    this.started.catch(() => undefined);
  }

  // ── What users see ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Have all children given at the start been started? */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Did it end, or is it ending, because children were restarted too often? Its exit reason is "shutdown" then, as in OTP. */
  get gaveUp(): boolean {
    return this.#gaveUp;
  }

  /** The children in the order of their start. */
  whichChildren(): readonly ChildInfo[] {
    return this.#children.map(({ spec, standing, child, restarts, startedAt, lastFault }) => ({
      id: spec.id,
      child: standing === "restarting" ? "restarting" : child,
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
      active: this.#children.filter(({ child }) => child !== undefined).length,
      supervisors,
      workers: this.#children.length - supervisors,
    };
  }

  /** Adds a child and starts it. Rejects with a SupervisorError: "already_started", "already_present", "start_failed". */
  async startChild(input: ChildInput): Promise<Child | undefined> {
    const spec = this.#checked(resolveSpec(input));
    return this.#ask(async () => {
      const present = this.#find(spec.id);
      if (present !== undefined) throw presentError(present);
      const place = new SupervisedChild(spec, this.#host);
      this.#children = [...this.#children, place];
      const failure = await place.start();
      if (failure !== undefined || (place.standing === "down" && spec.restart === "temporary")) this.#remove(place);
      if (failure !== undefined) throw startFailed(spec.id, failure.error);
      return place.child;
    });
  }

  /** Stops a child; its specification stays, but for a temporary one. Rejects with "not_found". */
  terminateChild(id: string): Promise<void> {
    return this.#ask(() => this.#terminate(this.#known(id)));
  }

  /** Starts a child that was terminated, or has ended and isn't restarted. Rejects with "not_found", "running", "restarting", "start_failed". */
  restartChild(id: string): Promise<Child | undefined> {
    return this.#ask(async () => {
      const place = this.#known(id);
      mustBeDown(place);
      const failure = await place.start();
      if (failure !== undefined) throw startFailed(id, failure.error);
      return place.child;
    });
  }

  /** Forgets a child that doesn't run. Rejects with "not_found", "running", "restarting". */
  deleteChild(id: string): Promise<void> {
    return this.#ask(() => {
      const place = this.#known(id);
      mustBeDown(place);
      this.#remove(place);
    });
  }

  /**
   * Stops the children in reverse, each within its own shutdown time, then ends with this reason; that of the first call holds. After
   * `timeout` ms (default: none) all that still run are cut off, and the reason is "killed".
   */
  stop(
    reason: ExitReason = "normal",
    { timeout = Number.POSITIVE_INFINITY }: { readonly timeout?: number } = {},
  ): Promise<ExitReason> {
    if (this.#life === "over") return this.exited;
    const deadline = this.#clock.after(timeout, () => this.#cutOff(), true);
    void this.exited.then(() => this.#clock.cancel(deadline));
    if (this.#life === "running") {
      this.#life = "leaving";
      for (const place of this.#children) place.cancelStart();
      void this.#serial.runNext(() => this.#end(reason, "told"));
    }
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  // ── Starting ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #startAll(): Promise<void> {
    for (const place of this.#children) {
      const starting = place.start();
      const failure = starting instanceof Promise ? await starting : starting;
      if (this.#life !== "running") throw terminatedError(this.#label);
      if (failure !== undefined) {
        const { id } = place.spec;
        this.#host.report({ type: "start_failed", childId: id, error: failure.error });
        await this.#end({ shutdown: { failedToStartChild: id, reason: failure.error } }, "by itself");
        throw startFailed(id, failure.error);
      }
      if (place.standing === "down" && place.spec.restart === "temporary") this.#remove(place);
    }
    this.#isStarted = true;
  }

  // ── Exits ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #exitOf(place: SupervisedChild, child: Child, reason: ExitReason): void | Promise<void> {
    if (this.#life !== "running") return undefined;
    switch (place.note(child, reason)) {
      case undefined:
        return undefined;
      case "restart":
        return this.#restart(place);
      case "leave":
        if (place.spec.restart === "temporary") this.#remove(place);
        return this.#endsWith(place) ? this.#end("shutdown", "by itself") : undefined;
    }
  }

  /** Is this the significant child with whose end the supervisor ends? */
  #endsWith({ spec }: SupervisedChild): boolean {
    if (!spec.significant || this.#autoShutdown === "never") return false;
    if (this.#autoShutdown === "any_significant") return true;
    return !this.#children.some((other) => other.spec.significant && other.standing !== "down");
  }

  async #restart(failed: SupervisedChild): Promise<void> {
    if (!this.#intensity.add()) {
      this.#gaveUp = true;
      this.#host.report({ type: "gave_up", childId: failed.spec.id, ...this.#limits });
      return this.#end("shutdown", "by itself");
    }
    const turn = this.#burst.add();
    if (turn !== undefined) await turn;
    if (this.#life !== "running") return;
    const group = this.#groupOf(failed);
    for (const place of [...group].reverse()) {
      await this.#terminate(place);
      if (this.#life !== "running") return;
    }
    for (const place of group) {
      // A temporary child is never restarted, not with others either.
      if (place.spec.restart === "temporary") continue;
      place.restarts += 1;
      const failure = await place.start();
      if (this.#life !== "running") return;
      if (failure === undefined) continue;
      this.#host.report({ type: "start_failed", childId: place.spec.id, error: failure.error });
      // It is tried again behind whatever else waits, and counts each time.
      place.awaitRestart();
      this.#clock.after(0, () => void this.#serial.run(() => this.#tryAgain(place)), true);
      return;
    }
  }

  /** Who is restarted with this child, itself included, in the order of their start. */
  #groupOf(failed: SupervisedChild): readonly SupervisedChild[] {
    switch (this.#strategy) {
      case "one_for_one":
        return [failed];
      case "one_for_all":
        return this.#children;
      case "rest_for_one":
        return this.#children.slice(this.#children.indexOf(failed));
    }
  }

  #tryAgain(place: SupervisedChild): void | Promise<void> {
    return this.#life === "running" && place.standing === "restarting" ? this.#restart(place) : undefined;
  }

  // ── Ending ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async #terminate(place: SupervisedChild): Promise<void> {
    await place.end();
    if (place.spec.restart === "temporary") this.#remove(place);
  }

  async #end(reason: ExitReason, how: "told" | "by itself"): Promise<void> {
    this.#life = "stopping";
    for (const place of [...this.#children].reverse()) await place.end();
    this.#life = "over";
    this.#releaseName();
    this.#exit(this.#isCutOff ? "killed" : reason);
    // Who is linked to a supervisor that gives up goes down with it, as in OTP, although it ends with "shutdown".
    if (this.#link === "linked" && how === "by itself") raiseUnlessAdopted(this, this.#label, reason);
  }

  /** A stop's own deadline has run out: OTP's brutal kill, of us and so of all below. What waits for a child's end goes on by that. */
  #cutOff(): void {
    this.#isCutOff = true;
    for (const place of this.#children) place.cutOff();
  }

  // ── Small things ───────────────────────────────────────────────────────────────────────────────────────────────

  /** A request, in its turn. */
  #ask<T>(task: () => T | Promise<T>): Promise<T> {
    return this.#serial.run(() => {
      if (this.#life !== "running") throw terminatedError(this.#label);
      return task();
    });
  }

  get #label(): string {
    return this.name === undefined ? "supervisor" : `supervisor ${describeName(this.name)}`;
  }

  #find(id: string): SupervisedChild | undefined {
    return this.#children.find(({ spec }) => spec.id === id);
  }

  #known(id: string): SupervisedChild {
    const place = this.#find(id);
    if (place !== undefined) return place;
    const ids = this.#children.map(({ spec }) => JSON.stringify(spec.id)).join(", ");
    throw new SupervisorError("not_found", `There is no child ${JSON.stringify(id)}; there are ${ids || "none"}.`);
  }

  #remove(place: SupervisedChild): void {
    this.#children = this.#children.filter((one) => one !== place);
  }

  #checkAll(children: readonly ChildInput[]): readonly ResolvedSpec[] {
    if (!Array.isArray(children)) {
      throw new SupervisorError("bad_option", "A supervisor takes a list of children first.");
    }
    const specs = new Map<string, ResolvedSpec>();
    for (const input of children as readonly ChildInput[]) {
      const spec = this.#checked(resolveSpec(input));
      if (specs.has(spec.id)) {
        throw new SupervisorError(
          "bad_spec",
          `Two children have the id ${JSON.stringify(spec.id)}. Give each one of its own: { ...Module.childSpec(args), id: "…" }.`,
        );
      }
      specs.set(spec.id, spec);
    }
    return [...specs.values()];
  }

  #checked(spec: ResolvedSpec): ResolvedSpec {
    if (!spec.significant || this.#autoShutdown !== "never") return spec;
    throw new SupervisorError(
      "bad_spec",
      `The child ${JSON.stringify(spec.id)} is significant, and the supervisor's autoShutdown is "never", so that would mean nothing. Set autoShutdown.`,
    );
  }
}

function mustBeDown({ spec, standing }: SupervisedChild): void {
  if (standing === "down") return;
  const reason = standing === "restarting" ? "restarting" : "running";
  throw new SupervisorError(reason, `The child ${JSON.stringify(spec.id)} is ${reason}. Terminate it first.`);
}

function presentError({ spec, child }: SupervisedChild): SupervisorError {
  const id = JSON.stringify(spec.id);
  return child === undefined
    ? new SupervisorError(
        "already_present",
        `There is a child ${id}, which doesn't run. Restart it, or delete it first.`,
      )
    : new SupervisorError("already_started", `A child ${id} runs already; it is in .child.`, { child });
}
