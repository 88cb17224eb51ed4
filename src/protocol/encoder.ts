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
import { applyMask, randomMask } from "./mask.ts";
import { BINARY, CLOSE, FIN, LENGTH_16, LENGTH_64, MASK_BIT, PING, PONG, TEXT } from "./opcode.ts";
import type { RawBuffer } from "./raw-buffer.ts";

/** Bytes of a slab; a frame that doesn't fit gets a buffer of its own. */
const SLAB = 65536;
/** What is left of a slab is kept for the next run when it is at least this much. */
const WORTH_KEEPING = 1024;
/** The header of a client's longest frame: two bytes, a 64-bit length, a mask. */
const MAX_HEADER = 14;
/** Text of up to this many UTF-16 units is written and masked in one loop as long as it is ASCII. */
const SHORT_TEXT = 100;

type Slab = { readonly bytes: RawBuffer; free: number };
const EMPTY = Buffer.alloc(0) as RawBuffer;
let spare: Slab | undefined;

export class Encoder {
  readonly #masks: boolean;
  readonly #nextMask: () => number;
  #slab: Slab | undefined;
  #bytes: RawBuffer = EMPTY;
  /** The run under way is #bytes[#start, #position). */
  #start = 0;
  #position = 0;

  constructor(options: { readonly role: Role; readonly nextMask?: (() => number) | undefined }) {
    this.#masks = options.role === "client";
    this.#nextMask = options.nextMask ?? randomMask;
  }

  get pendingBytes(): number {
    return this.#position - this.#start;
  }

  /** Appends a frame to the run. A fault says why it may not be sent; then nothing was written. */
  encode(frame: FrameLike): FrameFault | undefined {
    if (typeof frame === "string") return this.#text(frame, frame);
    if (frame instanceof Uint8Array) return this.#binary(BINARY, frame);
    switch (frame?.type) {
      case "text":
        return typeof frame.data === "string" ? this.#text(frame.data, frame) : faultOf(frame);
      case "binary":
        return frame.data instanceof Uint8Array ? this.#binary(BINARY, frame.data) : faultOf(frame);
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
    this.#start = this.#position;
    const slab = this.#slab as Slab;
    slab.free = this.#position;
    if (slab.bytes.length - slab.free >= WORTH_KEEPING) spare ??= slab;
    this.#slab = undefined;
    this.#bytes = EMPTY;
    this.#start = 0;
    this.#position = 0;
    return run;
  }

  #text(data: string, frame: FrameLike): FrameFault | undefined {
    const units = data.length;
    if (units <= SHORT_TEXT && this.#shortAscii(data, units)) return undefined;
    if (!data.isWellFormed()) return faultOf(frame);
    const length = Buffer.byteLength(data);
    const start = this.#header(TEXT, length);
    const bytes = this.#bytes;
    if (length === units) bytes.latin1Write(data, start, length);
    else bytes.utf8Write(data, start, length);
    this.#finish(start, length);
    return undefined;
  }

  /** Writes and masks short ASCII in one loop; false, with nothing written that counts, when it meets another character. */
  #shortAscii(data: string, units: number): boolean {
    this.#reserve(MAX_HEADER + units);
    const bytes = this.#bytes;
    let at = this.#position;
    bytes[at] = FIN | TEXT;
    if (!this.#masks) {
      bytes[at + 1] = units;
      at += 2;
      for (let index = 0; index < units; index++) {
        const unit = data.charCodeAt(index);
        if (unit >= 0x80) return false;
        bytes[at + index] = unit;
      }
      this.#position = at + units;
      return true;
    }
    const mask = this.#nextMask();
    bytes[at + 1] = MASK_BIT | units;
    bytes[at + 2] = mask >>> 24;
    bytes[at + 3] = mask >>> 16;
    bytes[at + 4] = mask >>> 8;
    bytes[at + 5] = mask;
    at += 6;
    for (let index = 0; index < units; index++) {
      const unit = data.charCodeAt(index);
      if (unit >= 0x80) return false;
      bytes[at + index] = unit ^ (mask >>> (24 - ((index & 3) << 3)));
    }
    this.#position = at + units;
    return true;
  }

  #binary(opcode: number, data: Uint8Array): undefined {
    const length = data.byteLength;
    const start = this.#header(opcode, length);
    this.#bytes.set(data, start);
    this.#finish(start, length);
  }

  #control(opcode: number, data: Uint8Array, frame: FrameLike): FrameFault | undefined {
    if (!(data instanceof Uint8Array) || data.byteLength > MAX_CONTROL_PAYLOAD) return faultOf(frame);
    return this.#binary(opcode, data);
  }

  #close({ code, reason = "" }: CloseFrame): undefined {
    if (code === undefined) {
      this.#finish(this.#header(CLOSE, 0), 0);
      return;
    }
    const length = 2 + Buffer.byteLength(reason);
    const start = this.#header(CLOSE, length);
    this.#bytes.writeUInt16BE(code, start);
    this.#bytes.utf8Write(reason, start + 2, length - 2);
    this.#finish(start, length);
  }

  /** Writes the header of a frame of `length` bytes, makes room for them, and answers where they start. */
  #header(opcode: number, length: number): number {
    this.#reserve(MAX_HEADER + length);
    const bytes = this.#bytes;
    let at = this.#position;
    const maskBit = this.#masks ? MASK_BIT : 0;
    bytes[at] = FIN | opcode;
    if (length < LENGTH_16) {
      bytes[at + 1] = maskBit | length;
      at += 2;
    } else if (length < 0x10000) {
      bytes[at + 1] = maskBit | LENGTH_16;
      bytes[at + 2] = length >>> 8;
      bytes[at + 3] = length;
      at += 4;
    } else {
      bytes[at + 1] = maskBit | LENGTH_64;
      bytes.writeUInt32BE(Math.floor(length / 0x100000000), at + 2);
      bytes.writeUInt32BE(length >>> 0, at + 6);
      at += 10;
    }
    return this.#masks ? at + 4 : at;
  }

  /** Masks the payload at bytes[start, start + length) and makes the frame part of the run. */
  #finish(start: number, length: number): void {
    if (this.#masks) {
      const mask = this.#nextMask();
      const bytes = this.#bytes;
      bytes[start - 4] = mask >>> 24;
      bytes[start - 3] = mask >>> 16;
      bytes[start - 2] = mask >>> 8;
      bytes[start - 1] = mask;
      applyMask(bytes, start, start + length, mask, 0);
    }
    this.#position = start + length;
  }

  /** Makes room for `size` bytes behind the run, which stays in one piece. */
  #reserve(size: number): void {
    if (this.#position + size > this.#bytes.length) this.#anotherSlab(size);
  }

  #anotherSlab(size: number): void {
    const pending = this.#position - this.#start;
    let slab: Slab | undefined;
    if (pending === 0 && spare !== undefined && spare.bytes.length - spare.free >= size) {
      slab = spare;
      spare = undefined;
    } else {
      // Doubling keeps the copying of a long run in proportion to its length.
      const capacity = Math.max(SLAB, pending + size, pending * 2);
      slab = { bytes: Buffer.allocUnsafeSlow(capacity) as RawBuffer, free: 0 };
    }
    const start = slab.free;
    if (pending > 0) slab.bytes.set(this.#bytes.subarray(this.#start, this.#position), start);
    this.#slab = slab;
    this.#bytes = slab.bytes;
    this.#start = start;
    this.#position = start + pending;
  }
}
