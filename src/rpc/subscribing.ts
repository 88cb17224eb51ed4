/**
 * What a subscription is to those who make one: its options, what they get, and how it ends.
 */
import type { Overflow } from "./event-queue.ts";

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
