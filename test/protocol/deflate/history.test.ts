import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { History } from "../../../src/protocol/deflate/history.ts";

test("the dictionary is the newest window of all that was appended or written in place, however it came", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(256, 512, 4096, 32768),
      fc.array(fc.record({ size: fc.integer({ min: 0, max: 40_000 }), inPlace: fc.boolean() }), { maxLength: 12 }),
      (window, writes) => {
        const history = new History(window);
        const all: number[] = [];
        let next = 0;
        for (const { size, inPlace } of writes) {
          const bytes = Uint8Array.from({ length: size }, () => (next = (next * 31 + 7) & 0xff));
          for (const byte of bytes) all.push(byte);
          if (!inPlace) {
            history.append(bytes);
            continue;
          }
          for (let from = 0; from < bytes.length; ) {
            history.makeRoom();
            const count = Math.min(bytes.length - from, history.space.length - history.end);
            assert.ok(count > 0);
            history.space.set(bytes.subarray(from, from + count), history.end);
            history.advance(count);
            from += count;
          }
        }
        assert.deepEqual([...(history.dictionary() ?? [])], all.slice(-window));
        history.shrink();
        assert.equal(history.space.length, Math.min(all.length, window));
        assert.deepEqual([...(history.dictionary() ?? [])], all.slice(-window));
      },
    ),
    { numRuns: 200 },
  );
});

test("its space grows with what there is to remember, to the window and 16 KiB", () => {
  const history = new History(32768);
  history.makeRoom();
  assert.equal(history.space.length, 4096);
  for (let at = 0; at < 100; at++) history.append(new Uint8Array(5000));
  assert.equal(history.space.length, 32768 + 16384);
});

test("nothing is no dictionary, also after clear()", () => {
  const history = new History(256);
  assert.equal(history.dictionary(), undefined);
  history.append(Uint8Array.of(1));
  history.clear();
  assert.equal(history.dictionary(), undefined);
});
