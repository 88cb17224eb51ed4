/**
 * What the protocol tells its owner: frames, and at most one violation or failure of an extension, which is always the last event.
 */
import type { Frame } from "../frame.ts";

/** The close codes with which an endpoint fails a connection for the peer's fault (RFC 6455 §7.4.1). */
export type ViolationCloseCode = 1002 | 1007 | 1009;

/** Machine-readable reasons of a violation; the sentence beside it is for people and may change. */
export type ViolationReason =
  | "reserved_bits"
  | "reserved_opcode"
  | "masked_frame"
  | "unmasked_frame"
  | "non_minimal_length"
  | "length_top_bit"
  | "control_fragmented"
  | "control_too_long"
  | "unexpected_continuation"
  | "expected_continuation"
  | "invalid_utf8"
  | "close_payload_length"
  | "close_code"
  | "message_too_long"
  | "too_many_fragments"
  | "extension_data";

/** The peer broke the protocol. Nothing that follows it is delivered (RFC 6455 §7.1.7). */
export type Violation = {
  readonly type: "violation";
  readonly closeCode: ViolationCloseCode;
  readonly reason: ViolationReason;
  readonly message: string;
};

/** An extension of ours threw on what came: our own fault, not the peer's, and as final as a violation. */
export type ExtensionFailure = {
  readonly type: "extensionFailed";
  readonly closeCode: 1011;
  /** Its name. */
  readonly extension: string;
  readonly message: string;
  readonly cause: unknown;
};

export type ProtocolEvent = Frame | Violation | ExtensionFailure;
