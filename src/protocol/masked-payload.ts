/** A server's hot path: whole masked payloads, copied out of the chunk and unmasked there; the chunk stays as it came. */
import { applyMask } from "./mask.ts";
import type { RawBuffer } from "./raw-buffer.ts";
import { NO_SLAB, newSlab, roomOf, SLAB_SIZE, type Slab } from "./slab.ts";
import { textOf } from "./text.ts";

/** From this many bytes on, a payload is copied first and then unmasked in words (bench/protocol.ts). */
const WORDWISE = 64;

/** Where payloads are unmasked; shared by the process, and none where nobody plays a server. */
let slab: Slab = NO_SLAB;

/** The text of the `length` < 65536 bytes from `start` on, before which their mask stands; undefined when it is not UTF-8. */
export function maskedTextOf(chunk: RawBuffer, start: number, length: number): string | undefined {
  unmask(chunk, start, length);
  return textOf(slab.bytes, slab.free, slab.free + length);
}

/** The bytes themselves, likewise; they are nobody else's. */
export function maskedBytesOf(chunk: RawBuffer, start: number, length: number): Uint8Array {
  unmask(chunk, start, length);
  const bytes = new Uint8Array(slab.words.buffer, slab.free, length);
  slab.free += length;
  return bytes;
}

/** Puts a payload, unmasked, where the slab is free. */
function unmask(chunk: RawBuffer, start: number, length: number): void {
  if (roomOf(slab) < length) slab = newSlab(SLAB_SIZE);
  const { bytes, words, free } = slab;
  const mask = chunk.readInt32BE(start - 4);
  if (length < WORDWISE) {
    for (let at = 0; at < length; at++) {
      bytes[free + at] = (chunk[start + at] as number) ^ (mask >>> (24 - (at & 3) * 8));
    }
  } else {
    bytes.set(chunk.subarray(start, start + length), free);
    applyMask(words, free, free + length, mask, 0);
  }
}
