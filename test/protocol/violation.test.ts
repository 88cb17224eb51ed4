import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { violation, wireReasonOf } from "../../src/protocol/violation.ts";

/** The whole table, so that a changed code is a changed test. */
const codes = {
  reserved_bits: 1002,
  reserved_opcode: 1002,
  masked_frame: 1002,
  unmasked_frame: 1002,
  non_minimal_length: 1002,
  length_top_bit: 1002,
  control_fragmented: 1002,
  control_too_long: 1002,
  unexpected_continuation: 1002,
  expected_continuation: 1002,
  invalid_utf8: 1007,
  close_payload_length: 1002,
  close_code: 1002,
  message_too_long: 1009,
  too_many_fragments: 1009,
} as const;

describe("violations", () => {
  for (const [reason, closeCode] of Object.entries(codes) as [keyof typeof codes, number][]) {
    it(`of the kind ${reason} close with ${closeCode} and a short reason in ASCII`, () => {
      assert.deepEqual(violation(reason, "sentence"), { type: "violation", closeCode, reason, message: "sentence" });
      assert.match(wireReasonOf(reason), /^[\x20-\x7e]{5,123}$/);
    });
  }
});
