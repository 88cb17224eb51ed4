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
import { EventQueue } from "./event-queue.ts";
import type {
  Gap,
  GapReason,
  SubscribeOptions,
  Subscription,
  SubscriptionEnd,
  SubscriptionEvent,
  SubscriptionStatus,
} from "./subscribing.ts";

/** What a subscription needs of its connection. */
export interface SubscriptionPort {
  readonly clock: Clock;
  readonly timeout: number;
  readonly buffer: number;
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
    this.#queue = new EventQueue(port.buffer, options.overflow ?? "fail");
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
    const { timeout } = this.#port;
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
    const error = new SubscriptionOverflowError(this.#port.buffer, this.#options.method);
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
