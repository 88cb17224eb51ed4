/**
 * UTF-8 checked as it arrives (RFC 6455 §8.1, RFC 3629 §4): fed piece by piece, cut anywhere, it fails at the
 * first byte that no valid continuation could make good. E0 80, ED A0 and F4 90 fail at their second byte.
 */
import { isUtf8 } from "node:buffer";

/** From this many bytes on, the bulk of a piece goes to the platform's validator; its set-up costs as much as this loop. */
const BULK = 48;

/** The verdict of `check` on a piece in which nothing is wrong so far. */
export const VALID = -1;

export class Utf8Validator {
  /** Continuation bytes that the open code point still needs. */
  #missing = 0;
  /** What the next continuation byte may be: narrower than 80..BF after E0, ED, F0 and F4. */
  #lowest = 0x80;
  #highest = 0xbf;

  /** Checks bytes[start, end), which follow those of the last call. Answers VALID or the index of the first bad byte. */
  check(bytes: Uint8Array, start: number, end: number): number {
    if (end - start < BULK) return this.#walk(bytes, start, end);
    let from = start;
    while (this.#missing > 0) {
      const bad = this.#walk(bytes, from, from + 1);
      if (bad !== VALID) return bad;
      from++;
    }
    const to = startOfOpenCodePoint(bytes, from, end);
    // The platform's validator doesn't say where the fault is; that is looked for once, when there is one.
    if (isUtf8(bytes.subarray(from, to))) return this.#walk(bytes, to, end);
    return this.#walk(bytes, from, end);
  }

  /** Does what has been checked end at the end of a code point? */
  get complete(): boolean {
    return this.#missing === 0;
  }

  #walk(bytes: Uint8Array, start: number, end: number): number {
    for (let index = start; index < end; index++) {
      const byte = bytes[index] as number;
      if (this.#missing > 0) {
        if (byte < this.#lowest || byte > this.#highest) return index;
        this.#missing--;
        this.#lowest = 0x80;
        this.#highest = 0xbf;
      } else if (byte >= 0x80 && !this.#lead(byte)) return index;
    }
    return VALID;
  }

  /** Opens a code point of more than one byte; false for a byte that opens none. */
  #lead(byte: number): boolean {
    if (byte >= 0xc2 && byte <= 0xdf) this.#missing = 1;
    else if (byte >= 0xe0 && byte <= 0xef) {
      this.#missing = 2;
      // E0 80..9F would be overlong, ED A0..BF a surrogate.
      if (byte === 0xe0) this.#lowest = 0xa0;
      else if (byte === 0xed) this.#highest = 0x9f;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      this.#missing = 3;
      // F0 80..8F would be overlong, F4 90..BF beyond U+10FFFF.
      if (byte === 0xf0) this.#lowest = 0x90;
      else if (byte === 0xf4) this.#highest = 0x8f;
    } else return false;
    return true;
  }
}

/** Where the code point begins that bytes[start, end) leaves unfinished, or `end`. */
function startOfOpenCodePoint(bytes: Uint8Array, start: number, end: number): number {
  for (let back = 1; back <= 3 && end - back >= start; back++) {
    const byte = bytes[end - back] as number;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      return length > back ? end - back : end;
    }
  }
  return end;
}
