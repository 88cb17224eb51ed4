/**
 * Every order of events is tried, of the live connection, of a successor or predecessor beside it, of users, module and clock.
 * Lives are compared without the numbers of their attempts, so that the set of what can be reached is finite; it is explored
 * until nothing new appears: the rules hold for sequences of any length.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FreshError } from "../../src/connection/errors.ts";
import type { Decision, LifecycleEvent } from "../../src/connection/lifecycle.ts";
import {
  advance,
  type Life,
  type LifeAction,
  type LifeEvent,
  statusOf,
  UNBORN,
} from "../../src/connection/replacement.ts";

const error = new FreshError({ kind: "streaming_failed", phase: "open", reason: "ended", detail: "it ended." });
const headers = new Headers();

const DECISIONS: readonly Decision[] = [
  { type: "ignore" },
  { type: "reconnect", state: "initial", after: undefined },
  { type: "reconnect", state: "given", after: 5 },
  { type: "stop", reason: "normal" },
];
/** The number of an attempt that was over long ago. */
const LONG_AGO = -5;

function alphabet(life: Life): readonly LifeEvent[] {
  const ofTransport = (generation: number): readonly LifecycleEvent[] => [
    { type: "provided", generation },
    { type: "connected", generation },
    { type: "opened", generation, status: 101, headers },
    { type: "attemptFailed", generation, error },
    { type: "peerClosed", generation, code: 1000, reason: "" },
    { type: "violated", generation, error },
    { type: "lost", generation, error },
  ];
  const companion = life.companion?.generation;
  return [
    { type: "start" },
    ...ofTransport(life.main.generation),
    ...(companion === undefined ? [] : ofTransport(companion)),
    ...ofTransport(LONG_AGO),
    { type: "replaceRequested" },
    { type: "replaceGivenUp" },
    { type: "turnCame", generation: companion ?? LONG_AGO },
    { type: "closeRequested", code: 1000, reason: "" },
    { type: "reconnectRequested" },
    { type: "stopRequested", reason: "shutdown" },
    ...DECISIONS.map((decision) => ({ type: "decided", decision }) as const),
    ...DECISIONS.map((decision) => ({ type: "faultDecided", decision }) as const),
    { type: "crashed", reason: { error: "boom", callback: "handleIn" } },
    { type: "finished" },
    ...(["provider", "connect", "upgrade", "close", "backoff", "stop"] as const).map(
      (timer) => ({ type: "timedOut", timer }) as const,
    ),
    ...(["provider", "connect", "upgrade", "close"] as const).map(
      (timer) => ({ type: "companionTimedOut", timer }) as const,
    ),
  ];
}

type Transport = "none" | "asking" | "opening" | "open";

/** What an onlooker knows who sees only events and actions. */
type Onlooker = {
  readonly main: Transport;
  readonly successor: Transport;
  readonly predecessor: "none" | "draining" | "ended";
  /** The change of hands waits in the mailbox. */
  readonly announced: boolean;
  readonly deadline: string;
  readonly companionDeadline: string;
  readonly stopDeadline: boolean;
  readonly terminals: number;
  readonly asked: boolean;
  readonly terminate: "no" | "queued" | "now";
  readonly exited: boolean;
  readonly started: boolean;
};

const FIRST: Onlooker = {
  main: "none",
  successor: "none",
  predecessor: "none",
  announced: false,
  deadline: "",
  companionDeadline: "",
  stopDeadline: false,
  terminals: 0,
  asked: false,
  terminate: "no",
  exited: false,
  started: false,
};

const ENDS = ["peerClosed", "violated", "lost"];

/** Can this event happen at all, given what has been seen? */
function possible(seen: Onlooker, life: Life, event: LifeEvent): boolean {
  if (seen.terminate === "now") return event.type === "finished";
  if ("generation" in event && event.type !== "turnCame") {
    if (event.generation === LONG_AGO) return true;
    const beside = event.generation === life.companion?.generation;
    if (beside && seen.successor === "none") return seen.predecessor === "draining" && ENDS.includes(event.type);
    const of = beside ? seen.successor : seen.main;
    if (event.type === "provided") return of === "asking";
    if (event.type === "connected" || event.type === "opened") return of === "opening";
    if (event.type === "attemptFailed") return of === "asking" || of === "opening";
    return of === "open" && ENDS.includes(event.type);
  }
  switch (event.type) {
    case "start":
      return !seen.started;
    case "turnCame":
      return seen.announced;
    case "decided":
      return seen.asked;
    case "finished":
      return seen.terminate !== "no";
    case "timedOut":
      return event.timer === "stop" ? seen.stopDeadline : seen.deadline === event.timer;
    case "companionTimedOut":
      return seen.companionDeadline === event.timer;
    default:
      return true;
  }
}

function look(seen: Onlooker, before: Life, event: LifeEvent, actions: readonly LifeAction[]): Onlooker {
  let next: Onlooker = seen;
  const set = (change: Partial<Onlooker>): void => {
    next = { ...next, ...change };
  };
  if ("generation" in event && event.type !== "turnCame") {
    const beside = event.generation === before.companion?.generation;
    const reached: Transport | undefined =
      event.type === "opened"
        ? "open"
        : ENDS.includes(event.type) || event.type === "attemptFailed"
          ? "none"
          : undefined;
    if (reached !== undefined && event.generation !== LONG_AGO) {
      if (!beside) set({ main: reached });
      else if (seen.successor !== "none") set({ successor: reached });
      else set({ predecessor: "ended" });
    }
  }
  if (event.type === "start") set({ started: true });
  if (event.type === "turnCame") set({ announced: false });
  if (event.type === "decided") set({ asked: false });
  if (event.type === "timedOut") set(event.timer === "stop" ? { stopDeadline: false } : { deadline: "" });
  if (event.type === "companionTimedOut") set({ companionDeadline: "" });
  let newest = before.newest;
  for (const [at, action] of actions.entries()) {
    assert.ok(!next.exited, "nothing is done after the exit");
    switch (action.type) {
      case "askProviders":
        assert.equal(next.main, "none", "an attempt begins only when the one before it is over");
        assert.equal(next.successor, "none", "a successor that is on its way is the next attempt");
        assert.equal(next.predecessor, "none");
        assert.ok(action.generation > newest, "each attempt has a number of its own");
        newest = action.generation;
        set({ main: "asking", terminals: 0, started: true });
        break;
      case "openTransport":
        assert.equal(next.main, "asking");
        set({ main: "opening" });
        break;
      case "destroyTransport":
        set({ main: "none" });
        break;
      case "askCompanionProviders":
        assert.equal(next.main, "open", "only a live connection is replaced");
        assert.deepEqual([next.successor, next.predecessor], ["none", "none"], "one companion at a time");
        assert.ok(action.generation > newest, "each attempt has a number of its own");
        newest = action.generation;
        set({ successor: "asking" });
        break;
      case "openCompanion":
        assert.equal(next.successor, "asking");
        set({ successor: "opening" });
        break;
      case "announceSuccessor":
        assert.deepEqual([next.main, next.successor], ["open", "open"]);
        assert.equal(at, actions.length - 1, "the mailbox may be idle, and then its turn comes at once");
        set({ announced: true });
        break;
      case "handOver":
        assert.deepEqual([next.main, next.successor], ["open", "open"], "make before break: both are open");
        assert.equal(next.terminals, 0, "the module has heard of no end");
        set({ successor: "none", predecessor: "draining" });
        break;
      case "adoptSuccessor":
        assert.equal(next.main, "none");
        assert.notEqual(next.successor, "none");
        assert.equal(next.deadline, "");
        set({ main: next.successor, successor: "none", terminals: 0 });
        set({ deadline: next.companionDeadline, companionDeadline: "" });
        break;
      case "abandonSuccessor":
        assert.ok(before.companion !== undefined && before.companion.stage !== "retiring");
        set({ successor: "none" });
        break;
      case "endPredecessor":
        assert.notEqual(next.predecessor, "none");
        assert.ok(action.how !== "ended" || next.predecessor === "ended");
        set({ predecessor: "none" });
        break;
      case "sendClose":
        assert.equal(next.main, "open", "a close frame goes out only on an open connection");
        break;
      case "setDeadline":
        set({ deadline: action.timer });
        break;
      case "setBackoff":
        assert.equal(next.successor, "none", "nothing is waited for while a successor is on its way");
        set({ deadline: "backoff" });
        break;
      case "clearDeadline":
        set({ deadline: "" });
        break;
      case "setCompanionDeadline":
        set({ companionDeadline: action.timer });
        break;
      case "clearCompanionDeadline":
        set({ companionDeadline: "" });
        break;
      case "setStopDeadline":
        set({ stopDeadline: true });
        break;
      case "invokeConnect":
        assert.equal(next.main, "open");
        break;
      case "invokeDisconnect":
      case "invokeError":
        assert.equal(next.terminals, 0, "an attempt ends with exactly one of handleDisconnect and handleError");
        assert.equal(next.main, "none", "the transport is gone when the module hears of its end");
        assert.equal(next.predecessor, "none", "nothing of the new one comes before the last of the one before it");
        set({ terminals: 1, asked: true });
        break;
      case "invokeTerminate":
        assert.notEqual(next.terminate, "now", "handleTerminate runs once");
        assert.deepEqual([next.main, next.successor, next.predecessor], ["none", "none", "none"]);
        set({ terminate: action.now ? "now" : "queued", asked: false });
        break;
      case "exit":
        assert.deepEqual([next.main, next.successor, next.predecessor], ["none", "none", "none"]);
        assert.equal(next.companionDeadline, "");
        set({ exited: true, deadline: "", stopDeadline: false });
        break;
      default:
        break;
    }
    if (action.type.startsWith("invoke"))
      assert.equal(
        at,
        actions.length - 1,
        "a callback may do anything, so its invocation is the last action of a step",
      );
  }
  if (event.type === "faultDecided" && next.main === "none" && seen.main === "open") set({ terminals: 1 });
  return next;
}

function rules(life: Life, seen: Onlooker): void {
  const { main, companion } = life;
  switch (companion?.stage) {
    case undefined:
      assert.deepEqual([seen.successor, seen.predecessor, seen.companionDeadline], ["none", "none", ""]);
      break;
    case "attempting":
      assert.equal(seen.companionDeadline, companion.phase, "a successor has the deadline of its phase (section 2.9)");
      break;
    case "opened":
      assert.deepEqual([seen.successor, seen.companionDeadline], ["open", ""]);
      assert.ok(
        seen.announced || main.status === "deciding",
        "an open successor has its turn before it, or is adopted",
      );
      break;
    case "retiring":
      assert.equal(seen.companionDeadline, "close", "a predecessor has a deadline (section 2.9)");
      assert.ok(companion.held === undefined || statusOf(life) === "closing", "what has ended isn't called open");
      break;
  }
  if (companion !== undefined && companion.stage !== "retiring")
    assert.ok(main.status === "open" || main.status === "deciding", `no successor while ${main.status}`);
  if (main.status === "open" && statusOf(life) === "open") assert.equal(seen.main, "open");
  if (main.status === "terminated") assert.ok(seen.exited);
}

function keyOf(life: Life, seen: Onlooker): string {
  const { main, companion } = life;
  const numbers = (key: string, value: unknown): unknown =>
    key === "generation" ? (value === main.generation ? "live" : "beside") : value;
  return JSON.stringify([main, companion, seen], numbers);
}

type Visit = { readonly life: Life; readonly seen: Onlooker; readonly path: readonly string[] };

const wordOf = (event: LifeEvent): string =>
  event.type +
  ("timer" in event ? `:${event.timer}` : "decision" in event ? `:${event.decision.type}` : "") +
  ("generation" in event ? `(${event.generation})` : "");

/** Every life that possible events lead to, in order of distance. */
function explore(): readonly Visit[] {
  const first: Visit = { life: UNBORN, seen: FIRST, path: [] };
  const known = new Map([[keyOf(UNBORN, FIRST), first]]);
  // A map may grow while it is iterated over.
  for (const { life, seen, path } of known.values()) {
    for (const event of alphabet(life)) {
      if (!possible(seen, life, event)) continue;
      const trail = [...path, wordOf(event)];
      try {
        const step = advance(life, event);
        const after = look(seen, life, event, step.actions);
        rules(step.life, after);
        const key = keyOf(step.life, after);
        if (!known.has(key)) known.set(key, { life: step.life, seen: after, path: trail });
      } catch (fault) {
        throw new Error(`${trail.join(" → ")}: ${(fault as Error).message}`, { cause: fault });
      }
    }
  }
  return [...known.values()];
}

test("the rules of section 2 hold for a connection that is being replaced, after every sequence of possible events", () => {
  const visits = explore();
  const stages = new Set(visits.map(({ life }) => `${life.main.status} + ${life.companion?.stage ?? "nothing"}`));
  for (const met of [
    "open + attempting",
    "open + opened",
    "open + retiring",
    "closing + retiring",
    "deciding + opened",
  ])
    assert.ok(stages.has(met), `${met} was never reached`);
  assert.ok(
    visits.some(({ life }) => life.companion?.stage === "retiring" && life.companion.held !== undefined),
    "an end that is held was never reached",
  );
  assert.ok(visits.length > 100, `${visits.length} lives were reached`);
});

test("an event of an attempt that is over changes nothing, whatever stands beside", () => {
  for (const { life } of explore()) {
    for (const event of alphabet(life)) {
      if (!("generation" in event) || event.generation !== LONG_AGO) continue;
      const step = advance(life, event);
      assert.deepEqual([step.life, step.actions], [life, []]);
    }
  }
});

test("a replacement that fails leaves the live connection as it was, in every phase of its attempt", () => {
  const open = explore().filter(({ life }) => life.main.status === "open" && life.companion?.stage === "attempting");
  assert.ok(open.length >= 3);
  for (const { life } of open) {
    const generation = life.companion?.generation as number;
    const step = advance(life, { type: "attemptFailed", generation, error });
    assert.equal(step.life.main, life.main);
    assert.deepEqual(step.actions, [
      { type: "clearCompanionDeadline" },
      { type: "abandonSuccessor", fault: { error } },
    ]);
  }
});

const after = (events: readonly LifeEvent[]): Life => events.reduce((life, event) => advance(life, event).life, UNBORN);
const OPEN: readonly LifeEvent[] = [
  { type: "start" },
  { type: "provided", generation: 1 },
  { type: "connected", generation: 1 },
  { type: "opened", generation: 1, status: 101, headers },
];
const SUCCESSOR: readonly LifeEvent[] = [
  { type: "replaceRequested" },
  { type: "provided", generation: 2 },
  { type: "connected", generation: 2 },
  { type: "opened", generation: 2, status: 101, headers },
];
const typesOf = (actions: readonly LifeAction[]): readonly string[] => actions.map(({ type }) => type);

test("if the old one dies meanwhile, the new one becomes the next attempt, in whichever phase it is", () => {
  for (const phases of [1, 2, 3, 4]) {
    for (const decision of DECISIONS) {
      const dying = after([...OPEN, ...SUCCESSOR.slice(0, phases), { type: "lost", generation: 1, error }]);
      assert.equal(dying.main.status, "deciding");
      const { life, actions } = advance(dying, { type: "decided", decision });
      if (decision.type === "reconnect" && decision.after === undefined) {
        assert.equal(life.main.status, phases === 4 ? "open" : "connecting");
        assert.equal(life.main.generation, 2, "it is that attempt, and no other");
        assert.equal(life.companion, undefined);
        assert.deepEqual(
          typesOf(actions),
          phases === 4
            ? ["setState", "adoptSuccessor", "clearDeadline", "invokeConnect"]
            : ["setState", "adoptSuccessor"],
        );
      } else {
        // A wait that the module asked for is kept, and where it doesn't go on nothing is left open.
        assert.equal(life.main.status, { ignore: "idle", reconnect: "waiting", stop: "terminating" }[decision.type]);
        assert.ok(typesOf(actions).includes("abandonSuccessor"));
      }
    }
  }
});

test("the end of the new one waits behind the last frames of the one before, which is not cut off for it", () => {
  const both = after([...OPEN, ...SUCCESSOR, { type: "turnCame", generation: 2 }]);
  const held = advance(both, { type: "lost", generation: 2, error });
  assert.deepEqual(held.actions, []);
  assert.equal(statusOf(held.life), "closing");
  for (const end of [
    { type: "peerClosed", generation: 1, code: 1000, reason: "" },
    { type: "companionTimedOut", timer: "close" },
  ] as const) {
    const { life, actions } = advance(held.life, end);
    assert.deepEqual(typesOf(actions), ["clearCompanionDeadline", "endPredecessor", "invokeError"]);
    assert.equal(life.main.status, "deciding");
  }
});

test("from every life a stop leads to the exit without any help from the network, and leaves no companion", () => {
  for (const { life: start } of explore()) {
    let life = advance(start, { type: "stopRequested", reason: "shutdown" }).life;
    for (let turn = 0; turn < 6 && life.main.status !== "terminated"; turn += 1) {
      life = advance(life, { type: "companionTimedOut", timer: "close" }).life;
      life = advance(life, { type: "timedOut", timer: "close" }).life;
      life = advance(life, { type: "timedOut", timer: "stop" }).life;
      life = advance(life, { type: "finished" }).life;
    }
    assert.equal(life.main.status, "terminated");
    assert.equal(life.companion, undefined);
  }
});

test("even an impossible event never throws", () => {
  for (const { life } of explore()) for (const event of alphabet(life)) advance(life, event);
});
