/**
 * Make before break (section 2.11), as a pure function around the lifecycle: one connection's life, and beside it at most one
 * companion. Before the change of hands the companion is the successor: an attempt, then an open channel that waits for its turn
 * in the mailbox. After it the companion is the predecessor, whose last frames are delivered before anything of the new one.
 *
 *     open ──replaceRequested──▶ open + attempting ──opened──▶ open + opened ──turnCame──▶ open' + retiring ──its end──▶ open'
 *                                      │ its end: nothing has changed │                        │ the end of open': held
 *                                      │ the end of open: deciding + the same, adopted by a    ▼ until retiring has ended
 *                                      ▼ reconnect as the next attempt                       deciding
 *
 * The lifecycle knows nothing of all this: what is the live connection's own goes to `transition` as ever.
 */
import type { ConnectionStatus } from "../behaviour.ts";
import {
  type Action,
  type AttemptPhase,
  type Fault,
  INITIAL,
  type LifecycleEvent,
  type LifecycleState,
  publicStatus,
  type Step,
  transition,
} from "./lifecycle.ts";

type Companion =
  | { readonly stage: "attempting"; readonly generation: number; readonly phase: AttemptPhase }
  /** Its 101 has come; nothing is read of it. What was received before comes before its handleConnect. */
  | { readonly stage: "opened"; readonly generation: number; readonly status: number; readonly headers: Headers }
  /** The connection before: our close frame is out. `held`: how the live one has ended meanwhile, which has to wait. */
  | { readonly stage: "retiring"; readonly generation: number; readonly held: Step | undefined };

export type Life = {
  readonly main: LifecycleState;
  readonly companion: Companion | undefined;
  /** The highest number that an attempt has been given: each has one of its own. */
  readonly newest: number;
};

export type LifeEvent =
  | LifecycleEvent
  | { readonly type: "replaceRequested" }
  /** Nobody waits for the replacement any more. */
  | { readonly type: "replaceGivenUp" }
  /** What was received before the companion opened has been handled. */
  | { readonly type: "turnCame"; readonly generation: number }
  | { readonly type: "companionTimedOut"; readonly timer: AttemptPhase | "close" };

/** Why a replacement came to nothing: its attempt failed, or the connection itself was left before. */
export type ReplacementFault = Fault | "left" | "given up";

export type LifeAction =
  | Action
  /** As askProviders and openTransport, beside the live connection. */
  | { readonly type: "askCompanionProviders"; readonly generation: number }
  | { readonly type: "openCompanion" }
  | { readonly type: "setCompanionDeadline"; readonly timer: AttemptPhase | "close" }
  | { readonly type: "clearCompanionDeadline" }
  /** The successor is given up at once, silently, and whoever waits for it is told why. */
  | { readonly type: "abandonSuccessor"; readonly fault: ReplacementFault }
  /** Puts the change of hands into the mailbox, behind what has been received; `turnCame` follows. */
  | {
      readonly type: "announceSuccessor";
      readonly generation: number;
      readonly status: number;
      readonly headers: Headers;
    }
  /** The successor becomes the live connection; the one before is sent a close frame and read to its end. */
  | { readonly type: "handOver" }
  /** The successor, attempt or channel, becomes the attempt of a connection that has lost its own, its deadline with it. */
  | { readonly type: "adoptSuccessor" }
  /** The predecessor is over; `destroy`: it is ended at once. Then the live connection is read. */
  | { readonly type: "endPredecessor"; readonly how: "ended" | "timed out" | "destroy" };

export type LifeStep = { readonly life: Life; readonly actions: readonly LifeAction[] };

export const UNBORN: Life = { main: INITIAL, companion: undefined, newest: INITIAL.generation };

/** The status users see. A connection that has ended behind its predecessor's last frames is closing. */
export function statusOf({ main, companion }: Life): ConnectionStatus {
  return companion?.stage === "retiring" && companion.held !== undefined ? "closing" : publicStatus(main);
}

export function advance(life: Life, event: LifeEvent): LifeStep {
  const { main, companion } = life;
  switch (event.type) {
    case "replaceRequested":
      return begin(life);
    case "replaceGivenUp":
      return isSuccessor(companion) ? abandon(life, "given up") : stay(life);
    case "turnCame":
      return handOver(life, event.generation);
    case "companionTimedOut":
      return timedOut(life, event.timer);
    default:
      if (companion !== undefined && "generation" in event && event.generation === companion.generation) {
        return companion.stage === "retiring"
          ? predecessorSaid(life, companion, event)
          : successorSaid(life, companion, event);
      }
      if (companion?.stage === "retiring") return besidePredecessor(life, companion, event);
      return besideSuccessor(life, transition(main, event, life.newest + 1));
  }
}

function stay(life: Life): LifeStep {
  return { life, actions: [] };
}

function isSuccessor(
  companion: Companion | undefined,
): companion is Extract<Companion, { stage: "attempting" | "opened" }> {
  return companion !== undefined && companion.stage !== "retiring";
}

// ── The successor ────────────────────────────────────────────────────────────────────────────────────────────────

function begin(life: Life): LifeStep {
  if (life.main.status !== "open" || life.companion !== undefined) return stay(life);
  const generation = life.newest + 1;
  return {
    life: { ...life, newest: generation, companion: { stage: "attempting", generation, phase: "provider" } },
    actions: [
      { type: "setCompanionDeadline", timer: "provider" },
      { type: "askCompanionProviders", generation },
    ],
  };
}

function successorSaid(
  life: Life,
  companion: Extract<Companion, { stage: "attempting" | "opened" }>,
  event: LifecycleEvent,
): LifeStep {
  const reach = (phase: AttemptPhase, actions: readonly LifeAction[]): LifeStep => ({
    life: { ...life, companion: { stage: "attempting", generation: companion.generation, phase } },
    actions: [{ type: "setCompanionDeadline", timer: phase }, ...actions],
  });
  const phase = companion.stage === "attempting" ? companion.phase : undefined;
  switch (event.type) {
    case "provided":
      return phase === "provider" ? reach("connect", [{ type: "openCompanion" }]) : stay(life);
    case "connected":
      return phase === "connect" ? reach("upgrade", []) : stay(life);
    case "opened": {
      if (phase === undefined || phase === "provider") return stay(life);
      const { generation, status, headers } = event;
      const opened: Life = { ...life, companion: { stage: "opened", generation, status, headers } };
      // While the module is asked what follows the live one's end, the successor waits to be adopted.
      return life.main.status === "open"
        ? {
            life: opened,
            actions: [{ type: "clearCompanionDeadline" }, { type: "announceSuccessor", generation, status, headers }],
          }
        : { life: opened, actions: [{ type: "clearCompanionDeadline" }] };
    }
    case "attemptFailed":
    case "lost":
    case "violated":
      return abandon(life, { error: event.error });
    case "peerClosed":
      // It can't be read of a channel that is not read; if a transport knows it all the same, this one is of no use.
      return abandon(life, "given up");
    default:
      return stay(life);
  }
}

function timedOut(life: Life, timer: AttemptPhase | "close"): LifeStep {
  const { companion } = life;
  if (companion?.stage === "retiring" && timer === "close") return endPredecessor(life, companion, "timed out");
  if (companion?.stage === "attempting" && companion.phase === timer) return abandon(life, { timedOut: timer });
  return stay(life);
}

function abandon(life: Life, fault: ReplacementFault): LifeStep {
  return {
    life: { ...life, companion: undefined },
    actions: [{ type: "clearCompanionDeadline" }, { type: "abandonSuccessor", fault }],
  };
}

/** What the live connection does while a successor is on its way. */
function besideSuccessor(life: Life, { state, actions }: Step): LifeStep {
  const { main, companion } = life;
  const next: Life = { main: state, companion, newest: Math.max(life.newest, state.generation) };
  if (!isSuccessor(companion) || state === main) return { life: next, actions };
  if (state.status === "open" || state.status === "deciding") return { life: next, actions };
  // The module has said where to go from the live one's end. A wait that it asked for is kept; else there is no reason to wait.
  const wantsNext =
    state.status === "connecting" ||
    actions.some((action) => action.type === "setBackoff" && action.after === undefined);
  if (main.status === "deciding" && wantsNext) return adopt(life, companion, actions);
  const left = abandon(life, "left");
  return { life: { ...next, companion: undefined }, actions: [...left.actions, ...actions] };
}

/** "If the old one dies meanwhile, the new one simply becomes the next attempt." */
function adopt(
  life: Life,
  companion: Extract<Companion, { stage: "attempting" | "opened" }>,
  actions: readonly Action[],
): LifeStep {
  const { generation } = companion;
  const first: readonly LifeAction[] = [
    ...actions.filter(({ type }) => type === "setState"),
    { type: "adoptSuccessor" },
  ];
  if (companion.stage === "attempting") {
    const main: LifecycleState = { status: "connecting", generation, phase: companion.phase };
    return { life: { ...life, main, companion: undefined }, actions: first };
  }
  const { status, headers } = companion;
  const opened = transition(
    { status: "connecting", generation, phase: "upgrade" },
    { type: "opened", generation, status, headers },
  );
  return { life: { ...life, main: opened.state, companion: undefined }, actions: [...first, ...opened.actions] };
}

function handOver(life: Life, generation: number): LifeStep {
  const { main, companion } = life;
  if (companion?.stage !== "opened" || companion.generation !== generation || main.status !== "open") return stay(life);
  return {
    life: {
      main: { status: "open", generation },
      companion: { stage: "retiring", generation: main.generation, held: undefined },
      newest: life.newest,
    },
    actions: [{ type: "handOver" }, { type: "setCompanionDeadline", timer: "close" }],
  };
}

// ── The predecessor ──────────────────────────────────────────────────────────────────────────────────────────────

type Retiring = Extract<Companion, { stage: "retiring" }>;

function predecessorSaid(life: Life, companion: Retiring, event: LifecycleEvent): LifeStep {
  switch (event.type) {
    case "peerClosed":
    case "violated":
    case "lost":
      return endPredecessor(life, companion, "ended");
    default:
      return stay(life);
  }
}

function endPredecessor(life: Life, { held }: Retiring, how: "ended" | "timed out"): LifeStep {
  const first: readonly LifeAction[] = [{ type: "clearCompanionDeadline" }, { type: "endPredecessor", how }];
  return held === undefined
    ? { life: { ...life, companion: undefined }, actions: first }
    : { life: { ...life, main: held.state, companion: undefined }, actions: [...first, ...held.actions] };
}

/** What the live connection does while its predecessor is read to the end. */
function besidePredecessor(life: Life, companion: Retiring, event: LifecycleEvent): LifeStep {
  const { main } = life;
  const { held } = companion;
  if (held !== undefined) return besideHeld(life, held, event);
  const step = transition(main, event);
  if (step.state === main) return { life, actions: step.actions };
  // Its end is told behind the last frames of the one before: nothing of the new one may come earlier than they.
  if (event.type === "peerClosed" || event.type === "violated" || event.type === "lost") {
    return { life: { ...life, companion: { ...companion, held: step } }, actions: [] };
  }
  if (step.state.status === "open" || step.state.status === "closing") {
    return { life: { ...life, main: step.state }, actions: step.actions };
  }
  return leavePredecessor(life, step.state, step.actions);
}

/** The live connection has ended, and what is asked for now can't wait for the predecessor. */
function besideHeld(life: Life, held: Step, event: LifecycleEvent): LifeStep {
  const step = transition(held.state, event);
  if (step.state === held.state && step.actions.length === 0) return stay(life);
  const invocation = held.actions.at(-1) as Action;
  const invokes = step.actions.some(({ type }) => type.startsWith("invoke"));
  // An invocation is the last action of a step; one that is nearer to the end takes the place of the one held back.
  return leavePredecessor(life, step.state, [
    ...held.actions.slice(0, -1),
    ...step.actions,
    ...(invokes ? [] : [invocation]),
  ]);
}

function leavePredecessor(life: Life, main: LifecycleState, actions: readonly Action[]): LifeStep {
  return {
    life: { ...life, main, companion: undefined },
    actions: [{ type: "clearCompanionDeadline" }, { type: "endPredecessor", how: "destroy" }, ...actions],
  };
}
