/**
 * Any WebSocket frame as bytes, however wrong (RFC 6455 §5.2): what an honest encoder refuses to make.
 */

const OPCODES = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;
const MASK_KEY = Uint8Array.of(0x12, 0x34, 0x56, 0x78);

export type RawFrame = {
  /** A name, or 0 to 15: 3 to 7 and 11 to 15 are reserved. */
  readonly opcode: keyof typeof OPCODES | number;
  /** Default true. */
  readonly fin?: boolean;
  /** The three reserved bits as a number, 0 to 7: 4 is RSV1. Default 0. */
  readonly rsv?: number;
  /** A server's frames are not masked, so true is a violation. Four bytes: the masking key. Default false. */
  readonly masked?: boolean | Uint8Array;
  /** A string goes as UTF-8. Default empty. */
  readonly payload?: string | Uint8Array;
  /** How the length is written: the shortest form that holds it (default), 16 bits, or 64 bits. */
  readonly lengthEncoding?: "minimal" | "16-bit" | "64-bit";
  /** The length that the header claims, 0 to 2^64 - 1; default the payload's own. */
  readonly length?: number | bigint;
};

/** The bytes of one frame. Throws a RangeError for what the header has no room for, and for nothing else. */
export function rawFrame(frame: RawFrame): Uint8Array {
  const { fin = true, rsv = 0, masked = false, payload = "", lengthEncoding = "minimal" } = frame;
  const opcode = typeof frame.opcode === "number" ? frame.opcode : OPCODES[frame.opcode];
  const body = typeof payload === "string" ? Buffer.from(payload) : payload;
  const key = masked === true ? MASK_KEY : masked === false ? undefined : masked;
  requireRange("opcode", opcode, 15);
  requireRange("rsv", rsv, 7);
  if (key !== undefined && key.byteLength !== 4) {
    throw new RangeError(`A masking key has 4 bytes; this one has ${key.byteLength}.`);
  }
  const header = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const length = lengthBytes(BigInt(frame.length ?? body.byteLength), lengthEncoding);
  header.push((key === undefined ? 0 : 0x80) | (length[0] as number), ...length.slice(1));
  if (key === undefined) return Buffer.concat([Buffer.from(header), body]);
  const maskedBody = body.map((byte, index) => byte ^ (key[index & 3] as number));
  return Buffer.concat([Buffer.from(header), key, maskedBody]);
}

/** The payload of a close frame with any code of 16 bits, also one that may not travel: for `rawFrame`. */
export function closePayload(code: number, reason = ""): Uint8Array {
  requireRange("close code", code, 0xffff);
  return Buffer.concat([Uint8Array.of(code >> 8, code & 0xff), Buffer.from(reason)]);
}

// The seven bits of the length field, then what follows them.
function lengthBytes(length: bigint, encoding: "minimal" | "16-bit" | "64-bit"): number[] {
  if (length < 0n || length >= 1n << 64n) throw new RangeError(`A frame's length field can't hold ${length}.`);
  if (encoding === "minimal" && length <= 125n) return [Number(length)];
  if (encoding === "16-bit" || (encoding === "minimal" && length <= 0xffffn)) {
    if (length > 0xffffn) throw new RangeError(`A 16-bit length can't hold ${length}.`);
    return [126, Number(length) >> 8, Number(length) & 0xff];
  }
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(length);
  return [127, ...bytes];
}

function requireRange(what: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= max) return;
  throw new RangeError(`A frame's ${what} is a whole number from 0 to ${max}; it got ${value}.`);
}
