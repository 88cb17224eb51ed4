/**
 * The decoder: bytes in any pieces to messages, control frames and at most one violation (RFC 6455 §5).
 *
 * It works a byte at a time where it must (headers, cut anywhere) and a frame at a time where it can: `#wholeFrame` takes
 * a good, whole, unfragmented message out of the chunk with nothing copied but its text. Whatever that function
 * does not take, for any reason, goes through the state machine from the frame's first byte, so that every verdict
 * and every sentence has one place. Each byte is judged when it is there: the first header byte, the second,
 * the length when complete, the text as it comes; so any split of the bytes gives the same events.
 */
import { Buffer, constants } from "node:buffer";
import { Assembly } from "./assembly.ts";
import { closeFrameOf } from "./close-payload.ts";
import type { ExtensionFailure, ProtocolEvent, Violation } from "./event.ts";
import { ExtendedMessage } from "./extended-message.ts";
import type { ExtensionStack } from "./extension-stack.ts";
import { maskedBytesOf, maskedTextOf } from "./masked-payload.ts";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  CONTROL_BIT,
  FIN,
  LENGTH_16,
  LENGTH_BITS,
  MASK_BIT,
  OPCODE_BITS,
  PING,
  PONG,
  RESERVED_BITS,
  RESERVED_SHIFT,
  TEXT,
} from "./opcode.ts";
import type { RawBuffer } from "./raw-buffer.ts";
import { textOf } from "./text.ts";
import { Utf8Validator, VALID } from "./utf8.ts";
import * as violation from "./violation.ts";

export type Role = "client" | "server";

export type DecoderOptions = {
  /** Ours: a client takes unmasked frames only, a server masked ones only. */
  readonly role: Role;
  /** Bytes of one message, its fragments together. Infinity: the platform's own maximum. */
  readonly maxMessageSize: number;
  /** Frames that one message may come in. */
  readonly maxFragments: number;
  /** What both ends have agreed on; default: no extension. */
  readonly extensions?: ExtensionStack | undefined;
};

/** Where in a frame the next byte belongs. */
type Part = "first" | "second" | "length" | "mask" | "payload";

const NOTHING = Buffer.alloc(0) as RawBuffer;
/** No message is under way. CONTINUATION can't stand for one, so its opcode does for none. */
const NO_MESSAGE = CONTINUATION;

export class Decoder {
  /** MASK_BIT where frames must come masked, otherwise 0. */
  readonly #maskBit: number;
  readonly #maxTextSize: number;
  readonly #maxBinarySize: number;
  readonly #maxFragments: number;
  readonly #extensions: ExtensionStack | undefined;
  /** Extensions take every message, not only those with a reserved bit. */
  readonly #extendsAll: boolean;

  #chunk: RawBuffer = NOTHING;
  #position = 0;
  #end = 0;
  /** Chunks that were pushed behind the present one; and those of them whose turn is near, turned round: the next is the last. */
  #waiting: RawBuffer[] = [];
  #ready: RawBuffer[] = [];

  // The frame under way.
  #part: Part = "first";
  #opcode = CONTINUATION;
  #final = true;
  /** Header bytes still to come of the present part. */
  #missing = 0;
  #lengthBits: 16 | 64 = 16;
  #lengthHigh = 0;
  #lengthLow = 0;
  /** Payload bytes of the frame, and how many of them have come. */
  #length = 0;
  #received = 0;
  #mask = 0;
  #reservedBits = 0;
  #control: Uint8Array | undefined;

  // The message under way; control frames come between its fragments.
  #message = NO_MESSAGE;
  #fragments = 0;
  readonly #assembly = new Assembly();
  readonly #utf8 = new Utf8Validator();
  /** The message, when extensions take it apart; then the assembly puts frames together that the chunk doesn't hold whole. */
  #extended: ExtendedMessage | undefined;

  constructor(options: DecoderOptions) {
    this.#maskBit = options.role === "server" ? MASK_BIT : 0;
    // One byte of UTF-8 is at most one unit of a string, so what fits in bytes fits as a string.
    this.#maxTextSize = Math.min(options.maxMessageSize, constants.MAX_STRING_LENGTH);
    this.#maxBinarySize = Math.min(options.maxMessageSize, constants.MAX_LENGTH);
    this.#maxFragments = options.maxFragments;
    this.#extensions = options.extensions;
    this.#extendsAll = options.extensions?.takes(0) === true;
  }

  /** Bytes of memory held for a message that is not complete. */
  get heldBytes(): number {
    return this.#assembly.capacity + (this.#extended?.heldBytes ?? 0) + (this.#control?.length ?? 0);
  }

  /** Hands over received bytes. They are read in place, so they must not change until `next` has answered undefined. */
  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    const buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#position < this.#end || this.#waiting.length > 0 || this.#ready.length > 0) {
      this.#waiting.push(buffer as RawBuffer);
      return;
    }
    this.#chunk = buffer as RawBuffer;
    this.#position = 0;
    this.#end = buffer.length;
  }

  /** The next event, or undefined when it needs more bytes. Not to be called again after a violation or a close frame. */
  next(): ProtocolEvent | undefined {
    for (;;) {
      if (this.#position === this.#end && !this.#nextChunk()) return undefined;
      const event = (this.#part === "first" ? this.#wholeFrame() : undefined) ?? this.#step();
      if (event !== undefined) return event;
    }
  }

  #nextChunk(): boolean {
    // Taken from the front of a long list, each chunk would move all that are behind it.
    if (this.#ready.length === 0 && this.#waiting.length > 0) {
      this.#ready = this.#waiting.reverse();
      this.#waiting = [];
    }
    const chunk = this.#ready.pop();
    this.#chunk = chunk ?? NOTHING;
    this.#position = 0;
    this.#end = this.#chunk.length;
    return chunk !== undefined;
  }

  /** The hot path: a whole message in one frame in one chunk, or undefined with nothing consumed. */
  #wholeFrame(): ProtocolEvent | undefined {
    if (this.#message !== NO_MESSAGE || this.#extendsAll) return undefined;
    const chunk = this.#chunk;
    const end = this.#end;
    let start = this.#position + 2;
    if (start > end) return undefined;
    const first = chunk[start - 2];
    // With the mask bit as it should be this is the length's first byte, otherwise more than that can be.
    let length = (chunk[start - 1] as number) ^ this.#maskBit;
    if (length >= LENGTH_16) {
      if (length !== LENGTH_16 || start + 2 > end) return undefined;
      length = ((chunk[start] as number) << 8) | (chunk[start + 1] as number);
      if (length < LENGTH_16) return undefined;
      start += 2;
    }
    if (this.#maskBit !== 0) start += 4;
    const stop = start + length;
    if (stop > end) return undefined;
    if (first === (FIN | TEXT)) {
      if (length > this.#maxTextSize) return undefined;
      const data = this.#maskBit === 0 ? textOf(chunk, start, stop) : maskedTextOf(chunk, start, length);
      if (data === undefined) return undefined;
      this.#position = stop;
      return { type: "text", data };
    }
    if (first === (FIN | BINARY)) {
      if (length > this.#maxBinarySize) return undefined;
      this.#position = stop;
      const data =
        this.#maskBit === 0
          ? new Uint8Array(chunk.buffer, chunk.byteOffset + start, length)
          : maskedBytesOf(chunk, start, length);
      return { type: "binary", data };
    }
    return undefined;
  }

  /** Takes one header byte, or what the chunk has of the payload. */
  #step(): ProtocolEvent | undefined {
    switch (this.#part) {
      case "first":
        return this.#firstByte(this.#chunk[this.#position++] as number);
      case "second":
        return this.#secondByte(this.#chunk[this.#position++] as number);
      case "length":
        return this.#lengthByte(this.#chunk[this.#position++] as number);
      case "mask":
        return this.#maskByte(this.#chunk[this.#position++] as number);
      case "payload":
        return this.#payload();
    }
  }

  #firstByte(byte: number): Violation | undefined {
    const final = (byte & FIN) !== 0;
    const opcode = byte & OPCODE_BITS;
    const reservedBits = (byte & RESERVED_BITS) >>> RESERVED_SHIFT;
    if (reservedBits !== 0) {
      const allowed = this.#allowedBits(opcode);
      if ((reservedBits & ~allowed) !== 0) return violation.reservedBits(opcode, reservedBits, allowed);
    }
    this.#reservedBits = reservedBits;
    const fault =
      (opcode & CONTROL_BIT) !== 0 ? this.#controlOpcodeFault(opcode, final) : this.#dataOpcodeFault(opcode);
    if (fault !== undefined) return fault;
    this.#opcode = opcode;
    this.#final = final;
    this.#part = "second";
    return undefined;
  }

  /** Reserved bits belong to extensions, on data frames (§5.2, §9), each where it has a meaning (RFC 7692 §6). */
  #allowedBits(opcode: number): number {
    if (this.#extensions === undefined || (opcode & CONTROL_BIT) !== 0) return 0;
    return opcode === CONTINUATION ? this.#extensions.laterBits : this.#extensions.firstBits;
  }

  #controlOpcodeFault(opcode: number, final: boolean): Violation | undefined {
    if (opcode > PONG) return violation.reservedOpcode(opcode);
    return final ? undefined : violation.controlFragmented(opcode);
  }

  #dataOpcodeFault(opcode: number): Violation | undefined {
    if (opcode > BINARY) return violation.reservedOpcode(opcode);
    if (opcode === CONTINUATION) {
      if (this.#message === NO_MESSAGE) return violation.unexpectedContinuation();
    } else {
      if (this.#message !== NO_MESSAGE) return violation.expectedContinuation(opcode, this.#message);
      this.#message = opcode;
      this.#fragments = 0;
      if (this.#extensions?.takes(this.#reservedBits) === true) this.#extend(this.#extensions, opcode);
    }
    this.#fragments++;
    return this.#fragments > this.#maxFragments
      ? violation.tooManyFragments(this.#message, this.#maxFragments)
      : undefined;
  }

  #extend(extensions: ExtensionStack, opcode: number): void {
    const type = opcode === TEXT ? "text" : "binary";
    this.#extended = new ExtendedMessage(extensions, type, this.#reservedBits, this.#limit);
  }

  #secondByte(byte: number): ProtocolEvent | undefined {
    if ((byte & MASK_BIT) !== this.#maskBit)
      return this.#maskBit === 0 ? violation.maskedFrame() : violation.unmaskedFrame();
    const length = byte & LENGTH_BITS;
    if ((this.#opcode & CONTROL_BIT) !== 0) {
      if (length >= LENGTH_16) return violation.controlTooLong(this.#opcode);
      if (this.#opcode === CLOSE && length === 1) return violation.closePayloadLength();
    }
    if (length < LENGTH_16) {
      this.#length = length;
      return this.#lengthKnown();
    }
    this.#lengthHigh = 0;
    this.#lengthLow = 0;
    this.#lengthBits = length === LENGTH_16 ? 16 : 64;
    this.#missing = this.#lengthBits / 8;
    this.#part = "length";
    return undefined;
  }

  #lengthByte(byte: number): ProtocolEvent | undefined {
    this.#missing--;
    if (this.#missing >= 4) this.#lengthHigh = this.#lengthHigh * 256 + byte;
    else this.#lengthLow = this.#lengthLow * 256 + byte;
    if (this.#missing > 0) return undefined;
    const high = this.#lengthHigh;
    const low = this.#lengthLow;
    if (high > 0x7fffffff) return violation.lengthTopBit();
    if (high === 0 && low < (this.#lengthBits === 16 ? LENGTH_16 : 0x10000)) {
      return violation.nonMinimalLength(low, this.#lengthBits);
    }
    // Beyond 2^53 a number is not exact any more, but no limit is that high: refused by its upper half alone.
    this.#length = high > 0x1fffff ? Number.POSITIVE_INFINITY : high * 0x100000000 + low;
    return this.#lengthKnown();
  }

  #lengthKnown(): ProtocolEvent | undefined {
    if ((this.#opcode & CONTROL_BIT) === 0) {
      const fault = this.#sizeFault();
      if (fault !== undefined) return fault;
    }
    this.#received = 0;
    this.#mask = 0;
    if (this.#maskBit === 0) return this.#beginPayload();
    this.#missing = 4;
    this.#part = "mask";
    return undefined;
  }

  #sizeFault(): Violation | undefined {
    const limit = this.#limit;
    const here = this.#extended?.wireLength ?? this.#assembly.length;
    if (this.#length <= (this.#extended?.wireRoom ?? limit - here)) return undefined;
    const exact = Number.isFinite(this.#length)
      ? BigInt(this.#length)
      : BigInt(this.#lengthHigh) * 0x100000000n + BigInt(this.#lengthLow);
    return violation.messageTooLong(this.#message, here, exact, limit);
  }

  /** Bytes that the message under way may come to. */
  get #limit(): number {
    return this.#message === TEXT ? this.#maxTextSize : this.#maxBinarySize;
  }

  #maskByte(byte: number): ProtocolEvent | undefined {
    this.#mask = (this.#mask << 8) | byte;
    this.#missing--;
    return this.#missing === 0 ? this.#beginPayload() : undefined;
  }

  #beginPayload(): ProtocolEvent | undefined {
    if ((this.#opcode & CONTROL_BIT) !== 0) this.#control = new Uint8Array(this.#length);
    if (this.#length === 0) return this.#emptyFrameFault() ?? this.#endFrame();
    this.#part = "payload";
    return undefined;
  }

  /** Extensions take frames without a payload as well: a message may end with one. */
  #emptyFrameFault(): Violation | ExtensionFailure | undefined {
    return this.#control === undefined
      ? this.#extended?.takeFrame(NOTHING, this.#reservedBits, this.#final)
      : undefined;
  }

  #payload(): ProtocolEvent | undefined {
    const start = this.#position;
    const count = Math.min(this.#length - this.#received, this.#end - start);
    const fault =
      this.#control === undefined ? this.#messageBytes(start, count) : this.#controlBytes(this.#control, start, count);
    if (fault !== undefined) return fault;
    this.#position = start + count;
    this.#received += count;
    return this.#received === this.#length ? this.#endFrame() : undefined;
  }

  #controlBytes(control: Uint8Array, start: number, count: number): undefined {
    for (let at = this.#received, from = start; from < start + count; at++, from++) {
      control[at] = (this.#chunk[from] as number) ^ (this.#mask >>> (24 - (at & 3) * 8));
    }
  }

  #messageBytes(start: number, count: number): Violation | ExtensionFailure | undefined {
    const assembly = this.#assembly;
    const extended = this.#extended;
    if (extended !== undefined && this.#maskBit === 0 && count === this.#length) {
      return extended.takeFrame(this.#chunk.subarray(start, start + count), this.#reservedBits, this.#final);
    }
    const before = assembly.length;
    const claimed = before - this.#received + this.#length;
    // Extensions take frame by frame, so then nothing but the frame is ever put together here.
    const most = this.#final || extended !== undefined ? claimed : this.#limit;
    if (!assembly.reserve(count, claimed, most)) return violation.noMemory(this.#message, claimed);
    assembly.append(this.#chunk, start, start + count);
    const bytes = assembly.bytes;
    if (this.#maskBit !== 0) assembly.unmask(count, this.#mask, this.#received);
    if (extended !== undefined) {
      if (assembly.length < this.#length) return undefined;
      return extended.takeFrame(assembly.takeBytes(), this.#reservedBits, this.#final);
    }
    if (this.#message !== TEXT) return undefined;
    const bad = this.#utf8.check(bytes, before, before + count);
    return bad === VALID ? undefined : violation.invalidUtf8(bytes[bad] as number, bad);
  }

  #endFrame(): ProtocolEvent | undefined {
    this.#part = "first";
    if (this.#control !== undefined) return this.#endControl(this.#control);
    return this.#final ? this.#endMessage() : undefined;
  }

  #endControl(data: Uint8Array): ProtocolEvent {
    this.#control = undefined;
    if (this.#opcode === PING) return { type: "ping", data };
    if (this.#opcode === PONG) return { type: "pong", data };
    return closeFrameOf(data);
  }

  #endMessage(): ProtocolEvent {
    const opcode = this.#message;
    this.#message = NO_MESSAGE;
    const extended = this.#extended;
    if (extended !== undefined) {
      this.#extended = undefined;
      return extended.end();
    }
    if (opcode === BINARY) return { type: "binary", data: this.#assembly.takeBytes() };
    if (!this.#utf8.complete) return violation.openCodePoint(this.#assembly.length);
    return { type: "text", data: this.#assembly.takeText() };
  }
}
