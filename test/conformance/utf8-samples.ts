/**
 * Sequences of bytes that are UTF-8 or are not: the cases of Markus Kuhn's decoder stress test, each with the number of its chapter there.
 * Which is which, and where a bad one becomes bad, is not written down here: `firstBadByte` works it out with a TextDecoder.
 */
import { hex } from "../protocol/wire.ts";

export type Sample = { readonly name: string; readonly bytes: Uint8Array };

const one = (name: string, digits: string): Sample => ({ name: `${name} (${digits})`, bytes: hex(digits) });
const each = (name: string, ...sequences: readonly string[]) => sequences.map((digits) => one(name, digits));

/** `lead` to `last`, each followed by a space: leads without what they announce. */
function lonelyLeads(lead: number, last: number): Sample[] {
  return Array.from({ length: last - lead + 1 }, (_, index) => one("3.2 a lead by itself", toHex(lead + index, 0x20)));
}

/** The 34 noncharacters beyond those of the Arabic block: the last two of each plane. They are valid (RFC 3629 §3). */
const PLANE_ENDS = Array.from({ length: 17 }, (_, plane) => [
  plane * 0x10000 + 0xfffe,
  plane * 0x10000 + 0xffff,
]).flat();
const ARABIC_BLOCK = Array.from({ length: 32 }, (_, index) => 0xfdd0 + index);

export const SAMPLES: readonly Sample[] = [
  ...each("1 correct", "ce ba e1 bd b9 cf 83 ce bc ce b5", "00", "7f"),
  ...each("a byte order mark", "ef bb bf", "61 ef bb bf 62"),
  ...each("2.1 the first of a length", "c2 80", "e0 a0 80", "f0 90 80 80", "f8 88 80 80 80", "fc 84 80 80 80 80"),
  ...each("2.2 the last of a length", "df bf", "ef bf bf", "f7 bf bf bf", "fb bf bf bf bf", "fd bf bf bf bf bf"),
  ...each("2.3 a boundary", "ed 9f bf", "ee 80 80", "ef bf bd", "f4 8f bf bf", "f4 90 80 80", "f5 80 80 80"),
  ...each("3.1 continuations without a lead", "80", "bf", "80 bf", "80 bf 80", "80 bf 80 bf", "80 bf 80 bf 80"),
  one("3.1 all continuations", toHex(...Array.from({ length: 64 }, (_, index) => 0x80 + index))),
  ...lonelyLeads(0xc0, 0xdf),
  ...lonelyLeads(0xe0, 0xef),
  ...lonelyLeads(0xf0, 0xff),
  ...each("3.3 the last continuation missing", "c0", "e0 80", "f0 80 80", "f8 80 80 80", "fc 80 80 80 80"),
  ...each("3.3 the last continuation missing", "df", "ef bf", "f7 bf bf", "fb bf bf bf", "fd bf bf bf bf"),
  ...each("3.3 the last continuation missing", "e1 80", "f1 80 80", "f4 8f bf", "ed 9f"),
  one("3.4 such ones in a row", "c0 e0 80 f0 80 80 f8 80 80 80 fc 80 80 80 80 df ef bf f7 bf bf fb bf bf bf fd"),
  ...each("3.4 such ones in a row", "e1 80 e1 80 80", "f1 80 80 f1 80 80 80", "ce ce ba"),
  ...each("3.5 no byte of UTF-8", "fe", "ff", "fe fe ff ff"),
  ...each("4.1 an overlong slash", "c0 af", "e0 80 af", "f0 80 80 af", "f8 80 80 80 af", "fc 80 80 80 80 af"),
  ...each("4.2 the last overlong form", "c1 bf", "e0 9f bf", "f0 8f bf bf", "f8 87 bf bf bf", "fc 83 bf bf bf bf"),
  ...each("4.3 an overlong NUL", "c0 80", "e0 80 80", "f0 80 80 80", "f8 80 80 80 80", "fc 80 80 80 80 80"),
  ...each("5.1 a surrogate", "ed a0 80", "ed ad bf", "ed ae 80", "ed af bf", "ed b0 80", "ed be 80", "ed bf bf"),
  ...["ed a0 80", "ed ad bf", "ed ae 80", "ed af bf"].flatMap((high) =>
    each("5.2 a pair of surrogates", `${high} ed b0 80`, `${high} ed bf bf`),
  ),
  ...[...PLANE_ENDS, ...ARABIC_BLOCK].map((code) =>
    one("5.3 a noncharacter", toHex(...new TextEncoder().encode(String.fromCodePoint(code)))),
  ),
];

// A code point needs three more bytes at the most, and these are on both sides of every bound in RFC 3629 §4.
const ENDS = [0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf];

/** The sequences that are UTF-8 as they stand. */
export const VALID = SAMPLES.filter(({ bytes }) => isUtf8(bytes));
/** Those with a byte that nothing can make good. */
export const BROKEN = SAMPLES.filter(({ bytes }) => firstBadByte(bytes) !== undefined);
/** Those in which nothing is wrong yet and that end inside a code point. */
export const UNFINISHED = SAMPLES.filter(({ bytes }) => !isUtf8(bytes) && firstBadByte(bytes) === undefined);

/** The index of the first byte with which no ending makes the whole valid. */
export function firstBadByte(bytes: Uint8Array): number | undefined {
  for (let length = 1; length <= bytes.length; length++) {
    if (!canEndWell(bytes.subarray(0, length))) return length - 1;
  }
  return undefined;
}

function canEndWell(bytes: Uint8Array, more = 3): boolean {
  if (isUtf8(bytes)) return true;
  return more > 0 && ENDS.some((end) => canEndWell(Uint8Array.of(...bytes, end), more - 1));
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function toHex(...bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
