/**
 * Where a message is put together whose bytes don't come in one piece: one growing buffer, owned by the message.
 *
 * Its size follows what has arrived, never what a header claims: at most 64 KiB or eight times the bytes here,
 * whichever is more, and never more than the message may come to. There is no list of chunks, so tiny chunks and tiny
 * fragments cost nothing beyond their bytes.
 */
import { Buffer } from "node:buffer";
import { applyMask, roundToWords } from "./mask.ts";
import type { RawBuffer } from "./raw-buffer.ts";
import { textOf } from "./text.ts";

/** Bytes reserved on a header's word alone. */
const FIRST_RESERVE = 65536;
const RESERVE_FACTOR = 8;

export class Assembly {
  #bytes: RawBuffer | undefined;
  #length = 0;

  /** Bytes of the message that are here. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of memory taken for them. */
  get capacity(): number {
    return this.#bytes?.length ?? 0;
  }

  /** The buffer; only its first `length` bytes mean anything. */
  get bytes(): RawBuffer {
    return this.#bytes as RawBuffer;
  }

  /**
   * Makes room for `count` bytes more. `claimed` is the length of the message to the end of the present frame, and
   * `most` what all of it may come to: the same when the message ends there, otherwise its limit. Answers false when the
   * platform has no such memory to give.
   */
  reserve(count: number, claimed: number, most: number): boolean {
    const needed = this.#length + count;
    const capacity = this.capacity;
    if (needed <= capacity) return true;
    const announced = Math.min(claimed, Math.max(FIRST_RESERVE, needed * RESERVE_FACTOR));
    // Without doubling, a message of many small fragments would be copied once for each of them.
    const wanted = Math.min(most, Math.max(announced, capacity * 2));
    return this.#resize(wanted) || this.#resize(needed);
  }

  /** Appends source[start, end), for which there is room. */
  append(source: Uint8Array, start: number, end: number): void {
    (this.#bytes as RawBuffer).set(source.subarray(start, end), this.#length);
    this.#length += end - start;
  }

  /** Unmasks the last `count` bytes; `phase` as for `applyMask`. */
  unmask(count: number, mask: number, phase: number): void {
    const bytes = this.#bytes as RawBuffer;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    applyMask(words, this.#length - count, this.#length, mask, phase);
  }

  /** Gives the bytes away as a binary message's and forgets them. */
  takeBytes(): Uint8Array {
    const bytes = this.#bytes;
    const length = this.#length;
    this.release();
    // A plain Uint8Array: a Buffer's slice() shares memory where everybody else's copies it.
    return bytes === undefined ? new Uint8Array(0) : new Uint8Array(bytes.buffer, bytes.byteOffset, length);
  }

  /** Gives the bytes, which are valid UTF-8, as a string and forgets them. */
  takeText(): string {
    const text = this.#bytes === undefined ? "" : textOf(this.#bytes, 0, this.#length);
    this.release();
    return text as string;
  }

  release(): void {
    this.#bytes = undefined;
    this.#length = 0;
  }

  #resize(capacity: number): boolean {
    let bytes: RawBuffer;
    try {
      // Whole words, for the sake of unmasking.
      bytes = Buffer.allocUnsafeSlow(roundToWords(capacity)) as RawBuffer;
    } catch {
      return false;
    }
    if (this.#length > 0) bytes.set((this.#bytes as RawBuffer).subarray(0, this.#length));
    this.#bytes = bytes;
    return true;
  }
}
