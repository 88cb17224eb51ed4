import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type TimerEntry, TimerHeap } from "../../src/testing/timer-heap.ts";

test("whatever is added and removed, the first is the one that is due first, and of two at a time the one with the smaller order", () => {
  const step = fc.oneof(
    fc.record({ does: fc.constant("add" as const), at: fc.nat(20) }),
    fc.record({ does: fc.constant("remove" as const), which: fc.nat(200) }),
    fc.record({ does: fc.constant("shift" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
      const heap = new TimerHeap();
      const all: TimerEntry[] = [];
      let model: TimerEntry[] = [];
      for (const [order, taken] of steps.entries()) {
        if (taken.does === "add") {
          const entry: TimerEntry = { at: taken.at, order, callback: () => {}, index: -1 };
          heap.add(entry);
          all.push(entry);
          model = [...model, entry].sort((one, other) => one.at - other.at || one.order - other.order);
        } else {
          const entry = taken.does === "remove" ? all[taken.which] : heap.first;
          if (entry !== undefined) heap.remove(entry);
          model = model.filter((other) => other !== entry);
        }
        assert.equal(heap.size, model.length);
        assert.equal(heap.first, model[0]);
      }
      for (const entry of model) {
        assert.equal(heap.first, entry);
        heap.remove(entry);
      }
      assert.equal(heap.first, undefined);
    }),
  );
});
