/**
 * One connection's life as a pure function: `transition(state, event)` gives the next state and what to do.
 *
 * Nothing here knows a socket, a timer, a promise or the module's state; connection.ts performs the actions in their order.
 * So every order of events can be explored, and the rules of the design's section 2 are checked as invariants
 * (test/connection/lifecycle.test.ts). Data frames don't pass through here.
 *
 *            start                 connected, opened              closeRequested, stopRequested
 *     idle ─────────▶ connecting ──────────────────────▶ open ────────────────────────────────▶ closing
 *      ▲                 ▲  │ attemptFailed, timeout       │ peerClosed, lost, violated           │
 *      │ ignore          │  └───────────────▶ deciding ◀───┴──────────────────────────────────────┘
 *      └─────────────────┼────────────────────┘ │ │ stop
 *                waiting ┘◀─────────── reconnect┘ └────────▶ terminating ──finished──▶ terminated
 */
import type { ConnectionStatus } from "../behaviour.ts";
import type { ExitReason } from "../supervision/exit-reason.ts";
import type { FreshError } from "./errors.ts";

/** What follows once the module has answered: as it says, or what was asked for meanwhile. */
type Next =
  | { readonly type: "ask" }
  | { readonly type: "reconnect" }
  | { readonly type: "stop"; readonly reason: ExitReason };

/** The parts of an attempt that have a deadline of their own. */
export type AttemptPhase = "provider" | "connect" | "upgrade";

export type LifecycleState = {
  /** Counts attempts; an event of a transport carries the number of its own, and is void when that one is over. */
  readonly generation: number;
} & (
  | { readonly status: "idle" }
  | { readonly status: "connecting"; readonly phase: AttemptPhase }
  | { readonly status: "open" }
  /** Our close frame is out. */
  | { readonly status: "closing"; readonly next: Next }
  /** The attempt has ended; handleDisconnect or handleError has been invoked and its response is awaited. */
  | { readonly status: "deciding"; readonly next: Next }
  | { readonly status: "waiting" }
  /** handleTerminate has been invoked. */
  | { readonly status: "terminating"; readonly reason: ExitReason }
  | { readonly status: "terminated"; readonly reason: ExitReason }
);

/** A response of handleDisconnect or handleError as far as the lifecycle cares: the state it carries is elsewhere. */
export type Decision =
  | { readonly type: "ignore" }
  | { readonly type: "reconnect"; readonly state: "initial" | "given"; readonly after: number | undefined }
  | { readonly type: "stop"; readonly reason: ExitReason };

export type LifecycleEvent =
  | { readonly type: "start" }
  // From the attempt under way, or from its transport.
  | { readonly type: "provided"; readonly generation: number }
  | { readonly type: "connected"; readonly generation: number }
  | { readonly type: "opened"; readonly generation: number; readonly status: number; readonly headers: Headers }
  | { readonly type: "attemptFailed"; readonly generation: number; readonly error: FreshError }
  | {
      readonly type: "peerClosed";
      readonly generation: number;
      readonly code: number | undefined;
      readonly reason: string | undefined;
    }
  /** This end has failed the connection and sent a close frame: the peer broke the protocol, or an extension failed. */
  | { readonly type: "violated"; readonly generation: number; readonly error: FreshError }
  | { readonly type: "lost"; readonly generation: number; readonly error: FreshError }
  // From users.
  | { readonly type: "closeRequested"; readonly code: number | undefined; readonly reason: string | undefined }
  | { readonly type: "reconnectRequested" }
  | { readonly type: "stopRequested"; readonly reason: ExitReason }
  // From the module.
  /** The answer to the handleDisconnect or handleError that ended an attempt. */
  | { readonly type: "decided"; readonly decision: Decision }
  /** The answer to a handleError that ended nothing: encoding_failed or casting_failed. */
  | { readonly type: "faultDecided"; readonly decision: Decision }
  | { readonly type: "crashed"; readonly reason: ExitReason }
  /** handleTerminate has run; `reason` is there when it failed and so gives the exit a reason of its own. */
  | { readonly type: "finished"; readonly reason?: ExitReason }
  // From the clock.
  | { readonly type: "timedOut"; readonly timer: TimerName };

export type TimerName = AttemptPhase | "close" | "backoff" | "stop";

/** What handleError is to be told: an error that came with an event, or a deadline that ran out. */
export type Fault = { readonly error: FreshError } | { readonly timedOut: AttemptPhase };

export type Action =
  /** Ask the providers, if there are any, for this attempt; `provided` or `attemptFailed` follows. */
  | { readonly type: "askProviders"; readonly generation: number }
  | { readonly type: "openTransport"; readonly generation: number }
  /** Abandon or end the transport of the present attempt, at once and silently. */
  | { readonly type: "destroyTransport" }
  | { readonly type: "sendClose"; readonly code: number | undefined; readonly reason: string | undefined }
  /** One deadline is alive at a time; setting one clears the other. "stop" is apart from them. */
  | { readonly type: "setDeadline"; readonly timer: Exclude<TimerName, "stop" | "backoff"> }
  | { readonly type: "setBackoff"; readonly after: number | undefined }
  | { readonly type: "clearDeadline" }
  | { readonly type: "setStopDeadline" }
  | { readonly type: "setState"; readonly to: "initial" | "given" }
  | { readonly type: "invokeConnect"; readonly status: number; readonly headers: Headers }
  | { readonly type: "invokeDisconnect"; readonly code: number | undefined; readonly reason: string | undefined }
  | { readonly type: "invokeError"; readonly fault: Fault }
  /** Invoke handleTerminate: `now` passes over what still waits in the mailbox, and over a callback that is pending. */
  | { readonly type: "invokeTerminate"; readonly reason: ExitReason; readonly now: boolean }
  /** Frames of the attempt that has just ended must not reach the module any more. */
  | { readonly type: "discardFrames" }
  | { readonly type: "exit"; readonly reason: ExitReason };

export type Step = { readonly state: LifecycleState; readonly actions: readonly Action[] };

export const INITIAL: LifecycleState = { status: "idle", generation: 0 };
const ASK: Next = { type: "ask" };
const NOTHING: readonly Action[] = [];

/** The status users see: what is being decided or torn down is "closing". */
export function publicStatus(state: LifecycleState): ConnectionStatus {
  return state.status === "deciding" || state.status === "terminating" ? "closing" : state.status;
}

/** `next` is the number that a new attempt is given. */
export function transition(state: LifecycleState, event: LifecycleEvent, next: number = state.generation + 1): Step {
  // An event of an attempt that is over means nothing, whatever it says (section 2.4).
  if ("generation" in event && event.generation !== state.generation) return stay(state);
  switch (state.status) {
    case "idle":
      return whileIdle(state, event, next);
    case "connecting":
      return whileConnecting(state, event);
    case "open":
      return whileOpen(state, event);
    case "closing":
      return whileClosing(state, event);
    case "deciding":
      return whileDeciding(state, event, next);
    case "waiting":
      return whileWaiting(state, event, next);
    case "terminating":
      return whileTerminating(state, event);
    case "terminated":
      return stay(state);
  }
}

type In<Status extends LifecycleState["status"]> = Extract<LifecycleState, { status: Status }>;

function whileIdle(state: In<"idle">, event: LifecycleEvent, next: number): Step {
  switch (event.type) {
    case "start":
    case "reconnectRequested":
      return attempt(next);
    case "stopRequested":
      return terminate(state, event.reason, NOTHING);
    case "faultDecided":
      // Nothing is there to ignore or to leave, but a reconnect is one wherever it is answered.
      return faultWithoutTransport(state, event.decision, (actions) =>
        event.decision.type === "reconnect" ? wait(state, event.decision.after, actions) : { state, actions },
      );
    case "crashed":
      return crash(state, event.reason, NOTHING);
    default:
      return stay(state);
  }
}

function whileConnecting(state: In<"connecting">, event: LifecycleEvent): Step {
  switch (event.type) {
    case "provided":
      if (state.phase !== "provider") return stay(state);
      return {
        state: { ...state, phase: "connect" },
        actions: [
          { type: "setDeadline", timer: "connect" },
          { type: "openTransport", generation: state.generation },
        ],
      };
    case "connected":
      if (state.phase !== "connect") return stay(state);
      return { state: { ...state, phase: "upgrade" }, actions: [{ type: "setDeadline", timer: "upgrade" }] };
    case "opened":
      if (state.phase === "provider") return stay(state);
      return {
        state: { status: "open", generation: state.generation },
        actions: [{ type: "clearDeadline" }, { type: "invokeConnect", status: event.status, headers: event.headers }],
      };
    case "attemptFailed":
      // The transport has ended by itself; the providers of a failed attempt may still be running.
      return decide(state, ASK, [
        { type: "clearDeadline" },
        { type: "destroyTransport" },
        { type: "invokeError", fault: { error: event.error } },
      ]);
    case "timedOut":
      if (event.timer !== state.phase) return stay(state);
      return decide(state, ASK, [
        { type: "destroyTransport" },
        { type: "invokeError", fault: { timedOut: event.timer } },
      ]);
    case "closeRequested":
      // There is no connection to send a close frame on: the attempt is abandoned (section 2.5).
      return decide(state, ASK, [...ABANDON, { type: "invokeDisconnect", code: undefined, reason: undefined }]);
    case "reconnectRequested":
      return decide(state, { type: "reconnect" }, [
        ...ABANDON,
        { type: "invokeDisconnect", code: undefined, reason: undefined },
      ]);
    case "stopRequested":
      return terminate(state, event.reason, ABANDON);
    case "faultDecided":
      return faultWithoutTransport(state, event.decision, (actions) => ({ state, actions }));
    case "crashed":
      return crash(state, event.reason, ABANDON);
    default:
      return stay(state);
  }
}

function whileOpen(state: In<"open">, event: LifecycleEvent): Step {
  switch (event.type) {
    case "closeRequested":
      return {
        state: { status: "closing", generation: state.generation, next: ASK },
        actions: [
          { type: "sendClose", code: event.code, reason: event.reason },
          { type: "setDeadline", timer: "close" },
        ],
      };
    case "stopRequested":
      return {
        state: {
          status: "closing",
          generation: state.generation,
          next: { type: "stop", reason: event.reason },
        },
        actions: [
          { type: "sendClose", code: closeCodeOf(event.reason), reason: "" },
          { type: "setDeadline", timer: "close" },
          { type: "setStopDeadline" },
        ],
      };
    case "reconnectRequested":
      // A close frame for courtesy; its answer is not waited for: "leave the current server now".
      return decide(state, { type: "reconnect" }, [
        { type: "sendClose", code: 1000, reason: "" },
        { type: "destroyTransport" },
        { type: "invokeDisconnect", code: undefined, reason: undefined },
      ]);
    case "peerClosed":
      return decide(state, ASK, [{ type: "invokeDisconnect", code: event.code, reason: event.reason }]);
    case "violated":
    case "lost":
      return decide(state, ASK, [{ type: "invokeError", fault: { error: event.error } }]);
    case "faultDecided":
      return leaveOnFault(state, event.decision);
    case "crashed":
      // 1011: "a condition that prevented it from fulfilling the request" (RFC 6455 §7.4.1).
      return crash(state, event.reason, [{ type: "sendClose", code: 1011, reason: "" }, { type: "destroyTransport" }]);
    default:
      return stay(state);
  }
}

function whileClosing(state: In<"closing">, event: LifecycleEvent): Step {
  const ended = (code: number | undefined, reason: string | undefined, actions: readonly Action[]): Step =>
    state.next.type === "stop"
      ? terminate(state, state.next.reason, [{ type: "clearDeadline" }, ...actions])
      : decide(state, state.next, [{ type: "clearDeadline" }, ...actions, { type: "invokeDisconnect", code, reason }]);
  switch (event.type) {
    case "peerClosed":
      return ended(event.code, event.reason, NOTHING);
    case "lost":
      // We said goodbye first, so the end of TCP is no fault (section 2.5).
      return ended(undefined, undefined, NOTHING);
    case "timedOut":
      if (event.timer === "close") return ended(undefined, undefined, [{ type: "destroyTransport" }]);
      return event.timer === "stop" && state.next.type === "stop"
        ? cutOff(state, [{ type: "clearDeadline" }, { type: "destroyTransport" }])
        : stay(state);
    case "violated":
      if (state.next.type === "stop") return terminate(state, state.next.reason, [{ type: "clearDeadline" }]);
      return decide(state, state.next, [
        { type: "clearDeadline" },
        { type: "invokeError", fault: { error: event.error } },
      ]);
    case "reconnectRequested":
      if (state.next.type === "stop") return stay(state);
      return decide(state, { type: "reconnect" }, [
        ...ABANDON,
        { type: "invokeDisconnect", code: undefined, reason: undefined },
      ]);
    case "stopRequested":
      return {
        // The first stop's reason holds; a later one may bring the end nearer.
        state: state.next.type === "stop" ? state : { ...state, next: { type: "stop", reason: event.reason } },
        actions: [{ type: "setStopDeadline" }],
      };
    case "faultDecided":
      return state.next.type === "stop" ? stay(state) : leaveOnFault(state, event.decision);
    case "crashed":
      return crash(state, event.reason, ABANDON);
    default:
      return stay(state);
  }
}

function whileDeciding(state: In<"deciding">, event: LifecycleEvent, next: number): Step {
  switch (event.type) {
    case "decided": {
      const { decision } = event;
      // A stop that came meanwhile is final, whatever the module answers.
      if (state.next.type === "stop") return terminate(state, state.next.reason, NOTHING);
      if (decision.type === "stop") return terminate(state, decision.reason, NOTHING);
      const actions: readonly Action[] = [
        { type: "setState", to: decision.type === "reconnect" ? decision.state : "given" },
      ];
      if (state.next.type === "reconnect") return attempt(next, actions);
      return decision.type === "reconnect"
        ? wait(state, decision.after, actions)
        : { state: { status: "idle", generation: state.generation }, actions };
    }
    case "reconnectRequested":
      return state.next.type === "ask"
        ? { state: { ...state, next: { type: "reconnect" } }, actions: NOTHING }
        : stay(state);
    case "stopRequested":
      return {
        // The first stop's reason holds; a later one may bring the end nearer.
        state: state.next.type === "stop" ? state : { ...state, next: { type: "stop", reason: event.reason } },
        actions: [{ type: "setStopDeadline" }],
      };
    case "faultDecided":
      if (state.next.type === "stop") return stay(state);
      // The handler that ends the attempt has yet to speak: only its answer, or a stop, says where to go.
      return faultWithoutTransport(state, event.decision, () => stay(state));
    case "crashed":
      return crash(state, event.reason, NOTHING);
    case "timedOut":
      return event.timer === "stop" && state.next.type === "stop" ? cutOff(state, NOTHING) : stay(state);
    default:
      return stay(state);
  }
}

function whileWaiting(state: In<"waiting">, event: LifecycleEvent, next: number): Step {
  switch (event.type) {
    case "timedOut":
      return event.timer === "backoff" ? attempt(next) : stay(state);
    case "reconnectRequested":
      return attempt(next, [{ type: "clearDeadline" }]);
    case "stopRequested":
      return terminate(state, event.reason, [{ type: "clearDeadline" }]);
    case "faultDecided":
      return faultWithoutTransport(state, event.decision, (actions) => ({ state, actions }));
    case "crashed":
      return crash(state, event.reason, [{ type: "clearDeadline" }]);
    default:
      return stay(state);
  }
}

function whileTerminating(state: In<"terminating">, event: LifecycleEvent): Step {
  switch (event.type) {
    case "finished": {
      const reason = event.reason ?? state.reason;
      return {
        state: { status: "terminated", generation: state.generation, reason },
        actions: [{ type: "exit", reason }],
      };
    }
    case "crashed":
      // A callback that was pending when the stop came has failed: that is how it ends, and the fault is not hidden.
      return crash(state, event.reason, NOTHING);
    case "stopRequested":
      return { state, actions: [{ type: "setStopDeadline" }] };
    case "timedOut":
      return event.timer === "stop" ? cutOff(state, NOTHING) : stay(state);
    default:
      return stay(state);
  }
}

// ── What the states have in common ───────────────────────────────────────────────────────────────────────────────

const ABANDON: readonly Action[] = [{ type: "clearDeadline" }, { type: "destroyTransport" }];

function stay(state: LifecycleState): Step {
  return { state, actions: NOTHING };
}

function attempt(generation: number, first: readonly Action[] = NOTHING): Step {
  return {
    state: { status: "connecting", generation, phase: "provider" },
    actions: [...first, { type: "setDeadline", timer: "provider" }, { type: "askProviders", generation }],
  };
}

function wait(state: LifecycleState, after: number | undefined, first: readonly Action[]): Step {
  return {
    state: { status: "waiting", generation: state.generation },
    actions: [...first, { type: "setBackoff", after }],
  };
}

function decide(state: LifecycleState, next: Next, actions: readonly Action[]): Step {
  return { state: { status: "deciding", generation: state.generation, next }, actions };
}

/** An orderly end: what still waits in the mailbox is handled first, within the stop's deadline. */
function terminate(state: LifecycleState, reason: ExitReason, first: readonly Action[]): Step {
  return {
    state: { status: "terminating", generation: state.generation, reason },
    actions: [...first, { type: "setStopDeadline" }, { type: "invokeTerminate", reason, now: false }],
  };
}

function crash(state: LifecycleState, reason: ExitReason, first: readonly Action[]): Step {
  return {
    state: { status: "terminating", generation: state.generation, reason },
    actions: [...first, { type: "discardFrames" }, { type: "invokeTerminate", reason, now: true }],
  };
}

/** The stop's deadline ran out: a callback is still pending, or the peer never answered. OTP's brutal kill. */
function cutOff(state: LifecycleState, first: readonly Action[]): Step {
  return crash(state, "killed", first);
}

/** An encoding or casting fault met while nothing is open: only a stop, or the state of a reconnect, has an effect. */
function faultWithoutTransport(
  state: LifecycleState,
  decision: Decision,
  otherwise: (actions: readonly Action[]) => Step,
): Step {
  if (decision.type === "stop") {
    const abandon = state.status === "connecting" || state.status === "waiting" ? ABANDON : NOTHING;
    return terminate(state, decision.reason, [...abandon, { type: "discardFrames" }]);
  }
  return otherwise(decision.type === "reconnect" ? [{ type: "setState", to: decision.state }] : NOTHING);
}

/** An encoding or casting fault met while a connection is there: a reconnect or stop leaves it, and is its one ending. */
function leaveOnFault(state: LifecycleState, decision: Decision): Step {
  if (decision.type === "ignore") return stay(state);
  const code = decision.type === "stop" ? closeCodeOf(decision.reason) : 1000;
  const leave: readonly Action[] = [
    ...(state.status === "open" ? ([{ type: "sendClose", code, reason: "" }] as const) : []),
    ...ABANDON,
    { type: "discardFrames" },
  ];
  return decision.type === "stop"
    ? terminate(state, decision.reason, leave)
    : wait(state, decision.after, [...leave, { type: "setState", to: decision.state }]);
}

/** 1001 tells the peer that this end goes away (RFC 6455 §7.4.1), which is what an orderly shutdown is. */
function closeCodeOf(reason: ExitReason): number {
  const shutdown = reason === "shutdown" || (typeof reason === "object" && "shutdown" in reason);
  return shutdown ? 1001 : 1000;
}
