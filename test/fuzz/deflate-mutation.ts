/** Mutations of streams with compressed messages: other compressions of other texts, blocks of every kind, and bombs. */
import { constants, deflateRawSync, type ZlibOptions } from "node:zlib";
import { FRAME_MUTATORS, inserting, rewriting } from "./frame-mutation.ts";
import { type Mutator, splice } from "./mutation.ts";
import type { Random } from "./random.ts";

/** RSV1: compressed. */
const COMPRESSED = 4;
const WORDS = ["everfresh ", "é€😀", "aaaaaaaaaaaaaaaaaaaaaaaa", "\0\0\0\0", '{"price":1.25}', "x", "\u00ff"];
/** Pieces of DEFLATE data: empty and last blocks, a stored one, the tail, beginnings of dynamic blocks, bad block types. */
const PIECES = [
  "0000ffff",
  "0300",
  "00",
  "000000ffff",
  "010000ffff",
  "000300fcff616263",
  "05",
  "ed",
  "07",
  "ff",
  "4a04",
];
const STRATEGIES = [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE];

function drawText(random: Random): Buffer {
  const words = Array.from({ length: 1 + random.below(8) }, () => random.pick(WORDS).repeat(1 + random.below(40)));
  const text = Buffer.from(words.join(""));
  return random.once(8) ? text.subarray(random.below(4)) : text;
}

/** A payload as a peer may make it, with the tail taken off where it should be, and in a few other ways. */
function compressed(data: Uint8Array, random: Random): Uint8Array {
  const options: ZlibOptions = {
    level: random.pick([0, 1, 6, 9]),
    memLevel: 1 + random.below(9),
    windowBits: 9 + random.below(7),
    strategy: random.pick(STRATEGIES),
    finishFlush: random.once(4) ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
    ...(random.once(2) ? { dictionary: drawText(random) } : {}),
  };
  const made = deflateRawSync(data, options);
  return random.once(6) ? made : made.subarray(0, made.length - 4);
}

/** Long, different everywhere, and short when it is compressed. */
function sparse(random: Random): Uint8Array {
  const data = new Uint8Array(random.pick([5000, 60_000, 200_000]));
  for (let mark = 0; mark < 150; mark++) data[random.below(data.length)] = 1 + random.below(120);
  return data;
}

const DEFLATING: readonly Mutator[] = [
  rewriting((one, random) => [{ ...one, reserved: COMPRESSED, payload: compressed(drawText(random), random) }]),
  rewriting((one, random) => [
    { ...one, reserved: COMPRESSED, payload: compressed(one.payload ?? drawText(random), random) },
  ]),
  rewriting((one, random) => {
    const payload = one.payload as Uint8Array;
    const at = random.once(2) ? payload.length : random.below(payload.length + 1);
    return [{ ...one, payload: splice(payload, at, at, Buffer.from(random.pick(PIECES), "hex")) }];
  }),
  rewriting((one, random) => {
    const payload = one.payload as Uint8Array;
    const at = random.below(payload.length + 1);
    return [{ ...one, payload: splice(payload, at, at + 1, random.bytes(1)) }];
  }),
  rewriting((one) => [{ ...one, reserved: (one.reserved ?? 0) ^ COMPRESSED }]),
  inserting((random) => ({
    opcode: random.pick([1, 2]),
    reserved: COMPRESSED,
    payload: compressed(drawText(random), random),
  })),
  inserting((random) => ({
    opcode: random.pick([1, 2]),
    reserved: COMPRESSED,
    payload: compressed(sparse(random), random),
  })),
  inserting((random) => ({
    opcode: 2,
    reserved: COMPRESSED,
    payload: compressed(Buffer.alloc(random.pick([1000, 40_000, 300_000])), random),
  })),
];

/** The first byte of such an input is no frame's: it says what was agreed on. */
const behindTheAgreement =
  (mutate: Mutator): Mutator =>
  (bytes, random, other) =>
    splice(bytes, 1, bytes.length, mutate(bytes.subarray(1), random, other.subarray(1)));

const otherAgreement: Mutator = (bytes, random) => splice(bytes, 0, 1, random.bytes(1));

export const DEFLATE_MUTATORS: readonly Mutator[] = [
  otherAgreement,
  // Twice, because they are the ones that know most.
  ...[...DEFLATING, ...DEFLATING, ...FRAME_MUTATORS].map(behindTheAgreement),
];
