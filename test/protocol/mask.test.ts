import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { applyMask, randomMask, roundToWords } from "../../src/protocol/mask.ts";
import { toHex, utf8 } from "./wire.ts";

/** RFC 6455 §5.3 word for word: octet i of the payload with octet i mod 4 of the mask. */
function maskedPlainly(bytes: Uint8Array, start: number, end: number, mask: number, phase: number): Uint8Array {
  const key = [mask >>> 24, (mask >>> 16) & 255, (mask >>> 8) & 255, mask & 255];
  return bytes.map((byte, index) =>
    index < start || index >= end ? byte : byte ^ (key[(index - start + phase) % 4] as number),
  );
}

describe("applyMask", () => {
  it("masks the Hello of RFC 6455 §5.7", () => {
    const words = new Int32Array(2);
    const bytes = new Uint8Array(words.buffer);
    bytes.set(utf8("Hello"));
    applyMask(words, 0, 5, 0x37fa213d, 0);
    assert.equal(toHex(bytes.subarray(0, 5)), "7f 9f 4d 51 58");
  });

  it("does what the RFC's formula does for every length, place and phase, and leaves what stands before alone", () => {
    fc.assert(
      fc.property(
        fc.nat(100),
        fc.nat(420),
        fc.nat(420),
        fc.integer(),
        fc.nat(9),
        (wordCount, one, other, mask, phase) => {
          const words = Int32Array.from({ length: wordCount }, (_, index) => Math.imul(index + 1, 0x9e3779b1));
          const bytes = new Uint8Array(words.buffer);
          const [start, end] = [Math.min(one, other, bytes.length), Math.min(Math.max(one, other), bytes.length)];
          const expected = maskedPlainly(bytes, start, end, mask, phase);
          applyMask(words, start, end, mask, phase);
          // Up to three bytes behind the end are nobody's.
          const judged = Math.ceil(end / 4) * 4;
          assert.deepEqual(bytes.subarray(0, end), expected.subarray(0, end));
          assert.deepEqual(bytes.subarray(judged), expected.subarray(judged));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("undoes itself", () => {
    const words = Int32Array.of(1, 2, 3);
    applyMask(words, 1, 11, 0x89abcdef, 2);
    applyMask(words, 1, 11, 0x89abcdef, 2);
    assert.deepEqual([...words], [1, 2, 3]);
  });
});

describe("roundToWords", () => {
  it("rounds up to whole words, also beyond 32 bits", () => {
    assert.deepEqual([0, 1, 3, 4, 5, 2 ** 33 + 1].map(roundToWords), [0, 4, 4, 4, 8, 2 ** 33 + 4]);
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
