/**
 * One subscription: asked for on each connection anew, with parameters of the moment, and told when there was a gap.
 *
 *     waiting ──asked for──▶ asked ──confirmed──▶ active ──unsubscribe()──▶ leaving ──answered──▶ ended
 *        ▲                     │                    │
 *        └── connection lost ──┴────────────────────┘        refused, timed out, overflow: ended at once
 */
import type { Clock } from "../index.ts";
import type { Call, CallRequest, Settle } from "./call.ts";
import { CallError, ConnectionLostError, SubscriptionOverflowError, SubscriptionRefusedError } from "./errors.ts";
import { EventQueue, type Overflow } from "./event-queue.ts";

/** The stream was interrupted: messages of that time may be lost, unless the parameters resume where the last one was. */
export type Gap = {
  /** When the subscription was last heard of, in ms since 1970: its newest message, or its confirmation. */
  readonly since: number;
  /** ms from then until it was established again. */
  readonly duration: number;
  /** "closed", "failed": how the connection ended; "replaced": by a new one, so messages may also have come twice. */
  readonly reason: GapReason;
};

export type GapReason = "closed" | "failed" | "replaced";

export type SubscriptionStatus = "waiting" | "asked" | "active" | "leaving" | "ended";

export type SubscriptionEnd =
  | { readonly reason: "unsubscribed" | "terminated" }
  /** SubscriptionRefusedError, SubscriptionOverflowError, CallTimeoutError, CallNotSentError, or what `parameters` threw. */
  | { readonly reason: "failed"; readonly error: unknown };

/** What an iterator of a subscription gives, in the order in which it happened. */
export type SubscriptionEvent<Item> =
  | { readonly type: "message"; readonly message: Item }
  | { readonly type: "gap"; readonly gap: Gap };

export type SubscribeOptions<Message, Params, Item, Confirmation> = {
  /** The method that subscribes; its request is made by the protocol's `request`, as a call's is. */
  readonly method: string;
  /** Gives the parameters, each time that it is asked for; `previous` are those of the time before. Default: none. */
  readonly parameters?: (previous: Params | undefined) => Params;
  /**
   * What confirms it: "answer" (default), the answer to the request; a function that looks at each message until it gives something
   * else than undefined, or throws if the message is a refusal; "none": nothing does, so it is taken as granted once it is sent.
   */
  readonly confirm?: "answer" | "none" | ((message: Message) => Confirmation | undefined);
  /** Is this message one of the subscription's? `confirmation` is the present one; undefined while there is none. */
  readonly matches: (message: Message, confirmation: Confirmation | undefined) => boolean;
  /** What of a message is handed on. Default: all of it. */
  readonly item?: (message: Message) => Item;
  /** The call that ends it. Default: none is made. */
  readonly unsubscribe?: (
    confirmation: Confirmation | undefined,
    params: Params | undefined,
  ) => { readonly method: string; readonly params?: unknown };
  /** Gets each message; while its promise is pending, nothing else of the connection is handled. Without it, iterate. */
  readonly onMessage?: (item: Item) => void | Promise<void>;
  /** Told of each gap, before the first message behind it. */
  readonly onGap?: (gap: Gap) => void;
  /** How long the server may take to confirm, in ms. Default: the rpc's timeout. */
  readonly timeout?: number;
  /** Of an iterator: events that may wait. Default 1000. */
  readonly buffer?: number;
  /** Of an iterator that is too slow: "fail" (default) ends the subscription with an error, "drop-oldest" counts in `dropped`. */
  readonly overflow?: Overflow;
};

export interface Subscription<Item> extends AsyncIterable<SubscriptionEvent<Item>, undefined>, Disposable {
  readonly status: SubscriptionStatus;
  /** Events that an iterator was too slow for. */
  readonly dropped: number;
  /** How it ended; never rejects. A refusal is only told here and by the iterator. */
  readonly ended: Promise<SubscriptionEnd>;
  /** Ends it: no message comes any more, and while there is no connection it isn't asked for again. */
  unsubscribe(): void;
}

/** What a subscription needs of its connection. */
export interface SubscriptionPort {
  readonly clock: Clock;
  readonly timeout: number;
  /** Makes a call that is to be sent. */
  open(request: CallRequest, settle: Settle): Call;
  /** Sends it now, if that is possible; its phase tells. */
  transmit(call: Call): void;
  answer(call: Call, read: () => unknown): void;
  abandon(call: Call): void;
  /** It is over and done. */
  remove(): void;
}

/** Undefined: not its message. */
export type Offered = undefined | true | Promise<void>;

export class SubscriptionProcess<Message, Params, Item, Confirmation> implements Subscription<Item> {
  readonly ended: Promise<SubscriptionEnd>;
  readonly #options: SubscribeOptions<Message, Params, Item, Confirmation>;
  readonly #port: SubscriptionPort;
  readonly #queue: EventQueue<SubscriptionEvent<Item>>;
  #status: SubscriptionStatus = "waiting";
  #end: (end: SubscriptionEnd) => void = () => undefined;
  #params: Params | undefined;
  #confirmation: Confirmation | undefined;
  /** The call that asks for it, and the one that calls it off. */
  #asking: Call | undefined;
  #leaving: Call | undefined;
  /** When it was last heard of, on the clock that never goes back; undefined: it has never been established. */
  #heard: number | undefined;
  #gap: GapReason | undefined;

  constructor(options: SubscribeOptions<Message, Params, Item, Confirmation>, port: SubscriptionPort) {
    this.#options = options;
    this.#port = port;
    this.#queue = new EventQueue(options.buffer ?? 1000, options.overflow ?? "fail");
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get status(): SubscriptionStatus {
    return this.#status;
  }

  get dropped(): number {
    return this.#queue.dropped;
  }

  unsubscribe(): void {
    const status = this.#status;
    if (status === "leaving" || status === "ended") return;
    if (status === "waiting" || this.#options.unsubscribe === undefined) {
      this.#finish({ reason: "unsubscribed" });
      return;
    }
    // What it is to be called off by may only be known once it is confirmed.
    this.#leave({ reason: "unsubscribed" });
    if (status === "active") this.#callOff();
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  [Symbol.asyncIterator](): AsyncIterator<SubscriptionEvent<Item>, undefined> {
    return {
      next: () => this.#queue.next(),
      return: async () => {
        this.unsubscribe();
        this.#queue.clear();
        return { done: true, value: undefined };
      },
    };
  }

  // ── From the connection ────────────────────────────────────────────────────────────────────────────────────────

  /** The call by which it is asked for now, to be sent at once; undefined when there is nothing to ask for. */
  ask(): Call | undefined {
    if (this.#status !== "waiting") return undefined;
    const { method, parameters, confirm = "answer" } = this.#options;
    try {
      this.#params = parameters?.(this.#params);
      const call = this.#open(method, this.#params, confirm === "none" ? "nothing" : "answer", {
        resolve: (value) => this.#confirmed(call, value as Confirmation | undefined),
        reject: (error) => this.#refused(call, error),
      });
      this.#asking = call;
      this.#status = "asked";
      return call;
    } catch (error) {
      this.#finish({ reason: "failed", error });
      return undefined;
    }
  }

  /** The call could not be sent: the connection is over. It will be asked for on the next. */
  notAsked(): void {
    if (this.#status !== "asked") return;
    this.#abandon();
    this.#status = "waiting";
  }

  /** A message that answers no call. */
  offer(message: Message): Offered {
    const { confirm, matches } = this.#options;
    const call = this.#asking;
    if (typeof confirm === "function" && call !== undefined) {
      if (this.#tryConfirm(call, () => confirm(message))) return true;
    }
    if (!matches(message, this.#confirmation)) return undefined;
    if (this.#status === "leaving") return true;
    // While it is being replaced, this may still be the old connection's.
    if (this.#status === "asked" && this.#gap !== "replaced") this.#tellGap();
    this.#heard = this.#port.clock.now();
    return this.#deliver(message);
  }

  /** The connection has ended. */
  linkEnded(reason: Exclude<GapReason, "replaced">): void {
    this.#asking = undefined;
    this.#confirmation = undefined;
    if (this.#status === "leaving") {
      this.#finish({ reason: "unsubscribed" });
      return;
    }
    if (this.#heard !== undefined) this.#gap = reason;
    this.#status = "waiting";
  }

  /** Another connection takes its place; what the old one still brings counts until the new one confirms. */
  linkReplaced(): void {
    this.#asking = undefined;
    if (this.#status === "leaving") {
      this.#finish({ reason: "unsubscribed" });
      return;
    }
    if (this.#heard !== undefined) this.#gap ??= "replaced";
    this.#status = "waiting";
  }

  terminate(): void {
    this.#finish({ reason: "terminated" });
  }

  // ── Inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #open(method: string, params: unknown, expects: "answer" | "nothing", settle: Settle): Call {
    const { timeout = this.#port.timeout } = this.#options;
    return this.#port.open({ method, params, expects, origin: "subscription", timeout, options: {} }, settle);
  }

  #tryConfirm(call: Call, confirm: () => Confirmation | undefined): boolean {
    let confirmation: Confirmation | undefined;
    try {
      confirmation = confirm();
    } catch (error) {
      this.#port.answer(call, () => {
        throw error;
      });
      return true;
    }
    if (confirmation === undefined) return false;
    this.#port.answer(call, () => confirmation);
    return true;
  }

  #confirmed(call: Call, confirmation: Confirmation | undefined): void {
    if (call !== this.#asking) return;
    this.#asking = undefined;
    this.#confirmation = confirmation;
    if (this.#status === "leaving") {
      this.#callOff();
      return;
    }
    this.#status = "active";
    this.#tellGap();
    this.#heard = this.#port.clock.now();
  }

  #refused(call: Call, error: unknown): void {
    // A lost connection is told by linkEnded or terminate.
    if (call !== this.#asking || error instanceof ConnectionLostError) return;
    this.#asking = undefined;
    const why = error instanceof CallError ? error : new SubscriptionRefusedError(this.#options.method, error);
    this.#finish({ reason: "failed", error: why });
  }

  #callOff(): void {
    const asked = this.#options.unsubscribe?.(this.#confirmation, this.#params);
    if (asked === undefined) return;
    const { confirm } = this.#options;
    const gone = (): void => this.#finish({ reason: "unsubscribed" });
    const call = this.#open(asked.method, asked.params, confirm === "none" ? "nothing" : "answer", {
      resolve: gone,
      reject: gone,
    });
    this.#leaving = call;
    this.#port.transmit(call);
    if (call.phase === "waiting") gone();
  }

  #deliver(message: Message): true | Promise<void> {
    const { onMessage, item } = this.#options;
    const handed = item === undefined ? (message as unknown as Item) : item(message);
    if (onMessage !== undefined) return onMessage(handed) ?? true;
    this.#enqueue({ type: "message", message: handed });
    return true;
  }

  #tellGap(): void {
    const reason = this.#gap;
    if (reason === undefined || this.#heard === undefined) return;
    this.#gap = undefined;
    const { clock } = this.#port;
    const duration = clock.now() - this.#heard;
    const gap: Gap = { since: clock.wallClock() - duration, duration, reason };
    this.#options.onGap?.(gap);
    if (this.#options.onMessage === undefined) this.#enqueue({ type: "gap", gap });
  }

  #enqueue(event: SubscriptionEvent<Item>): void {
    if (this.#queue.push(event)) return;
    const { buffer = 1000, method } = this.#options;
    const error = new SubscriptionOverflowError(buffer, method);
    if (this.#options.unsubscribe === undefined || this.#status !== "active") {
      this.#finish({ reason: "failed", error });
      return;
    }
    this.#leave({ reason: "failed", error });
    this.#callOff();
  }

  /** No message is handed on any more; what still comes is taken away until the server has been told. */
  #leave(end: SubscriptionEnd): void {
    this.#status = "leaving";
    this.#queue.end(end.reason === "failed" ? end.error : undefined);
    this.#end(end);
  }

  #abandon(): void {
    const calls = [this.#asking, this.#leaving];
    this.#asking = undefined;
    this.#leaving = undefined;
    for (const call of calls) if (call !== undefined) this.#port.abandon(call);
  }

  #finish(end: SubscriptionEnd): void {
    if (this.#status === "ended") return;
    this.#status = "ended";
    this.#abandon();
    this.#queue.end(end.reason === "failed" ? end.error : undefined);
    this.#end(end);
    this.#port.remove();
  }
}
