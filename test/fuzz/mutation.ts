/**
 * Mutations that fit any bytes, and how they are put together: a seed of the corpus, changed a few times.
 */
import { concat } from "../protocol/wire.ts";
import type { Random } from "./random.ts";

/** Gives a changed copy; `other` is another seed, to take from. */
export type Mutator = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

/** Bytes at which something changes: of numbers, of UTF-8, of frame headers, of header fields. */
const EDGES = [
  0, 1, 2, 8, 9, 10, 0x20, 0x22, 0x2c, 0x3b, 0x3d, 0x5c, 0x7d, 0x7e, 0x7f, 0x80, 0xbf, 0xc0, 0xed, 0xf4, 0xff,
];
/** An input doesn't grow beyond this, or it would only get slower. */
const MAX_LENGTH = 4096;
const MAX_PIECE = 64;

/** Replaces bytes[start, end). */
export function splice(bytes: Uint8Array, start: number, end: number, piece: Uint8Array): Uint8Array {
  return concat(bytes.subarray(0, start), piece, bytes.subarray(end));
}

function pieceOf(bytes: Uint8Array, random: Random): Uint8Array {
  const start = random.below(bytes.length + 1);
  return bytes.slice(start, start + 1 + random.below(MAX_PIECE));
}

/** Changes the byte at a place of its own choice. */
function withByte(bytes: Uint8Array, random: Random, change: (byte: number) => number): Uint8Array {
  if (bytes.length === 0) return bytes;
  const changed = new Uint8Array(bytes);
  const at = random.below(bytes.length);
  changed[at] = change(bytes[at] as number);
  return changed;
}

const flipBit: Mutator = (bytes, random) => withByte(bytes, random, (byte) => byte ^ (1 << random.below(8)));
const setByte: Mutator = (bytes, random) =>
  withByte(bytes, random, () => (random.once(2) ? random.pick(EDGES) : random.below(256)));
const stepByte: Mutator = (bytes, random) => withByte(bytes, random, (byte) => byte + (random.once(2) ? 1 : -1));
const insert: Mutator = (bytes, random) => {
  const at = random.below(bytes.length + 1);
  return splice(bytes, at, at, random.once(2) ? Uint8Array.of(random.pick(EDGES)) : random.bytes(1 + random.below(8)));
};
const remove: Mutator = (bytes, random) => {
  const at = random.below(bytes.length + 1);
  return splice(bytes, at, at + 1 + random.below(random.once(4) ? MAX_PIECE : 4), new Uint8Array(0));
};
const duplicate: Mutator = (bytes, random) => {
  const piece = pieceOf(bytes, random);
  const at = random.below(bytes.length + 1);
  return splice(bytes, at, at, piece);
};
const cutOff: Mutator = (bytes, random) => bytes.slice(0, random.below(bytes.length + 1));
const takeFromOther: Mutator = (bytes, random, other) => {
  const at = random.below(bytes.length + 1);
  return splice(bytes, at, at + (random.once(2) ? 0 : random.below(MAX_PIECE)), pieceOf(other, random));
};
const goOnAsOther: Mutator = (bytes, random, other) =>
  concat(bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(random.below(other.length + 1)));

const PLAIN: readonly Mutator[] = [
  flipBit,
  setByte,
  stepByte,
  insert,
  remove,
  duplicate,
  cutOff,
  takeFromOther,
  goOnAsOther,
];

/** An input to try: `seed` with one to six changes; where there are mutators that know its form, most changes are theirs. */
export function mutated(seed: Uint8Array, other: Uint8Array, random: Random, informed: readonly Mutator[]): Uint8Array {
  let bytes = seed;
  for (let changes = 1 + random.below(random.once(3) ? 6 : 2); changes > 0; changes--) {
    const mutators = informed.length > 0 && !random.once(3) ? informed : PLAIN;
    bytes = random.pick(mutators)(bytes, random, other);
  }
  return bytes.length > Math.max(MAX_LENGTH, seed.length) ? bytes.slice(0, MAX_LENGTH) : bytes;
}
