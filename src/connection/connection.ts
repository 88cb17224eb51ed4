/**
 * One connection: it performs the lifecycle's actions, and owns the clock, the channel and the mailbox.
 * It is the only file that does.
 *
 * A message's way: the channel calls `#receive(frame)`, the mailbox passes it to the runner, that to the module's handleIn,
 * whose reply goes through the sender to the channel again. Nothing on that way is allocated but the frame and the response.
 */

import { onAbort } from "../abort.ts";
import type { Connection, ConnectionStatus, FreshModule, SendResult } from "../behaviour.ts";
import { type CloseFrame, type ControlFrame, type DataFrame, type Frame, type FrameLike, faultOf } from "../frame.ts";
import type { Platform } from "../platform/platform.ts";
import type { ExitReason } from "../supervision/exit-reason.ts";
import { describeName } from "../supervision/names.ts";
import { Backoff } from "./backoff.ts";
import { Counters } from "./counters.ts";
import { Deadlines } from "./deadlines.ts";
import { FreshError, type FreshErrorPhase, TerminatedError } from "./errors.ts";
import type { ConnectionEvent } from "./event.ts";
import { castingError, encodingError, givenUpError, type SendFault, timeoutError } from "./failures.ts";
import { Inbox } from "./inbox.ts";
import type { AttemptPhase, LifecycleState } from "./lifecycle.ts";
import type { Link } from "./link.ts";
import { consoleLogger, subscribeLog } from "./log.ts";
import { Mailbox } from "./mailbox.ts";
import { milliseconds } from "./option-checks.ts";
import type { ConnectionStats, DropCause, Name, Provider, SendOptions } from "./option-types.ts";
import type { ResolvedOptions } from "./options.ts";
import { redactHeaders, redactUrl } from "./redact.ts";
import {
  advance,
  type Life,
  type LifeAction,
  type LifeEvent,
  type ReplacementFault,
  statusOf,
  UNBORN,
} from "./replacement.ts";
import { ReplacementSchedule } from "./replacement-schedule.ts";
import { type Item, isCloseFrame, type Pending, Runner, type RunnerPort, type Standing } from "./runner.ts";
import { Sender } from "./sender.ts";
import { Transports, type TransportsPort } from "./transports.ts";
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

  readonly #transports: Transports;
  readonly #schedule: ReplacementSchedule;
  readonly #replaceWaiters = new Waiters();

  #life: Life = UNBORN;
  #uri: string;
  /** How many attempts of the present series there have been, this one included. */
  #series = 0;
  /** What the attempt was waiting for when its deadline ran out. */
  #waitedFor: FreshErrorPhase = "provider";
  /** What the server of the newest failed attempt asked us to wait, in ms. */
  #retryAfter: number | undefined;
  /** How often a successor has been tried beside the present link. */
  #successorTries = 0;
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
      { id: this.id, name: options.name === undefined ? undefined : nameInLogs(options.name), module: module.name },
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
    this.#deadlines = new Deadlines(clock, options.ref, {
      timedOut: (timer) => {
        this.#waitedFor = this.#phase;
        this.#step({ type: "timedOut", timer });
      },
      besideTimedOut: (timer) => {
        this.#waitedFor = this.#transports.successorPhase;
        this.#step({ type: "companionTimedOut", timer });
      },
    });
    this.#transports = new Transports(
      { uri: source.target, options, platform, self: this },
      this.#counters,
      this.#transportsPort(),
    );
    this.#schedule = new ReplacementSchedule(options, clock, platform.random, () =>
      this.#step({ type: "replaceRequested" }),
    );
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
    return statusOf(this.#life);
  }

  get isOpen(): boolean {
    return this.status === "open";
  }

  get attempt(): number {
    return this.#series;
  }

  get protocol(): string {
    return this.#transports.link?.channel.protocol ?? "";
  }

  get extensions(): string {
    return this.#transports.link?.channel.extensions ?? "";
  }

  get bufferedAmount(): number {
    return this.#sender.bufferedAmount;
  }

  get stats(): ConnectionStats {
    const { links, link, lastRoundTrip } = this.#transports;
    return this.#counters.snapshot(
      links.map(({ channel }) => channel),
      { lastRoundTrip, openSince: link?.openSince },
    );
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
    if (this.#life.main.status === "terminated") return;
    this.#mailbox.put({ type: "info", message });
  }

  async drain(options?: { readonly signal?: AbortSignal }): Promise<void> {
    return this.#sender.drain(options?.signal);
  }

  async opened(options?: { readonly signal?: AbortSignal }): Promise<void> {
    options?.signal?.throwIfAborted();
    if (this.isOpen) return;
    const { main } = this.#life;
    if (main.status === "terminated") throw new TerminatedError("it opened", main.reason);
    return this.#openWaiters.wait(options?.signal);
  }

  reconnect(): void {
    this.#backoff.reset();
    this.#series = 0;
    this.#retryAfter = undefined;
    this.#step({ type: "reconnectRequested" });
  }

  async replace(options?: { readonly signal?: AbortSignal }): Promise<void> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    if (!this.isOpen) {
      throw new Error(
        `The connection is ${this.status}, so there is nothing to replace. Await opened() first; reconnect() ends a wait.`,
      );
    }
    const replaced = this.#replaceWaiters.wait(signal);
    const forget =
      signal === undefined
        ? undefined
        : onAbort(signal, () => {
            if (this.#replaceWaiters.size === 0 && !this.#schedule.wanted) this.#step({ type: "replaceGivenUp" });
          });
    this.#step({ type: "replaceRequested" });
    try {
      await replaced;
    } finally {
      forget?.();
    }
  }

  async probe(): Promise<number> {
    const { link } = this.#transports;
    if (this.isOpen && !this.#sender.ready) {
      throw new Error("handleConnect hasn't answered yet, and nothing goes out before its replies. Probe when it has.");
    }
    if (link === undefined || !this.#sender.ready) {
      throw new Error(`The connection is ${this.status}, so there is nothing to probe. Await opened() first.`);
    }
    return link.heartbeat.probe();
  }

  stop(reason: ExitReason = "normal", options?: { readonly timeout?: number }): Promise<ExitReason> {
    if (this.#life.main.status !== "terminated") {
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
    return this.status === "closing" ? "closing" : (this.#transports.phase ?? "open");
  }

  // ── Receiving, and the module ──────────────────────────────────────────────────────────────────────────────────

  #receive(frame: DataFrame | ControlFrame): void {
    this.#counters.framesReceived += 1;
    if (this.#mailbox.busy && this.#inbox.hold(frame)) this.#transports.pause();
    this.#mailbox.put(frame);
  }

  #process(item: Item): Pending {
    // Only what has waited was held; while nothing is held, nothing has waited.
    if (this.#inbox.length !== 0 && isFrame(item) && this.#inbox.release(item)) this.#transports.resume();
    return this.#runner.process(item);
  }

  #runnerPort(): RunnerPort {
    return {
      cast: (frame) => this.#sender.reply(frame),
      close: (frame) => this.#requestClose(frame),
      openSender: (generation) => {
        if (this.isOpen && this.#life.main.generation === generation) this.#sender.open();
      },
      takeOver: (generation) => {
        this.#step({ type: "turnCame", generation });
        return this.#life.main.generation === generation;
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
      standing: () => standingIn(this.#life.main.status),
    };
  }

  // ── The lifecycle ──────────────────────────────────────────────────────────────────────────────────────────────

  #step(event: LifeEvent): void {
    const { life, actions } = advance(this.#life, event);
    this.#life = life;
    if (!this.isOpen) this.#sender.shut();
    for (const action of actions) this.#perform(action);
    this.#tellLost();
    if (!this.isOpen) return;
    this.#openWaiters.settle();
    // A successor that was adopted has opened: whoever waited for it has it.
    if (this.#life.companion === undefined) this.#replaceWaiters.settle();
  }

  #perform(action: LifeAction): void {
    switch (action.type) {
      case "askProviders":
        this.#begin(action.generation);
        return;
      case "openTransport":
        this.#transports.open();
        return;
      case "destroyTransport":
        this.#transports.giveUp();
        return;
      case "sendClose":
        this.#transports.link?.channel.close(action.code, action.reason);
        return;
      case "askCompanionProviders":
        this.#successorTries += 1;
        this.#counters.attempts += 1;
        this.#transports.askBeside(action.generation, this.#successorTries);
        return;
      case "openCompanion":
        this.#transports.openBeside();
        return;
      case "setCompanionDeadline":
        this.#deadlines.setBeside(action.timer, this.#durationOf(action.timer));
        return;
      case "clearCompanionDeadline":
        this.#deadlines.clearBeside();
        return;
      case "announceSuccessor":
        this.#mailbox.put({ ...action, type: "connect", beside: true });
        return;
      case "handOver":
        this.#handOver();
        return;
      case "adoptSuccessor":
        this.#series = this.#successorTries;
        this.#deadlines.adoptBeside();
        this.#transports.adoptSuccessor();
        return;
      case "abandonSuccessor":
        this.#abandonSuccessor(action.fault);
        return;
      case "endPredecessor":
        this.#endPredecessor(action.how);
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
        this.#mailbox.put({ type: "connect", generation: this.#life.main.generation, beside: false, status, headers });
        return;
      }
      case "invokeDisconnect": {
        const { code, reason } = action;
        this.#tellLost();
        if (this.#life.companion === undefined) this.#replaceWaiters.fail(leftError());
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
    this.#transports.ask(generation, this.#series);
  }

  #transportsPort(): TransportsPort {
    return {
      mayPing: () => this.#sender.ready,
      provided: (url, headers, attempt) => {
        if (this.#source.uri === undefined) this.#uri = url.href;
        this.#emit({ type: "attempt", attempt, uri: redactUrl(url), headers: redactHeaders(headers) });
      },
      redirected: ({ status, url, credentials }, attempt) =>
        this.#emit({ type: "redirected", attempt, status, uri: redactUrl(url), credentials }),
      opened: (link, attempt) => {
        this.#retryAfter = undefined;
        this.#successorTries = 0;
        this.#counters.opens += 1;
        this.#sender.attach(link.channel);
        this.#schedule.opened();
        const { protocol, extensions } = link.channel;
        this.#emit({ type: "established", attempt, protocol, extensions });
      },
      frame: (frame) => this.#receive(frame),
      castFailed: (failure) => {
        this.#lost = castingError(failure, this.#phase);
        this.#sender.lost(failure.frames, this.#lost);
      },
      gaveUp: (frames) => {
        this.#lost = givenUpError(frames, this.#phase);
        this.#sender.lost(frames, this.#lost);
      },
      linkEnded: (link) => {
        this.#schedule.end();
        this.#sender.detach();
        this.#hasLived(link);
      },
      nothingToRead: () => this.#inbox.linkEnded(),
      phase: () => this.#phase,
      said: (event) => this.#step(event),
    };
  }

  /** A link that has been open for long enough is a success: the backoff starts over. */
  #hasLived(link: Link): void {
    if (link.age < this.#options.stableAfter) return;
    this.#backoff.reset();
    this.#series = 0;
  }

  /** Frames lost with a link are told of right before its end is, or else when everything of the step has been done. */
  #tellLost(): void {
    const error = this.#lost;
    this.#lost = undefined;
    if (error !== undefined) this.#mailbox.put({ type: "fault", error });
  }

  // ── Replacing ──────────────────────────────────────────────────────────────────────────────────────────────────

  #handOver(): void {
    const link = this.#transports.link;
    if (link === undefined) return;
    this.#hasLived(link);
    this.#counters.replacements += 1;
    this.#sender.retire();
    this.#transports.handOver();
  }

  #endPredecessor(how: "ended" | "timed out" | "destroy"): void {
    const link = this.#transports.endPredecessor(how === "ended" ? "ended" : "destroy");
    if (link === undefined) return;
    this.#sender.release();
    this.#emit({ type: "replaced", how });
    this.#replaceWaiters.settle();
  }

  #abandonSuccessor(fault: ReplacementFault): void {
    const error =
      fault === "left" || fault === "given up"
        ? leftError()
        : "error" in fault
          ? fault.error
          : timeoutError(fault.timedOut, this.#waitedFor, this.#options);
    this.#transports.abandonSuccessor();
    if (error instanceof FreshError) this.#emit({ type: "replacementFailed", error });
    this.#replaceWaiters.fail(error);
    if (this.#life.main.status === "open") {
      this.#schedule.failed(this.#askedFor(error instanceof FreshError ? error.retryAfter : undefined));
    }
  }

  /** Tells handleError of what has ended an attempt. */
  #fail(error: FreshError): void {
    this.#retryAfter = error.retryAfter;
    this.#counters.lastError = { error, at: this.#source.platform.clock.wallClock() };
    if (this.#life.companion === undefined) this.#replaceWaiters.fail(error);
    this.#emit({ type: "failed", error });
    this.#mailbox.put({ type: "error", error });
  }

  #durationOf(timer: AttemptPhase | "close"): number {
    const duration = this.#options[`${timer}Timeout`];
    // Of a close, 0 means that no answer is waited for; elsewhere, that there is no limit.
    return duration === 0 && timer !== "close" ? Number.POSITIVE_INFINITY : duration;
  }

  /** How much of a Retry-After is heeded, in ms. */
  #askedFor(retryAfter: number | undefined): number {
    const heeded = this.#options.retryAfter;
    return heeded === false || retryAfter === undefined ? 0 : Math.min(retryAfter, heeded.max);
  }

  #wait(after: number | undefined): void {
    const asked = this.#askedFor(this.#retryAfter);
    this.#retryAfter = undefined;
    const wait = after ?? this.#backoff.next(asked);
    this.#emit({ type: "waiting", wait });
    this.#deadlines.set("backoff", wait);
  }

  #finish(reason: ExitReason): void {
    this.#runner.end();
    this.#deadlines.end();
    this.#forgetSignal();
    this.#transports.end();
    this.#schedule.end();
    this.#mailbox.remove(() => true);
    this.#openWaiters.fail(new TerminatedError("it opened", reason));
    this.#replaceWaiters.fail(new TerminatedError("it was replaced", reason));
    this.#sender.end(new TerminatedError("everything was sent", reason));
    this.#emit({ type: "terminated", reason, pending: this.#runner.pending });
    this.#source.onExit(reason);
    this.#exit(reason);
  }
}

/** Names in one of the forms with an object in them are spelt out. */
function nameInLogs(name: Name): string {
  return typeof name === "object" ? describeName(name) : String(name);
}

function leftError(): Error {
  return new Error("The connection was left before its replacement was in place, so there is none.");
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
