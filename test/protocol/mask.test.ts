import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { applyMask, randomMask } from "../../src/protocol/mask.ts";
import { hex, toHex, utf8 } from "./wire.ts";

/** RFC 6455 §5.3 word for word: octet i of the payload with octet i mod 4 of the mask. */
function maskedPlainly(bytes: Uint8Array, start: number, end: number, mask: number, phase: number): Uint8Array {
  const key = [mask >>> 24, (mask >>> 16) & 255, (mask >>> 8) & 255, mask & 255];
  return bytes.map((byte, index) =>
    index < start || index >= end ? byte : byte ^ (key[(index - start + phase) % 4] as number),
  );
}

describe("applyMask", () => {
  it("masks the Hello of RFC 6455 §5.7", () => {
    const bytes = utf8("Hello");
    applyMask(bytes, 0, bytes.length, 0x37fa213d, 0);
    assert.equal(toHex(bytes), "7f 9f 4d 51 58");
  });

  it("does what the RFC's formula does for every length, alignment and phase", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.nat(7),
        fc.nat(420),
        fc.nat(420),
        fc.integer(),
        fc.nat(9),
        (content, offset, one, other, mask, phase) => {
          // A view that starts at any byte of its ArrayBuffer, and a range that starts at any byte of the view.
          const bytes = new Uint8Array(new ArrayBuffer(content.length + 8), offset, content.length);
          bytes.set(content);
          const [start, end] = [Math.min(one, other, content.length), Math.min(Math.max(one, other), content.length)];
          const expected = maskedPlainly(content, start, end, mask, phase);
          applyMask(bytes, start, end, mask, phase);
          assert.deepEqual(bytes, expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("undoes itself", () => {
    const bytes = hex("00 01 02 fd fe ff");
    applyMask(bytes, 0, 6, 0x89abcdef, 0);
    applyMask(bytes, 0, 6, 0x89abcdef, 0);
    assert.equal(toHex(bytes), "00 01 02 fd fe ff");
  });
});

describe("randomMask", () => {
  it("gives 32 bits each time, and doesn't repeat itself", () => {
    const masks = Array.from({ length: 10_000 }, randomMask);
    // Among 10,000 draws of 32 bits about 0.01 repetitions are to be expected.
    assert.ok(new Set(masks).size >= 9_997);
    for (let bit = 0; bit < 32; bit++) {
      const ones = masks.filter((mask) => ((mask >>> bit) & 1) === 1).length;
      assert.ok(ones > 4500 && ones < 5500, `bit ${bit} is set in ${ones} of 10000`);
    }
  });
});
