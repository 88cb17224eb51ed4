/**
 * A slab: a stretch of memory that is filled once, from its start to its end, and handed out in views as it fills.
 * Nothing is ever written twice, so a view stays as it is for as long as anybody holds it.
 */
import { Buffer } from "node:buffer";
import { roundToWords } from "./mask.ts";
import type { RawBuffer } from "./raw-buffer.ts";

/** Bytes of a slab; what needs more gets one of its own. */
export const SLAB_SIZE = 65536;

export type Slab = {
  readonly bytes: RawBuffer;
  /** The same memory in words, for masking. */
  readonly words: Int32Array;
  /** Where the part begins that nobody has a view of. */
  free: number;
};

export function newSlab(capacity: number): Slab {
  const bytes = Buffer.allocUnsafeSlow(roundToWords(capacity)) as RawBuffer;
  return { bytes, words: new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4), free: 0 };
}

/** How many bytes can still be written. */
export function roomOf(slab: Slab): number {
  return slab.bytes.length - slab.free;
}

/** A slab with no room, for those who hold none at the moment. */
export const NO_SLAB: Slab = newSlab(0);
