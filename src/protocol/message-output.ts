/**
 * Where extensions put a message that they have taken apart: bounded by maxMessageSize while it grows, text checked as it comes.
 *
 * Its memory is what has come out so far: pieces that are never moved while the message grows, so that a message that
 * turns out to be too long has never cost more than the limit and one piece. What a session lends is not copied at all when it is
 * the whole message, as most are.
 */
import { Buffer } from "node:buffer";
import type { Violation } from "./event.ts";
import type { ExtensionOutput } from "./extension.ts";
import type { RawBuffer } from "./raw-buffer.ts";
import { textOf } from "./text.ts";
import { Utf8Validator, VALID } from "./utf8.ts";
import { invalidUtf8, openCodePoint } from "./violation.ts";

const FIRST_PIECE = 16384;
const LONGEST_PIECE = 1024 * 1024;
const NOTHING = Buffer.alloc(0) as RawBuffer;

export class MessageOutput implements ExtensionOutput {
  readonly limit: number;
  readonly #utf8: Utf8Validator | undefined;
  #length = 0;
  /** Full pieces, and the one that is being filled. */
  #pieces: RawBuffer[] = [];
  #piece = NOTHING;
  #filled = 0;
  /** What a session has lent, and nobody has copied yet. */
  #lent: RawBuffer | undefined;
  #exceeded = false;
  #violation: Violation | undefined;

  constructor(type: "text" | "binary", limit: number) {
    this.limit = limit;
    this.#utf8 = type === "text" ? new Utf8Validator() : undefined;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes of memory taken. */
  get capacity(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.length, this.#piece.length);
  }

  /** More came than the limit allows; it was not taken. */
  get exceeded(): boolean {
    return this.#exceeded;
  }

  /** What has been found wrong with the text. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#takes(bytes)) return false;
    this.settle();
    this.#append(rawOf(bytes));
    return this.#violation === undefined;
  }

  lend(bytes: Uint8Array): boolean {
    if (!this.#takes(bytes)) return false;
    this.settle();
    if (this.#length > 0) this.#append(rawOf(bytes));
    else if (bytes.byteLength > 0) this.#lent = rawOf(bytes);
    return this.#violation === undefined;
  }

  /** Copies what was lent: the session is to be called again before the message is taken. */
  settle(): void {
    const lent = this.#lent;
    if (lent === undefined) return;
    this.#lent = undefined;
    this.#append(lent);
  }

  /** The message, or what is wrong with it; nothing is to be written to this output afterwards. */
  takeText(): string | Violation {
    const lent = this.#lent;
    // Decoding checks as well, and for a message in one piece that is the only check there is.
    const text = lent === undefined ? undefined : textOf(lent, 0, lent.length);
    if (text !== undefined) return text;
    this.settle();
    if (this.#violation !== undefined) return this.#violation;
    if (this.#utf8?.complete === false) return openCodePoint(this.#length);
    const bytes = this.#joined();
    return textOf(bytes, 0, bytes.length) as string;
  }

  /** The bytes, which are nobody else's, in memory of about their size: who keeps a short message should not keep a whole piece. */
  takeBytes(): Uint8Array {
    const bytes = this.#lent ?? this.#joined();
    if (this.#lent !== undefined || bytes.length < bytes.buffer.byteLength / 2) return new Uint8Array(bytes);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** The bytes for somebody who neither keeps them nor writes to them. */
  peek(): Uint8Array {
    return this.#lent ?? this.#joined();
  }

  #takes(bytes: Uint8Array): boolean {
    if (this.#exceeded || this.#violation !== undefined) return false;
    const coming = (this.#lent?.length ?? 0) + bytes.byteLength;
    this.#exceeded = coming > this.limit - this.#length;
    return !this.#exceeded;
  }

  #append(bytes: RawBuffer): void {
    const bad = this.#utf8?.check(bytes, 0, bytes.length) ?? VALID;
    if (bad !== VALID) {
      this.#violation ??= invalidUtf8(bytes[bad] as number, this.#length + bad);
      return;
    }
    let from = 0;
    while (from < bytes.length) {
      if (this.#filled === this.#piece.length) this.#anotherPiece(bytes.length - from);
      const count = Math.min(bytes.length - from, this.#piece.length - this.#filled);
      this.#piece.set(bytes.subarray(from, from + count), this.#filled);
      this.#filled += count;
      this.#length += count;
      from += count;
    }
  }

  #anotherPiece(wanted: number): void {
    if (this.#filled > 0) this.#pieces.push(this.#piece);
    const size = Math.max(wanted, Math.min(Math.max(FIRST_PIECE, this.#length), LONGEST_PIECE));
    this.#piece = Buffer.allocUnsafeSlow(Math.min(size, this.limit - this.#length)) as RawBuffer;
    this.#filled = 0;
  }

  #joined(): RawBuffer {
    const last = this.#piece.subarray(0, this.#filled) as RawBuffer;
    if (this.#pieces.length === 0) return last;
    return Buffer.concat([...this.#pieces, last], this.#length) as RawBuffer;
  }
}

function rawOf(bytes: Uint8Array): RawBuffer {
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as RawBuffer;
}
