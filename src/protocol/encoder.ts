/**
 * The encoder: frames to bytes, gathered into one run until somebody takes it (RFC 6455 §5).
 *
 * Frames are written straight into a slab and masked there; the caller's bytes are read and never touched. A slab is
 * only ever appended to, so a run that was taken stays as it is for as long as anybody holds it. An encoder
 * holds a slab only while a run is being gathered; between runs the slab is in the process's one place for
 * spares, so idle connections hold none.
 */
import { Buffer } from "node:buffer";
import { type CloseFrame, type FrameFault, type FrameLike, faultOf, MAX_CONTROL_PAYLOAD } from "../frame.ts";
import type { Role } from "./decoder.ts";
import type { ExtensionSendFault, ExtensionStack } from "./extension-stack.ts";
import { applyMask, randomMask } from "./mask.ts";
import { BINARY, CLOSE, FIN, LENGTH_16, LENGTH_64, MASK_BIT, PING, PONG, RESERVED_SHIFT, TEXT } from "./opcode.ts";
import type { RawBuffer } from "./raw-buffer.ts";
import { NO_SLAB, newSlab, roomOf, SLAB_SIZE, type Slab } from "./slab.ts";

/** What is left of a slab is kept for the next run when it is at least this much. */
const WORTH_KEEPING = 1024;
/** The header of a client's longest frame: two bytes, a 64-bit length, a mask. */
const MAX_HEADER = 14;
/** Text of up to this many UTF-16 units is written and masked in one loop as long as it is ASCII. */
const SHORT_TEXT = 24;
/** Text of up to this many units is written before its length in bytes is known: room for the longest case is cheap. */
const MEDIUM_TEXT = 2048;
/** Bytes of UTF-8 that a UTF-16 unit takes at most. */
const MAX_UNIT_BYTES = 3;

/** What `#extended` answers when no extension changes the message. */
const AS_IT_IS = Symbol("as it is");

/**
 * Where text becomes UTF-8 for the extensions, if it isn't longer than this; shared by the process, and none where there is no extension. While
 * an extension has it, there is none either: it may send something on another connection.
 */
let utf8Space: RawBuffer | undefined;
const UTF8_SPACE = 65536;

/** Of one message: what its sender wants done with it. */
export type EncodeOptions = {
  /** With an extension that compresses: false leaves this message as it is, true compresses it however short. Default: as the extension decides. */
  readonly compress?: boolean | undefined;
};

type Fault = FrameFault | ExtensionSendFault;

/** The one slab that waits for whoever gathers a run next. */
let spare: Slab | undefined;

export class Encoder {
  /** MASK_BIT where frames go out masked, otherwise 0. */
  readonly #maskBit: number;
  readonly #nextMask: () => number;
  readonly #extensions: ExtensionStack | undefined;
  #slab: Slab = NO_SLAB;
  #bytes: RawBuffer = NO_SLAB.bytes;
  /** The run under way is #bytes[#start, #position), #bytes being the slab's. */
  #start = 0;
  #position = 0;

  constructor(options: {
    readonly role: Role;
    readonly nextMask?: (() => number) | undefined;
    readonly extensions?: ExtensionStack | undefined;
  }) {
    this.#maskBit = options.role === "client" ? MASK_BIT : 0;
    this.#extensions = options.extensions;
    this.#nextMask = options.nextMask ?? randomMask;
  }

  get pendingBytes(): number {
    return this.#position - this.#start;
  }

  /** Appends a frame to the run. A fault says why it may not be sent; then nothing was written. */
  encode(frame: FrameLike, options?: EncodeOptions): Fault | undefined {
    if (typeof frame === "string") return this.#text(frame, frame, options);
    if (frame instanceof Uint8Array) return this.#binaryMessage(frame, options);
    switch (frame?.type) {
      case "text":
        return typeof frame.data === "string" ? this.#text(frame.data, frame, options) : faultOf(frame);
      case "binary":
        return frame.data instanceof Uint8Array ? this.#binaryMessage(frame.data, options) : faultOf(frame);
      case "ping":
        return this.#control(PING, frame.data, frame);
      case "pong":
        return this.#control(PONG, frame.data, frame);
      case "close":
        return faultOf(frame) ?? this.#close(frame);
      default:
        return faultOf(frame);
    }
  }

  /** Everything encoded since the last call, as one run of bytes that nothing will ever write to again. */
  take(): Uint8Array | undefined {
    if (this.#position === this.#start) return undefined;
    const run = this.#bytes.subarray(this.#start, this.#position);
    const slab = this.#slab;
    slab.free = this.#position;
    if (roomOf(slab) > (spare === undefined ? WORTH_KEEPING : roomOf(spare))) spare = slab;
    this.#use(NO_SLAB);
    return run;
  }

  #text(data: string, frame: FrameLike, options: EncodeOptions | undefined): Fault | undefined {
    const units = data.length;
    if (this.#extensions !== undefined) {
      // Their result would be UTF-8 of something else.
      if (!data.isWellFormed()) return faultOf(frame);
      const outcome = this.#extendedText(data, options);
      if (outcome !== AS_IT_IS) return outcome;
    }
    if (units <= SHORT_TEXT && this.#shortAscii(data, units)) return undefined;
    if (units <= MEDIUM_TEXT) return this.#mediumText(data, units, frame);
    if (!data.isWellFormed()) return faultOf(frame);
    const length = Buffer.byteLength(data);
    this.#reserve(MAX_HEADER + length);
    const start = this.#position + this.#headerSize(length);
    if (length === units) this.#bytes.latin1Write(data, start, length);
    else this.#bytes.utf8Write(data, start, length);
    this.#frame(TEXT, start, length);
    return undefined;
  }

  /** Writes the payload where it will stand if it is ASCII, which tells its length; other text may have to move a little. */
  #mediumText(data: string, units: number, frame: FrameLike): FrameFault | undefined {
    this.#reserve(MAX_HEADER + units * MAX_UNIT_BYTES);
    const bytes = this.#bytes;
    let start = this.#position + this.#headerSize(units);
    const length = bytes.utf8Write(data, start, units * MAX_UNIT_BYTES);
    if (length !== units) {
      if (!data.isWellFormed()) return faultOf(frame);
      const rightStart = this.#position + this.#headerSize(length);
      if (rightStart !== start) bytes.copyWithin(rightStart, start, start + length);
      start = rightStart;
    }
    this.#frame(TEXT, start, length);
    return undefined;
  }

  /** Writes and masks short ASCII in one loop; false, with nothing written that counts, when there is another character. */
  #shortAscii(data: string, units: number): boolean {
    this.#reserve(MAX_HEADER + units);
    const bytes = this.#bytes;
    let at = this.#position;
    bytes[at++] = FIN | TEXT;
    bytes[at++] = this.#maskBit | units;
    let mask = 0;
    if (this.#maskBit !== 0) {
      mask = this.#nextMask();
      bytes[at++] = mask >>> 24;
      bytes[at++] = mask >>> 16;
      bytes[at++] = mask >>> 8;
      bytes[at++] = mask;
    }
    for (let index = 0; index < units; index++) {
      const unit = data.charCodeAt(index);
      if (unit >= 0x80) return false;
      bytes[at++] = unit ^ (mask >>> (24 - (index & 3) * 8));
    }
    this.#position = at;
    return true;
  }

  #binaryMessage(data: Uint8Array, options: EncodeOptions | undefined): Fault | undefined {
    if (this.#extensions !== undefined) {
      const outcome = this.#extended(BINARY, data, options);
      if (outcome !== AS_IT_IS) return outcome;
    }
    return this.#binary(BINARY, data);
  }

  #extendedText(text: string, options: EncodeOptions | undefined): Fault | undefined | typeof AS_IT_IS {
    if (text.length * MAX_UNIT_BYTES > UTF8_SPACE) return this.#extended(TEXT, Buffer.from(text), options);
    const space = utf8Space ?? (Buffer.allocUnsafeSlow(UTF8_SPACE) as RawBuffer);
    utf8Space = undefined;
    try {
      return this.#extended(TEXT, space.subarray(0, space.utf8Write(text, 0, UTF8_SPACE)), options);
    } finally {
      utf8Space = space;
    }
  }

  /** Lets the extensions make another payload of a message. */
  #extended(opcode: number, data: Uint8Array, options: EncodeOptions | undefined): Fault | undefined | typeof AS_IT_IS {
    const type = opcode === TEXT ? "text" : "binary";
    const extensions = this.#extensions as ExtensionStack;
    const encoded = extensions.encode(data, { type, compress: options?.compress });
    if (encoded === undefined) return AS_IT_IS;
    if ("reason" in encoded) return encoded;
    try {
      return this.#binary(opcode | (encoded.reservedBits << RESERVED_SHIFT), encoded.data);
    } catch (error) {
      // No memory for the frame; what the extensions have made of it will not be missed by the next message.
      extensions.unsent();
      throw error;
    }
  }

  #binary(opcode: number, data: Uint8Array): undefined {
    const length = data.byteLength;
    this.#reserve(MAX_HEADER + length);
    const start = this.#position + this.#headerSize(length);
    this.#bytes.set(data, start);
    this.#frame(opcode, start, length);
  }

  #control(opcode: number, data: Uint8Array, frame: FrameLike): FrameFault | undefined {
    if (!(data instanceof Uint8Array) || data.byteLength > MAX_CONTROL_PAYLOAD) return faultOf(frame);
    return this.#binary(opcode, data);
  }

  #close({ code, reason = "" }: CloseFrame): undefined {
    const length = code === undefined ? 0 : 2 + Buffer.byteLength(reason);
    this.#reserve(MAX_HEADER + length);
    const start = this.#position + this.#headerSize(length);
    if (code !== undefined) {
      this.#bytes.writeUInt16BE(code, start);
      this.#bytes.utf8Write(reason, start + 2, length - 2);
    }
    this.#frame(CLOSE, start, length);
  }

  /** Bytes that stand before a payload of `length` bytes. */
  #headerSize(length: number): number {
    const lengthSize = length < LENGTH_16 ? 2 : length < 0x10000 ? 4 : 10;
    return this.#maskBit === 0 ? lengthSize : lengthSize + 4;
  }

  /** `opcode` with the reserved bits above it. Makes a frame of the payload that has been written to [start, start + length): puts its header before it, and masks it. */
  #frame(opcode: number, start: number, length: number): void {
    const bytes = this.#bytes;
    const at = this.#position;
    bytes[at] = FIN | opcode;
    if (length < LENGTH_16) {
      bytes[at + 1] = this.#maskBit | length;
    } else if (length < 0x10000) {
      bytes[at + 1] = this.#maskBit | LENGTH_16;
      bytes[at + 2] = length >>> 8;
      bytes[at + 3] = length;
    } else {
      bytes[at + 1] = this.#maskBit | LENGTH_64;
      bytes.writeUInt32BE(Math.floor(length / 0x100000000), at + 2);
      bytes.writeUInt32BE(length >>> 0, at + 6);
    }
    this.#position = start + length;
    if (this.#maskBit === 0) return;
    const mask = this.#nextMask();
    bytes[start - 4] = mask >>> 24;
    bytes[start - 3] = mask >>> 16;
    bytes[start - 2] = mask >>> 8;
    bytes[start - 1] = mask;
    applyMask(this.#slab.words, start, start + length, mask, 0);
  }

  /** Makes room for `size` bytes behind the run, which stays in one piece. */
  #reserve(size: number): void {
    if (this.#position + size > this.#bytes.length) this.#anotherSlab(size);
  }

  #anotherSlab(size: number): void {
    const pending = this.#position - this.#start;
    let slab = spare;
    if (pending === 0 && slab !== undefined && roomOf(slab) >= size) {
      spare = undefined;
    } else {
      // Doubling keeps the copying of a long run in proportion to its length. Most are taken as soon as they are longer than a slab:
      // those get what they need and no more, since a peer that doesn't read may leave many of them in memory.
      slab = newSlab(Math.max(SLAB_SIZE, pending + size, pending < SLAB_SIZE ? 0 : pending * 2));
      slab.bytes.set(this.#bytes.subarray(this.#start, this.#position));
    }
    this.#use(slab);
    this.#position += pending;
  }

  #use(slab: Slab): void {
    this.#slab = slab;
    this.#bytes = slab.bytes;
    this.#start = slab.free;
    this.#position = slab.free;
  }
}
