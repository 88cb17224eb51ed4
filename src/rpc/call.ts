/**
 * One call: what is to be sent, how far it has come, its deadline and its caller's signal.
 */
import type { FrameLike, Timer } from "../index.ts";
import type { Sent } from "./errors.ts";
import type { CallId } from "./protocol.ts";

export type CallOptions = {
  /** How long it may take, waiting for a connection included, in ms. Default: the rpc's; Infinity: no limit. */
  readonly timeout?: number;
  /** Its abort ends the call: it rejects with the signal's reason, and is not sent if it hasn't been. */
  readonly signal?: AbortSignal;
  /** It may be carried out twice: if the connection is lost it is sent again, with the same id, on the next. Default false. */
  readonly idempotent?: boolean;
  /** While it can't be sent: wait (default), or reject at once with a CallNotSentError. */
  readonly whenClosed?: "queue" | "drop";
  /** With `ready: "told"`: doesn't wait for that; the call that authenticates, say. Default false. */
  readonly beforeReady?: boolean;
};

/** Who is told how it ends, once. */
export type Settle = { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void };

/** "waiting": to be sent for the first time; "replaying": once more, since the connection was lost. */
export type CallPhase = "waiting" | "sent" | "replaying" | "settled";

export type CallRequest = {
  readonly method: string;
  readonly params: unknown;
  /** "nothing": it is done when it is sent. */
  readonly expects: "answer" | "nothing";
  /** The caller's own; calls that a subscription makes count against no limit. */
  readonly origin: "caller" | "subscription";
  readonly timeout: number;
  readonly options: CallOptions;
};

export class Call {
  readonly id: CallId;
  readonly request: CallRequest;
  readonly settle: Settle;
  /** On the rpc's clock. */
  readonly expiresAt: number;
  /** Kept as long as it may have to be sent. */
  frame: FrameLike | undefined;
  phase: CallPhase = "waiting";
  /** What is known of the links that are over. */
  sent: Sent = "no";
  /** The link it was sent on, and its number among what was sent there. */
  link = 0;
  number = 0;
  replays = 0;
  timer: Timer | undefined;
  forgetSignal: () => void = () => undefined;

  constructor(id: CallId, frame: FrameLike, request: CallRequest, settle: Settle, expiresAt: number) {
    this.id = id;
    this.frame = frame;
    this.request = request;
    this.settle = settle;
    this.expiresAt = expiresAt;
  }

  get method(): string {
    return this.request.method;
  }

  /** May it go out before the module has said that it is ready? */
  get early(): boolean {
    return this.request.options.beforeReady === true;
  }
}
