import assert from "node:assert/strict";
import { test } from "node:test";
import { RSV1, RSV2, RSV3 } from "../../src/protocol/extension.ts";
import { FIN, RESERVED_BITS, RESERVED_SHIFT } from "../../src/protocol/opcode.ts";

test("the reserved bits are the three behind FIN, RSV1 first (RFC 6455 §5.2)", () => {
  assert.deepEqual(
    [RSV1, RSV2, RSV3].map((bit) => bit << RESERVED_SHIFT),
    [0x40, 0x20, 0x10],
  );
  assert.equal((RSV1 | RSV2 | RSV3) << RESERVED_SHIFT, RESERVED_BITS);
  assert.equal(FIN, RSV1 << (RESERVED_SHIFT + 1));
});
