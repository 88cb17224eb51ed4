/**
 * Our supervisor beside a model of OTP's rules, under random sequences of exits and commands, with children that start at once, later, or not
 * at all, and end at once, late, only when they are cut off, or never. After each step both tell the same; and whatever happens, what has to
 * hold always holds.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { type Child, type ChildSpec, type ExitReason, Supervisor, SupervisorError } from "../../src/index.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { type Config, OtpModel, type Plan, type Reason, type Request, type Snapshot, told } from "./otp-model.ts";

/** So many runs, each of up to so many commands. EVERFRESH_RUNS asks for more. */
const RUNS = Number(process.env.EVERFRESH_RUNS ?? 2000);
const COMMANDS = 25;
/** Turns of the event loop in which whatever waits for promises only comes to rest. */
const TURNS = 3;

class RealChild implements Child {
  readonly key: string;
  readonly exited: Promise<ExitReason>;
  alive = true;
  told: Reason | undefined;
  readonly #plan: Plan;
  readonly #events: string[];
  #exit: (reason: ExitReason) => void = () => undefined;

  constructor(key: string, plan: Plan, events: string[]) {
    this.key = key;
    this.#plan = plan;
    this.#events = events;
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
  }

  async stop(reason: ExitReason = "normal"): Promise<void> {
    if (!this.alive) return;
    this.#events.push(`tell ${this.key} ${String(reason)}`);
    this.told = reason as Reason;
    const { stops } = this.#plan;
    if (stops === "prompt" || (reason === "killed" && stops !== "immortal")) this.end(this.told);
  }

  end(reason: Reason): void {
    if (!this.alive) return;
    this.alive = false;
    this.#events.push(`end ${this.key} ${reason}`);
    this.#exit(reason);
  }
}

type Unsettled = {
  readonly key: string;
  readonly plan: Plan;
  readonly resolve: (child: Child) => void;
  readonly reject: (error: unknown) => void;
};

class Real {
  readonly #config: Config;
  readonly #clock = new FakeClock();
  readonly #events: string[] = [];
  readonly #results: Record<number, string> = {};
  readonly #children: RealChild[] = [];
  readonly #starts = new Map<string, number>();
  readonly #unsettled: Unsettled[] = [];
  readonly #supervisor: Supervisor;
  /** When what was restarted, in ms. */
  readonly restarts: number[] = [];
  #started = "pending";
  #exit: string | undefined;

  constructor(config: Config) {
    this.#config = config;
    const { strategy, autoShutdown, maxRestarts, maxSeconds } = config;
    this.#supervisor = Supervisor.start(
      config.children.map((plan) => this.#spec(plan)),
      { strategy, autoShutdown, maxRestarts, maxSeconds, clock: this.#clock, logger: { error: this.#report } },
    );
    this.#supervisor.started.then(
      () => {
        this.#started = "yes";
      },
      (error: SupervisorError) => {
        this.#started = error.reason;
      },
    );
    void this.#supervisor.exited.then((reason) => {
      this.#exit = typeof reason === "string" ? reason : `failed to start ${failedToStart(reason)}`;
    });
  }

  exitOf(key: string, reason: Reason): void {
    this.#child(key).end(reason);
  }

  finishStop(key: string): void {
    const child = this.#child(key);
    child.end(child.told ?? "normal");
  }

  settleStart(outcome: "ok" | "failed"): void {
    const { key, plan, resolve, reject } = this.#unsettled.shift() as Unsettled;
    if (outcome === "ok") resolve(this.#spawn(key, plan));
    else reject(new Error("boom"));
  }

  request(number: number, request: Request): void {
    this.#carryOut(request).then(
      (result) => {
        this.#results[number] = result;
      },
      (error) => {
        this.#results[number] = error instanceof SupervisorError ? error.reason : String(error);
      },
    );
  }

  stop(reason: Reason, timeout: number): void {
    void this.#supervisor.stop(reason, { timeout });
  }

  /** Lets everything that waits for promises go on, and with `timers` what is due now. */
  async settle(timers: boolean): Promise<void> {
    if (timers) await this.#clock.run(0, { turns: TURNS });
    else for (let turn = 0; turn < TURNS; turn += 1) await nextTurn();
  }

  async advance(ms: number): Promise<void> {
    await this.#clock.run(ms, { turns: TURNS });
  }

  snapshot(): Snapshot {
    const { specs, active } = this.#supervisor.countChildren();
    return {
      ...told(this.#events),
      results: { ...this.#results },
      children: this.#supervisor
        .whichChildren()
        .map(({ id, child }) => `${id} ${child instanceof RealChild ? child.key : (child ?? "down")}`),
      counts: [specs, active],
      started: this.#started,
      exit: this.#exit,
    };
  }

  /** What holds whatever happens. */
  checkInvariants(): void {
    const alive = this.#children.filter((child) => child.alive).map(({ key }) => key);
    const abandoned = this.#events.flatMap((event) => /^report shutdown_failed (\w) abandoned$/.exec(event)?.[1] ?? []);
    const wanted = alive.filter((key) => !abandoned.includes(key.slice(0, 1)));
    assert.equal(
      new Set(wanted.map((key) => key.slice(0, 1))).size,
      wanted.length,
      `two at once: ${wanted.join(", ")}`,
    );
    if (this.#exit !== undefined) assert.deepEqual(wanted, [], "something runs after the supervisor's exit");
    const { maxRestarts, maxSeconds } = this.#config;
    for (const [number, at] of this.restarts.entries()) {
      const over = this.restarts[number + maxRestarts];
      if (over !== undefined) assert.ok(over - at > maxSeconds * 1000, "more than maxRestarts within maxSeconds");
    }
  }

  readonly #report = ({ event, childId, abandoned, reason }: Readonly<Record<string, unknown>>): void => {
    const how = event !== "shutdown_failed" ? "" : abandoned === true ? " abandoned" : ` ${String(reason)}`;
    this.#events.push(`report ${String(event)} ${String(childId)}${how}`);
    const restart = this.#supervisor?.whichChildren().find(({ id }) => id === childId)?.restart;
    // Unless the supervisor gives up, a restart follows.
    if (event === "child_terminated" && restart !== "temporary") this.restarts.push(this.#clock.now());
    if (event === "gave_up") this.restarts.pop();
  };

  #spec(plan: Plan): ChildSpec {
    const { id, restart, shutdown, significant, starts } = plan;
    return {
      id,
      restart,
      shutdown,
      significant,
      start: ({ signal }) => {
        const number = (this.#starts.get(id) ?? 0) + 1;
        this.#starts.set(id, number);
        const key = `${id}${number}`;
        const how = starts[number - 1] ?? "sync";
        this.#events.push(`start ${key} ${how}`);
        if (how === "ignore") return undefined;
        if (how === "throw") throw new Error("boom");
        if (how === "sync") return this.#spawn(key, plan);
        return new Promise<Child>((resolve, reject) => {
          const unsettled: Unsettled = { key, plan, resolve, reject };
          this.#unsettled.push(unsettled);
          if (how !== "abortable") return;
          signal.addEventListener("abort", () => {
            const at = this.#unsettled.indexOf(unsettled);
            if (at >= 0) this.#unsettled.splice(at, 1);
            reject(signal.reason);
          });
        });
      },
    };
  }

  #spawn(key: string, plan: Plan): RealChild {
    const child = new RealChild(key, plan, this.#events);
    this.#children.push(child);
    return child;
  }

  #child(key: string): RealChild {
    return this.#children.find((child) => child.key === key) as RealChild;
  }

  async #carryOut(request: Request): Promise<string> {
    switch (request.type) {
      case "start":
        return (await this.#supervisor.startChild(this.#spec(request.plan))) === undefined ? "ignored" : "ok";
      case "restart":
        return (await this.#supervisor.restartChild(request.id)) === undefined ? "ignored" : "ok";
      case "terminate":
        await this.#supervisor.terminateChild(request.id);
        return "ok";
      case "delete":
        await this.#supervisor.deleteChild(request.id);
        return "ok";
    }
  }
}

function failedToStart(reason: ExitReason): string {
  const { shutdown } = reason as { readonly shutdown: { readonly failedToStartChild: string } };
  return shutdown.failedToStartChild;
}

// ── Commands ───────────────────────────────────────────────────────────────────────────────────────────────────────

type Sides = { readonly model: OtpModel; requests: number };

/** A command is what it does to either side, and when it can be given. */
class Step implements fc.AsyncCommand<Sides, Real> {
  readonly #words: string;
  readonly #timers: boolean;
  readonly #can: (model: OtpModel) => boolean;
  readonly #act: (side: OtpModel | Real, sides: Sides) => unknown;

  /** `timers`: does what is due at once happen before the next command? A failed restart is tried again so. */
  constructor(
    words: string,
    timers: boolean,
    can: (model: OtpModel) => boolean,
    act: (side: OtpModel | Real, sides: Sides) => unknown,
  ) {
    this.#words = timers ? words : `${words}, and at once`;
    this.#timers = timers;
    this.#can = can;
    this.#act = act;
  }

  check({ model }: Readonly<Sides>): boolean {
    return this.#can(model);
  }

  async run(sides: Sides, real: Real): Promise<void> {
    const { model } = sides;
    sides.requests += 1;
    // What a command is about is chosen by how the model stands, so the real one goes first.
    await this.#act(real, sides);
    await real.settle(this.#timers);
    this.#act(model, sides);
    model.settle(this.#timers);
    assert.deepEqual(real.snapshot(), model.snapshot());
    real.checkInvariants();
  }

  toString(): string {
    return this.#words;
  }
}

const IDS = ["a", "b", "c", "d"];
const reasons = fc.constantFrom<Reason>("normal", "shutdown", "killed", "boom", "boom");
const ids = fc.constantFrom(...IDS);
const indices = fc.nat(9);

const planOf = (id: string, significance: boolean): fc.Arbitrary<Plan> =>
  fc
    .record({
      restart: fc.constantFrom("permanent", "permanent", "transient", "temporary"),
      shutdown: fc.constantFrom(500, 5000, "brutal_kill", "infinity"),
      significant: fc.boolean(),
      starts: fc.array(fc.constantFrom("sync", "sync", "sync", "ignore", "throw", "async", "abortable"), {
        maxLength: 6,
      }),
      stops: fc.constantFrom("prompt", "prompt", "prompt", "late", "never", "immortal"),
    })
    .map((plan) => ({
      ...plan,
      id,
      significant: significance && plan.significant && plan.restart !== "permanent",
    })) as fc.Arbitrary<Plan>;

const configs: fc.Arbitrary<Config> = fc
  .record({
    strategy: fc.constantFrom("one_for_one", "one_for_all", "rest_for_one"),
    autoShutdown: fc.constantFrom("never", "never", "any_significant", "all_significant"),
    maxRestarts: fc.constantFrom(0, 1, 3, 10),
    maxSeconds: fc.constantFrom(1, 5),
    size: fc.nat(3),
  })
  .chain(({ size, ...options }) =>
    fc
      .tuple(...IDS.slice(0, size).map((id) => planOf(id, options.autoShutdown !== "never")))
      .map((children) => ({ ...options, children })),
  ) as fc.Arbitrary<Config>;

const nth = (keys: readonly string[], index: number): string => keys[index % keys.length] as string;

type Action = readonly [
  words: string,
  can: (model: OtpModel) => boolean,
  act: (side: OtpModel | Real, sides: Sides) => unknown,
];
const always = (): boolean => true;

const actions: readonly fc.Arbitrary<Action>[] = [
  fc.tuple(fc.array(indices, { minLength: 1, maxLength: 2 }), reasons).map(
    ([chosen, reason]): Action => [
      `exit of ${chosen.map((index) => `#${index}`).join(" and ")} with ${reason}`,
      (model) => model.alive.length > 0,
      (side, { model }) => {
        const { alive } = model;
        for (const key of new Set(chosen.map((index) => nth(alive, index)))) side.exitOf(key, reason);
      },
    ],
  ),
  indices.map(
    (index): Action => [
      `late stop #${index} is done`,
      (model) => model.lingering.length > 0,
      (side, { model }) => side.finishStop(nth(model.lingering, index)),
    ],
  ),
  fc
    .constantFrom<"ok" | "failed">("ok", "ok", "failed")
    .map(
      (outcome): Action => [
        `start settles: ${outcome}`,
        (model) => model.unsettledStarts > 0,
        (side) => side.settleStart(outcome),
      ],
    ),
  fc.constantFrom(1, 400, 500, 1000, 6000).map((ms): Action => [`${ms} ms pass`, always, (side) => side.advance(ms)]),
  ids
    .chain((id) => planOf(id, false))
    .map(
      (plan): Action => [
        `startChild(${JSON.stringify(plan)})`,
        always,
        (side, { requests }) => side.request(requests, { type: "start", plan }),
      ],
    ),
  fc
    .tuple(fc.constantFrom<"terminate" | "restart" | "delete">("terminate", "restart", "delete"), ids)
    .map(
      ([type, id]): Action => [
        `${type}Child(${id})`,
        always,
        (side, { requests }) => side.request(requests, { type, id }),
      ],
    ),
];

const stops = fc
  .tuple(reasons, fc.constantFrom(Number.POSITIVE_INFINITY, 0, 800, 20_000))
  .map(([reason, timeout]): Action => [`stop(${reason}, ${timeout})`, always, (side) => side.stop(reason, timeout)]);

// A stop ends what there is to see, so it is the rarer command.
const steps = fc
  .tuple(
    fc.oneof(...actions.map((arbitrary) => ({ arbitrary, weight: 4 })), { arbitrary: stops, weight: 1 }),
    fc.boolean(),
  )
  .map(([[words, can, act], timers]) => new Step(words, timers, can, act));

async function bothSides(config: Config): Promise<{ readonly model: Sides; readonly real: Real }> {
  const sides = { model: { model: new OtpModel(config), requests: 0 }, real: new Real(config) };
  await sides.real.settle(true);
  return sides;
}

test("a supervisor does what the model of OTP's rules does, step by step, whatever exits and is asked for", async () => {
  await fc.assert(
    fc.asyncProperty(configs, fc.commands([steps], { maxCommands: COMMANDS, size: "max" }), (config, commands) =>
      fc.asyncModelRun(() => bothSides(config), commands),
    ),
    { numRuns: RUNS, includeErrorInReport: true },
  );
});
