/** The opcodes of RFC 6455 §5.2 and the bits of a frame's first two bytes. */

export const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

/** First byte: this frame ends its message. */
export const FIN = 0x80;
/** First byte: the three bits that belong to extensions. */
export const RESERVED_BITS = 0x70;
/** How far left they stand of where extensions count them: RSV1 is 0b100 there. */
export const RESERVED_SHIFT = 4;
/** First byte: where the opcode stands; the bit 0x8 of it marks a control frame. */
export const OPCODE_BITS = 0x0f;
export const CONTROL_BIT = 0x8;
/** Second byte: the payload is masked. */
export const MASK_BIT = 0x80;
/** Second byte: the length, or one of the two values that say how many bytes of it follow. */
export const LENGTH_BITS = 0x7f;
export const LENGTH_16 = 126;
export const LENGTH_64 = 127;

const NAMES: Readonly<Record<number, string>> = {
  [CONTINUATION]: "continuation",
  [TEXT]: "text",
  [BINARY]: "binary",
  [CLOSE]: "close",
  [PING]: "ping",
  [PONG]: "pong",
};

/** An opcode in words: "text", or "0x3" where RFC 6455 has no word for it. */
export function nameOfOpcode(opcode: number): string {
  return NAMES[opcode] ?? `0x${opcode.toString(16)}`;
}
