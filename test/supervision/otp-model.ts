/**
 * OTP's rules once more, as plainly as they can be told: one process that reads its mailbox and waits where OTP's supervisor waits. It
 * shares nothing with src/supervision but the words. What everfresh adds (starts that take their time, a stop that is heard in the middle of a
 * restart, children that survive being killed) is told here too.
 */
import { deepStrictEqual } from "node:assert/strict";

export type Plan = {
  readonly id: string;
  readonly restart: "permanent" | "transient" | "temporary";
  readonly shutdown: number | "brutal_kill" | "infinity";
  readonly significant: boolean;
  /** What each start does; "sync" from then on. An "async" one is settled by a command, an "abortable" one also by its signal. */
  readonly starts: readonly ("sync" | "ignore" | "throw" | "async" | "abortable")[];
  /** How it takes being told to end: at once, when a command says so, only when it is cut off, or never. */
  readonly stops: "prompt" | "late" | "never" | "immortal";
};

export type Config = {
  readonly strategy: "one_for_one" | "one_for_all" | "rest_for_one";
  readonly autoShutdown: "never" | "any_significant" | "all_significant";
  readonly maxRestarts: number;
  readonly maxSeconds: number;
  readonly children: readonly Plan[];
};

export type Reason = "normal" | "shutdown" | "killed" | "boom";

/** What both sides tell after each step. */
export type Snapshot = {
  /** Starts, ends and what children were told, in order. */
  readonly events: readonly string[];
  /** Sorted: of what ends at one moment it doesn't matter which is reported first. */
  readonly reports: readonly string[];
  readonly results: Readonly<Record<number, string>>;
  readonly children: readonly string[];
  readonly counts: readonly number[];
  readonly started: string;
  readonly exit: string | undefined;
};

export type Request =
  | { readonly type: "start"; readonly plan: Plan }
  | { readonly type: "terminate" | "restart" | "delete"; readonly id: string };

/** ms that a child has to be gone once it has been cut off. */
const KILL_GRACE = 1000;

type Instance = { readonly key: string; readonly plan: Plan; alive: boolean; told: Reason | undefined };
type Start = { readonly key: string; outcome: "pending" | "ok" | "failed" | "abandoned"; deadline?: Timer };
type Place = {
  readonly plan: Plan;
  state: "down" | "starting" | "running" | "restarting" | "ending";
  instance?: Instance;
  start?: Start;
  isCut: boolean;
  deadline?: Timer;
  isBrutal: boolean;
};
type Timer = { readonly at: number; readonly order: number; readonly run: () => void; cancelled: boolean };
type Message =
  | { readonly type: "exit"; readonly instance: Instance; readonly reason: Reason }
  | { readonly type: "tryAgain"; readonly place: Place }
  | { readonly type: "stop"; readonly reason: Reason }
  | { readonly type: "request"; readonly number: number; readonly request: Request };
/** It goes on when this holds. */
type Process = Generator<() => boolean, void>;

export class OtpModel {
  readonly #config: Config;
  readonly #events: string[] = [];
  readonly #results: Record<number, string> = {};
  readonly #starts = new Map<string, number>();
  readonly #mailbox: Message[] = [];
  readonly #process: Process;
  readonly #instances: Instance[] = [];
  /** Starts that nobody has settled yet, those that were abandoned included. */
  readonly #unsettled: { readonly start: Start; readonly plan: Plan }[] = [];
  #deferred: (() => void)[] = [];
  #timers: Timer[] = [];
  #timersSet = 0;
  #places: Place[] = [];
  #restarts: number[] = [];
  #now = 0;
  #life: "running" | "leaving" | "stopping" | "over" = "running";
  #isCutOff = false;
  #started = "pending";
  #exit: string | undefined;
  #goesOn: (() => boolean) | undefined;

  constructor(config: Config) {
    this.#config = config;
    this.#places = config.children.map(placeOf);
    this.#process = this.#run();
    this.settle(true);
  }

  // ── What commands ask and do ───────────────────────────────────────────────────────────────────────────────────

  get isOver(): boolean {
    return this.#life === "over";
  }

  /** Keys of what runs, in the order of its start. */
  get alive(): readonly string[] {
    return this.#instances.filter(({ alive }) => alive).map(({ key }) => key);
  }

  /** Keys of what has been told to end and takes its time. */
  get lingering(): readonly string[] {
    return this.#instances.filter(isLingering).map(({ key }) => key);
  }

  get unsettledStarts(): number {
    return this.#unsettled.length;
  }

  exitOf(key: string, reason: Reason): void {
    this.#ended(this.#instance(key), reason);
  }

  finishStop(key: string): void {
    const instance = this.#instance(key);
    this.#ended(instance, instance.told ?? "normal");
  }

  settleStart(outcome: "ok" | "failed"): void {
    const [{ start, plan }] = this.#unsettled.splice(0, 1) as [{ start: Start; plan: Plan }];
    if (outcome === "ok") {
      const instance = this.#spawn(start.key, plan);
      if (start.outcome === "abandoned") this.#tell(instance, "killed");
    }
    if (start.outcome === "pending") start.outcome = outcome;
  }

  request(number: number, request: Request): void {
    this.#mailbox.push({ type: "request", number, request });
  }

  stop(reason: Reason, timeout: number): void {
    if (this.#life !== "over") {
      this.#after(timeout, () => this.#cutOff());
      if (this.#life === "running") {
        this.#life = "leaving";
        for (const place of this.#places) this.#cancelStart(place);
        this.#mailbox.unshift({ type: "stop", reason });
      }
    }
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (let due = this.#next(until); due !== undefined; due = this.#next(until)) {
      this.#now = due.at;
      this.#fire(due);
    }
    this.#now = until;
  }

  /** Goes on until nothing more happens without a command or the clock; without `timers`, until only what is due at once is left. */
  settle(timers: boolean): void {
    this.#goOn();
    if (!timers) return;
    for (let due = this.#next(this.#now); due !== undefined; due = this.#next(this.#now)) this.#fire(due);
  }

  snapshot(): Snapshot {
    const childOf = ({ state, instance }: Place): string =>
      state === "running" || state === "ending" ? (instance?.key ?? "?") : state === "restarting" ? state : "down";
    return {
      ...told(this.#events),
      results: { ...this.#results },
      children: this.#places.map((place) => `${place.plan.id} ${childOf(place)}`),
      counts: [this.#places.length, this.#places.filter(({ state }) => /running|ending/.test(state)).length],
      started: this.#started,
      exit: this.#exit,
    };
  }

  // ── The process ────────────────────────────────────────────────────────────────────────────────────────────────

  *#run(): Process {
    yield* this.#startAll();
    while (this.#life !== "over") {
      yield () => this.#mailbox.length > 0;
      yield* this.#handle(this.#mailbox.shift() as Message);
    }
    while (true) {
      yield () => this.#mailbox.length > 0;
      yield* this.#handle(this.#mailbox.shift() as Message);
    }
  }

  *#startAll(): Process {
    for (const place of [...this.#places]) {
      const { value: failed } = yield* this.#start(place);
      if (this.#life !== "running") {
        this.#started = "terminated";
        return;
      }
      if (failed) {
        this.#events.push(`report start_failed ${place.plan.id}`);
        yield* this.#end(`failed to start ${place.plan.id}`);
        this.#started = "start_failed";
        return;
      }
      this.#removeIfNothing(place);
    }
    this.#started = "yes";
  }

  *#handle(message: Message): Process {
    switch (message.type) {
      case "stop":
        yield* this.#end(message.reason);
        return;
      case "exit": {
        const place = this.#places.find(({ state, instance }) => state === "running" && instance === message.instance);
        if (this.#life === "running" && place !== undefined) yield* this.#exited(place, message.reason);
        return;
      }
      case "tryAgain":
        if (this.#life === "running" && message.place.state === "restarting") yield* this.#restart(message.place);
        return;
      case "request":
        yield* this.#carryOut(message.number, message.request);
    }
  }

  *#carryOut(number: number, request: Request): Process {
    const answer = (result: string): void => {
      this.#results[number] = result;
    };
    if (this.#life !== "running") return answer("terminated");
    const place = this.#places.find(
      ({ plan }) => plan.id === (request.type === "start" ? request.plan.id : request.id),
    );
    if (request.type === "start") {
      if (place !== undefined) return answer(place.state === "running" ? "already_started" : "already_present");
      const fresh = placeOf(request.plan);
      this.#places.push(fresh);
      const { value: failed } = yield* this.#start(fresh);
      if (failed) this.#remove(fresh);
      else this.#removeIfNothing(fresh);
      return answer(failed ? "start_failed" : fresh.state === "down" ? "ignored" : "ok");
    }
    if (place === undefined) return answer("not_found");
    if (request.type === "terminate") {
      yield* this.#terminate(place);
      return answer("ok");
    }
    if (place.state !== "down") return answer(place.state === "restarting" ? "restarting" : "running");
    if (request.type === "delete") {
      this.#remove(place);
      return answer("ok");
    }
    const { value: failed } = yield* this.#start(place);
    answer(failed ? "start_failed" : (place.state as string) === "down" ? "ignored" : "ok");
  }

  *#exited(place: Place, reason: Reason): Process {
    place.state = "down";
    const { id, restart, significant } = place.plan;
    const isFault = reason !== "normal" && reason !== "shutdown";
    if (restart === "permanent" || isFault) this.#events.push(`report child_terminated ${id}`);
    if (restart === "permanent" || (restart === "transient" && isFault)) {
      yield* this.#restart(place);
      return;
    }
    if (restart === "temporary") this.#remove(place);
    const { autoShutdown } = this.#config;
    const others = this.#places.some((other) => other.plan.significant && other.state !== "down");
    if (significant && (autoShutdown === "any_significant" || (autoShutdown === "all_significant" && !others))) {
      yield* this.#end("shutdown");
    }
  }

  *#restart(failed: Place): Process {
    const { strategy, maxRestarts, maxSeconds } = this.#config;
    this.#restarts = [...this.#restarts, this.#now].filter((at) => this.#now - at <= maxSeconds * 1000);
    if (this.#restarts.length > maxRestarts) {
      this.#events.push(`report gave_up ${failed.plan.id}`);
      yield* this.#end("shutdown");
      return;
    }
    const from = this.#places.indexOf(failed);
    const group = strategy === "one_for_one" ? [failed] : this.#places.slice(strategy === "one_for_all" ? 0 : from);
    for (const place of [...group].reverse()) {
      yield* this.#terminate(place);
      if (this.#life !== "running") return;
    }
    for (const place of group) {
      if (place.plan.restart === "temporary") continue;
      const { value: notStarted } = yield* this.#start(place);
      if (this.#life !== "running") return;
      if (!notStarted) continue;
      this.#events.push(`report start_failed ${place.plan.id}`);
      place.state = "restarting";
      this.#after(0, () => this.#mailbox.push({ type: "tryAgain", place }));
      return;
    }
  }

  /** Its value: has it failed? */
  *#start(place: Place): Generator<() => boolean, { readonly value: boolean }> {
    const { id, starts } = place.plan;
    const number = (this.#starts.get(id) ?? 0) + 1;
    this.#starts.set(id, number);
    const key = `${id}${number}`;
    const how = starts[number - 1] ?? "sync";
    this.#events.push(`start ${key} ${how}`);
    place.state = "down";
    if (how === "ignore") return { value: false };
    if (how === "throw") return { value: true };
    if (how === "sync") {
      this.#stand(place, this.#spawn(key, place.plan));
      return { value: false };
    }
    const start: Start = { key, outcome: "pending" };
    place.state = "starting";
    place.start = start;
    this.#unsettled.push({ start, plan: place.plan });
    yield () => start.outcome !== "pending";
    if (start.deadline !== undefined) start.deadline.cancelled = true;
    place.state = "down";
    if (start.outcome === "ok") this.#stand(place, this.#instance(key));
    if (start.outcome === "abandoned") this.#events.push(`report shutdown_failed ${id} abandoned`);
    return { value: start.outcome !== "ok" };
  }

  *#terminate(place: Place): Process {
    yield* this.#endPlace(place);
    if (place.plan.restart === "temporary") this.#remove(place);
  }

  *#endPlace(place: Place): Process {
    if (place.state === "running") this.#beginEnd(place, place.plan.shutdown);
    yield () => place.state !== "ending";
    place.state = "down";
  }

  *#end(reason: string): Process {
    this.#life = "stopping";
    for (const place of [...this.#places].reverse()) yield* this.#endPlace(place);
    this.#life = "over";
    this.#exit = this.#isCutOff ? "killed" : reason;
    this.#timers = [];
  }

  // ── Ending, which goes on whether the process waits for it or not ──────────────────────────────────────────────

  #beginEnd(place: Place, shutdown: Plan["shutdown"]): void {
    place.state = "ending";
    place.isCut = false;
    place.isBrutal = shutdown === "brutal_kill";
    const instance = place.instance as Instance;
    if (!instance.alive) this.#deferred.push(() => this.#finishEnd(place, instance.told ?? "normal", false));
    if (shutdown === "brutal_kill") {
      this.#cutEnd(place);
      return;
    }
    this.#tell(instance, "shutdown");
    place.deadline = this.#after(shutdown === "infinity" ? Number.POSITIVE_INFINITY : shutdown, () =>
      this.#cutEnd(place),
    );
  }

  #cutEnd(place: Place): void {
    if (place.isCut || place.state !== "ending") return;
    place.isCut = true;
    if (place.deadline !== undefined) place.deadline.cancelled = true;
    const instance = place.instance as Instance;
    this.#tell(instance, "killed");
    place.deadline = this.#after(KILL_GRACE, () => this.#deferred.push(() => this.#finishEnd(place, "killed", true)));
  }

  #finishEnd(place: Place, reason: Reason, abandoned: boolean): void {
    if (place.state !== "ending") return;
    if (place.deadline !== undefined) place.deadline.cancelled = true;
    place.state = "down";
    const { id, restart } = place.plan;
    const expected = reason === (place.isBrutal ? "killed" : "shutdown");
    const orderly = restart !== "permanent" && (reason === "normal" || reason === "shutdown");
    if (abandoned) this.#events.push(`report shutdown_failed ${id} abandoned`);
    else if (!expected && !orderly) this.#events.push(`report shutdown_failed ${id} ${reason}`);
  }

  #cancelStart(place: Place): void {
    if (place.state !== "starting") return;
    const start = place.start as Start;
    const at = this.#unsettled.findIndex((one) => one.start === start);
    if (place.plan.starts[Number(start.key.slice(1)) - 1] === "abortable") {
      this.#unsettled.splice(at, 1);
      start.outcome = "failed";
    }
    const { shutdown } = place.plan;
    const timeout = shutdown === "brutal_kill" ? 0 : shutdown === "infinity" ? Number.POSITIVE_INFINITY : shutdown;
    start.deadline = this.#after(timeout, () => abandon(start));
  }

  #cutOff(): void {
    this.#isCutOff = true;
    for (const place of this.#places) {
      if (place.state === "starting") abandon(place.start as Start);
      if (place.state === "running") this.#beginEnd(place, "brutal_kill");
      else this.#cutEnd(place);
    }
  }

  // ── The world ──────────────────────────────────────────────────────────────────────────────────────────────────

  #spawn(key: string, plan: Plan): Instance {
    const instance: Instance = { key, plan, alive: true, told: undefined };
    this.#instances.push(instance);
    return instance;
  }

  #stand(place: Place, instance: Instance): void {
    place.instance = instance;
    place.state = "running";
  }

  #tell(instance: Instance, reason: Reason): void {
    if (!instance.alive) return;
    this.#events.push(`tell ${instance.key} ${reason}`);
    const { stops } = instance.plan;
    instance.told = reason;
    if (stops === "prompt" || (reason === "killed" && stops !== "immortal")) this.#ended(instance, reason);
  }

  #ended(instance: Instance, reason: Reason): void {
    if (!instance.alive) return;
    instance.alive = false;
    instance.told = reason;
    this.#events.push(`end ${instance.key} ${reason}`);
    this.#mailbox.push({ type: "exit", instance, reason });
    const place = this.#places.find((one) => one.instance === instance && one.state === "ending");
    if (place !== undefined) this.#deferred.push(() => this.#finishEnd(place, reason, false));
  }

  #instance(key: string): Instance {
    return this.#instances.find((one) => one.key === key) as Instance;
  }

  #remove(place: Place): void {
    this.#places = this.#places.filter((one) => one !== place);
  }

  #removeIfNothing(place: Place): void {
    if (place.state === "down" && place.plan.restart === "temporary") this.#remove(place);
  }

  // ── Time ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #after(ms: number, run: () => void): Timer {
    const timer: Timer = { at: this.#now + ms, order: this.#timersSet, run, cancelled: false };
    this.#timersSet += 1;
    this.#timers.push(timer);
    return timer;
  }

  #next(until: number): Timer | undefined {
    this.#timers = this.#timers.filter(({ cancelled }) => !cancelled);
    return this.#timers
      .filter(({ at }) => at <= until)
      .sort((one, other) => one.at - other.at || one.order - other.order)[0];
  }

  #fire(timer: Timer): void {
    timer.cancelled = true;
    timer.run();
    this.#goOn();
  }

  #goOn(): void {
    for (;;) {
      const deferred = this.#deferred;
      this.#deferred = [];
      for (const act of deferred) act();
      if (this.#deferred.length > 0) continue;
      if (this.#goesOn !== undefined && !this.#goesOn()) return;
      const { value, done } = this.#process.next();
      deepStrictEqual(done, false);
      this.#goesOn = value as () => boolean;
    }
  }
}

/** Events as a snapshot has them. */
export function told(events: readonly string[]): Pick<Snapshot, "events" | "reports"> {
  const isReport = (event: string): boolean => event.startsWith("report ");
  return { events: events.filter((event) => !isReport(event)), reports: events.filter(isReport).sort() };
}

const isLingering = ({ alive, told, plan }: Instance): boolean => alive && told === "shutdown" && plan.stops === "late";

const placeOf = (plan: Plan): Place => ({ plan, state: "down", isCut: false, isBrutal: false });

function abandon(start: Start): void {
  if (start.outcome === "pending") start.outcome = "abandoned";
}
