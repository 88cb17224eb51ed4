/**
 * One connection: it performs the lifecycle's actions, and owns the clock, the channel, the mailbox and the module's state.
 * It is the only file that does.
 *
 * A message's way: the channel calls `#receive(frame)`, the mailbox passes it to `#process`, that to the module's handleIn,
 * whose reply goes through `#cast` to the channel again. Nothing on that way is allocated but the frame and the response.
 */
import { platform } from "#platform";
import {
  type CallbackName,
  type Callbacks,
  type Connection,
  type ConnectionResponse,
  type ConnectionStatus,
  DEFAULT_CALLBACKS,
  type FreshModule,
  type GenericResponse,
  type SendResult,
} from "../behaviour.ts";
import {
  byteLengthOf,
  type CloseFrame,
  type ControlFrame,
  type DataFrame,
  type Frame,
  type FrameLike,
  faultOf,
} from "../frame.ts";
import { NotBuiltError } from "../not-built.ts";
import type { Timer } from "../platform/platform.ts";
import type { ExitReason } from "../supervision/exit-reason.ts";
import type { Channel, ChannelEnd } from "../transport/channel.ts";
import { Attempt } from "./attempt.ts";
import { Backoff } from "./backoff.ts";
import { Counters } from "./counters.ts";
import { FreshError, TerminatedError } from "./errors.ts";
import type { ConnectionEvent } from "./event.ts";
import { Heartbeat } from "./heartbeat.ts";
import {
  type Action,
  type AttemptPhase,
  type Decision,
  type Fault,
  INITIAL,
  type LifecycleEvent,
  type LifecycleState,
  publicStatus,
  type TimerName,
  transition,
} from "./lifecycle.ts";
import { consoleLogger, subscribeLog } from "./log.ts";
import { Mailbox } from "./mailbox.ts";
import { milliseconds } from "./option-checks.ts";
import type { ConnectionStats, DropCause, DropCounter, Name, Provider, SendOptions } from "./option-types.ts";
import type { ResolvedOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { redactHeaders, redactUrl } from "./redact.ts";
import { Waiters } from "./waiters.ts";

export type ConnectionSource<S> = {
  /** As it was given; undefined for a provider. */
  readonly uri: string | undefined;
  readonly target: URL | Provider<string | URL>;
  readonly module: FreshModule<S>;
  readonly state: S;
  readonly options: ResolvedOptions<Connection<S>>;
  /** Called once, when the connection has terminated. */
  readonly onExit: (reason: ExitReason) => void;
};

/** What passes through the mailbox. Frames are their own items, so that a message costs no envelope. */
type Item =
  | DataFrame
  | ControlFrame
  | { readonly type: "info"; readonly message: unknown }
  | { readonly type: "connect"; readonly generation: number; readonly status: number; readonly headers: Headers }
  | { readonly type: "disconnect"; readonly code: number | undefined; readonly reason: string | undefined }
  | { readonly type: "error"; readonly error: FreshError }
  /** An encoding or casting fault: it reaches handleError, but ends no attempt. */
  | { readonly type: "fault"; readonly error: FreshError }
  | { readonly type: "terminate"; readonly reason: ExitReason };

type Pending = Promise<void> | undefined;

/** Why a frame could not be sent: what faultOf or the channel says. */
type SendFault = { readonly reason: string; readonly message: string };

const checkSendTtl = milliseconds({ zero: true, infinity: true });
const checkStopTimeout = milliseconds({ zero: true, infinity: true });

/** OTP's default for the shutdown of a worker, in ms. */
const STOP_TIMEOUT = 5000;

const isFrame = (item: Item): item is DataFrame | ControlFrame =>
  item.type === "text" || item.type === "binary" || item.type === "ping" || item.type === "pong";

const isCloseFrame = (frame: FrameLike): frame is CloseFrame =>
  // Callers may be JavaScript, so anything may be here.
  typeof frame !== "string" && (frame as Partial<Frame> | null | undefined)?.type === "close";

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";

export class ConnectionProcess<S> implements Connection<S> {
  readonly id: string = platform.identifier();
  readonly name?: Name;
  readonly module: FreshModule<S>;
  readonly exited: Promise<ExitReason>;

  readonly #options: ResolvedOptions<Connection<S>>;
  readonly #source: ConnectionSource<S>;
  readonly #callbacks: Callbacks<S>;
  readonly #mailbox: Mailbox<Item>;
  readonly #outbox: Outbox | undefined;
  readonly #backoff: Backoff;
  readonly #emit: (event: ConnectionEvent) => void;
  readonly #counters = new Counters();
  readonly #openWaiters = new Waiters();
  readonly #drainWaiters = new Waiters();

  #life: LifecycleState = INITIAL;
  #state: S;
  /** The state that came with the newest response to handleDisconnect or handleError. */
  #given: S;
  #uri: string;

  #attempt: Attempt | undefined;
  /** How many attempts of the present series there have been, this one included. */
  #series = 0;
  /** What the server of the newest failed attempt asked us to wait, in ms. */
  #retryAfter: number | undefined;

  #channel: Channel | undefined;
  /** The channel before, which may still wait for its peer's FIN. */
  #lingering: Channel | undefined;
  /** May frames go straight to the channel? Only while open, and once handleConnect has had its say. */
  #ready = false;
  #heartbeat: Heartbeat | undefined;
  #openedAt = 0;
  #openSince: number | undefined;
  #lastRoundTrip: number | undefined;
  readonly #dropping = new Set<DropCounter>();

  #heldFrames = 0;
  #heldBytes = 0;
  #paused = false;

  #deadline: Timer | undefined;
  #stopDeadline: { readonly timer: Timer; readonly at: number } | undefined;
  #stopTimeout = STOP_TIMEOUT;
  #hibernation: Timer | undefined;

  #exit: (reason: ExitReason) => void = () => undefined;
  readonly #aborted = (): void => {
    this.stop("shutdown");
  };

  constructor(source: ConnectionSource<S>) {
    const { options, module, state } = source;
    this.#source = source;
    this.#options = options;
    this.module = module;
    this.#state = state;
    this.#given = state;
    this.#uri = source.uri ?? "";
    if (options.name !== undefined) this.name = options.name;
    this.#callbacks = resolveCallbacks(module.callbacks);
    this.#mailbox = new Mailbox((item) => this.#process(item));
    this.#backoff = new Backoff(options, platform.random);
    this.#outbox =
      options.outbox === false
        ? undefined
        : new Outbox(options.outbox, platform.clock, (frame, cause) => this.#dropQueued(frame, cause));
    this.#emit = subscribeLog(
      { ...options, logger: options.logger ?? consoleLogger(platform) },
      { id: this.id, name: options.name === undefined ? undefined : String(options.name), module: module.name },
      platform.logError,
    );
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
  }

  /** Begins the first attempt. Nothing of the module is called before this has returned. */
  start(): void {
    const { signal } = this.#options;
    if (signal?.aborted) {
      queueMicrotask(this.#aborted);
      return;
    }
    signal?.addEventListener("abort", this.#aborted, { once: true });
    this.#step({ type: "start" });
  }

  // ── What users see ─────────────────────────────────────────────────────────────────────────────────────────────

  get uri(): string {
    return this.#uri;
  }

  get status(): ConnectionStatus {
    return publicStatus(this.#life);
  }

  get isOpen(): boolean {
    return this.#life.status === "open";
  }

  get attempt(): number {
    return this.#series;
  }

  get protocol(): string {
    return this.#channel?.protocol ?? "";
  }

  get extensions(): string {
    return this.#channel?.extensions ?? "";
  }

  get bufferedAmount(): number {
    return (this.#channel?.bufferedAmount ?? 0) + (this.#outbox?.bytes ?? 0);
  }

  get stats(): ConnectionStats {
    return this.#counters.snapshot(this.#channel, {
      lastRoundTrip: this.#heartbeat?.lastRoundTrip ?? this.#lastRoundTrip,
      openSince: this.#openSince,
    });
  }

  send(frame: FrameLike, options?: SendOptions): SendResult {
    if (isCloseFrame(frame)) return this.#sendClose(frame);
    const { result, fault } = this.#cast(frame, options);
    // The caller isn't the module, so its handleError hears of it in turn.
    if (fault !== undefined) this.#mailbox.put({ type: "fault", error: encodingError(fault) });
    return result;
  }

  close(code = 1000, reason = ""): void {
    this.#sendClose({ type: "close", code, reason });
  }

  info(message: unknown): void {
    if (this.#life.status === "terminated") return;
    this.#mailbox.put({ type: "info", message });
  }

  async drain(options?: { readonly signal?: AbortSignal }): Promise<void> {
    options?.signal?.throwIfAborted();
    if (this.bufferedAmount === 0) return;
    const drained = this.#drainWaiters.wait(options?.signal);
    this.#watchDrain();
    return drained;
  }

  async opened(options?: { readonly signal?: AbortSignal }): Promise<void> {
    options?.signal?.throwIfAborted();
    if (this.isOpen) return;
    if (this.#life.status === "terminated") throw new TerminatedError("it opened", this.#life.reason);
    return this.#openWaiters.wait(options?.signal);
  }

  reconnect(): void {
    this.#backoff.reset();
    this.#series = 0;
    this.#retryAfter = undefined;
    this.#step({ type: "reconnectRequested" });
  }

  async replace(): Promise<void> {
    throw new NotBuiltError("replace() isn't built in this version. Use reconnect(), which breaks before it makes.");
  }

  async probe(): Promise<number> {
    if (this.#heartbeat === undefined || !this.#ready) {
      throw new Error(`The connection is ${this.status}, so there is nothing to probe. Await opened() first.`);
    }
    return this.#heartbeat.probe();
  }

  stop(reason: ExitReason = "normal", options?: { readonly timeout?: number }): Promise<ExitReason> {
    if (this.#life.status !== "terminated") {
      const { timeout = STOP_TIMEOUT } = options ?? {};
      checkStopTimeout("timeout", timeout);
      this.#stopTimeout = timeout;
      this.#step({ type: "stopRequested", reason });
    }
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  // ── Sending ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Hands a frame to the channel, or to the outbox while there is none to hand it to. */
  #cast(frame: FrameLike, options?: SendOptions): { readonly result: SendResult; readonly fault?: SendFault } {
    if (this.#ready) {
      const fault = (this.#channel as Channel).send(frame);
      if (fault === undefined) {
        this.#counters.framesSent += 1;
        return SENT;
      }
      this.#counters.drop("invalid");
      return { result: "dropped", fault };
    }
    const fault = faultOf(frame);
    if (fault !== undefined) {
      this.#counters.drop("invalid");
      return { result: "dropped", fault };
    }
    return this.#queue(frame, options) ? QUEUED : DROPPED;
  }

  #queue(frame: FrameLike, options: SendOptions | undefined): boolean {
    if (this.#life.status === "terminated" || this.#life.status === "terminating") {
      this.#drop("terminated");
      return false;
    }
    if (this.#outbox === undefined || options?.whenClosed === "drop") {
      this.#drop("closed");
      return false;
    }
    const { ttl = Number.POSITIVE_INFINITY } = options ?? {};
    checkSendTtl("ttl", ttl);
    if (this.#outbox.put(copyOf(frame), ttl)) return true;
    this.#drop("overflow");
    return false;
  }

  #sendClose(frame: CloseFrame): SendResult {
    const fault = faultOf(frame);
    if (fault !== undefined) {
      this.#counters.drop("invalid");
      this.#mailbox.put({ type: "fault", error: encodingError(fault) });
      return "dropped";
    }
    const open = this.#life.status === "open";
    this.#step({ type: "closeRequested", code: frame.code, reason: frame.reason });
    return open ? "sent" : "dropped";
  }

  #flushOutbox(): void {
    if (this.#outbox === undefined) return;
    while (this.#ready) {
      const frame = this.#outbox.take();
      if (frame === undefined) break;
      // It was checked when it was queued.
      (this.#channel as Channel).send(frame);
      this.#counters.framesSent += 1;
    }
    this.#watchDrain();
  }

  #dropQueued(frame: Frame, cause: DropCause): void {
    this.#drop(cause);
    const { onDrop } = this.#options;
    if (onDrop !== undefined) {
      try {
        onDrop(frame, cause, this);
      } catch (error) {
        this.#emit({ type: "crashed", callback: "onDrop", error });
      }
    }
    this.#watchDrain();
  }

  /** Counts a dropped frame, and logs the first of its cause since the last open. */
  #drop(cause: DropCounter): void {
    this.#counters.drop(cause);
    if (this.#dropping.has(cause) || this.#life.status === "terminated") return;
    this.#dropping.add(cause);
    this.#emit({ type: "dropping", cause, status: this.status });
  }

  #watchDrain(): void {
    if (this.#drainWaiters.size === 0) return;
    if (this.bufferedAmount === 0) this.#drainWaiters.settle();
    else if (this.#ready) (this.#channel as Channel).flushed(() => this.#watchDrain());
  }

  // ── Receiving ──────────────────────────────────────────────────────────────────────────────────────────────────

  #receive(frame: DataFrame | ControlFrame): void {
    this.#counters.framesReceived += 1;
    if (frame.type === "pong") this.#heartbeat?.pong(frame.data);
    if (this.#mailbox.busy) this.#hold(frame);
    this.#mailbox.put(frame);
  }

  #hold(frame: DataFrame | ControlFrame): void {
    const { maxMessages, maxBytes } = this.#options.inbox;
    this.#heldFrames += 1;
    this.#heldBytes += byteLengthOf(frame);
    if (!this.#paused && (this.#heldFrames >= maxMessages || this.#heldBytes >= maxBytes)) {
      this.#paused = true;
      this.#channel?.pause();
    }
  }

  // Reading goes on at a quarter of the bounds, so that it isn't switched at each message.
  #release(frame: DataFrame | ControlFrame): void {
    const { maxMessages, maxBytes } = this.#options.inbox;
    this.#heldFrames -= 1;
    this.#heldBytes -= byteLengthOf(frame);
    if (this.#paused && this.#heldFrames <= maxMessages / 4 && this.#heldBytes <= maxBytes / 4) {
      this.#paused = false;
      this.#channel?.resume();
    }
  }

  #process(item: Item): Pending {
    if (this.#life.status === "terminated") return undefined;
    switch (item.type) {
      case "text":
      case "binary": {
        if (this.#heldFrames !== 0) this.#release(item);
        let response: unknown;
        try {
          response = this.#callbacks.handleIn(item, this.#state, this);
        } catch (error) {
          return this.#crash("handleIn", error);
        }
        return this.#answer("handleIn", response);
      }
      case "ping":
      case "pong": {
        if (this.#heldFrames !== 0) this.#release(item);
        return this.#call("handleControl", () => this.#callbacks.handleControl(item, this.#state, this));
      }
      case "info":
        return this.#call("handleInfo", () => this.#callbacks.handleInfo(item.message, this.#state, this));
      case "connect":
        return this.#connect(item);
      case "disconnect":
        return this.#ask("handleDisconnect", (state) =>
          this.#callbacks.handleDisconnect(item.code, item.reason, state, this),
        );
      case "error":
        return this.#ask("handleError", (state) => this.#callbacks.handleError(item.error, state, this));
      case "fault":
        return this.#fault(item.error, "adopt");
      case "terminate":
        this.#terminate(item.reason);
        return undefined;
    }
  }

  // ── Callbacks with a generic response ──────────────────────────────────────────────────────────────────────────

  #call(callback: CallbackName, invoke: () => unknown): Pending {
    let response: unknown;
    try {
      response = invoke();
    } catch (error) {
      return this.#crash(callback, error);
    }
    return this.#answer(callback, response);
  }

  #connect(item: Extract<Item, { type: "connect" }>): Pending {
    // It may be over already when its turn comes; then handleDisconnect or handleError stands behind it in the mailbox.
    const current = (): boolean => this.#life.status === "open" && this.#life.generation === item.generation;
    this.#ready = current();
    let response: unknown;
    try {
      response = this.#callbacks.handleConnect(item.status, item.headers, this.#state, this);
    } catch (error) {
      return this.#crash("handleConnect", error);
    }
    const settle = (answer: unknown): Pending => {
      this.#ready = current();
      const pending = this.#answer("handleConnect", answer);
      if (pending !== undefined) return pending.then(() => this.#flushOutbox());
      this.#flushOutbox();
      return undefined;
    };
    if (!isThenable(response)) return settle(response);
    // Until it has answered, sends wait in the outbox: its replies come first (section 2.2).
    this.#ready = false;
    return this.#settled("handleConnect", response, settle);
  }

  #answer(callback: CallbackName, response: unknown): Pending {
    if (typeof response === "object" && response !== null) {
      const answer = response as GenericResponse<S> | { readonly type?: undefined };
      switch (answer.type) {
        case "ok":
          this.#state = answer.state;
          return undefined;
        case "reply":
          return this.#reply(
            isFrameList(answer.frames) ? answer.frames : [answer.frames as FrameLike],
            0,
            answer.state,
          );
        case "close":
          this.#state = answer.state;
          this.#sendClose({ type: "close", code: answer.code, reason: answer.reason });
          return undefined;
      }
      if (isThenable(response)) {
        return this.#settled(callback, response, (settled) => this.#answer(callback, settled));
      }
    }
    return this.#crash(callback, badResponse(callback, "ok(), reply() or close()", response));
  }

  /** Sends the frames of a reply from `index` on; the state before the reply stays until all have been. */
  #reply(frames: readonly FrameLike[], index: number, state: S): Pending {
    const connected = this.#life.status === "open" || this.#life.status === "closing";
    for (let at = index; at < frames.length; at += 1) {
      const fault = this.#replyWith(frames[at] as FrameLike);
      if (fault === undefined) continue;
      // handleError is told at once, with the state from before the reply; what state it gives is passed over (section 2.2).
      const pending = this.#fault(encodingError(fault), "pass over");
      if (pending !== undefined) {
        return pending.then(() => (this.#hasLeft(connected) ? undefined : this.#reply(frames, at + 1, state)));
      }
      if (this.#hasLeft(connected)) return undefined;
    }
    this.#state = state;
    return undefined;
  }

  #replyWith(frame: FrameLike): SendFault | undefined {
    if (!isCloseFrame(frame)) return this.#cast(frame).fault;
    const fault = faultOf(frame);
    if (fault === undefined) this.#step({ type: "closeRequested", code: frame.code, reason: frame.reason });
    else this.#counters.drop("invalid");
    return fault;
  }

  /** Has handleError's answer to a fault left the connection that a reply was for, or ended it all? */
  #hasLeft(wasConnected: boolean): boolean {
    const { status } = this.#life;
    return status === "terminating" || status === "terminated" || (wasConnected && status === "waiting");
  }

  // ── Callbacks with a connection response ───────────────────────────────────────────────────────────────────────

  /** Asks the module what follows the end of an attempt. */
  #ask(callback: CallbackName, invoke: (state: S) => unknown): Pending {
    return this.#decide(callback, invoke, (decision) => this.#step({ type: "decided", decision }));
  }

  /** Tells handleError of a fault that ends no attempt. */
  #fault(error: FreshError, given: "adopt" | "pass over"): Pending {
    this.#emit({ type: "failed", error });
    return this.#decide(
      "handleError",
      (state) => this.#callbacks.handleError(error, state, this),
      (decision) => {
        if (decision.type === "ignore" && given === "adopt") this.#state = this.#given;
        this.#step({ type: "faultDecided", decision });
      },
    );
  }

  #decide(callback: CallbackName, invoke: (state: S) => unknown, decided: (decision: Decision) => void): Pending {
    const settle = (response: unknown): Pending => {
      const decision = this.#decisionOf(response);
      if (decision === undefined) {
        return this.#crash(callback, badResponse(callback, "ignore(), reconnect() or stop()", response));
      }
      decided(decision);
      return undefined;
    };
    let response: unknown;
    try {
      response = invoke(this.#state);
    } catch (error) {
      return this.#crash(callback, error);
    }
    return isThenable(response) ? this.#settled(callback, response, settle) : settle(response);
  }

  #decisionOf(response: unknown): Decision | undefined {
    if (typeof response !== "object" || response === null) return undefined;
    const answer = response as ConnectionResponse<S>;
    switch (answer.type) {
      case "ignore":
        this.#given = answer.state;
        return { type: "ignore" };
      case "reconnect":
        if (answer.state !== undefined) this.#given = answer.state.value;
        return { type: "reconnect", state: answer.state === undefined ? "initial" : "given", after: answer.after };
      case "stop":
        return { type: "stop", reason: answer.reason };
      default:
        return undefined;
    }
  }

  /** What follows when a callback's promise settles; nothing, if the connection was cut off meanwhile. */
  #settled(
    callback: CallbackName,
    response: PromiseLike<unknown>,
    settle: (answer: unknown) => Pending,
  ): Promise<void> {
    return Promise.resolve(response).then(
      (answer) => (this.#life.status === "terminated" ? undefined : settle(answer)),
      (error) => (this.#life.status === "terminated" ? undefined : this.#crash(callback, error)),
    );
  }

  #crash(callback: CallbackName, error: unknown): undefined {
    this.#emit({ type: "crashed", callback, error });
    this.#step({ type: "crashed", reason: { error, callback } });
    return undefined;
  }

  #terminate(reason: ExitReason): void {
    if (this.#life.status !== "terminating") return;
    let answer: unknown;
    try {
      answer = this.#callbacks.handleTerminate(reason, this.#state, this);
    } catch (error) {
      this.#emit({ type: "crashed", callback: "handleTerminate", error });
      this.#step({ type: "finished", reason: { error, callback: "handleTerminate" } });
      return;
    }
    this.#step({ type: "finished" });
    // What it returns is ignored, but not the fault of one that was written as an async function.
    if (isThenable(answer)) {
      Promise.resolve(answer).catch((error) => this.#emit({ type: "crashed", callback: "handleTerminate", error }));
    }
  }

  // ── The lifecycle ──────────────────────────────────────────────────────────────────────────────────────────────

  #step(event: LifecycleEvent): void {
    const { state, actions } = transition(this.#life, event);
    this.#life = state;
    if (state.status !== "open") this.#ready = false;
    for (const action of actions) this.#perform(action);
  }

  #perform(action: Action): void {
    switch (action.type) {
      case "askProviders":
        this.#begin(action.generation);
        return;
      case "openTransport":
        this.#attempt?.open();
        return;
      case "destroyTransport":
        this.#attempt?.abort();
        this.#attempt = undefined;
        this.#channel?.destroy();
        this.#endLink();
        return;
      case "sendClose":
        this.#channel?.close(action.code, action.reason);
        return;
      case "setDeadline":
        this.#setDeadline(action.timer, this.#durationOf(action.timer));
        return;
      case "setBackoff":
        this.#wait(action.after);
        return;
      case "clearDeadline":
        this.#clearDeadline();
        return;
      case "setStopDeadline":
        this.#setStopDeadline();
        return;
      case "setState":
        this.#state = action.to === "initial" ? this.#source.state : this.#given;
        return;
      case "invokeConnect":
        this.#mailbox.put({
          type: "connect",
          generation: this.#life.generation,
          status: action.status,
          headers: action.headers,
        });
        return;
      case "invokeDisconnect":
        this.#emit({ type: "closed", code: action.code, reason: action.reason });
        this.#mailbox.put({ type: "disconnect", code: action.code, reason: action.reason });
        return;
      case "invokeError": {
        const error = errorOf(action.fault, this.#options);
        this.#retryAfter = error.retryAfter;
        this.#emit({ type: "failed", error });
        this.#mailbox.put({ type: "error", error });
        return;
      }
      case "invokeTerminate":
        if (action.now) {
          this.#mailbox.remove(() => true);
          this.#terminate(action.reason);
        } else {
          this.#mailbox.put({ type: "terminate", reason: action.reason });
        }
        return;
      case "discardFrames":
        this.#mailbox.remove(isFrame);
        this.#heldFrames = 0;
        this.#heldBytes = 0;
        return;
      case "exit":
        this.#finish(action.reason);
        return;
    }
  }

  #begin(generation: number): void {
    this.#series += 1;
    this.#counters.attempts += 1;
    const attempt = new Attempt(
      { uri: this.#source.target, options: this.#options },
      {
        provided: (url, headers) => {
          if (this.#source.uri === undefined) this.#uri = url.href;
          this.#emit({
            type: "attempt",
            attempt: this.#series,
            uri: redactUrl(url),
            headers: redactHeaders(headers),
          });
          this.#step({ type: "provided", generation });
        },
        connected: () => this.#step({ type: "connected", generation }),
        opened: (channel, status, headers) => this.#opened(generation, channel, status, headers),
        failed: (error) => this.#step({ type: "attemptFailed", generation, error }),
        frame: (frame) => this.#receive(frame),
        castFailed: ({ frames, reason, message, cause }) => {
          this.#counters.drop("lost", frames);
          const error = new FreshError({ kind: "casting_failed", phase: "open", reason, detail: message, cause });
          this.#drainWaiters.fail(error);
          this.#mailbox.put({ type: "fault", error });
        },
        ended: (end) => this.#ended(generation, end),
      },
    );
    this.#attempt = attempt;
    attempt.ask(this.#series);
  }

  #opened(generation: number, channel: Channel, status: number, headers: Headers): void {
    this.#attempt = undefined;
    this.#channel = channel;
    this.#counters.opens += 1;
    this.#retryAfter = undefined;
    this.#openedAt = platform.clock.now();
    this.#openSince = platform.clock.wallClock();
    this.#dropping.clear();
    this.#heartbeat = new Heartbeat(this.#options, platform.clock, {
      sendPing: (frame) => this.#ready && channel.send(frame) === undefined,
      bytesReceived: () => channel.bytesReceived,
      dead: (silence) => {
        channel.destroy();
        this.#ended(generation, {
          type: "lost",
          reason: "pong_timeout",
          message: `no byte came within ${silence} ms of a ping, so the link is dead. If the server is only slow, raise pongTimeout.`,
        });
      },
    });
    this.#watchIdleness(channel, channel.bytesReceived + channel.bytesSent);
    this.#emit({
      type: "established",
      attempt: this.#series,
      protocol: channel.protocol,
      extensions: channel.extensions,
    });
    this.#step({ type: "opened", generation, status, headers });
    if (this.isOpen) this.#openWaiters.settle();
  }

  #ended(generation: number, end: ChannelEnd): void {
    if (end.type !== "lost") {
      this.#lingering?.destroy();
      this.#lingering = this.#channel;
    }
    this.#endLink();
    switch (end.type) {
      case "closed":
        this.#step({ type: "peerClosed", generation, code: end.code, reason: end.reason });
        return;
      case "violated": {
        const { closeCode, reason, message } = end.violation;
        const error = new FreshError({ kind: "decoding_failed", phase: "open", reason, detail: message, closeCode });
        this.#step({ type: "violated", generation, error });
        return;
      }
      case "lost": {
        const { reason, message, cause } = end;
        const error = new FreshError({ kind: "streaming_failed", phase: "open", reason, detail: message, cause });
        this.#step({ type: "lost", generation, error });
        return;
      }
    }
  }

  /** The present link is over: its numbers are kept, its timers are not. */
  #endLink(): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    this.#channel = undefined;
    this.#ready = false;
    this.#paused = false;
    this.#counters.add(channel);
    this.#lastRoundTrip = this.#heartbeat?.lastRoundTrip ?? this.#lastRoundTrip;
    this.#heartbeat?.stop(new Error("The connection ended before the probe was answered."));
    this.#heartbeat = undefined;
    this.#openSince = undefined;
    if (this.#hibernation !== undefined) platform.clock.cancel(this.#hibernation);
    this.#hibernation = undefined;
    if (platform.clock.now() - this.#openedAt >= this.#options.stableAfter) {
      this.#backoff.reset();
      this.#series = 0;
    }
    this.#watchDrain();
  }

  /** Looks once every hibernateAfter ms whether anything has come or gone since; no message pays for it. */
  #watchIdleness(channel: Channel, traffic: number): void {
    const { hibernateAfter } = this.#options;
    if (hibernateAfter === Number.POSITIVE_INFINITY) return;
    this.#hibernation = platform.clock.after(
      hibernateAfter,
      () => {
        const now = channel.bytesReceived + channel.bytesSent;
        if (now === traffic) channel.hibernate();
        this.#watchIdleness(channel, now);
      },
      false,
    );
  }

  // ── Timers ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #durationOf(timer: Exclude<TimerName, "stop" | "backoff">): number {
    const { providerTimeout, connectTimeout, upgradeTimeout, closeTimeout } = this.#options;
    switch (timer) {
      case "provider":
        return providerTimeout || Number.POSITIVE_INFINITY;
      case "connect":
        return connectTimeout || Number.POSITIVE_INFINITY;
      case "upgrade":
        return upgradeTimeout || Number.POSITIVE_INFINITY;
      case "close":
        return closeTimeout;
    }
  }

  #setDeadline(timer: TimerName, duration: number): void {
    this.#clearDeadline();
    this.#deadline = platform.clock.after(
      duration,
      () => {
        this.#deadline = undefined;
        this.#step({ type: "timedOut", timer });
      },
      this.#options.ref,
    );
  }

  #clearDeadline(): void {
    if (this.#deadline !== undefined) platform.clock.cancel(this.#deadline);
    this.#deadline = undefined;
  }

  #wait(after: number | undefined): void {
    const { retryAfter } = this.#options;
    const asked = this.#retryAfter;
    this.#retryAfter = undefined;
    const wait =
      after ??
      (asked === undefined || retryAfter === false
        ? this.#backoff.next()
        : this.#backoff.nextAfter(asked, retryAfter.max));
    this.#emit({ type: "waiting", wait });
    this.#setDeadline("backoff", wait);
  }

  // A stop that comes again may bring the end nearer, never put it off.
  #setStopDeadline(): void {
    const at = platform.clock.now() + this.#stopTimeout;
    if (this.#stopDeadline !== undefined) {
      if (this.#stopDeadline.at <= at) return;
      platform.clock.cancel(this.#stopDeadline.timer);
    }
    const timer = platform.clock.after(
      this.#stopTimeout,
      () => this.#step({ type: "timedOut", timer: "stop" }),
      this.#options.ref,
    );
    this.#stopDeadline = { timer, at };
  }

  #finish(reason: ExitReason): void {
    this.#clearDeadline();
    if (this.#stopDeadline !== undefined) platform.clock.cancel(this.#stopDeadline.timer);
    this.#options.signal?.removeEventListener("abort", this.#aborted);
    this.#lingering?.destroy();
    this.#lingering = undefined;
    this.#mailbox.remove(() => true);
    this.#openWaiters.fail(new TerminatedError("it opened", reason));
    // Before the outbox is emptied, or drain() would take that for everything having been sent.
    this.#drainWaiters.fail(new TerminatedError("everything was sent", reason));
    this.#outbox?.clear("terminated");
    this.#emit({ type: "terminated", reason });
    this.#source.onExit(reason);
    this.#exit(reason);
  }
}

const SENT = { result: "sent" } as const;
const QUEUED = { result: "queued" } as const;
const DROPPED = { result: "dropped" } as const;

/** All seven callbacks, the module's own where it has them. Methods of a class instance keep their `this`. */
function resolveCallbacks<S>(given: Partial<Callbacks<S>>): Callbacks<S> {
  const defaults = DEFAULT_CALLBACKS as unknown as Callbacks<S>;
  return {
    handleConnect: given.handleConnect?.bind(given) ?? defaults.handleConnect,
    handleControl: given.handleControl?.bind(given) ?? defaults.handleControl,
    handleIn: given.handleIn?.bind(given) ?? defaults.handleIn,
    handleInfo: given.handleInfo?.bind(given) ?? defaults.handleInfo,
    handleDisconnect: given.handleDisconnect?.bind(given) ?? defaults.handleDisconnect,
    handleError: given.handleError?.bind(given) ?? defaults.handleError,
    handleTerminate: given.handleTerminate?.bind(given) ?? defaults.handleTerminate,
  };
}

function isFrameList(frames: FrameLike | readonly FrameLike[]): frames is readonly FrameLike[] {
  return Array.isArray(frames);
}

/** A frame of its own for the outbox: the caller may change its bytes while they wait. */
function copyOf(frame: FrameLike): Frame {
  if (typeof frame === "string") return { type: "text", data: frame };
  if (frame instanceof Uint8Array) return { type: "binary", data: frame.slice() };
  return frame.type === "text" || frame.type === "close" ? frame : { type: frame.type, data: frame.data.slice() };
}

function encodingError(fault: SendFault): FreshError {
  return new FreshError({ kind: "encoding_failed", phase: "open", reason: fault.reason, detail: fault.message });
}

function errorOf(fault: Fault, options: { readonly [Phase in AttemptPhase as `${Phase}Timeout`]: number }): FreshError {
  if ("error" in fault) return fault.error;
  switch (fault.timedOut) {
    case "provider":
      return new FreshError({
        kind: "connecting_failed",
        phase: "provider",
        reason: "timed_out",
        detail: `the functions given for uri and headers took more than ${options.providerTimeout} ms. Make them faster, or raise providerTimeout.`,
      });
    case "connect":
      return new FreshError({
        kind: "connecting_failed",
        phase: "tcp",
        reason: "timed_out",
        detail: `the server was not reached within ${options.connectTimeout} ms. Check address and network, or raise connectTimeout.`,
      });
    case "upgrade":
      return new FreshError({
        kind: "establishing_failed",
        phase: "upgrade",
        reason: "timed_out",
        detail: `the server did not answer the upgrade request within ${options.upgradeTimeout} ms. Check that it serves WebSocket at this path, or raise upgradeTimeout.`,
      });
  }
}

function badResponse(callback: CallbackName, takes: string, response: unknown): TypeError {
  const got =
    typeof response === "object" && response !== null && "type" in response
      ? `${String(response.type)}()`
      : response === null
        ? "null"
        : typeof response;
  return new TypeError(`${callback} answered ${got}; it takes ${takes}. Did it forget its return?`);
}
