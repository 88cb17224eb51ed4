import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { binary, type Frame, text } from "../../src/frame.ts";
import { FrameQueue } from "../../src/testing/frame-queue.ts";

test("it gives back what it took, in order", () => {
  const queue = new FrameQueue(Infinity, Infinity);
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 5000, size: "max" }), (steps) => {
      const model: Frame[] = queue.toArray();
      for (const pushes of steps) {
        if (pushes) {
          const frame = text("x");
          model.push(frame);
          assert.equal(queue.push(frame), 0);
        } else {
          assert.equal(queue.shift(), model.shift());
        }
      }
      assert.deepEqual(queue.toArray(), model);
    }),
    { numRuns: 20 },
  );
});

test("past its number of frames the oldest goes, and is counted", () => {
  const queue = new FrameQueue(2, Infinity);
  assert.equal(queue.push(text("1")), 0);
  assert.equal(queue.push(text("2")), 0);
  assert.equal(queue.push({ type: "close" }), 1);
  assert.deepEqual(queue.toArray(), [text("2"), { type: "close" }]);
  assert.equal(new FrameQueue(0, Infinity).push(text("1")), 1);
});

test("past its bytes the oldest go, as many as it takes, and a frame of no bytes has a size too", () => {
  const queue = new FrameQueue(Infinity, 1000);
  for (let index = 0; index < 4; index++) assert.equal(queue.push(binary(new Uint8Array(100))), 0);
  assert.equal(queue.push(binary(new Uint8Array(800))), 4);
  assert.equal(queue.push(binary(new Uint8Array(2000))), 2);
  assert.deepEqual(queue.toArray(), []);
  const small = new FrameQueue(Infinity, 1000);
  for (let index = 0; index < 10_000; index++) small.push(text(""));
  assert.ok(small.toArray().length < 100);
});
