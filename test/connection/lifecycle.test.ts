/**
 * Every order of events is tried. States are compared without their generation's number, so the set of what can be reached
 * is finite, and it is explored until nothing new appears: the rules hold for sequences of any length, not just of 8.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FreshError } from "../../src/connection/errors.ts";
import {
  type Action,
  type Decision,
  INITIAL,
  type LifecycleEvent,
  type LifecycleState,
  publicStatus,
  transition,
} from "../../src/connection/lifecycle.ts";

const error = new FreshError({ kind: "streaming_failed", phase: "open", reason: "ended", detail: "it ended." });
const headers = new Headers();

const DECISIONS: readonly Decision[] = [
  { type: "ignore" },
  { type: "reconnect", state: "initial", after: undefined },
  { type: "reconnect", state: "given", after: 5 },
  { type: "stop", reason: "normal" },
];

/** Every event there is; those of a transport for the attempt under way, and for the one before it. */
function alphabet(generation: number): readonly LifecycleEvent[] {
  const ofTransport = (of: number): readonly LifecycleEvent[] => [
    { type: "provided", generation: of },
    { type: "connected", generation: of },
    { type: "opened", generation: of, status: 101, headers },
    { type: "attemptFailed", generation: of, error },
    { type: "peerClosed", generation: of, code: 1000, reason: "" },
    { type: "violated", generation: of, error },
    { type: "lost", generation: of, error },
  ];
  return [
    { type: "start" },
    ...ofTransport(generation),
    ...ofTransport(generation - 1),
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
  ];
}

/** What an onlooker knows who sees only events and actions: the rules are stated over this. */
type Onlooker = {
  /** Is there a transport, opening or open? */
  readonly transport: "none" | "opening" | "open";
  readonly closeSent: boolean;
  readonly deadline: string;
  readonly stopDeadline: boolean;
  /** Terminal callbacks invoked for the present attempt. */
  readonly terminals: number;
  /** Is the answer to a terminal callback awaited? */
  readonly asked: boolean;
  /** Was the state set since the present attempt ended? */
  readonly stateSet: boolean;
  readonly attempts: "none" | "some";
  readonly stopping: boolean;
  readonly terminate: "no" | "queued" | "now";
  readonly exited: boolean;
};

const FIRST: Onlooker = {
  transport: "none",
  closeSent: false,
  deadline: "",
  stopDeadline: false,
  terminals: 0,
  asked: false,
  stateSet: true,
  attempts: "none",
  stopping: false,
  terminate: "no",
  exited: false,
};

/** Can this event happen at all, given what has been seen? A transport that doesn't exist says nothing, and so on. */
function possible(seen: Onlooker, state: LifecycleState, event: LifecycleEvent): boolean {
  if (seen.terminate === "now") return event.type === "finished";
  if ("generation" in event && event.generation !== state.generation) return true;
  switch (event.type) {
    case "start":
      return seen.attempts === "none" && !seen.stopping && seen.terminate === "no";
    case "provided":
      return state.status === "connecting" && state.phase === "provider";
    case "connected":
    case "opened":
      return seen.transport === "opening";
    case "attemptFailed":
      return seen.transport === "opening" || (state.status === "connecting" && state.phase === "provider");
    case "peerClosed":
    case "violated":
    case "lost":
      return seen.transport === "open";
    case "decided":
      return seen.asked;
    case "finished":
      return seen.terminate !== "no";
    case "timedOut":
      return event.timer === "stop" ? seen.stopDeadline : seen.deadline === event.timer;
    default:
      return true;
  }
}

function look(
  seen: Onlooker,
  before: LifecycleState,
  event: LifecycleEvent,
  actions: readonly Action[],
  after: LifecycleState,
): Onlooker {
  let next: Onlooker = seen;
  const set = (change: Partial<Onlooker>): void => {
    next = { ...next, ...change };
  };
  const current = !("generation" in event) || event.generation === before.generation;
  if (current) {
    if (event.type === "opened") set({ transport: "open" });
    if (["attemptFailed", "peerClosed", "violated", "lost"].includes(event.type)) set({ transport: "none" });
    if (event.type === "decided") set({ asked: false });
    if (event.type === "timedOut") set(event.timer === "stop" ? { stopDeadline: false } : { deadline: "" });
    if (event.type === "stopRequested") set({ stopping: true });
    if ((event.type === "decided" || event.type === "faultDecided") && event.decision.type === "stop")
      set({ stopping: true });
    if (event.type === "crashed") set({ stopping: true });
  }
  for (const action of actions) {
    assert.ok(!next.exited, "nothing is done after the exit");
    switch (action.type) {
      case "askProviders":
        assert.equal(next.transport, "none", "an attempt begins only when the transport before it is gone");
        assert.ok(!next.stopping, "stop is final: no attempt begins after it");
        assert.ok(!next.asked, "no attempt begins while the module is being asked what follows");
        assert.ok(next.stateSet, "the state is set anew before each attempt but the first (section 2.7)");
        assert.equal(action.generation, before.generation + 1, "each attempt has a number of its own");
        set({ terminals: 0, closeSent: false, attempts: "some", stateSet: false });
        break;
      case "openTransport":
        assert.equal(next.transport, "none");
        assert.ok(!next.stopping, "stop is final: nothing is opened after it");
        set({ transport: "opening" });
        break;
      case "destroyTransport":
        set({ transport: "none" });
        break;
      case "sendClose":
        assert.equal(next.transport, "open", "a close frame goes out only on an open connection");
        assert.ok(!next.closeSent, "one close frame a connection (RFC 6455 §5.5.1)");
        set({ closeSent: true });
        break;
      case "setDeadline":
        set({ deadline: action.timer });
        break;
      case "setBackoff":
        set({ deadline: "backoff" });
        break;
      case "clearDeadline":
        set({ deadline: "" });
        break;
      case "setStopDeadline":
        set({ stopDeadline: true });
        break;
      case "setState":
        set({ stateSet: true });
        break;
      case "invokeConnect":
        assert.equal(event.type, "opened");
        assert.ok(!next.stopping, "no connection opens after a stop");
        break;
      case "invokeDisconnect":
      case "invokeError":
        assert.equal(
          next.terminals,
          0,
          "an attempt ends with exactly one of handleDisconnect and handleError (section 2.4)",
        );
        assert.equal(next.transport, "none", "the transport is gone when the module hears of its end");
        set({ terminals: 1, asked: true, stateSet: false });
        break;
      case "invokeTerminate":
        assert.notEqual(next.terminate, "now", "handleTerminate runs once");
        assert.ok(next.terminate === "no" || action.now, "a queued handleTerminate is only ever brought forward");
        assert.equal(next.transport, "none", "the transport is gone when the module terminates");
        set({ terminate: action.now ? "now" : "queued", asked: false });
        break;
      case "discardFrames":
        break;
      case "exit":
        assert.notEqual(next.terminate, "no", "handleTerminate comes before the exit");
        assert.equal(next.transport, "none", "no transport is left behind");
        set({ exited: true, deadline: "", stopDeadline: false });
        break;
    }
    if (action.type.startsWith("invoke")) {
      assert.equal(
        actions.at(-1),
        action,
        "a callback may do anything, so its invocation is the last action of a step",
      );
    }
  }
  // A module that leaves on a fault has heard its handleError: that was the attempt's one ending.
  if (event.type === "faultDecided" && event.decision.type === "reconnect" && before.status !== after.status) {
    set({ terminals: 1 });
  }
  return next;
}

function rules(state: LifecycleState, seen: Onlooker): void {
  switch (state.status) {
    case "idle":
    case "deciding":
      assert.equal(seen.transport, "none", `${state.status} has no transport`);
      assert.equal(seen.deadline, "", `${state.status} has no deadline of the lifecycle's own`);
      break;
    case "connecting":
      assert.equal(seen.deadline, state.phase, "connecting has the deadline of its phase (section 2.9)");
      assert.equal(seen.transport, state.phase === "provider" ? "none" : "opening");
      break;
    case "open":
      assert.equal(seen.deadline, "", "open has no deadline");
      assert.equal(seen.transport, "open");
      break;
    case "closing":
      assert.equal(seen.deadline, "close", "closing has a deadline (section 2.9)");
      assert.equal(seen.transport, "open");
      assert.ok(seen.closeSent, "closing means that our close frame is out");
      break;
    case "waiting":
      assert.equal(seen.deadline, "backoff", "waiting has a deadline (section 2.9)");
      assert.equal(seen.transport, "none");
      break;
    case "terminating":
      assert.ok(seen.stopDeadline || seen.terminate === "now", "terminating has a deadline (section 2.9)");
      assert.equal(seen.deadline, "");
      break;
    case "terminated":
      assert.ok(seen.exited);
      assert.deepEqual(
        [seen.transport, seen.deadline, seen.stopDeadline],
        ["none", "", false],
        "nothing is left (section 2.13)",
      );
      break;
  }
  if (seen.stopping)
    assert.ok(!["idle", "waiting", "connecting", "open"].includes(state.status), "after a stop it only ends");
  if (state.status === "deciding") assert.ok(seen.asked, "deciding means that the module has been asked");
}

const keyOf = (state: LifecycleState, seen: Onlooker): string => JSON.stringify([{ ...state, generation: 0 }, seen]);

test("the rules of section 2 hold after every sequence of possible events, of any length", () => {
  const known = new Map<string, { state: LifecycleState; seen: Onlooker }>();
  let frontier = [{ state: INITIAL, seen: FIRST, path: [] as readonly string[] }];
  known.set(keyOf(INITIAL, FIRST), { state: INITIAL, seen: FIRST });
  let depth = 0;
  let steps = 0;
  const statuses = new Set<string>();
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { state, seen, path } of frontier) {
      for (const event of alphabet(state.generation)) {
        if (!possible(seen, state, event)) continue;
        steps += 1;
        const trail = [
          ...path,
          event.type + ("timer" in event ? `:${event.timer}` : "decision" in event ? `:${event.decision.type}` : ""),
        ];
        const result = transition(state, event);
        let after: Onlooker;
        try {
          after = look(seen, state, event, result.actions, result.state);
          rules(result.state, after);
        } catch (fault) {
          throw new Error(`${trail.join(" → ")}: ${(fault as Error).message}`, { cause: fault });
        }
        statuses.add(result.state.status);
        const key = keyOf(result.state, after);
        if (known.has(key)) continue;
        known.set(key, { state: result.state, seen: after });
        next.push({ state: result.state, seen: after, path: trail });
      }
    }
    frontier = next;
    depth += 1;
  }
  assert.ok(depth >= 8, `the longest shortest way to a state has ${depth} events`);
  assert.deepEqual([...statuses].sort(), [
    "closing",
    "connecting",
    "deciding",
    "idle",
    "open",
    "terminated",
    "terminating",
    "waiting",
  ]);
  assert.ok(steps > 1000, `${steps} steps were tried`);
});

test("an event of an attempt that is over changes nothing, in any state", () => {
  forEachState((state) => {
    for (const event of alphabet(state.generation)) {
      if (!("generation" in event) || event.generation === state.generation) continue;
      const step = transition(state, event);
      assert.equal(step.state, state);
      assert.deepEqual(step.actions, []);
    }
  });
});

test("even an impossible event never throws, and a terminated connection ignores every event", () => {
  forEachState((state) => {
    for (const event of alphabet(state.generation)) {
      const step = transition(state, event);
      if (state.status !== "terminated") continue;
      assert.equal(step.state, state);
      assert.deepEqual(step.actions, []);
    }
  });
});

test("from every state a stop leads to the exit without any help from the network", () => {
  forEachState((start) => {
    let state = transition(start, { type: "stopRequested", reason: "shutdown" }).state;
    // The peer says nothing more: only deadlines run out, and handleTerminate runs.
    for (let turn = 0; turn < 6 && state.status !== "terminated"; turn += 1) {
      state = transition(state, { type: "timedOut", timer: "close" }).state;
      state = transition(state, { type: "timedOut", timer: "stop" }).state;
      state = transition(state, { type: "finished" }).state;
    }
    assert.equal(state.status, "terminated", `from ${start.status}`);
  });
});

test("a stop tells the peer 1001 for a shutdown, 1000 otherwise, and a crash tells it 1011 (RFC 6455 §7.4.1)", () => {
  const open: LifecycleState = { status: "open", generation: 1 };
  const codeOf = (event: LifecycleEvent): unknown =>
    transition(open, event).actions.flatMap((action) => (action.type === "sendClose" ? [action.code] : []))[0];
  assert.equal(codeOf({ type: "stopRequested", reason: "shutdown" }), 1001);
  assert.equal(codeOf({ type: "stopRequested", reason: { shutdown: "deploy" } }), 1001);
  assert.equal(codeOf({ type: "stopRequested", reason: "normal" }), 1000);
  assert.equal(codeOf({ type: "crashed", reason: "boom" }), 1011);
});

test("users see a status of the design's six in every state", () => {
  forEachState((state) => {
    assert.ok(["idle", "connecting", "open", "closing", "waiting", "terminated"].includes(publicStatus(state)));
  });
});

/** Calls back with every state that any sequence of events, possible or not, can reach. */
function forEachState(visit: (state: LifecycleState) => void): void {
  const known = new Set<string>();
  let frontier: LifecycleState[] = [INITIAL];
  while (frontier.length > 0) {
    const next: LifecycleState[] = [];
    for (const state of frontier) {
      const key = JSON.stringify({ ...state, generation: 0 });
      if (known.has(key)) continue;
      known.add(key);
      visit(state);
      for (const event of alphabet(state.generation)) next.push(transition(state, event).state);
    }
    frontier = next;
  }
}
