/**
 * The options of a connection, as types. The table in options.ts validates them, fills in the defaults
 * and writes docs/options.md; a test holds the two together.
 */
import type { Frame } from "../frame.ts";
import type { Clock } from "../platform/platform.ts";
import type { Name } from "../supervision/names.ts";
import type { Extension } from "../transport/channel.ts";
import type { TransportOptions } from "../transport/transport-options.ts";
import type { FreshError } from "./errors.ts";

/** The connection that asks a provider: the very one that its callbacks get as `self`. */
export interface Asking {
  readonly id: string;
  readonly name?: Name;
}

/**
 * Asked anew for each attempt, under `providerTimeout`; its failure is a failed attempt (connecting_failed, phase "provider"). An error
 * with a number `retryAfter` says how many ms to wait at least before the next attempt, as a refused upgrade's Retry-After does.
 */
export type Provider<T> = (context: {
  /** The how-manyth attempt of this series, from 1. */
  readonly attempt: number;
  /** Aborts when the attempt is given up. */
  readonly signal: AbortSignal;
  readonly self: Asking;
}) => T | Promise<T>;

/** Request headers: an object, pairs in their order, or a `Headers`. */
export type HeadersInput =
  | Readonly<Record<string, string | readonly string[]>>
  | readonly (readonly [name: string, value: string])[]
  | Headers;

export type { Name, NameRegistry } from "../supervision/names.ts";

export type UpgradeOptions = {
  /** Extensions to offer, in order of preference, such as `permessageDeflate()`; what the server doesn't take isn't used (RFC 6455 §9). */
  readonly extensions?: readonly Extension[];
  /** Subprotocols in order of preference (RFC 6455 §1.9). */
  readonly subprotocols?: readonly string[];
};

export type OutboxOptions = {
  readonly maxMessages?: number;
  readonly maxBytes?: number;
  /** ms */
  readonly maxAge?: number;
  readonly overflow?: "reject" | "drop-oldest";
};

export type InboxOptions = { readonly maxMessages?: number; readonly maxBytes?: number };

/**
 * Why a frame that waited in the outbox was never sent, or one of a reply not taken. expired: it waited too long; overflow: there was no room;
 * replaced: a newer one with its key came; closed: it was not to wait for another connection; terminated: the connection is over.
 */
export type DropCause = "expired" | "overflow" | "replaced" | "closed" | "terminated";

/** pino's shape: the fields first, the sentence second. */
export interface Logger {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  debug?(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** How one frame is to be treated by `send`. */
export type SendOptions = {
  /**
   * While the connection isn't open: wait in the outbox (default), or give up at once. A frame that waits because the peer is slow
   * waits either way; with "drop", not beyond the end of the connection that is open now.
   */
  readonly whenClosed?: "queue" | "drop";
  /** The longest this frame may wait in the outbox, in ms; default the outbox's maxAge. */
  readonly ttl?: number;
  /**
   * Only the latest for this key: the frame takes the place of one with the same key that waits in the outbox, which is dropped,
   * cause "replaced". What is handed to the transport at once replaces nothing.
   */
  readonly key?: string;
  /**
   * With permessage-deflate: false sends this message uncompressed, as fits secrets beside what others may choose; true compresses it
   * however short. Default: by the extension's threshold.
   */
  readonly compress?: boolean;
};

/** All options of a connection. `C` is the connection that `onDrop` is told about. */
export type ConnectionOptions<C = unknown> = {
  readonly name?: Name;
  readonly headers?: HeadersInput | Provider<HeadersInput>;
  readonly transportOptions?: TransportOptions;
  readonly upgradeOptions?: UpgradeOptions;
  readonly pingInterval?: number;
  readonly pongTimeout?: number;
  readonly errorLogging?: boolean;
  readonly infoLogging?: boolean;
  readonly logger?: Logger;
  readonly backoffInitial?: number;
  readonly backoffMax?: number;
  readonly backoffFactor?: number;
  readonly backoffJitter?: "full" | "none";
  readonly stableAfter?: number;
  readonly retryAfter?: false | { readonly max?: number };
  readonly providerTimeout?: number;
  readonly connectTimeout?: number;
  readonly upgradeTimeout?: number;
  readonly closeTimeout?: number;
  readonly outbox?: false | OutboxOptions;
  readonly sendBuffer?: number;
  readonly onDrop?: (frame: Frame, cause: DropCause, self: C) => void;
  readonly inbox?: InboxOptions;
  readonly maxMessageSize?: number;
  readonly maxFragments?: number;
  readonly maxRedirects?: number;
  readonly replaceAfter?: number;
  readonly hibernateAfter?: number;
  readonly ref?: boolean;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly random?: () => number;
};

export type { Clock, Timer } from "../platform/platform.ts";

/** Why a frame was not delivered or not sent; the counters of `stats.dropped`. */
export type DropCounter = DropCause | "invalid" | "lost";

/** Counters of one connection since its start, over all its attempts. */
export type ConnectionStats = {
  /** Frames handed to the transport, and frames given to the module: messages, pings and pongs. */
  readonly framesSent: number;
  readonly framesReceived: number;
  /** Bytes on the wire after the 101, headers of frames included. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Attempts made, those that opened, those of them after the first that followed an end, and those that replaced a live connection. */
  readonly attempts: number;
  readonly opens: number;
  readonly reconnects: number;
  readonly replacements: number;
  /**
   * Frames that went nowhere: expired, overflow, replaced and terminated as the outbox has them; closed: the caller asked for no
   * queue, or there is none; invalid: may not be sent; lost: accepted, then the write failed.
   */
  readonly dropped: Readonly<Record<DropCounter, number>>;
  /** Round trip of the newest answered ping in ms. */
  readonly lastRoundTrip: number | undefined;
  /** When the present connection opened, as `Date.now()` has it; undefined while it isn't open. */
  readonly openSince: number | undefined;
  /** The newest error that ended an attempt or a connection, and when, as `Date.now()` has it. */
  readonly lastError: { readonly error: FreshError; readonly at: number } | undefined;
};
