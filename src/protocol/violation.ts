/**
 * The table of violations: what each is answered with, and the sentence that says what came and what may come.
 *
 * `brief` goes to the peer as its close frame's reason: short, ASCII, none of the peer's data. The sentence is for our own
 * side; it names what was found and what is allowed, and nothing of a message but one byte and its place.
 */
import type { Violation, ViolationCloseCode, ViolationReason } from "./event.ts";
import type { ExtensionFault } from "./extension.ts";
import { nameOfOpcode } from "./opcode.ts";

type Answer = { readonly closeCode: ViolationCloseCode; readonly brief: string };

const ANSWERS: Readonly<Record<ViolationReason, Answer>> = {
  reserved_bits: { closeCode: 1002, brief: "reserved bits must be 0" },
  reserved_opcode: { closeCode: 1002, brief: "reserved opcode" },
  masked_frame: { closeCode: 1002, brief: "a server's frames must not be masked" },
  unmasked_frame: { closeCode: 1002, brief: "a client's frames must be masked" },
  non_minimal_length: { closeCode: 1002, brief: "length not in its shortest form" },
  length_top_bit: { closeCode: 1002, brief: "top bit of a 64-bit length must be 0" },
  control_fragmented: { closeCode: 1002, brief: "control frame must not be fragmented" },
  control_too_long: { closeCode: 1002, brief: "control frame over 125 bytes" },
  unexpected_continuation: { closeCode: 1002, brief: "continuation of no message" },
  expected_continuation: { closeCode: 1002, brief: "new message inside an unfinished one" },
  invalid_utf8: { closeCode: 1007, brief: "invalid UTF-8" },
  close_payload_length: { closeCode: 1002, brief: "close frame of 1 byte" },
  close_code: { closeCode: 1002, brief: "invalid close code" },
  message_too_long: { closeCode: 1009, brief: "message too long" },
  too_many_fragments: { closeCode: 1009, brief: "too many fragments" },
  extension_data: { closeCode: 1007, brief: "payload that its extension can't take" },
};

/** The reason in the close frame that answers a violation. */
export function wireReasonOf(reason: ViolationReason): string {
  return ANSWERS[reason].brief;
}

function violation(reason: ViolationReason, message: string): Violation {
  return { type: "violation", closeCode: ANSWERS[reason].closeCode, reason, message };
}

/** `allowed` are the bits that an extension gives a meaning on such a frame. */
export function reservedBits(opcode: number, bits: number, allowed: number): Violation {
  const may =
    allowed === 0
      ? "no extension in use gives them a meaning there"
      : `of those, only ${inBits(allowed)} may be set there`;
  return violation(
    "reserved_bits",
    `A ${nameOfOpcode(opcode)} frame came with the reserved bits ${inBits(bits)}; ${may} (RFC 6455 §5.2).`,
  );
}

function inBits(bits: number): string {
  return bits.toString(2).padStart(3, "0");
}

export function reservedOpcode(opcode: number): Violation {
  return violation(
    "reserved_opcode",
    `A frame came with the opcode ${nameOfOpcode(opcode)}; only 0x0 to 0x2 and 0x8 to 0xa have a meaning (RFC 6455 §5.2).`,
  );
}

export function controlFragmented(opcode: number): Violation {
  return violation(
    "control_fragmented",
    `A ${nameOfOpcode(opcode)} frame came without FIN; a control frame is never fragmented (RFC 6455 §5.5).`,
  );
}

export function unexpectedContinuation(): Violation {
  return violation(
    "unexpected_continuation",
    "A continuation frame came while no message was unfinished (RFC 6455 §5.4).",
  );
}

export function expectedContinuation(opcode: number, unfinished: number): Violation {
  return violation(
    "expected_continuation",
    `A ${nameOfOpcode(opcode)} frame came inside an unfinished ${nameOfOpcode(unfinished)} message; a continuation was due (RFC 6455 §5.4).`,
  );
}

export function tooManyFragments(opcode: number, limit: number): Violation {
  return violation(
    "too_many_fragments",
    `A ${nameOfOpcode(opcode)} message came in more than the ${limit} frames that maxFragments allows.`,
  );
}

export function maskedFrame(): Violation {
  return violation("masked_frame", "A masked frame came from the server; its frames are not masked (RFC 6455 §5.1).");
}

export function unmaskedFrame(): Violation {
  return violation("unmasked_frame", "An unmasked frame came from the client; its frames are masked (RFC 6455 §5.1).");
}

export function controlTooLong(opcode: number): Violation {
  return violation(
    "control_too_long",
    `A ${nameOfOpcode(opcode)} frame came with more than the 125 bytes that a control frame may have (RFC 6455 §5.5).`,
  );
}

export function closePayloadLength(): Violation {
  return violation(
    "close_payload_length",
    "A close frame came with a payload of 1 byte; it has none, or 2 bytes of code and a reason (RFC 6455 §5.5.1).",
  );
}

export function lengthTopBit(): Violation {
  return violation(
    "length_top_bit",
    "A 64-bit frame length came with its most significant bit set; it must be 0 (RFC 6455 §5.2).",
  );
}

export function nonMinimalLength(length: number, bits: 16 | 64): Violation {
  return violation(
    "non_minimal_length",
    `A frame length of ${length} came in ${bits} bits; the shortest form must be used (RFC 6455 §5.2).`,
  );
}

/** `here` are the bytes of the message that came in earlier fragments, `announced` the length of the present frame. */
export function messageTooLong(opcode: number, here: number, announced: bigint, limit: number): Violation {
  const sum = here === 0 ? `${announced} bytes` : `${here} bytes and a fragment of ${announced} more`;
  return violation(
    "message_too_long",
    `A ${nameOfOpcode(opcode)} message of ${sum} was announced; maxMessageSize allows ${limit}.`,
  );
}

/** Of a message that grew too long while it was taken apart, whatever it was on the wire. */
export function tooLongAfterExtensions(type: "text" | "binary", limit: number): Violation {
  return violation(
    "message_too_long",
    `A ${type} message became longer than the ${limit} bytes that maxMessageSize allows while its extensions were taken off, and was given up there.`,
  );
}

/** What a peer's payload did to the extension that it was for. */
export function extensionData(name: string, { closeCode, message }: ExtensionFault): Violation {
  return { type: "violation", closeCode, reason: "extension_data", message: `The extension ${name}: ${message}` };
}

export function noMemory(opcode: number, announced: number): Violation {
  return violation(
    "message_too_long",
    `A ${nameOfOpcode(opcode)} message of ${announced} bytes was announced, and there is no memory for what has come of it. Set maxMessageSize to what this process can hold.`,
  );
}

export function invalidUtf8(byte: number, offset: number): Violation {
  return violation(
    "invalid_utf8",
    `Byte 0x${byte.toString(16).padStart(2, "0")} at offset ${offset} of a text message is not valid UTF-8 there (RFC 6455 §8.1).`,
  );
}

export function openCodePoint(length: number): Violation {
  return violation("invalid_utf8", `A text message of ${length} bytes ended inside a code point (RFC 6455 §8.1).`);
}

export function closeCode(code: number): Violation {
  return violation(
    "close_code",
    `A close frame came with the code ${code}; on the wire it is 1000 to 1003, 1007 to 1014, or 3000 to 4999 (RFC 6455 §7.4).`,
  );
}

export function closeReason(code: number): Violation {
  return violation(
    "invalid_utf8",
    `The reason of a close frame with the code ${code} is not valid UTF-8 (RFC 6455 §5.5.1).`,
  );
}
