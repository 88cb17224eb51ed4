/** Bytes for tests: readable hex, frames built field by field (right or wrong), and ways to cut a run of bytes. */

/** "81 03 616263" as bytes. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
}

/** Bytes as hex, for comparing with what a test spells out. */
export function toHex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "nothing" : Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export type WireFrame = {
  readonly opcode: number;
  readonly payload?: Uint8Array;
  readonly final?: boolean;
  /** The three reserved bits as a number, RSV1 being 4. */
  readonly reserved?: number;
  /** Four bytes; without them the frame is not masked. */
  readonly mask?: Uint8Array;
  /** Bits of the length field; default the shortest form. */
  readonly lengthBits?: 7 | 16 | 64;
  /** The length to claim; default the payload's. */
  readonly claimed?: bigint;
};

/** A frame's bytes, written plainly from the figure in RFC 6455 §5.2, with no opinion on whether it is allowed. */
export function frame({ opcode, payload = new Uint8Array(0), final = true, reserved = 0, mask, ...length }: WireFrame) {
  const claimed = length.claimed ?? BigInt(payload.length);
  const bits = length.lengthBits ?? (claimed < 126n ? 7 : claimed < 65536n ? 16 : 64);
  const marker = bits === 7 ? Number(claimed) : bits === 16 ? 126 : 127;
  const extended = bits === 7 ? 0 : bits / 8;
  return concat(
    Uint8Array.of((final ? 0x80 : 0) | (reserved << 4) | opcode, (mask ? 0x80 : 0) | marker),
    Uint8Array.from({ length: extended }, (_, index) =>
      Number((claimed >> BigInt(8 * (extended - 1 - index))) & 0xffn),
    ),
    mask ?? new Uint8Array(0),
    mask ? payload.map((byte, index) => byte ^ (mask[index % 4] as number)) : payload,
  );
}

/** The bytes one at a time. */
export function singly(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}

/** The bytes cut at these offsets, given in any order and taken modulo the length. */
export function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.slice(start, places[index] ?? bytes.length));
}
