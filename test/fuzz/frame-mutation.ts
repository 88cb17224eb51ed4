/**
 * Mutations that know where frames begin: they break one rule at a time where random bytes would break ten, and some keep
 * the stream valid. Each takes the stream apart leniently, since it may be broken already.
 */
import { concat, frame, type WireFrame } from "../protocol/wire.ts";
import { type Mutator, splice } from "./mutation.ts";
import type { Random } from "./random.ts";

/** Where a frame stands: its header is [start, payload), its payload [payload, end). */
type Place = { readonly start: number; readonly payload: number; readonly end: number };

const LENGTHS = [0, 1, 2, 124, 125, 126, 127, 128, 299, 300, 65535, 65536, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 53].map(
  BigInt,
);
const HUGE_LENGTHS = [2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];
/** UTF-8 whole, broken off and wrong. */
const TEXTS = [
  "c3a9",
  "c3",
  "a9",
  "e282ac",
  "e282",
  "eda080",
  "f09f9880",
  "f09f98",
  "f4908080",
  "c080",
  "efbfbd",
  "00",
];
const CLOSE_CODES = [0, 999, 1000, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65535];

/** The frames in these bytes, as far as they can be followed. */
function placesOf(bytes: Uint8Array): readonly Place[] {
  const places: Place[] = [];
  for (let start = 0; start + 2 <= bytes.length; ) {
    const second = bytes[start + 1] as number;
    const marker = second & 0x7f;
    const lengthBytes = marker === 126 ? 2 : marker === 127 ? 8 : 0;
    const payload = start + 2 + lengthBytes + (second >= 0x80 ? 4 : 0);
    let length = lengthBytes === 0 ? marker : 0;
    for (const byte of bytes.subarray(start + 2, start + 2 + lengthBytes)) length = length * 256 + byte;
    const end = Math.min(payload + length, bytes.length);
    if (payload > bytes.length) break;
    places.push({ start, payload, end });
    start = end;
  }
  return places;
}

/** What the frame at a place says, to be written anew with changes. */
function frameAt(bytes: Uint8Array, { start, payload, end }: Place): WireFrame {
  const [first, second] = [bytes[start] as number, bytes[start + 1] as number];
  const mask = second >= 0x80 ? bytes.slice(payload - 4, payload) : undefined;
  const data = bytes.slice(payload, end);
  return {
    opcode: first & 15,
    reserved: (first >> 4) & 7,
    final: first >= 0x80,
    payload: mask === undefined ? data : data.map((byte, index) => byte ^ (mask[index % 4] as number)),
    ...(mask === undefined ? {} : { mask }),
  };
}

/** A mutator that writes one frame anew, as one or several. */
export function rewriting(write: (one: WireFrame, random: Random) => readonly WireFrame[]): Mutator {
  return (bytes, random) => {
    const places = placesOf(bytes);
    if (places.length === 0) return bytes;
    const place = random.pick(places);
    const written = write(frameAt(bytes, place), random).map(frame);
    return splice(bytes, place.start, place.end, concat(...written));
  };
}

/** A mutator that puts a frame between two others, masked as its neighbours are. */
export function inserting(make: (random: Random) => WireFrame): Mutator {
  return (bytes, random) => {
    const places = placesOf(bytes);
    const masked = places.length === 0 ? random.once(2) : (bytes[1] as number) >= 0x80;
    const at = places.length === 0 ? 0 : random.once(4) ? bytes.length : random.pick(places).start;
    return splice(bytes, at, at, frame({ ...make(random), ...(masked ? { mask: random.bytes(4) } : {}) }));
  };
}

/** Cut, one after the other: the same message in more frames. */
function fragments(one: WireFrame, random: Random): readonly WireFrame[] {
  const payload = one.payload as Uint8Array;
  const cut = random.below(payload.length + 1);
  return [
    { ...one, payload: payload.slice(0, cut), final: false },
    { ...one, payload: payload.slice(cut), opcode: 0, reserved: 0 },
  ];
}

function textOrNot(one: WireFrame, random: Random): WireFrame {
  const payload = one.payload as Uint8Array;
  const at = random.below(payload.length + 1);
  return { ...one, payload: splice(payload, at, at, Buffer.from(random.pick(TEXTS), "hex")) };
}

function closePayload(random: Random): Uint8Array {
  const code = random.pick(CLOSE_CODES);
  const all = concat(Uint8Array.of(code >> 8, code & 255), Buffer.from(random.pick(TEXTS), "hex"));
  return all.slice(0, random.pick([0, 1, 2, all.length]));
}

const swapFrames: Mutator = (bytes, random) => {
  const places = placesOf(bytes);
  if (places.length < 2) return bytes;
  const at = random.below(places.length - 1);
  const [one, next] = [places[at] as Place, places[at + 1] as Place];
  return splice(bytes, one.start, next.end, concat(bytes.slice(next.start, next.end), bytes.slice(one.start, one.end)));
};

export const FRAME_MUTATORS: readonly Mutator[] = [
  swapFrames,
  rewriting((one) => [{ ...one, final: one.final !== true }]),
  rewriting((one, random) => [{ ...one, reserved: random.below(8) }]),
  rewriting((one, random) => [{ ...one, opcode: random.pick([0, 1, 2, 8, 9, 10, random.below(16)]) }]),
  rewriting(({ mask, ...one }, random) => [mask === undefined ? { ...one, mask: random.bytes(4) } : one]),
  rewriting((one, random) => [{ ...one, ...(one.mask === undefined ? {} : { mask: random.bytes(4) }) }]),
  rewriting((one, random) => [{ ...one, claimed: random.pick(LENGTHS), lengthBits: 64 }]),
  rewriting((one, random) => [{ ...one, claimed: random.pick(HUGE_LENGTHS), lengthBits: 64 }]),
  rewriting((one, random) => [{ ...one, lengthBits: random.pick([16, 64] as const) }]),
  rewriting((one, random) => {
    const length = (one.payload as Uint8Array).length + random.pick([-1, 1]);
    return [{ ...one, claimed: BigInt(Math.max(0, length)) }];
  }),
  rewriting((one, random) => [{ ...one, payload: new Uint8Array(random.pick([0, 1, 125, 126, 127, 300])).fill(0x61) }]),
  rewriting((one, random) => [textOrNot(one, random)]),
  rewriting((one, random) => [{ ...one, payload: closePayload(random) }]),
  rewriting(fragments),
  rewriting((one) => [one, one]),
  rewriting(() => []),
  inserting((random) => ({ opcode: random.pick([9, 10]), payload: random.bytes(random.pick([0, 1, 8, 125, 126])) })),
  inserting((random) => ({ opcode: random.pick([0, 1, 2]), final: random.once(2), payload: random.bytes(3) })),
  inserting((random) => ({ opcode: 8, payload: closePayload(random) })),
];
