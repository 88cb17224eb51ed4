/**
 * The port between a connection and whatever carries its frames: frames in, frames out, one end.
 *
 * A transport opens a channel for one attempt. Everything it has to say goes to one listener, and it keeps
 * this order: `connected` at most once, after it up to `maxRedirects` times `redirected`, then exactly one of `opened` and
 * `failed`; after `opened`, any number of `frame`, at most one `castFailed`, and exactly one `ended`. Nothing is said after
 * `failed`, `ended`, `abort()` or `destroy()`.
 */
import type { Frame, FrameFault, FrameLike } from "../frame.ts";
import type { Violation } from "../protocol/event.ts";
import type { Extension } from "../protocol/extension.ts";

export type { Extension } from "../protocol/extension.ts";

/** A header as it stands on the wire; received names are in lower case. */
export type HeaderPair = readonly [name: string, value: string];

/** All that one attempt needs to know. The connection has asked its providers; nothing here is a function to call. */
export type ChannelRequest = {
  /** ws:, wss: or ws+unix: (`ws+unix:/path/to.sock:/request/path?query`). Userinfo and fragment have been taken off. */
  readonly url: URL;
  /** The caller's own headers, in their order; those of the handshake are the transport's. */
  readonly headers: readonly HeaderPair[];
  readonly subprotocols: readonly string[];
  /** To be offered, in order of preference (RFC 6455 §9.1). */
  readonly extensions: readonly Extension[];
  /** What node:http(s).request takes, names unchanged; and `tls`, an object of the same merged over it for wss:. */
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** Bytes of one message, fragments together; checked before memory is taken. Infinity: the platform's own maximum. */
  readonly maxMessageSize: number;
  readonly maxFragments: number;
  /** How many redirects may be followed; 0: a redirect is a refusal like any other. */
  readonly maxRedirects: number;
  /** How long, in ms, a channel that has ended cleanly may wait for the peer to end TCP (RFC 6455 §7.1.1). */
  readonly closeTimeout: number;
  /** Will `hibernate` be called? If not, nothing need be remembered for it. */
  readonly hibernates: boolean;
  /** false: neither the socket nor a timer of the channel keeps the process alive. */
  readonly ref: boolean;
};

/** The part of an attempt in which it failed. */
export type OpeningPhase = "dns" | "tcp" | "tls" | "proxy" | "upgrade";

/** A redirect that is being followed. */
export type ChannelRedirect = {
  /** 301, 302, 303, 307 or 308. */
  readonly status: number;
  /** Where to. Its query may hold secrets, as any address. */
  readonly url: URL;
  /** "dropped": this or an earlier redirect led to another origin, so the caller's headers and credentials stay behind. */
  readonly credentials: "kept" | "dropped";
};

/** Why an attempt came to nothing. `reason` is stable and machine-readable, `message` a sentence. */
export type ChannelFailure = {
  readonly kind: "connecting_failed" | "upgrading_failed" | "establishing_failed";
  readonly phase: OpeningPhase;
  readonly reason: string;
  readonly message: string;
  readonly cause?: unknown;
  /** Of a refused upgrade: its status, its headers, and the first 64 KiB of its body as text. */
  readonly status?: number;
  readonly headers?: readonly HeaderPair[];
  readonly body?: string;
};

/** How an open channel ended. */
export type ChannelEnd =
  /** The peer's close frame came; ours has been sent, before it or as its echo. Both are absent for an empty one. */
  | { readonly type: "closed"; readonly code?: number; readonly reason?: string }
  /** The peer broke the protocol; a close frame with the violation's code has been sent. */
  | { readonly type: "violated"; readonly violation: Violation }
  /** An extension of ours failed on what came; a close frame with 1011 has been sent. */
  | { readonly type: "unprocessed"; readonly reason: string; readonly message: string; readonly cause: unknown }
  /** The transport ended without the peer's close frame: FIN (no cause), reset or another error. */
  | { readonly type: "lost"; readonly reason: string; readonly message: string; readonly cause?: unknown };

export interface ChannelListener {
  /** The way to the server stands (TCP, and TLS where asked); the upgrade request goes out now. */
  connected(): void;
  /** The server has sent its client elsewhere, and that is where the next request goes. `connected` isn't said again. */
  redirected(redirect: ChannelRedirect): void;
  /** A valid 101 has come. Frames follow only after this call has returned. */
  opened(channel: Channel, status: number, headers: readonly HeaderPair[]): void;
  failed(failure: ChannelFailure): void;
  /** A message, or a ping or pong. A ping has been answered already (RFC 6455 §5.5.2). Never a close frame. */
  frame(frame: Exclude<Frame, { type: "close" }>): void;
  /** Frames that `send` accepted could not be written, or wait behind a full socket at a close. `ended` follows at once. */
  castFailed(failure: {
    readonly frames: number;
    readonly reason: string;
    readonly message: string;
    readonly cause?: unknown;
  }): void;
  ended(end: ChannelEnd): void;
}

/** Why a frame was not taken: it may not be sent at all, or not any more. */
export type ChannelFault =
  | FrameFault
  | { readonly reason: "close_sent" | "ended" | "extension_failed"; readonly message: string };

/** Of one message. `compress`: false leaves it as it is, true compresses it however short; default: as the extension decides. */
export type ChannelSendOptions = { readonly compress?: boolean | undefined };

/** Told of how much a channel holds. */
export interface BufferGauge {
  /** The mark is reached. May be said within `send`, of the frame that reached it. */
  full(): void;
  /** A quarter of the mark or less is left. Never said within `send`. */
  room(): void;
}

export interface Channel {
  /** The subprotocol the server chose, or "". */
  readonly protocol: string;
  /** The extensions in use as the server named them, or "". */
  readonly extensions: string;
  /** Bytes accepted by send and not yet given to the system. */
  readonly bufferedAmount: number;
  /** Bytes that have come in and gone out since the 101, frame headers included. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Another number whenever the system has taken some of what waits, in the middle of a large message too: a sign, not an amount. */
  readonly writeProgress: number;
  /** Takes a frame other than a close frame; it goes out with everything else of this tick. A fault: nothing was sent. */
  send(frame: FrameLike, options?: ChannelSendOptions): ChannelFault | undefined;
  /** Sends our close frame (empty without a code). Frames that still arrive are delivered until the peer's answer. */
  close(code?: number, reason?: string): ChannelFault | undefined;
  /** Calls back once, when everything sent before this call has been given to the system; never after the end. */
  flushed(callback: () => void): void;
  /** From now on tells `gauge`, in turns, when bufferedAmount reaches `mark`, and when there is room again; never after the end. */
  watchBuffer(mark: number, gauge: BufferGauge): void;
  /** Calls back once, when what the system has received by now has been read; never after the end. */
  afterReading(callback: () => void): void;
  /** No frame is delivered and nothing is read while paused, so that TCP pushes back. May be called within `frame`. */
  pause(): void;
  resume(): void;
  /** Gives back what memory an idle channel can do without; it takes it again by itself. */
  hibernate(): void;
  /**
   * Ends now and silently; after `ended` it cuts short the wait for the peer's FIN. What was sent before is still
   * given to the system, for at most `closeTimeout`; with "now", also behind a call without it, not even that is waited for. Answers how
   * many frames that send had accepted the system hasn't taken yet.
   */
  destroy(how?: "now"): number;
}

/** An attempt under way. */
export interface Opening {
  /** How far it has come: what it is waiting for now. */
  readonly phase: OpeningPhase;
  /** Abandons the attempt at any moment, silently; leaves no socket, timer or listener behind. After `opened` it does nothing. */
  abort(): void;
}

/** Opens a channel. Never throws for what a request holds: that is a `failed` (upgrading_failed), and never before it returns. */
export type OpenChannel = (request: ChannelRequest, listener: ChannelListener) => Opening;
