import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { OneShotInflater } from "../../../src/protocol/deflate/one-shot.ts";
import { Collected } from "./collected.ts";

// What both ways have in common is in inflater.test.ts and deflater.test.ts.

test("a message beyond maxMessageSize is given up with 1009, and no more than that was made of it", () => {
  const bomb = deflateRawSync(Buffer.alloc(10_000_000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const output = new Collected();
  const fault = new OneShotInflater(15, true, 1000).decode(bomb, true, output);
  assert.equal(fault?.closeCode, 1009);
  assert.equal(output.bytes.length, 0);
});

test("no limit is a limit that Node takes", () => {
  const payload = deflateRawSync("x", { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const output = new Collected();
  assert.equal(new OneShotInflater(15, true, Number.POSITIVE_INFINITY).decode(payload, true, output), undefined);
  assert.equal(output.text, "x");
});

test("one that keeps to the limit exactly is taken", () => {
  const payload = deflateRawSync(Buffer.alloc(1000), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const output = new Collected();
  assert.equal(new OneShotInflater(15, true, 1000).decode(payload, true, output), undefined);
  assert.equal(output.bytes.length, 1000);
});
