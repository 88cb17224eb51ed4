import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MessageOutput } from "../../src/protocol/message-output.ts";

test("what was written and lent, in any pieces, is the message", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          bytes: fc.uint8Array({ maxLength: 40_000, size: "max" }),
          how: fc.constantFrom("write", "lend", "settle"),
        }),
        { maxLength: 8, size: "max" },
      ),
      (pieces) => {
        const output = new MessageOutput("binary", Number.POSITIVE_INFINITY);
        const space = new Uint8Array(40_000);
        for (const { bytes, how } of pieces) {
          // The space is written to again as soon as what was lent of it has been settled.
          if (how !== "lend") output.settle();
          space.set(bytes);
          const view = space.subarray(0, bytes.length);
          assert.equal(how === "lend" ? output.lend(bytes) : output.write(view), true);
        }
        const expected = Buffer.concat(pieces.map(({ bytes }) => bytes));
        assert.deepEqual(Buffer.from(output.takeBytes()), expected);
      },
    ),
  );
});

test("text is checked as it comes: the first byte that no continuation could make good is found, and its place", () => {
  const bytes = Buffer.from("good \u{1f600} text");
  for (let cut = 0; cut <= bytes.length; cut++) {
    const output = new MessageOutput("text", 1000);
    assert.equal(output.write(bytes.subarray(0, cut)), true);
    assert.equal(output.lend(bytes.subarray(cut)), true);
    assert.equal(output.takeText(), "good \u{1f600} text");
  }
  const output = new MessageOutput("text", 1000);
  assert.equal(output.write(Buffer.from("abc\xe2", "latin1")), true);
  assert.equal(output.write(Buffer.from("x")), false);
  assert.equal(output.violation?.reason, "invalid_utf8");
  assert.match(output.violation?.message ?? "", /0x78 at offset 4/);
  assert.equal(output.write(Buffer.from("more")), false);
});

test("text that is one lent piece is checked when it is taken, and one that ends inside a code point is refused", () => {
  const whole = new MessageOutput("text", 1000);
  whole.lend(Buffer.from("\u{1f600}"));
  assert.equal(whole.takeText(), "\u{1f600}");
  const bad = new MessageOutput("text", 1000);
  bad.lend(Buffer.from("ab\xff", "latin1"));
  const violation = bad.takeText();
  assert.ok(typeof violation === "object" && /0xff at offset 2/.test(violation.message));
  const open = new MessageOutput("text", 1000);
  open.lend(Buffer.from([0x61, 0xf0, 0x9f]));
  const ended = open.takeText();
  assert.ok(typeof ended === "object" && /ended inside a code point/.test(ended.message));
});

test("what would pass the limit is not taken, and never costs more memory than the limit", () => {
  for (const limit of [0, 1, 100, 16_384, 50_000, 3_000_000]) {
    const output = new MessageOutput("binary", limit);
    const piece = new Uint8Array(1000);
    let taken = 0;
    while (output.write(piece)) taken += 1000;
    assert.equal(output.exceeded, true);
    assert.equal(taken, Math.floor(limit / 1000) * 1000);
    assert.ok(output.capacity <= limit);
    assert.equal(output.write(new Uint8Array(0)), false);
  }
  const lent = new MessageOutput("text", 3);
  assert.equal(lent.lend(Buffer.from("abcd")), false);
  assert.equal(lent.exceeded, true);
});

test("bytes that were taken are nobody else's", () => {
  for (const space of [Buffer.from("lent"), new Uint8Array(Buffer.from("lent"))]) {
    const output = new MessageOutput("binary", 100);
    output.lend(space);
    const taken = output.takeBytes();
    space.fill(0);
    assert.equal(Buffer.from(taken).toString(), "lent");
    assert.equal(Object.getPrototypeOf(taken), Uint8Array.prototype);
  }
});

test("a short message takes about its own size of memory, written or lent: who keeps a million keeps no more", () => {
  for (const how of ["write", "lend"] as const) {
    const output = new MessageOutput("binary", 1_000_000);
    output[how](Buffer.from("ten bytes."));
    const taken = output.takeBytes();
    assert.equal(Buffer.from(taken).toString(), "ten bytes.");
    assert.equal(taken.buffer.byteLength, 10);
  }
});

test("what was lent stands before what is written or lent behind it", () => {
  for (const how of ["write", "lend"] as const) {
    for (const type of ["binary", "text"] as const) {
      const output = new MessageOutput(type, 100);
      output.lend(Buffer.from("first, "));
      output[how](Buffer.from("second"));
      assert.equal(Buffer.from(output.takeBytes()).toString(), "first, second");
    }
  }
});

test("what was lent counts for the limit, and no byte of the message is beyond it", () => {
  for (const how of ["write", "lend"] as const) {
    const output = new MessageOutput("binary", 10);
    assert.equal(output.lend(Buffer.alloc(6)), true);
    assert.equal(output[how](Buffer.alloc(4)), true);
    assert.equal(output.exceeded, false);
    assert.equal(output[how](Buffer.alloc(1)), false);
    assert.equal(output.exceeded, true);
  }
});
