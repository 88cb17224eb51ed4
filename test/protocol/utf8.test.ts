import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Utf8Validator, VALID } from "../../src/protocol/utf8.ts";
import { cutAt, utf8 } from "./wire.ts";

/** The offset of the first bad byte over all pieces, VALID, or "open" when the text breaks off. */
function verdict(pieces: readonly Uint8Array[]): number | "open" {
  const validator = new Utf8Validator();
  let before = 0;
  for (const piece of pieces) {
    const bad = validator.check(piece, 0, piece.length);
    if (bad !== VALID) return before + bad;
    before += piece.length;
  }
  return validator.complete ? VALID : "open";
}

const isValid = (bytes: Uint8Array): boolean => {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
};

/** Long enough for the platform's validator to take the bulk, with faults and edges anywhere. */
const bytesArbitrary = fc
  .tuple(
    fc.string({ unit: "binary", maxLength: 60, size: "max" }),
    fc.uint8Array({ maxLength: 4, size: "max" }),
    fc.string({ unit: "binary", maxLength: 60, size: "max" }),
  )
  .map(([before, odd, after]) => Uint8Array.from([...utf8(before), ...odd, ...utf8(after)]));

describe("Utf8Validator", () => {
  it("gives the same verdict, at the same byte, for every cut", () => {
    fc.assert(
      fc.property(bytesArbitrary, fc.array(fc.nat(600), { maxLength: 10, size: "max" }), (bytes, cuts) => {
        const whole = verdict([bytes]);
        assert.equal(verdict(cutAt(bytes, cuts)), whole);
        assert.equal(verdict(Array.from(bytes, (byte) => Uint8Array.of(byte))), whole);
      }),
      { numRuns: 1000 },
    );
  });

  it("calls valid what a fatal TextDecoder takes, and only that", () => {
    fc.assert(
      fc.property(bytesArbitrary, (bytes) => {
        assert.equal(verdict([bytes]) === VALID, isValid(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  it("fails at a second byte exactly when no ending makes the two good", () => {
    const endings = [[], [0x80], [0x80, 0x80]];
    for (let first = 0x80; first < 0x100; first++) {
      for (let second = 0; second < 0x100; second++) {
        const hope = endings.some((ending) => isValid(Uint8Array.of(first, second, ...ending)));
        assert.equal(
          verdict([Uint8Array.of(first), Uint8Array.of(second)]) === "open" ||
            verdict([Uint8Array.of(first, second)]) === VALID,
          hope,
          `${first} ${second}`,
        );
      }
    }
  });

  it("takes up a code point that a long piece left open", () => {
    const bytes = utf8(`${"a".repeat(99)}😀${"b".repeat(99)}`);
    for (let cut = 98; cut < 105; cut++) assert.equal(verdict([bytes.subarray(0, cut), bytes.subarray(cut)]), VALID);
    assert.equal(verdict([bytes.subarray(0, 101)]), "open");
  });

  it("looks at nothing outside the range it is given", () => {
    const validator = new Utf8Validator();
    assert.equal(validator.check(Uint8Array.of(0xff, 0x61, 0xff), 1, 2), VALID);
    assert.ok(validator.complete);
  });
});
