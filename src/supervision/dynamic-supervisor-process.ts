/**
 * A dynamic supervisor that runs: children that come and go, thousands of a kind, started at any time, in no order, and ended together
 * (Elixir, `DynamicSupervisor`). Each start, stop and exit costs the same however many there are.
 */
import { platform } from "#platform";
import type { Clock } from "../platform/platform.ts";
import type { Child } from "./child.ts";
import { type ChildInput, resolveSpec } from "./child-spec.ts";
import { SupervisorError, startFailed, terminatedError } from "./errors.ts";
import type { ExitReason } from "./exit-reason.ts";
import { type Link, raiseUnlessAdopted } from "./link.ts";
import { claimName, describeName, type Name } from "./names.ts";
import { consoleReports, reportTo } from "./report.ts";
import { RestartBurst } from "./restart-burst.ts";
import { RestartIntensity, type RestartLimits } from "./restart-intensity.ts";
import { type Host, type StartFailure, SupervisedChild } from "./supervised-child.ts";
import { checkDynamicSupervisorOptions, type DynamicSupervisorOptions } from "./supervisor-options.ts";
import type { ChildCounts, ChildInfo } from "./supervisor-process.ts";

export class DynamicSupervisorProcess implements Child, AsyncDisposable {
  readonly name?: Name;
  /** Resolves with the exit reason; never rejects. "shutdown" when it gave up. */
  readonly exited: Promise<ExitReason>;

  readonly #maxChildren: number;
  readonly #limits: RestartLimits;
  readonly #intensity: RestartIntensity;
  readonly #burst: RestartBurst;
  readonly #clock: Clock;
  readonly #host: Host;
  readonly #link: Link;
  /** All places, those of children that are being started or ended included. */
  readonly #places = new Set<SupervisedChild>();
  readonly #running = new Map<Child, SupervisedChild>();
  #life: "running" | "stopping" | "over" = "running";
  #isCutOff = false;
  #gaveUp = false;
  #releaseName: () => void = () => undefined;
  #exit: (reason: ExitReason) => void = () => undefined;

  constructor(options: DynamicSupervisorOptions, link: Link) {
    const { maxChildren, limits } = checkDynamicSupervisorOptions(options);
    this.#maxChildren = maxChildren;
    this.#limits = limits;
    this.#clock = options.clock ?? platform.clock;
    this.#intensity = new RestartIntensity(limits, () => this.#clock.now());
    this.#burst = new RestartBurst(this.#clock);
    this.#link = link;
    if (options.name !== undefined) {
      this.#releaseName = claimName(options.name, this);
      this.name = options.name;
    }
    this.#host = {
      clock: this.#clock,
      report: reportTo(options.logger ?? consoleReports(platform), this.#label, platform),
      exited: (place, child, reason) => this.#exitOf(place, child, reason),
    };
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
  }

  /**
   * Starts a child, beside others that are being started. Ids may be alike. Undefined: it had nothing to run, and is forgotten.
   * Rejects with a SupervisorError: "bad_spec", "max_children", "start_failed", "terminated".
   */
  async startChild(input: ChildInput): Promise<Child | undefined> {
    const spec = resolveSpec(input);
    if (this.#life !== "running") throw terminatedError(this.#label);
    if (this.#places.size >= this.#maxChildren) {
      throw new SupervisorError("max_children", `The ${this.#label} has its ${this.#maxChildren} children already.`);
    }
    const place = new SupervisedChild(spec, this.#host);
    this.#places.add(place);
    const failure = await this.#start(place);
    if (failure !== undefined) {
      this.#places.delete(place);
      throw startFailed(spec.id, failure.error);
    }
    return place.child;
  }

  /** Stops a child, and forgets it. Rejects with "not_found". */
  async terminateChild(child: Child): Promise<void> {
    const place = this.#running.get(child);
    if (place === undefined) {
      const message = `The ${this.#label} has no such child; it has ended, or is somebody else's.`;
      throw new SupervisorError("not_found", message);
    }
    await this.#terminate(place, child);
  }

  /** Did it end, or is it ending, because children were restarted too often? Its exit reason is "shutdown" then, as in OTP. */
  get gaveUp(): boolean {
    return this.#gaveUp;
  }

  /** The children, oldest start first; those whose first start is under way aren't there yet. */
  whichChildren(): readonly ChildInfo[] {
    return [...this.#places]
      .filter((place) => !isNew(place))
      .map(({ spec, child, restarts, startedAt, lastFault }) => ({
        id: spec.id,
        child: child ?? "restarting",
        type: spec.type,
        restart: spec.restart,
        restarts,
        startedAt,
        lastFault,
      }));
  }

  countChildren(): ChildCounts {
    const places = [...this.#places].filter((place) => !isNew(place));
    const supervisors = places.filter(({ spec }) => spec.type === "supervisor").length;
    return {
      specs: places.length,
      active: this.#running.size,
      supervisors,
      workers: places.length - supervisors,
    };
  }

  /**
   * Stops all children at once, each within its own shutdown time, then ends with this reason; that of the first call holds. After
   * `timeout` ms (default: none) all that still run are cut off, and the reason is "killed".
   */
  stop(
    reason: ExitReason = "normal",
    { timeout = Number.POSITIVE_INFINITY }: { readonly timeout?: number } = {},
  ): Promise<ExitReason> {
    if (this.#life === "over") return this.exited;
    const deadline = this.#clock.after(timeout, () => this.#cutOff(), true);
    void this.exited.then(() => this.#clock.cancel(deadline));
    if (this.#life === "running") void this.#end(reason, "told");
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #start(place: SupervisedChild): StartFailure | undefined | Promise<StartFailure | undefined> {
    const started = (failure: StartFailure | undefined): StartFailure | undefined => {
      if (place.child !== undefined) this.#running.set(place.child, place);
      // It has nothing to run.
      else if (failure === undefined) this.#places.delete(place);
      return failure;
    };
    const starting = place.start();
    return starting instanceof Promise ? starting.then(started) : started(starting);
  }

  #exitOf(place: SupervisedChild, child: Child, reason: ExitReason): void {
    if (this.#life !== "running") return;
    const verdict = place.note(child, reason);
    if (verdict === undefined) return;
    this.#running.delete(child);
    if (verdict === "restart") void this.#restart(place);
    else this.#places.delete(place);
  }

  async #restart(place: SupervisedChild): Promise<void> {
    if (!this.#intensity.add()) {
      this.#gaveUp = true;
      this.#host.report({ type: "gave_up", childId: place.spec.id, ...this.#limits });
      return this.#end("shutdown", "by itself");
    }
    const turn = this.#burst.add();
    if (turn !== undefined) await turn;
    if (this.#life !== "running") return;
    place.restarts += 1;
    const starting = this.#start(place);
    const failure = starting instanceof Promise ? await starting : starting;
    if (failure === undefined || this.#life !== "running") return;
    this.#host.report({ type: "start_failed", childId: place.spec.id, error: failure.error });
    // It is tried again behind whatever else waits, and counts each time.
    place.awaitRestart();
    this.#clock.after(0, () => void this.#tryAgain(place), true);
  }

  async #tryAgain(place: SupervisedChild): Promise<void> {
    if (this.#life === "running") await this.#restart(place);
  }

  async #terminate(place: SupervisedChild, child: Child): Promise<void> {
    await place.end();
    this.#running.delete(child);
    this.#places.delete(place);
  }

  async #end(reason: ExitReason, how: "told" | "by itself"): Promise<void> {
    this.#life = "stopping";
    await Promise.all([...this.#places].map((place) => place.end()));
    this.#places.clear();
    this.#running.clear();
    this.#life = "over";
    this.#releaseName();
    this.#exit(this.#isCutOff ? "killed" : reason);
    if (this.#link === "linked" && how === "by itself") raiseUnlessAdopted(this, this.#label, reason);
  }

  /** A stop's own deadline has run out: OTP's brutal kill, of us and so of all below. */
  #cutOff(): void {
    this.#isCutOff = true;
    for (const place of this.#places) place.cutOff();
  }

  get #label(): string {
    return this.name === undefined ? "dynamic supervisor" : `dynamic supervisor ${describeName(this.name)}`;
  }
}

function isNew({ standing, startedAt }: SupervisedChild): boolean {
  return standing === "starting" && startedAt === undefined;
}
