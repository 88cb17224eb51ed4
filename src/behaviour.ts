/**
 * What a module of callbacks is: its callbacks, their responses and defaults, and the connection it is given.
 *
 * This is Fresh's behaviour (`handle_connect/3` and its siblings), named in TypeScript's way. The types here refer to
 * each other, so they share a file; they rest on frames, errors, options and exit reasons, and on nothing that runs.
 */
import type { FreshError } from "./connection/errors.ts";
import type { ConnectionOptions, ConnectionStats, Name, Provider, SendOptions } from "./connection/option-types.ts";
import type { ControlFrame, DataFrame, FrameLike } from "./frame.ts";
import type { ChildSpec } from "./supervision/child-spec.ts";
import type { ExitReason } from "./supervision/exit-reason.ts";

// ── Responses ────────────────────────────────────────────────────────────────────────────────────────────────────

type Ok<S> = { readonly type: "ok"; readonly state: S };
type Reply<S> = { readonly type: "reply"; readonly frames: FrameLike | readonly FrameLike[]; readonly state: S };
type Close<S> = { readonly type: "close"; readonly code: number; readonly reason: string; readonly state: S };
type Ignore<S> = { readonly type: "ignore"; readonly state: S };
type Reconnect<S> = {
  readonly type: "reconnect";
  /** Present when a state was given: an explicit `undefined` is a state too. */
  readonly state: { readonly value: S } | undefined;
  readonly after: number | undefined;
};
type Stop = { readonly type: "stop"; readonly reason: ExitReason };

/** What handleConnect, handleIn, handleControl and handleInfo answer. */
export type GenericResponse<S> = Ok<S> | Reply<S> | Close<S>;
/** What handleDisconnect and handleError answer. */
export type ConnectionResponse<S> = Ignore<S> | Reconnect<S> | Stop;

/** Carry on with this state. Elixir: `{:ok, state}`. */
export const ok = <S>(state: S): Ok<S> => ({ type: "ok", state });

/** Send these frames in their order, then carry on with this state. Elixir: `{:reply, frames, state}`. */
export const reply = <S>(frames: FrameLike | readonly FrameLike[], state: S): Reply<S> => ({
  type: "reply",
  frames,
  state,
});

/** Send a close frame; the peer's answer comes back as handleDisconnect. Elixir: `{:close, code, reason, state}`. */
export const close = <S>(code: number, reason: string, state: S): Close<S> => ({ type: "close", code, reason, state });

/**
 * Carry on as if nothing had happened. Where nothing is left to carry on with, the connection stays down, its status is
 * "idle", and it waits for `reconnect()`, `stop()` or an info message. Elixir: `{:ignore, state}`.
 */
export const ignore = <S>(state: S): Ignore<S> => ({ type: "ignore", state });

/**
 * Make a new attempt: with the given state, or with the initial one when called without arguments.
 * `after` is a wait in ms that takes the place of the backoff; less than 0 is 0, and Infinity waits for `connection.reconnect()`.
 * Elixir: `{:reconnect, state}` and `:reconnect`. @throws TypeError for an `after` that is no number: it would be no wait at all
 */
export function reconnect(): Reconnect<never>;
export function reconnect<S>(state: S, options?: { readonly after?: number }): Reconnect<S>;
export function reconnect<S>(...args: [state?: S, options?: { readonly after?: number }]): Reconnect<S> {
  const after = args[1]?.after;
  if (after !== undefined && (typeof after !== "number" || Number.isNaN(after))) {
    throw new TypeError(`reconnect() takes after as a number of milliseconds; it got ${String(after)}.`);
  }
  return {
    type: "reconnect",
    state: args.length === 0 ? undefined : { value: args[0] as S },
    after: after === undefined ? undefined : Math.max(0, after),
  };
}

/** Terminate with this exit reason, "normal" by default; a supervisor sees it. Elixir: `{:close, reason}` and `:close`. */
export const stop = (reason: ExitReason = "normal"): Stop => ({ type: "stop", reason });

// ── Callbacks ────────────────────────────────────────────────────────────────────────────────────────────────────

type Awaitable<T> = T | Promise<T>;

/**
 * The callbacks of a module. All are optional in a module; each may give its response or a promise of it, and while a
 * promise is pending nothing else of this connection is handled. One that throws, rejects or gives anything else
 * terminates the connection with the exit reason `{ error, callback }`.
 */
export interface Callbacks<S> {
  /** The connection has opened: the answer's status (101) and headers. Default `ok(state)`. */
  handleConnect(status: number, headers: Headers, state: S, self: Connection<S>): Awaitable<GenericResponse<S>>;
  /** A ping, which has been answered already, or a pong. Default `ok(state)`. */
  handleControl(frame: ControlFrame, state: S, self: Connection<S>): Awaitable<GenericResponse<S>>;
  /** A message. Default `ok(state)`. */
  handleIn(frame: DataFrame, state: S, self: Connection<S>): Awaitable<GenericResponse<S>>;
  /** A value from `Fresh.info`, in every state of the connection. Default `ok(state)`. */
  handleInfo(message: unknown, state: S, self: Connection<S>): Awaitable<GenericResponse<S>>;
  /**
   * The connection was closed: by the peer's close frame (code and reason as it sent them, undefined for an empty one),
   * or after our own close frame by the end of TCP or closeTimeout (both undefined). Default `reconnect()`.
   */
  handleDisconnect(
    code: number | undefined,
    reason: string | undefined,
    state: S,
    self: Connection<S>,
  ): Awaitable<ConnectionResponse<S>>;
  /** Something failed; `error.kind` tells what. Default: `ignore(state)` for encoding_failed and casting_failed, else `reconnect()`. */
  handleError(error: FreshError, state: S, self: Connection<S>): Awaitable<ConnectionResponse<S>>;
  /** The connection is about to terminate. What it returns is ignored. */
  handleTerminate(reason: ExitReason, state: S, self: Connection<S>): void;
}

/** Fresh's empty handlers: what a module does where it says nothing. */
export const DEFAULT_CALLBACKS: Callbacks<unknown> = {
  handleConnect: (_status, _headers, state) => ok(state),
  handleControl: (_frame, state) => ok(state),
  handleIn: (_frame, state) => ok(state),
  handleInfo: (_message, state) => ok(state),
  handleDisconnect: () => reconnect(),
  handleError: (error, state) =>
    error.kind === "encoding_failed" || error.kind === "casting_failed" ? ignore(state) : reconnect(),
  handleTerminate: () => undefined,
};

export type CallbackName = keyof Callbacks<unknown>;
export const CALLBACK_NAMES = Object.keys(DEFAULT_CALLBACKS) as readonly CallbackName[];

// ── Modules and connections ──────────────────────────────────────────────────────────────────────────────────────

/** The options of a connection whose state is an `S`. */
export type Options<S = unknown> = ConnectionOptions<Connection<S>>;

/** What a module is started with: Fresh's `uri:`, `state:` and `opts:`. */
export type StartArguments<S> = {
  /** ws:, wss:, ws+unix:, or http: and https: for the first two; or a function that gives it anew for each attempt. */
  readonly uri: string | URL | Provider<string | URL>;
  /** The initial state; `reconnect()` goes back to it. */
  readonly state: S;
  readonly options?: Options<S>;
};

/** A named module of callbacks, as `Fresh.define` makes it. */
export interface FreshModule<S> {
  readonly name: string;
  readonly callbacks: Partial<Callbacks<S>>;
  /** Starts a connection and returns at once. @throws InvalidOptionError, InvalidUriError, AlreadyStartedError */
  start(args: StartArguments<S>): Connection<S>;
  /** As start; if the connection ends with a fault, that is raised as an uncaught error, as a link would do. */
  startLink(args: StartArguments<S>): Connection<S>;
  /** The specification under which a supervisor runs it: id the module's name, restart "transient". */
  childSpec(args: StartArguments<S>): ChildSpec;
}

export type ConnectionStatus = "idle" | "connecting" | "open" | "closing" | "waiting" | "terminated";

/**
 * What became of a frame given to `send`. "sent": it was handed to the transport. "queued": it waits in the outbox, because nothing is
 * open or the peer reads too slowly (`sendBuffer`); if it is never sent, `onDrop` is told. "dropped": neither; it found no room, was not
 * to wait, or may not be sent, of which handleError is told. `stats.dropped` counts why.
 */
export type SendResult = "sent" | "queued" | "dropped";

/** A connection: it lives from start to termination, over any number of attempts. */
export interface Connection<S = unknown> extends AsyncDisposable {
  /** Unique in this process. */
  readonly id: string;
  /** The address as it was given; of a provider, the newest one ("" before the first). Logs redact it, this does not. */
  readonly uri: string;
  readonly name?: Name;
  readonly module: FreshModule<S>;
  readonly status: ConnectionStatus;
  readonly isOpen: boolean;
  /** The how-manyth attempt of this series, from 1; a connection that was open for stableAfter starts a new series. */
  readonly attempt: number;
  /** The subprotocol and the extensions in use, or "". */
  readonly protocol: string;
  readonly extensions: string;
  /** Bytes accepted by send and not yet given to the system: those on their way as they are on the wire, payloads in the outbox. */
  readonly bufferedAmount: number;
  readonly stats: ConnectionStats;
  send(frame: FrameLike, options?: SendOptions): SendResult;
  /** Closes this connection; handleDisconnect decides what follows. Defaults: 1000 and "". */
  close(code?: number, reason?: string): void;
  /** Hands a value to handleInfo. */
  info(message: unknown): void;
  /**
   * Resolves when bufferedAmount is 0 and nothing waits in the outbox: sent, or expired. Rejects when it never can be: the FreshError of
   * casting_failed when frames were lost, TerminatedError, or the signal's reason.
   */
  drain(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Resolves while open or at the next open; rejects when terminated first (TerminatedError), or with the signal's reason. */
  opened(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Leaves the current server now, or ends the wait; no backoff. An open connection's handleDisconnect(undefined, undefined)
   * says with which state to go on.
   */
  reconnect(): void;
  /**
   * Make before break: opens a second connection beside the live one, which works on as before, and changes over at its 101.
   * handleConnect runs with the present state, sends go to the new one from then on, and the old one is closed with 1000; what still
   * arrives on it is delivered before anything of the new one. No handleDisconnect.
   *
   * Resolves when the old one has ended. Rejects, with nothing changed, when the new attempt fails (its FreshError), when the
   * connection isn't open, is left or terminates first, or with the signal's reason. If the old one dies meanwhile, the new one becomes
   * the next attempt. While a replacement is under way, further calls wait for the same one.
   */
  replace(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Pings now and resolves with the round trip in ms. A link from which no byte comes within pongTimeout is torn down. Rejects with an
   * Error then, when the connection isn't open, and when only the ping isn't answered in time.
   */
  probe(): Promise<number>;
  /** Final: closes cleanly, terminates, and resolves with the exit reason. After `timeout` ms (default 5000) it is cut off. */
  stop(reason?: ExitReason, options?: { readonly timeout?: number }): Promise<ExitReason>;
  /** Resolves with the exit reason; never rejects. */
  readonly exited: Promise<ExitReason>;
}

/** Some connection, whatever its state's type: what send, close, info and isOpen take. */
// biome-ignore lint/suspicious/noExplicitAny: a Connection<S> is invariant in S, and a reference doesn't care for S.
export type ConnectionRef = Connection<any> | Name;
