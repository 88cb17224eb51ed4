/**
 * An open channel over a socket: bytes in, frames out, and one end.
 *
 * Received chunks go to the engine, and its events are pulled one at a time until there is none, the owner pauses, or the
 * channel is over. Whatever is to be sent meanwhile goes out in one write behind the last event.
 */
import type { Socket } from "node:net";
import type { FrameLike } from "../frame.ts";
import type { Engine, ExtensionFailure } from "../protocol/index.ts";
import type {
  BufferGauge,
  Channel,
  ChannelEnd,
  ChannelFault,
  ChannelListener,
  ChannelSendOptions,
  HeaderPair,
} from "./channel.ts";
import { castFailure, closedCastFailure, lostEnd } from "./failure.ts";
import { destroyWhenWritten, lingerUntilPeerEnds, type Parting } from "./parting.ts";
import { SocketWriter } from "./socket-writer.ts";

export type Http1ChannelParts = Parting & {
  /** A socket after the 101, with nobody else listening to its data. */
  readonly socket: Socket;
  readonly engine: Engine;
  readonly protocol: string;
  readonly extensions: string;
  /** The server's name in messages. */
  readonly label: string;
};

/**
 * Where the pulling of events stands. "dry": the engine has none; "running": the loop is on the stack; "scheduled": it goes on
 * in the next tick; "left": events are left, and resume() goes on with them.
 */
type Pulling = "dry" | "running" | "scheduled" | "left";

const ENDED: ChannelFault = {
  reason: "ended",
  message: "The connection has ended; nothing can be sent on it any more.",
};

export class Http1Channel implements Channel {
  readonly protocol: string;
  readonly extensions: string;
  readonly #socket: Socket;
  readonly #engine: Engine;
  readonly #writer: SocketWriter;
  readonly #parting: Parting;
  readonly #label: string;
  readonly #listener: ChannelListener;
  /** "ending": the transport is gone, and the listener is being told. */
  #state: "open" | "ending" | "over" = "open";
  #reading: "flowing" | "paused" = "flowing";
  #pulling: Pulling = "dry";
  /** How the transport ended while events were left that came before its end. */
  #heldEnd: { readonly error: Error | undefined } | undefined;
  #bytesReceived = 0;

  constructor(parts: Http1ChannelParts, listener: ChannelListener) {
    this.protocol = parts.protocol;
    this.extensions = parts.extensions;
    this.#socket = parts.socket;
    this.#engine = parts.engine;
    this.#writer = new SocketWriter(parts.socket, parts.engine);
    this.#parting = { closeTimeout: parts.closeTimeout, ref: parts.ref };
    this.#label = parts.label;
    this.#listener = listener;
  }

  /** Tells the listener that the channel is open, then delivers the bytes that came with the 101 before all others. */
  open(headers: readonly HeaderPair[], head: Uint8Array): void {
    const socket = this.#socket;
    socket.on("data", this.#received);
    socket.on("end", this.#ended);
    socket.on("error", this.#ended);
    socket.on("close", this.#closed);
    try {
      this.#listener.opened(this, 101, headers);
    } finally {
      if (head.byteLength > 0 && this.#state === "open") this.#received(head);
    }
  }

  get bufferedAmount(): number {
    return this.#writer.pendingBytes;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  get bytesSent(): number {
    return this.#writer.bytesSent;
  }

  get writeProgress(): number {
    return this.#writer.progress;
  }

  send(frame: FrameLike, options?: ChannelSendOptions): ChannelFault | undefined {
    if (this.#state !== "open") return ENDED;
    const fault = this.#engine.encode(frame, options);
    if (fault !== undefined) return fault;
    this.#writer.accepted();
    // The loop writes behind its last event by itself.
    if (this.#pulling === "running") this.#writer.flushLarge();
    else this.#writer.schedule();
    return undefined;
  }

  close(code?: number, reason?: string): ChannelFault | undefined {
    if (this.#state !== "open") return ENDED;
    const fault = this.#engine.encode({
      type: "close",
      ...(code === undefined ? {} : { code }),
      ...(reason === undefined ? {} : { reason }),
    });
    if (fault === undefined && this.#pulling !== "running") this.#writer.schedule();
    return fault;
  }

  flushed(callback: () => void): void {
    if (this.#state === "open") this.#writer.whenWritten(callback);
  }

  watchBuffer(mark: number, gauge: BufferGauge): void {
    if (this.#state === "open") this.#writer.watch(mark, gauge);
  }

  afterReading(callback: () => void): void {
    // One turn of the event loop from here to there, wherever in a turn this is: sockets are read in every one.
    setImmediate(() =>
      setImmediate(() => {
        if (this.#state === "open") callback();
      }),
    );
  }

  pause(): void {
    if (this.#state !== "open" || this.#reading === "paused") return;
    this.#reading = "paused";
    this.#socket.pause();
  }

  resume(): void {
    if (this.#state !== "open" || this.#reading === "flowing") return;
    this.#reading = "flowing";
    // What is left comes before what the socket has. It comes in a tick of its own, so that resume() can be called
    // from anywhere, time and again, without a frame arriving inside it.
    if (this.#pulling === "left") this.#pullSoon();
    else if (this.#pulling !== "scheduled") this.#socket.resume();
  }

  /** What a channel without extensions holds between ticks is nothing: the engine's buffers live from a batch's first frame to its write. */
  hibernate(): void {
    // With events left to deliver it isn't idle.
    if (this.#state !== "open" || this.#pulling !== "dry") return;
    const failure = this.#engine.hibernate();
    if (failure !== undefined) this.#finish(unprocessed(failure));
  }

  destroy(how?: "now"): number {
    if (this.#state === "open") this.#writer.flushAll();
    this.#state = "over";
    this.#engine.close();
    this.#writer.forget();
    // Asked before the socket is destroyed, which forgets what it held.
    const frames = this.#writer.unsentFrames;
    if (how === "now") this.#socket.destroy();
    else destroyWhenWritten(this.#socket, this.#parting);
    return frames;
  }

  readonly #received = (chunk: Uint8Array): void => {
    if (this.#state !== "open") return;
    this.#bytesReceived += chunk.byteLength;
    this.#engine.push(chunk);
    if (this.#reading === "paused") {
      if (this.#pulling === "dry") this.#pulling = "left";
    } else if (this.#pulling !== "running") {
      this.#pull();
    }
  };

  #pullSoon(): void {
    this.#pulling = "scheduled";
    process.nextTick(this.#pullScheduled);
  }

  readonly #pullScheduled = (): void => {
    if (this.#pulling === "scheduled") this.#pull();
  };

  #pull(): void {
    this.#pulling = "running";
    try {
      this.#pulling = this.#deliver();
    } finally {
      // A listener that threw has had its frame; the others are still to come.
      if (this.#pulling === "running") this.#pullSoon();
      if (this.#state === "open") this.#writer.flush();
    }
    if (this.#pulling !== "dry" || this.#reading === "paused" || this.#state !== "open") return;
    if (this.#heldEnd !== undefined) this.#lose(this.#heldEnd.error);
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Hands events on for as long as they may be handed on. */
  #deliver(): "dry" | "left" {
    while (this.#reading === "flowing" && this.#state === "open") {
      const event = this.#engine.next();
      if (event === undefined) return "dry";
      switch (event.type) {
        case "close":
          this.#finish({
            type: "closed",
            ...(event.code === undefined ? {} : { code: event.code }),
            ...(event.reason === undefined ? {} : { reason: event.reason }),
          });
          break;
        case "violation":
          this.#finish({ type: "violated", violation: event });
          break;
        case "extensionFailed":
          this.#finish(unprocessed(event));
          break;
        default:
          this.#listener.frame(event);
          this.#writer.flushLarge();
      }
    }
    return "left";
  }

  /** The protocol is done. The engine has answered, and the answer goes out before the listener hears of it. */
  #finish(end: ChannelEnd): void {
    const stuck = this.#writer.stuckFrames;
    this.#writer.flushAll();
    this.#state = "over";
    this.#engine.close();
    this.#writer.forget();
    lingerUntilPeerEnds(this.#socket, this.#parting);
    // After a fault, the peer's or our own, TCP is ended from here, behind our close frame (RFC 6455 §7.1.7).
    if (end.type !== "closed") this.#socket.end();
    if (stuck > 0) this.#listener.castFailed(closedCastFailure(stuck, this.#label));
    this.#listener.ended(end);
  }

  readonly #closed = (): void => this.#ended();

  /** The transport has ended: with an error, or with a FIN. */
  readonly #ended = (error?: Error): void => {
    if (this.#state !== "open" || this.#heldEnd !== undefined) return;
    if (this.#reading === "paused") {
      this.#takeUnread();
      if (this.#pulling !== "dry") {
        this.#heldEnd = { error };
        return;
      }
    }
    this.#lose(error);
  };

  /** While paused, the socket has read ahead. What it has came before its end. */
  #takeUnread(): void {
    const socket = this.#socket;
    // read() would tell the listener for data too.
    socket.removeListener("data", this.#received);
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) this.#received(chunk);
  }

  #lose(error: Error | undefined): void {
    this.#state = "ending";
    this.#engine.close();
    this.#writer.forget();
    this.#socket.destroy();
    const frames = this.#writer.openFrames;
    if (frames > 0) this.#listener.castFailed(castFailure(frames, error, this.#label));
    if (this.#over) return;
    this.#state = "over";
    this.#listener.ended(lostEnd(error, this.#label));
  }

  // A getter, because the compiler doesn't expect a listener to call destroy().
  get #over(): boolean {
    return this.#state === "over";
  }
}

function unprocessed({ message, cause }: ExtensionFailure): ChannelEnd {
  return { type: "unprocessed", reason: "extension_failed", message, cause };
}
