import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  binary,
  byteLengthOf,
  type FrameFaultReason,
  faultOf,
  isWireCloseCode,
  ping,
  pong,
  text,
} from "../src/frame.ts";

test("constructors make plain frames, and a ping's or pong's string is taken as UTF-8", () => {
  assert.deepEqual(text("x"), { type: "text", data: "x" });
  const bytes = new Uint8Array([1]);
  assert.deepEqual(binary(bytes), { type: "binary", data: bytes });
  assert.deepEqual(ping(), { type: "ping", data: new Uint8Array(0) });
  assert.deepEqual(pong("é"), { type: "pong", data: new Uint8Array([0xc3, 0xa9]) });
});

test("what may be sent has no fault", () => {
  const frames = [
    "text",
    "",
    "🎉",
    new Uint8Array(3),
    Buffer.from("x"),
    text("x"),
    binary(new Uint8Array(0)),
    ping("p".repeat(125)),
    pong(),
    { type: "close" },
    { type: "close", reason: "" },
    { type: "close", code: 1000 },
    { type: "close", code: 4999, reason: "r".repeat(123) },
    { type: "close", code: 3000, reason: "é".repeat(61) },
  ];
  for (const frame of frames) assert.equal(faultOf(frame), undefined, JSON.stringify(frame));
});

const FAULTS: readonly [unknown, FrameFaultReason, RegExp][] = [
  [42, "wrong_type", /^42 is no frame: send a string/],
  [null, "wrong_type", /^null is no frame/],
  [undefined, "wrong_type", /^undefined is no frame/],
  [[text("x")], "wrong_type", /^an array is no frame/],
  [{ type: "nonsense" }, "wrong_type", /^an object of type "nonsense" is no frame/],
  [{ type: "text", data: 5 }, "wrong_type", /^A text frame takes a string; it got 5/],
  [{ type: "binary", data: "x" }, "wrong_type", /^A binary frame takes a Uint8Array; it got a string/],
  [{ type: "ping", data: "x" }, "wrong_type", /^A ping frame takes a Uint8Array/],
  [new ArrayBuffer(1), "wrong_type", /ArrayBuffer/],
  ["\ud800", "lone_surrogate", /can't carry a lone surrogate/],
  [text("x\udc00"), "lone_surrogate", /toWellFormed/],
  [ping("p".repeat(126)), "control_too_long", /^A ping has at most 125 bytes .*; this one has 126/],
  [pong(new Uint8Array(200)), "control_too_long", /^A pong/],
  [{ type: "close", code: 1005 }, "close_code", /can't carry the code 1005/],
  [{ type: "close", code: 70000 }, "close_code", /70000/],
  [{ type: "close", code: 1000.5 }, "close_code", /1000\.5/],
  [{ type: "close", code: "1000" }, "close_code", /a string/],
  [{ type: "close", code: null, reason: null }, "close_code", /null/],
  [{ type: "close", reason: "why" }, "close_reason_without_code", /needs a code/],
  [
    { type: "close", code: 1000, reason: "r".repeat(124) },
    "close_reason_too_long",
    /at most 123 bytes of UTF-8; this one has 124/,
  ],
  [{ type: "close", code: 1000, reason: "é".repeat(62) }, "close_reason_too_long", /this one has 124/],
  [{ type: "close", code: 1000, reason: "\ud800" }, "lone_surrogate", /surrogate/],
  [{ type: "close", code: 1000, reason: 5 }, "wrong_type", /a string as its reason/],
];

for (const [frame, reason, message] of FAULTS) {
  test(`${reason}: ${message.source}`, () => {
    const fault = faultOf(frame);
    assert.equal(fault?.reason, reason);
    assert.match(fault?.message ?? "", message);
  });
}

test("a fault's sentence never shows what a frame holds", () => {
  assert.doesNotMatch(faultOf({ type: "binary", data: "s3cret" })?.message ?? "", /s3cret/);
});

test("faultOf takes anything and never throws", () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withTypedArray: true }), (value) => {
      faultOf(value);
    }),
  );
});

test("the codes that may travel are 1000 to 1003, 1007 to 1014 and 3000 to 4999 (RFC 6455 §7.4)", () => {
  const travels = Array.from({ length: 66_000 }, (_, code) => code).filter(isWireCloseCode);
  const range = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index);
  assert.deepEqual(travels, [...range(1000, 1003), ...range(1007, 1014), ...range(3000, 4999)]);
});

test("a frame's length is that of its UTF-8, whatever the text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (data) => {
      const length = new TextEncoder().encode(data).byteLength;
      assert.equal(byteLengthOf(text(data)), length);
      assert.equal(byteLengthOf({ type: "close", code: 1000, reason: data }), length + 2);
    }),
  );
  assert.equal(byteLengthOf({ type: "close" }), 0);
  assert.equal(byteLengthOf(binary(new Uint8Array(7))), 7);
});
