/**
 * One connection: it performs the lifecycle's actions, and owns the clock, the channel and the mailbox.
 * It is the only file that does.
 *
 * A message's way: the channel calls `#receive(frame)`, the mailbox passes it to the runner, that to the module's handleIn,
 * whose reply goes through the sender to the channel again. Nothing on that way is allocated but the frame and the response.
 */
import type { Connection, ConnectionStatus, FreshModule, SendResult } from "../behaviour.ts";
import { type CloseFrame, type ControlFrame, type DataFrame, type Frame, type FrameLike, faultOf } from "../frame.ts";
import { NotBuiltError } from "../not-built.ts";
import type { Platform } from "../platform/platform.ts";
import type { ExitReason } from "../supervision/exit-reason.ts";
import type { Channel, ChannelEnd } from "../transport/channel.ts";
import { onAbort } from "./abort.ts";
import { Attempt } from "./attempt.ts";
import { Backoff } from "./backoff.ts";
import { Counters } from "./counters.ts";
import { Deadlines } from "./deadlines.ts";
import { type FreshError, type FreshErrorPhase, TerminatedError } from "./errors.ts";
import type { ConnectionEvent } from "./event.ts";
import { castingError, encodingError, endError, givenUpError, type SendFault, timeoutError } from "./failures.ts";
import { Inbox } from "./inbox.ts";
import {
  type Action,
  INITIAL,
  type LifecycleEvent,
  type LifecycleState,
  publicStatus,
  type TimerName,
  transition,
} from "./lifecycle.ts";
import { Link } from "./link.ts";
import { consoleLogger, subscribeLog } from "./log.ts";
import { Mailbox } from "./mailbox.ts";
import { milliseconds } from "./option-checks.ts";
import type { ConnectionStats, DropCause, Name, Provider, SendOptions } from "./option-types.ts";
import type { ResolvedOptions } from "./options.ts";
import { redactHeaders, redactUrl } from "./redact.ts";
import { type Item, isCloseFrame, type Pending, Runner, type RunnerPort, type Standing } from "./runner.ts";
import { Sender } from "./sender.ts";
import { Waiters } from "./waiters.ts";

export type ConnectionSource<S> = {
  /** As it was given; undefined for a provider. */
  readonly uri: string | undefined;
  readonly target: URL | Provider<string | URL>;
  readonly module: FreshModule<S>;
  readonly state: S;
  readonly options: ResolvedOptions<Connection<S>>;
  /** Where it runs: its clock, its chance, and what opens channels. */
  readonly platform: Platform;
  /** Called once, when the connection has terminated. */
  readonly onExit: (reason: ExitReason) => void;
};

/** OTP's default for the shutdown of a worker, in ms. */
const STOP_TIMEOUT = 5000;
const checkStopTimeout = milliseconds({ zero: true, infinity: true });

const isFrame = (item: Item): item is DataFrame | ControlFrame =>
  item.type === "text" || item.type === "binary" || item.type === "ping" || item.type === "pong";

export class ConnectionProcess<S> implements Connection<S> {
  readonly id: string;
  readonly name?: Name;
  readonly module: FreshModule<S>;
  readonly exited: Promise<ExitReason>;

  readonly #options: ResolvedOptions<Connection<S>>;
  readonly #source: ConnectionSource<S>;
  readonly #runner: Runner<S>;
  readonly #mailbox: Mailbox<Item>;
  readonly #inbox: Inbox;
  readonly #sender: Sender;
  readonly #deadlines: Deadlines;
  readonly #backoff: Backoff;
  readonly #counters = new Counters();
  readonly #openWaiters = new Waiters();
  readonly #emit: (event: ConnectionEvent) => void;

  #life: LifecycleState = INITIAL;
  #uri: string;
  #attempt: Attempt | undefined;
  /** How many attempts of the present series there have been, this one included. */
  #series = 0;
  /** What the attempt was waiting for when its deadline ran out. */
  #waitedFor: FreshErrorPhase = "provider";
  /** What the server of the newest failed attempt asked us to wait, in ms. */
  #retryAfter: number | undefined;
  #link: Link | undefined;
  /** The channel before, which may still wait for its peer's FIN. */
  #lingering: Channel | undefined;
  #lastRoundTrip: number | undefined;
  /** Frames were lost with the link that has just ended, and the module hasn't heard of it. */
  #lost: FreshError | undefined;
  #stopTimeout = STOP_TIMEOUT;
  #exit: (reason: ExitReason) => void = () => undefined;
  #forgetSignal: () => void = () => undefined;

  readonly #aborted = (): void => {
    this.stop("shutdown");
  };

  constructor(source: ConnectionSource<S>) {
    const { options, module, state, platform } = source;
    const { clock } = platform;
    this.id = platform.identifier();
    this.#source = source;
    this.#options = options;
    this.module = module;
    this.#uri = source.uri ?? "";
    if (options.name !== undefined) this.name = options.name;
    this.#emit = subscribeLog(
      { ...options, logger: options.logger ?? consoleLogger(platform) },
      { id: this.id, name: options.name === undefined ? undefined : String(options.name), module: module.name },
      platform.logError,
    );
    this.#runner = new Runner(module, state, this, this.#runnerPort());
    this.#mailbox = new Mailbox((item) => this.#process(item));
    this.#inbox = new Inbox(options.inbox);
    this.#sender = new Sender(options, clock, this.#counters, {
      dropped: (frame, cause) => this.#tellDropped(frame, cause),
      dropping: (cause) => this.#emit({ type: "dropping", cause, status: this.status }),
      refused: (fault) => this.#mailbox.put({ type: "fault", error: encodingError(fault, this.#phase) }),
    });
    this.#deadlines = new Deadlines(clock, options.ref, (timer) => {
      this.#waitedFor = this.#phase;
      this.#step({ type: "timedOut", timer });
    });
    this.#backoff = new Backoff(options, platform.random);
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
    if (signal !== undefined) this.#forgetSignal = onAbort(signal, this.#aborted);
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
    return this.#link?.channel.protocol ?? "";
  }

  get extensions(): string {
    return this.#link?.channel.extensions ?? "";
  }

  get bufferedAmount(): number {
    return this.#sender.bufferedAmount;
  }

  get stats(): ConnectionStats {
    return this.#counters.snapshot(this.#link?.channel, {
      lastRoundTrip: this.#link?.heartbeat.lastRoundTrip ?? this.#lastRoundTrip,
      openSince: this.#link?.openSince,
    });
  }

  send(frame: FrameLike, options?: SendOptions): SendResult {
    if (isCloseFrame(frame)) return this.#sendClose(frame);
    const { result, fault } = this.#sender.cast(frame, options);
    // The caller isn't the module, so its handleError hears of it in turn.
    if (fault !== undefined) this.#mailbox.put({ type: "fault", error: encodingError(fault, this.#phase) });
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
    return this.#sender.drain(options?.signal);
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
    if (this.#link === undefined || !this.#sender.ready) {
      throw new Error(`The connection is ${this.status}, so there is nothing to probe. Await opened() first.`);
    }
    return this.#link.heartbeat.probe();
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

  #sendClose(frame: CloseFrame): SendResult {
    const open = this.isOpen;
    const fault = this.#requestClose(frame);
    if (fault !== undefined) this.#mailbox.put({ type: "fault", error: encodingError(fault, this.#phase) });
    return open && fault === undefined ? "sent" : "dropped";
  }

  #requestClose(frame: CloseFrame): SendFault | undefined {
    const fault = faultOf(frame);
    if (fault === undefined) this.#step({ type: "closeRequested", code: frame.code, reason: frame.reason });
    else this.#counters.drop("invalid");
    return fault;
  }

  #tellDropped(frame: Frame, cause: DropCause): void {
    try {
      this.#options.onDrop?.(frame, cause, this);
    } catch (error) {
      this.#emit({ type: "crashed", callback: "onDrop", error });
    }
  }

  /** How far the connection is, in the words of an error. */
  get #phase(): FreshErrorPhase {
    return this.#life.status === "closing" ? "closing" : (this.#attempt?.phase ?? "open");
  }

  // ── Receiving, and the module ──────────────────────────────────────────────────────────────────────────────────

  #receive(frame: DataFrame | ControlFrame): void {
    this.#counters.framesReceived += 1;
    if (frame.type === "pong") this.#link?.heartbeat.pong(frame.data);
    if (this.#mailbox.busy && this.#inbox.hold(frame)) this.#link?.pause();
    this.#mailbox.put(frame);
  }

  #process(item: Item): Pending {
    // Only what has waited was held; while nothing is held, nothing has waited.
    if (this.#inbox.length !== 0 && isFrame(item) && this.#inbox.release(item)) this.#link?.resume();
    return this.#runner.process(item);
  }

  #runnerPort(): RunnerPort {
    return {
      cast: (frame) => this.#sender.reply(frame),
      close: (frame) => this.#requestClose(frame),
      openSender: (generation) => {
        if (this.isOpen && this.#life.generation === generation) this.#sender.open();
      },
      shutSender: () => this.#sender.shut(),
      flushSender: () => this.#sender.flush(),
      encodingError: (fault) => encodingError(fault, this.#phase),
      failed: (error) => this.#emit({ type: "failed", error }),
      decided: (decision) => this.#step({ type: "decided", decision }),
      faultDecided: (decision) => this.#step({ type: "faultDecided", decision }),
      crashed: (callback, error) => {
        this.#emit({ type: "crashed", callback, error });
        if (callback !== "handleTerminate") this.#step({ type: "crashed", reason: { error, callback } });
      },
      finished: (reason) => this.#step({ type: "finished", ...(reason === undefined ? {} : { reason }) }),
      standing: () => standingIn(this.#life.status),
    };
  }

  // ── The lifecycle ──────────────────────────────────────────────────────────────────────────────────────────────

  #step(event: LifecycleEvent): void {
    const { state, actions } = transition(this.#life, event);
    this.#life = state;
    if (state.status !== "open") this.#sender.shut();
    for (const action of actions) this.#perform(action);
    this.#tellLost();
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
        this.#giveUpLink();
        return;
      case "sendClose":
        this.#link?.channel.close(action.code, action.reason);
        return;
      case "setDeadline":
        this.#deadlines.set(action.timer, this.#durationOf(action.timer));
        return;
      case "setBackoff":
        this.#wait(action.after);
        return;
      case "clearDeadline":
        this.#deadlines.clear();
        return;
      case "setStopDeadline":
        this.#deadlines.setStop(this.#stopTimeout);
        return;
      case "setState":
        this.#runner.setState(action.to);
        return;
      case "invokeConnect": {
        const { status, headers } = action;
        this.#mailbox.put({ type: "connect", generation: this.#life.generation, status, headers });
        return;
      }
      case "invokeDisconnect": {
        const { code, reason } = action;
        this.#tellLost();
        this.#emit({ type: "closed", code, reason });
        this.#mailbox.put({ type: "disconnect", code, reason });
        return;
      }
      case "invokeError": {
        const { fault } = action;
        this.#tellLost();
        this.#fail("error" in fault ? fault.error : timeoutError(fault.timedOut, this.#waitedFor, this.#options));
        return;
      }
      case "invokeTerminate":
        this.#sender.close();
        if (action.now) {
          if (this.#lost !== undefined) this.#emit({ type: "failed", error: this.#lost });
          this.#mailbox.remove(() => true);
          this.#runner.terminate(action.reason);
        } else {
          this.#tellLost();
          this.#mailbox.put({ type: "terminate", reason: action.reason });
        }
        return;
      case "discardFrames":
        this.#mailbox.remove(isFrame);
        this.#inbox.clear();
        return;
      case "exit":
        this.#finish(action.reason);
        return;
    }
  }

  #begin(generation: number): void {
    this.#series += 1;
    this.#counters.attempts += 1;
    this.#attempt = new Attempt(
      { uri: this.#source.target, options: this.#options, platform: this.#source.platform, self: this },
      {
        provided: (url, headers) => {
          if (this.#source.uri === undefined) this.#uri = url.href;
          this.#emit({ type: "attempt", attempt: this.#series, uri: redactUrl(url), headers: redactHeaders(headers) });
          this.#step({ type: "provided", generation });
        },
        connected: () => this.#step({ type: "connected", generation }),
        redirected: ({ status, url, credentials }) =>
          this.#emit({ type: "redirected", attempt: this.#series, status, uri: redactUrl(url), credentials }),
        opened: (channel, status, headers) => this.#opened(generation, channel, status, headers),
        failed: (error) => this.#step({ type: "attemptFailed", generation, error }),
        frame: (frame) => this.#receive(frame),
        castFailed: (failure) => {
          this.#lost = castingError(failure, this.#phase);
          this.#sender.lost(failure.frames, this.#lost);
        },
        ended: (end) => this.#ended(generation, end),
      },
    );
    this.#attempt.ask(this.#series);
  }

  #opened(generation: number, channel: Channel, status: number, headers: Headers): void {
    this.#attempt = undefined;
    this.#retryAfter = undefined;
    this.#counters.opens += 1;
    this.#sender.attach(channel);
    this.#link = new Link(channel, this.#options, this.#source.platform.clock, {
      mayPing: () => this.#sender.ready,
      random: () => this.#source.platform.random(),
      dead: (silence) => {
        this.#giveUpLink();
        const message = `no byte came within ${silence} ms of a ping, so the link is dead. If the server is only slow, raise pongTimeout.`;
        this.#ended(generation, { type: "lost", reason: "pong_timeout", message });
      },
    });
    const { protocol, extensions } = channel;
    this.#emit({ type: "established", attempt: this.#series, protocol, extensions });
    this.#step({ type: "opened", generation, status, headers });
    if (this.isOpen) this.#openWaiters.settle();
  }

  #ended(generation: number, end: ChannelEnd): void {
    if (end.type !== "lost") {
      // It may wait for the peer's FIN, and is cut off when the connection terminates.
      this.#lingering?.destroy();
      this.#lingering = this.#link?.channel;
    }
    this.#endLink();
    if (end.type === "closed") this.#step({ type: "peerClosed", generation, code: end.code, reason: end.reason });
    else {
      const type = end.type === "lost" ? "lost" : "violated";
      this.#step({ type, generation, error: endError(end, this.#phase) });
    }
  }

  /** This end leaves the link, with whatever the system hasn't taken yet. */
  #giveUpLink(): void {
    const channel = this.#link?.channel;
    if (channel === undefined) return;
    const frames = channel.destroy();
    if (frames > 0) {
      this.#lost = givenUpError(frames, this.#phase);
      this.#sender.lost(frames, this.#lost);
    }
    this.#endLink();
  }

  /** Frames lost with a link are told of right before its end is, or else when everything of the step has been done. */
  #tellLost(): void {
    const error = this.#lost;
    this.#lost = undefined;
    if (error !== undefined) this.#mailbox.put({ type: "fault", error });
  }

  /** The present link is over: its numbers are kept, its timers are not. */
  #endLink(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#link = undefined;
    this.#counters.add(link.channel);
    this.#lastRoundTrip = link.heartbeat.lastRoundTrip ?? this.#lastRoundTrip;
    link.end();
    this.#inbox.linkEnded();
    this.#sender.detach();
    if (link.age >= this.#options.stableAfter) {
      this.#backoff.reset();
      this.#series = 0;
    }
  }

  /** Tells handleError of what has ended an attempt. */
  #fail(error: FreshError): void {
    this.#retryAfter = error.retryAfter;
    this.#emit({ type: "failed", error });
    this.#mailbox.put({ type: "error", error });
  }

  #durationOf(timer: Exclude<TimerName, "stop" | "backoff">): number {
    const duration = this.#options[`${timer}Timeout`];
    // Of a close, 0 means that no answer is waited for; elsewhere, that there is no limit.
    return duration === 0 && timer !== "close" ? Number.POSITIVE_INFINITY : duration;
  }

  #wait(after: number | undefined): void {
    const { retryAfter } = this.#options;
    const asked = retryAfter === false ? undefined : this.#retryAfter;
    this.#retryAfter = undefined;
    const wait =
      after ?? this.#backoff.next(asked === undefined || retryAfter === false ? 0 : Math.min(asked, retryAfter.max));
    this.#emit({ type: "waiting", wait });
    this.#deadlines.set("backoff", wait);
  }

  #finish(reason: ExitReason): void {
    this.#runner.end();
    this.#deadlines.end();
    this.#forgetSignal();
    this.#lingering?.destroy();
    this.#lingering = undefined;
    this.#mailbox.remove(() => true);
    this.#openWaiters.fail(new TerminatedError("it opened", reason));
    this.#sender.end(new TerminatedError("everything was sent", reason));
    this.#emit({ type: "terminated", reason });
    this.#source.onExit(reason);
    this.#exit(reason);
  }
}

function standingIn(status: LifecycleState["status"]): Standing {
  switch (status) {
    case "open":
    case "closing":
      return "connected";
    case "waiting":
      return "waiting";
    case "terminating":
    case "terminated":
      return "over";
    default:
      return "unconnected";
  }
}
