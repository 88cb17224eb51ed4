import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Expiring, ExpiryHeap } from "../../src/connection/expiry-heap.ts";

test("in whatever order entries come and leave, the first is the one that expires earliest", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -60, max: 100 }), { maxLength: 200 }), (plan) => {
      const heap = new ExpiryHeap<Expiring>();
      const inside: Expiring[] = [];
      for (const number of plan) {
        if (number >= 0) {
          const entry = { expiresAt: number, order: plan.indexOf(number), heapIndex: -1 };
          inside.push(entry);
          heap.add(entry);
        } else if (inside.length > 0) {
          // Any of them may leave, not only the first.
          const [left] = inside.splice(-number % inside.length, 1) as [Expiring];
          heap.remove(left);
          heap.remove(left);
        }
        const least = Math.min(...inside.map(({ expiresAt }) => expiresAt));
        assert.equal(heap.first?.expiresAt ?? Number.POSITIVE_INFINITY, least);
      }
      for (const entry of inside.sort((a, b) => a.expiresAt - b.expiresAt)) {
        assert.equal(heap.first?.expiresAt, entry.expiresAt);
        heap.remove(heap.first as Expiring);
      }
      assert.equal(heap.first, undefined);
    }),
    { numRuns: 500 },
  );
});

test("what never expires isn't taken, and may be removed all the same", () => {
  const heap = new ExpiryHeap<Expiring>();
  const entry = { expiresAt: Number.POSITIVE_INFINITY, order: 0, heapIndex: -1 };
  heap.add(entry);
  assert.equal(heap.first, undefined);
  heap.remove(entry);
});

test("of those that expire at the same time the one that came first is first", () => {
  const heap = new ExpiryHeap<Expiring>();
  for (let order = 0; order < 20; order += 1) heap.add({ expiresAt: order % 2, order, heapIndex: -1 });
  const left: number[] = [];
  for (let { first } = heap; first !== undefined; first = heap.first) {
    left.push(first.order);
    heap.remove(first);
  }
  const evens = Array.from({ length: 10 }, (_, index) => 2 * index);
  assert.deepEqual(left, [...evens, ...evens.map((order) => order + 1)]);
});
