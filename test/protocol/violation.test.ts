import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Violation } from "../../src/protocol/event.ts";
import { BINARY, PING, TEXT } from "../../src/protocol/opcode.ts";
import * as violations from "../../src/protocol/violation.ts";

/** The whole table, so that a changed code or wording is a changed test. */
const table: readonly (readonly [Violation, number, string, string])[] = [
  [
    violations.reservedBits(TEXT, 4, 0),
    1002,
    "reserved_bits",
    "A text frame came with the reserved bits 100; no extension in use gives them a meaning there (RFC 6455 §5.2).",
  ],
  [
    violations.reservedBits(BINARY, 6, 4),
    1002,
    "reserved_bits",
    "A binary frame came with the reserved bits 110; of those, only 100 may be set there (RFC 6455 §5.2).",
  ],
  [
    violations.extensionData("permessage-deflate", { closeCode: 1007, message: "bad data came." }),
    1007,
    "extension_data",
    "The extension permessage-deflate: bad data came.",
  ],
  [
    violations.tooLongAfterExtensions("text", 100),
    1009,
    "message_too_long",
    "A text message became longer than the 100 bytes that maxMessageSize allows while its extensions were taken off, and was given up there.",
  ],
  [
    violations.reservedOpcode(0xb),
    1002,
    "reserved_opcode",
    "A frame came with the opcode 0xb; only 0x0 to 0x2 and 0x8 to 0xa have a meaning (RFC 6455 §5.2).",
  ],
  [
    violations.maskedFrame(),
    1002,
    "masked_frame",
    "A masked frame came from the server; its frames are not masked (RFC 6455 §5.1).",
  ],
  [
    violations.unmaskedFrame(),
    1002,
    "unmasked_frame",
    "An unmasked frame came from the client; its frames are masked (RFC 6455 §5.1).",
  ],
  [
    violations.nonMinimalLength(5, 64),
    1002,
    "non_minimal_length",
    "A frame length of 5 came in 64 bits; the shortest form must be used (RFC 6455 §5.2).",
  ],
  [
    violations.lengthTopBit(),
    1002,
    "length_top_bit",
    "A 64-bit frame length came with its most significant bit set; it must be 0 (RFC 6455 §5.2).",
  ],
  [
    violations.controlFragmented(PING),
    1002,
    "control_fragmented",
    "A ping frame came without FIN; a control frame is never fragmented (RFC 6455 §5.5).",
  ],
  [
    violations.controlTooLong(PING),
    1002,
    "control_too_long",
    "A ping frame came with more than the 125 bytes that a control frame may have (RFC 6455 §5.5).",
  ],
  [
    violations.unexpectedContinuation(),
    1002,
    "unexpected_continuation",
    "A continuation frame came while no message was unfinished (RFC 6455 §5.4).",
  ],
  [
    violations.expectedContinuation(TEXT, BINARY),
    1002,
    "expected_continuation",
    "A text frame came inside an unfinished binary message; a continuation was due (RFC 6455 §5.4).",
  ],
  [
    violations.invalidUtf8(5, 7),
    1007,
    "invalid_utf8",
    "Byte 0x05 at offset 7 of a text message is not valid UTF-8 there (RFC 6455 §8.1).",
  ],
  [
    violations.openCodePoint(9),
    1007,
    "invalid_utf8",
    "A text message of 9 bytes ended inside a code point (RFC 6455 §8.1).",
  ],
  [
    violations.closeReason(1000),
    1007,
    "invalid_utf8",
    "The reason of a close frame with the code 1000 is not valid UTF-8 (RFC 6455 §5.5.1).",
  ],
  [
    violations.closePayloadLength(),
    1002,
    "close_payload_length",
    "A close frame came with a payload of 1 byte; it has none, or 2 bytes of code and a reason (RFC 6455 §5.5.1).",
  ],
  [
    violations.closeCode(1005),
    1002,
    "close_code",
    "A close frame came with the code 1005; on the wire it is 1000 to 1003, 1007 to 1014, or 3000 to 4999 (RFC 6455 §7.4).",
  ],
  [
    violations.messageTooLong(TEXT, 0, 11n, 10),
    1009,
    "message_too_long",
    "A text message of 11 bytes was announced; maxMessageSize allows 10.",
  ],
  [
    violations.messageTooLong(BINARY, 6, 5n, 10),
    1009,
    "message_too_long",
    "A binary message of 6 bytes and a fragment of 5 more was announced; maxMessageSize allows 10.",
  ],
  [
    violations.noMemory(BINARY, 10),
    1009,
    "message_too_long",
    "A binary message of 10 bytes was announced, and there is no memory for what has come of it. Set maxMessageSize to what this process can hold.",
  ],
  [
    violations.tooManyFragments(TEXT, 3),
    1009,
    "too_many_fragments",
    "A text message came in more than the 3 frames that maxFragments allows.",
  ],
];

describe("violations", () => {
  for (const [violation, closeCode, reason, message] of table) {
    it(`say: ${message}`, () => {
      assert.deepEqual(violation, { type: "violation", closeCode, reason, message });
      assert.match(violations.wireReasonOf(violation.reason), /^[\x20-\x7e]{5,123}$/);
    });
  }
});
