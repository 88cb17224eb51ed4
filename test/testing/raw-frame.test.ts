import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Frame } from "../../src/frame.ts";
import { Encoder } from "../../src/protocol/encoder.ts";
import { closePayload, type RawFrame, rawFrame } from "../../src/testing/raw-frame.ts";

const hex = (frame: RawFrame): string => Buffer.from(rawFrame(frame)).toString("hex");

test("each field of the header is as it was asked for", () => {
  assert.equal(hex({ opcode: "text", payload: "Hello" }), "810548656c6c6f");
  assert.equal(hex({ opcode: "text", payload: "Hel", fin: false }), "010348656c");
  assert.equal(hex({ opcode: "continuation", payload: "lo" }), "80026c6f");
  assert.equal(hex({ opcode: "ping", rsv: 4 }), "c900");
  assert.equal(hex({ opcode: 15, rsv: 7 }), "ff00");
  assert.equal(hex({ opcode: "pong", masked: true }), "8a8012345678");
});

test("a masked payload is the RFC's own example with the RFC's key", () => {
  const masked = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
  assert.equal(hex({ opcode: "text", payload: "Hello", masked }), "818537fa213d7f9f4d5158");
});

test("the length is written in the form asked for, and may be a lie", () => {
  assert.equal(hex({ opcode: "binary", payload: "x", lengthEncoding: "16-bit" }), "827e000178");
  assert.equal(hex({ opcode: "binary", payload: "x", lengthEncoding: "64-bit" }), "827f000000000000000178");
  assert.equal(hex({ opcode: "binary", payload: "x", length: 5 }), "820578");
  assert.equal(hex({ opcode: "binary", length: 126 }), "827e007e");
  assert.equal(hex({ opcode: "binary", length: 0x10000 }), "827f0000000000010000");
  assert.equal(hex({ opcode: "binary", length: (1n << 64n) - 1n }), "827fffffffffffffffff");
});

test("what the header has no room for is a RangeError", () => {
  for (const frame of [
    { opcode: 16 },
    { opcode: -1 },
    { opcode: "text", rsv: 8 },
    { opcode: "text", length: -1 },
    { opcode: "text", length: 1n << 64n },
    { opcode: "text", length: 0x10000, lengthEncoding: "16-bit" },
    { opcode: "text", masked: new Uint8Array(3) },
  ] as const) {
    assert.throws(() => rawFrame(frame), RangeError);
  }
  assert.throws(() => closePayload(0x10000), RangeError);
});

test("a close payload holds any code of 16 bits", () => {
  assert.deepEqual([...closePayload(999, "x")], [3, 231, 120]);
  assert.deepEqual([...closePayload(1005)], [3, 237]);
});

test("a raw frame with nothing wrong in it is what the encoder makes", () => {
  const encoder = new Encoder({ role: "server" });
  const control = fc.uint8Array({ maxLength: 125 });
  const frames: fc.Arbitrary<[RawFrame, Frame]> = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 70_000 }).map((data): [RawFrame, Frame] => [
      { opcode: "text", payload: data },
      { type: "text", data },
    ]),
    fc.uint8Array({ maxLength: 70_000, size: "max" }).map((data): [RawFrame, Frame] => [
      { opcode: "binary", payload: data },
      { type: "binary", data },
    ]),
    control.map((data): [RawFrame, Frame] => [
      { opcode: "ping", payload: data },
      { type: "ping", data },
    ]),
    control.map((data): [RawFrame, Frame] => [
      { opcode: "pong", payload: data },
      { type: "pong", data },
    ]),
    fc.integer({ min: 3000, max: 4999 }).map((code): [RawFrame, Frame] => [
      { opcode: "close", payload: closePayload(code, "bye") },
      { type: "close", code, reason: "bye" },
    ]),
  );
  fc.assert(
    fc.property(frames, ([raw, frame]) => {
      assert.equal(encoder.encode(frame), undefined);
      assert.ok(Buffer.from(rawFrame(raw)).equals(encoder.take() as Uint8Array));
    }),
  );
});
