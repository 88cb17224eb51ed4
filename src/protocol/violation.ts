/**
 * The table of violations: for each reason, the close code that answers it and the words the peer gets
 * with that code. The sentence for our own side is written where the fault is found, with its numbers.
 */
import type { Violation, ViolationCloseCode, ViolationReason } from "./event.ts";

const VIOLATIONS: Readonly<
  Record<ViolationReason, { readonly closeCode: ViolationCloseCode; readonly brief: string }>
> = {
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
};

/** The violation `reason`, with the close code that belongs to it. */
export function violation(reason: ViolationReason, message: string): Violation {
  return { type: "violation", closeCode: VIOLATIONS[reason].closeCode, reason, message };
}

/** What the close frame that answers a violation gives as its reason: short, ASCII, none of the peer's data. */
export function wireReasonOf(reason: ViolationReason): string {
  return VIOLATIONS[reason].brief;
}
