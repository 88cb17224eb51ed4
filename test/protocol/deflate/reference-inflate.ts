/**
 * DEFLATE by the book (RFC 1951), slow and plain: what a raw stream means, and how far back it refers. An oracle for what zlib makes and for
 * what everfresh takes; it shares no code with either.
 */
export type Inflated = {
  readonly data: Uint8Array;
  /** The longest distance of a back reference. */
  readonly farthest: number;
  /** Did the last block have BFINAL? */
  readonly ended: boolean;
  /** Bytes up to the end of the last block. */
  readonly read: number;
};

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** The input breaks off inside a block; `data` is what had come out by then. */
export class BreaksOff extends Error {
  readonly data: Uint8Array;

  constructor(data: Uint8Array) {
    super("The input breaks off.");
    this.data = data;
  }
}

/** Inflates blocks until the input is used up between two of them, or one has BFINAL. Throws for what is no DEFLATE, or breaks off. */
export function referenceInflate(input: Uint8Array, window: Uint8Array = new Uint8Array(0)): Inflated {
  const output: number[] = [...window];
  let bit = 0;
  let farthest = 0;
  const bits = (count: number): number => {
    let value = 0;
    for (let at = 0; at < count; at++, bit++) {
      const byte = input[bit >> 3];
      if (byte === undefined) throw new BreaksOff(Uint8Array.from(output.slice(window.length)));
      value |= ((byte >> (bit & 7)) & 1) << at;
    }
    return value;
  };
  const symbol = (table: Map<string, number>): number => {
    let code = "";
    while (code.length < 16) {
      code += bits(1);
      const found = table.get(code);
      if (found !== undefined) return found;
    }
    throw new Error("no such code");
  };
  let ended = false;
  // Between blocks whole bytes may be left out only at the very end: a stored block's header and its padding come first.
  while (!ended && bit >> 3 < input.length) {
    ended = bits(1) === 1;
    const type = bits(2);
    if (type === 3) throw new Error("no such block");
    if (type === 0) {
      bit = (bit + 7) & ~7;
      const length = bits(16);
      if (bits(16) !== (length ^ 0xffff)) throw new Error("stored length");
      for (let at = 0; at < length; at++) output.push(bits(8));
      continue;
    }
    const [literals, distances] = type === 1 ? fixed() : dynamic(bits, symbol);
    for (;;) {
      const code = symbol(literals);
      if (code === 256) break;
      if (code < 256) {
        output.push(code);
        continue;
      }
      const base = LENGTH_BASE[code - 257];
      if (base === undefined) throw new Error("no such length");
      const length = base + bits(LENGTH_EXTRA[code - 257] as number);
      const distanceCode = symbol(distances);
      const distanceBase = DISTANCE_BASE[distanceCode];
      if (distanceBase === undefined) throw new Error("no such distance");
      const distance = distanceBase + bits(DISTANCE_EXTRA[distanceCode] as number);
      if (distance > output.length) throw new Error("too far back");
      farthest = Math.max(farthest, distance);
      for (let at = 0; at < length; at++) output.push(output[output.length - distance] as number);
    }
  }
  return { data: Uint8Array.from(output.slice(window.length)), farthest, ended, read: Math.ceil(bit / 8) };
}

/** Canonical Huffman codes (RFC 1951 §3.2.2). */
function tableOf(lengths: readonly number[]): Map<string, number> {
  const table = new Map<string, number>();
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    for (const [value, own] of lengths.entries()) {
      if (own !== length) continue;
      if (code >= 2 ** length) throw new Error("too many codes");
      table.set(code.toString(2).padStart(length, "0"), value);
      code++;
    }
    code *= 2;
  }
  return table;
}

function fixed(): [Map<string, number>, Map<string, number>] {
  const lengths = Array.from({ length: 288 }, (_, value) => (value < 144 ? 8 : value < 256 ? 9 : value < 280 ? 7 : 8));
  return [tableOf(lengths), tableOf(Array.from({ length: 30 }, () => 5))];
}

function dynamic(
  bits: (count: number) => number,
  symbol: (table: Map<string, number>) => number,
): [Map<string, number>, Map<string, number>] {
  const literalCount = bits(5) + 257;
  const distanceCount = bits(5) + 1;
  const codeCount = bits(4) + 4;
  const codeLengths = new Array<number>(19).fill(0);
  for (const place of CODE_LENGTH_ORDER.slice(0, codeCount)) codeLengths[place] = bits(3);
  const codes = tableOf(codeLengths);
  const lengths: number[] = [];
  while (lengths.length < literalCount + distanceCount) {
    const code = symbol(codes);
    if (code < 16) lengths.push(code);
    else if (code === 16) lengths.push(...new Array<number>(3 + bits(2)).fill(lengths.at(-1) as number));
    else lengths.push(...new Array<number>(code === 17 ? 3 + bits(3) : 11 + bits(7)).fill(0));
  }
  return [tableOf(lengths.slice(0, literalCount)), tableOf(lengths.slice(literalCount))];
}
