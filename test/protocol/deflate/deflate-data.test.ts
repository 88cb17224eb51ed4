import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { BAD_DATA, ENDS_TOO_OFTEN, FINAL_BLOCK, TAIL, TRUNCATED } from "../../../src/protocol/deflate/deflate-data.ts";

test("the tail and the last block are what zlib writes", () => {
  assert.deepEqual(deflateRawSync("x", { finishFlush: constants.Z_SYNC_FLUSH }).subarray(-4), TAIL);
  assert.deepEqual(deflateRawSync(""), FINAL_BLOCK);
});

test("bad data is answered with 1007 (RFC 7692 §7.2.2)", () => {
  for (const fault of [BAD_DATA, TRUNCATED, ENDS_TOO_OFTEN]) assert.equal(fault.closeCode, 1007);
});
