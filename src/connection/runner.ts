/**
 * Runs a module: gives one item of the mailbox at a time to the callback it is for, and carries out the answer.
 * It owns the module's state. What an answer means for the connection it tells its port.
 */
import type { CallbackName, Callbacks, Connection, FreshModule, GenericResponse } from "../behaviour.ts";
import type { CloseFrame, ControlFrame, DataFrame, Frame, FrameLike } from "../frame.ts";
import type { ExitReason } from "../supervision/exit-reason.ts";
import type { FreshError } from "./errors.ts";
import type { SendFault } from "./failures.ts";
import type { Decision } from "./lifecycle.ts";
import { badResponse, isThenable, readDecision, resolveCallbacks } from "./responses.ts";

/** What passes through the mailbox. Frames are their own items, so that a message costs no envelope. */
export type Item =
  | DataFrame
  | ControlFrame
  | { readonly type: "info"; readonly message: unknown }
  | {
      readonly type: "connect";
      readonly generation: number;
      /** It opened beside the live connection, and is to take its place now. */
      readonly beside: boolean;
      readonly status: number;
      readonly headers: Headers;
    }
  | { readonly type: "disconnect"; readonly code: number | undefined; readonly reason: string | undefined }
  | { readonly type: "error"; readonly error: FreshError }
  /** An encoding or casting fault: it reaches handleError, but ends no attempt. */
  | { readonly type: "fault"; readonly error: FreshError }
  | { readonly type: "terminate"; readonly reason: ExitReason };

/** Undefined when it is done, else a promise that never rejects. */
export type Pending = Promise<void> | undefined;

/** "waiting": for the next attempt; "over": it is to terminate, or has. */
export type Standing = "connected" | "unconnected" | "waiting" | "over";

export interface RunnerPort {
  /** Hands a frame, which is no close frame, to where it goes now. A fault: it may not be sent. */
  cast(frame: FrameLike): SendFault | undefined;
  /** Sends a close frame, if there is a connection to close. A fault: it may not be sent. */
  close(frame: CloseFrame): SendFault | undefined;
  /** Lets frames go straight to the channel, if the connection of this generation still stands; or lets them wait. */
  openSender(generation: number): void;
  shutSender(): void;
  /** Lets the connection of this generation take the place of the live one; false: it is gone. */
  takeOver(generation: number): boolean;
  /** Sends what waited for handleConnect's answer. */
  flushSender(): void;
  /** The error of a frame that was refused; it has been counted. */
  encodingError(fault: SendFault): FreshError;
  /** handleError is about to hear of a fault that ends no attempt. */
  failed(error: FreshError): void;
  /** The answer to handleDisconnect, or to a handleError that ended an attempt. */
  decided(decision: Decision): void;
  /** The answer to a handleError that ended nothing. */
  faultDecided(decision: Decision): void;
  crashed(callback: CallbackName, error: unknown): void;
  /** handleTerminate has run. */
  finished(reason?: ExitReason): void;
  /** How the connection stands: asked before and after handleError has had its say about a frame of a reply. */
  standing(): Standing;
}

export class Runner<S> {
  readonly #self: Connection<S>;
  readonly #port: RunnerPort;
  readonly #callbacks: Callbacks<S>;
  readonly #initial: S;
  #state: S;
  /** The state that came with the newest decision. */
  #given: S;
  /** The connection has terminated: what a promise that was pending brings is void. */
  #over = false;
  #pending: CallbackName | undefined;

  constructor(module: FreshModule<S>, initial: S, self: Connection<S>, port: RunnerPort) {
    this.#callbacks = resolveCallbacks(module.callbacks);
    this.#initial = initial;
    this.#state = initial;
    this.#given = initial;
    this.#self = self;
    this.#port = port;
  }

  /** Sets the state for the next attempt: the initial one, or the one that came with the newest decision. */
  setState(to: "initial" | "given"): void {
    this.#state = to === "initial" ? this.#initial : this.#given;
  }

  /** The callback whose promise hasn't settled yet. */
  get pending(): CallbackName | undefined {
    return this.#pending;
  }

  /** Nothing of the module is called any more. */
  end(): void {
    this.#over = true;
  }

  process(item: Item): Pending {
    if (this.#over) return undefined;
    switch (item.type) {
      case "text":
      case "binary": {
        let response: unknown;
        try {
          response = this.#callbacks.handleIn(item, this.#state, this.#self);
        } catch (error) {
          return this.#crash("handleIn", error);
        }
        return this.#answer("handleIn", response);
      }
      case "ping":
      case "pong":
        return this.#call("handleControl", () => this.#callbacks.handleControl(item, this.#state, this.#self));
      case "info":
        return this.#call("handleInfo", () => this.#callbacks.handleInfo(item.message, this.#state, this.#self));
      case "connect":
        return this.#connect(item);
      case "disconnect":
        return this.#decide(
          "handleDisconnect",
          () => this.#callbacks.handleDisconnect(item.code, item.reason, this.#state, this.#self),
          (decision) => this.#port.decided(decision),
        );
      case "error":
        return this.#decide(
          "handleError",
          () => this.#callbacks.handleError(item.error, this.#state, this.#self),
          (decision) => this.#port.decided(decision),
        );
      case "fault":
        return this.#fault(item.error, "adopt");
      case "terminate":
        this.terminate(item.reason);
        return undefined;
    }
  }

  /** Runs handleTerminate; the module is not called after it. */
  terminate(reason: ExitReason): void {
    if (this.#over) return;
    this.#over = true;
    let answer: unknown;
    try {
      answer = this.#callbacks.handleTerminate(reason, this.#state, this.#self);
    } catch (error) {
      this.#port.crashed("handleTerminate", error);
      this.#port.finished({ error, callback: "handleTerminate" });
      return;
    }
    this.#port.finished();
    // What it returns is ignored, but not the fault of one that was written as an async function.
    if (isThenable(answer)) {
      Promise.resolve(answer).catch((error) => this.#port.crashed("handleTerminate", error));
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

  // The connection may be over already when this turn comes; then handleDisconnect or handleError stands behind it in the
  // mailbox. While handleConnect runs its sends go out at once; until it has answered, those of others wait: its replies come
  // first (section 2.2).
  #connect(item: Extract<Item, { type: "connect" }>): Pending {
    const port = this.#port;
    if (item.beside && !port.takeOver(item.generation)) return undefined;
    port.openSender(item.generation);
    let response: unknown;
    try {
      response = this.#callbacks.handleConnect(item.status, item.headers, this.#state, this.#self);
    } catch (error) {
      return this.#crash("handleConnect", error);
    }
    const settle = (answer: unknown): Pending => {
      port.openSender(item.generation);
      const pending = this.#answer("handleConnect", answer);
      if (pending !== undefined) return pending.then(() => port.flushSender());
      port.flushSender();
      return undefined;
    };
    if (!isThenable(response)) return settle(response);
    port.shutSender();
    return this.#settled("handleConnect", response, settle);
  }

  #answer(callback: CallbackName, response: unknown): Pending {
    if (typeof response === "object" && response !== null) {
      const answer = response as GenericResponse<S> | { readonly type?: undefined };
      switch (answer.type) {
        case "ok":
          this.#state = answer.state;
          return undefined;
        case "reply": {
          const { frames } = answer;
          return this.#reply(isList(frames) ? frames : [frames], 0, answer.state);
        }
        case "close":
          return this.#reply([{ type: "close", code: answer.code, reason: answer.reason }], 0, answer.state);
      }
      if (isThenable(response)) {
        return this.#settled(callback, response, (settled) => this.#answer(callback, settled));
      }
    }
    return this.#crash(callback, badResponse(callback, response));
  }

  /** Sends the frames of a reply from `index` on; the state before the reply stays until all have been. */
  #reply(frames: readonly FrameLike[], index: number, state: S): Pending {
    const before = this.#port.standing();
    for (let at = index; at < frames.length; at += 1) {
      const frame = frames[at] as FrameLike;
      const fault = isCloseFrame(frame) ? this.#port.close(frame) : this.#port.cast(frame);
      if (fault === undefined) continue;
      // handleError is told at once, with the state from before the reply; what state it gives is passed over (section 2.2).
      const pending = this.#fault(this.#port.encodingError(fault), "pass over");
      if (pending !== undefined) {
        return pending.then(() => (this.#hasLeft(before) ? undefined : this.#reply(frames, at + 1, state)));
      }
      if (this.#hasLeft(before)) return undefined;
    }
    this.#state = state;
    return undefined;
  }

  /** Has handleError's answer to a fault left the connection that a reply was for, or ended it all? */
  #hasLeft(before: Standing): boolean {
    const now = this.#port.standing();
    return now !== before && (now === "over" || now === "waiting");
  }

  // ── Callbacks with a connection response ───────────────────────────────────────────────────────────────────────

  /** Tells handleError of a fault that ends no attempt. */
  #fault(error: FreshError, given: "adopt" | "pass over"): Pending {
    this.#port.failed(error);
    return this.#decide(
      "handleError",
      () => this.#callbacks.handleError(error, this.#state, this.#self),
      (decision) => {
        if (decision.type === "ignore" && given === "adopt") this.#state = this.#given;
        this.#port.faultDecided(decision);
      },
    );
  }

  #decide(callback: CallbackName, invoke: () => unknown, decided: (decision: Decision) => void): Pending {
    const settle = (answer: unknown): Pending => {
      const read = readDecision<S>(answer);
      if (read === undefined) return this.#crash(callback, badResponse(callback, answer));
      if (read.given !== undefined) this.#given = read.given.value;
      decided(read.decision);
      return undefined;
    };
    let response: unknown;
    try {
      response = invoke();
    } catch (error) {
      return this.#crash(callback, error);
    }
    return isThenable(response) ? this.#settled(callback, response, settle) : settle(response);
  }

  // ── Faults of the module's own ─────────────────────────────────────────────────────────────────────────────────

  /** What follows when a callback's promise settles; nothing, if the connection was cut off meanwhile. */
  #settled(
    callback: CallbackName,
    response: PromiseLike<unknown>,
    settle: (answer: unknown) => Pending,
  ): Promise<void> {
    this.#pending = callback;
    return Promise.resolve(response).then(
      (answer) => {
        this.#pending = undefined;
        return this.#over ? undefined : settle(answer);
      },
      (error) => {
        this.#pending = undefined;
        return this.#over ? undefined : this.#crash(callback, error);
      },
    );
  }

  #crash(callback: CallbackName, error: unknown): undefined {
    this.#port.crashed(callback, error);
    return undefined;
  }
}

export const isCloseFrame = (frame: FrameLike): frame is CloseFrame =>
  // Callers may be JavaScript, so anything may be here.
  typeof frame !== "string" && (frame as Partial<Frame> | null | undefined)?.type === "close";

function isList(frames: FrameLike | readonly FrameLike[]): frames is readonly FrameLike[] {
  return Array.isArray(frames);
}
