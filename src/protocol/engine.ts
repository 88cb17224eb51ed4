/**
 * The engine: one endpoint of RFC 6455 with no I/O. Received bytes in, events out; frames in, bytes out.
 *
 * It answers for itself what the RFC has every endpoint answer: a ping with a pong, a close with its echo, a violation with
 * a close frame. The answers join the output batch, in order with what the owner encodes. Nothing throws on input.
 */
import type { CloseFrame, FrameFault, FrameLike, PingFrame } from "../frame.ts";
import { Decoder, type DecoderOptions } from "./decoder.ts";
import { type EncodeOptions, Encoder } from "./encoder.ts";
import type { ExtensionFailure, ProtocolEvent, Violation } from "./event.ts";
import type { ExtensionSendFault, ExtensionStack } from "./extension-stack.ts";
import { wireReasonOf } from "./violation.ts";

export type EngineOptions = DecoderOptions & {
  /** Where a client's masks come from: 32 bits a call. Default: a CSPRNG. Anything else is for tests (RFC 6455 §10.3). */
  readonly nextMask?: () => number;
};

/** Why a frame was not encoded: it may not be sent at all, or not any more. */
export type SendFault = FrameFault | ExtensionSendFault | { readonly reason: "close_sent"; readonly message: string };

const CLOSE_SENT: SendFault = Object.freeze({
  reason: "close_sent",
  message: "A close frame has been sent on this connection; nothing may follow it (RFC 6455 §5.5.1).",
});

/** What the peer is told when an extension of ours has failed. */
const EXTENSION_FAILED = "an extension failed";

/** Where events come from: the decoder, and once there is nothing more to say, the discarder. */
type Source = { push(chunk: Uint8Array): void; next(): ProtocolEvent | undefined };
const DISCARDER: Source = Object.freeze({ push: () => {}, next: () => undefined });

export class Engine {
  #source: Source;
  readonly #encoder: Encoder;
  readonly #extensions: ExtensionStack | undefined;
  #closeSent = false;
  #closeReceived = false;
  #congested = false;
  /** The newest pong that congestion holds back. */
  #heldPong: Uint8Array | undefined;

  /** Throws a RangeError for a limit that is no number from 0 (maxMessageSize) or 1 (maxFragments) to Infinity. */
  constructor(options: EngineOptions) {
    requireLimit("maxMessageSize", options.maxMessageSize, 0);
    requireLimit("maxFragments", options.maxFragments, 1);
    this.#source = new Decoder(options);
    this.#encoder = new Encoder(options);
    this.#extensions = options.extensions;
  }

  /** Hands over received bytes; the engine may keep views into them and never writes to them. Several pushes may queue. */
  push(chunk: Uint8Array): void {
    this.#source.push(chunk);
  }

  /** The next event of what has been pushed, or undefined when more bytes are needed. */
  next(): ProtocolEvent | undefined {
    const source = this.#source;
    const event = source.next();
    // An extension may have closed the engine while it was asked; then this came too late.
    if (event === undefined || source !== this.#source) return undefined;
    switch (event.type) {
      case "ping":
        this.#answerPing(event);
        break;
      case "close":
        this.#answerClose(event);
        break;
      case "violation":
      case "extensionFailed":
        this.#answerFault(event);
        break;
    }
    return event;
  }

  /** Pushes a chunk and gives its events, each decoded when it is asked for. What is not asked for waits for the next call. */
  receive(chunk: Uint8Array): IterableIterator<ProtocolEvent> {
    this.push(chunk);
    return this.#events();
  }

  *#events(): Generator<ProtocolEvent, void, undefined> {
    for (let event = this.next(); event !== undefined; event = this.next()) yield event;
  }

  /**
   * Appends a frame to the output batch, or says why it may not be sent; then nothing was appended. The batch is one run,
   * which is moved when it outgrows its slab: an owner that takes it at 64 KiB spares itself the copying.
   */
  encode(frame: FrameLike, options?: EncodeOptions): SendFault | undefined {
    if (this.#closeSent) return CLOSE_SENT;
    const fault = this.#encoder.encode(frame, options);
    if (fault !== undefined) return fault;
    this.#closeSent = typeof frame === "object" && "type" in frame && frame.type === "close";
    return undefined;
  }

  /** Everything encoded since the last take, as one byte run that stays as it is; undefined when there is nothing. */
  take(): Uint8Array | undefined {
    return this.#encoder.take();
  }

  /** Bytes encoded and not yet taken. */
  get pendingBytes(): number {
    return this.#encoder.pendingBytes;
  }

  /** Encodes a frame and takes the batch: the frame's bytes, behind whatever had not been taken yet. */
  send(frame: FrameLike, options?: EncodeOptions): Uint8Array | SendFault {
    return this.encode(frame, options) ?? (this.take() as Uint8Array);
  }

  /** Under back-pressure the owner sets this: pongs are then not encoded, but the newest is kept (RFC 6455 §5.5.3) and encoded when it ends. */
  get congested(): boolean {
    return this.#congested;
  }

  set congested(congested: boolean) {
    this.#congested = congested;
    if (congested || this.#heldPong === undefined) return;
    this.#pong(this.#heldPong);
    this.#heldPong = undefined;
  }

  /** Our close frame is in the output batch, or was. */
  get closeSent(): boolean {
    return this.#closeSent;
  }

  /** The peer's close frame came. */
  get closeReceived(): boolean {
    return this.#closeReceived;
  }

  /** A close frame came or a violation was found: whatever is pushed from now on is discarded. */
  get finished(): boolean {
    return this.#source === DISCARDER;
  }

  /**
   * The connection is idle: extensions give back what memory they can do without, and take it again by themselves. Answers what ends the
   * connection, as `next` does; then a close frame is in the output batch.
   */
  hibernate(): ExtensionFailure | undefined {
    if (this.finished) return undefined;
    const failure = this.#extensions?.hibernate();
    if (failure !== undefined) this.#answerFault(failure);
    return failure;
  }

  /** Nothing more will come or go: extensions give back what they hold. Only needed with extensions; may be called again. */
  close(): void {
    this.#source = DISCARDER;
    this.#extensions?.close();
  }

  #answerPing(ping: PingFrame): void {
    // The event's bytes belong to its callback, which may write to them before the pong goes out.
    if (this.#congested) this.#heldPong = ping.data.slice();
    else this.#pong(ping.data);
  }

  /** Pongs may follow our close frame, and must until the peer's has come (RFC 6455 §5.5.1, §5.5.2): only data may not. */
  #pong(data: Uint8Array): void {
    if (!this.finished) this.#encoder.encode({ type: "pong", data });
  }

  #answerClose(close: CloseFrame): void {
    this.#source = DISCARDER;
    this.#closeReceived = true;
    this.encode(close);
  }

  #answerFault(fault: Violation | ExtensionFailure): void {
    this.#source = DISCARDER;
    const reason = fault.type === "violation" ? wireReasonOf(fault.reason) : EXTENSION_FAILED;
    this.encode({ type: "close", code: fault.closeCode, reason });
  }
}

function requireLimit(name: string, value: unknown, lowest: number): void {
  if (typeof value === "number" && value >= lowest) return;
  throw new RangeError(`${name} must be a number from ${lowest} to Infinity; it got ${String(value)}.`);
}
