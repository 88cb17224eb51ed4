import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Outbox, type OutboxLimits } from "../../src/connection/outbox.ts";
import { binary, byteLengthOf, type Frame, text } from "../../src/frame.ts";
import { FakeClock } from "../../src/testing/index.ts";

const LIMITS: OutboxLimits = { maxMessages: 3, maxBytes: 100, maxAge: 1000, overflow: "reject" };

function box(limits: Partial<OutboxLimits> = {}) {
  const clock = new FakeClock();
  const dropped: [string, string][] = [];
  const outbox = new Outbox({ ...LIMITS, ...limits }, clock, (frame, cause) => dropped.push([dataOf(frame), cause]));
  return { clock, dropped, outbox };
}

const dataOf = (frame: Frame): string => (frame.type === "text" ? frame.data : frame.type);
const contents = (outbox: Outbox): string[] => {
  const taken: string[] = [];
  for (let entry = outbox.take(); entry !== undefined; entry = outbox.take()) taken.push(dataOf(entry.frame));
  return taken;
};

test("frames come out in the order in which they went in", () => {
  const { outbox } = box();
  for (const data of ["a", "b", "c"]) assert.equal(outbox.put(text(data), Number.POSITIVE_INFINITY), true);
  assert.deepEqual(contents(outbox), ["a", "b", "c"]);
});

test("reject: a frame that finds no room is refused and the others stay", () => {
  const { outbox, dropped } = box();
  for (const data of ["a", "b", "c"]) outbox.put(text(data), 1000);
  assert.equal(outbox.put(text("d"), 1000), false);
  assert.deepEqual(contents(outbox), ["a", "b", "c"]);
  assert.deepEqual(dropped, []);
});

test("drop-oldest: a frame that finds no room pushes out the oldest, which is reported", () => {
  const { outbox, dropped } = box({ overflow: "drop-oldest" });
  for (const data of ["a", "b", "c", "d", "e"]) assert.equal(outbox.put(text(data), 1000), true);
  assert.deepEqual(dropped, [
    ["a", "overflow"],
    ["b", "overflow"],
  ]);
  assert.deepEqual(contents(outbox), ["c", "d", "e"]);
});

test("bytes are bounded as UTF-8, and a frame that fits into no empty box pushes nothing out", () => {
  const { outbox, dropped } = box({ maxBytes: 10, overflow: "drop-oldest" });
  assert.equal(outbox.put(text("ÄÖÜ"), 1000), true);
  assert.equal(outbox.bytes, 6);
  assert.equal(outbox.put(binary(new Uint8Array(11)), 1000), false);
  assert.deepEqual(dropped, []);
  assert.equal(outbox.put(binary(new Uint8Array(5)), 1000), true);
  assert.deepEqual(dropped, [["ÄÖÜ", "overflow"]]);
  assert.equal(outbox.bytes, 5);
});

test("an entry expires at maxAge, or at its own ttl if that is shorter, and is reported then", () => {
  const { clock, outbox, dropped } = box();
  outbox.put(text("old"), Number.POSITIVE_INFINITY);
  outbox.put(text("short"), 200);
  clock.advance(199);
  assert.deepEqual(dropped, []);
  clock.advance(1);
  assert.deepEqual(dropped, [["short", "expired"]]);
  clock.advance(800);
  assert.deepEqual(dropped, [
    ["short", "expired"],
    ["old", "expired"],
  ]);
  assert.equal(outbox.length, 0);
  assert.equal(clock.pending, 0);
});

test("a ttl of 0 queues nothing", () => {
  const { outbox } = box();
  assert.equal(outbox.put(text("now or never"), 0), false);
});

test("clear drops all with its cause and leaves no timer", () => {
  const { clock, outbox, dropped } = box();
  outbox.put(text("a"), 500);
  outbox.put(text("b"), 500);
  outbox.clear("terminated");
  assert.deepEqual(dropped, [
    ["a", "terminated"],
    ["b", "terminated"],
  ]);
  assert.equal(clock.pending, 0);
  assert.equal(outbox.bytes, 0);
});

test("whatever is put, taken and waited for: the bounds hold, the ledger is true, and every frame is accounted for once", () => {
  const step = fc.oneof(
    fc.record({
      type: fc.constant("put" as const),
      size: fc.integer({ min: 0, max: 60 }),
      ttl: fc.integer({ min: 1, max: 2000 }),
    }),
    fc.record({ type: fc.constant("take" as const) }),
    fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 700 }) }),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80 }),
      fc.constantFrom("reject" as const, "drop-oldest" as const),
      (steps, overflow) => {
        const { clock, outbox, dropped } = box({ overflow });
        const inside = new Map<string, { bytes: number; until: number }>();
        let count = 0;
        let reported = 0;
        for (const one of steps) {
          if (one.type === "put") {
            const frame = text(`${String(count).padStart(4, "0")}${"x".repeat(one.size)}`);
            count += 1;
            const taken = outbox.put(frame, one.ttl);
            for (; reported < dropped.length; reported += 1)
              assert.ok(inside.delete((dropped[reported] as [string, string])[0]));
            if (taken)
              inside.set(frame.data, { bytes: byteLengthOf(frame), until: clock.now() + Math.min(one.ttl, 1000) });
          } else if (one.type === "take") {
            const frame = outbox.take()?.frame;
            if (frame === undefined) assert.equal(inside.size, 0);
            else {
              const entry = inside.get(dataOf(frame));
              assert.ok(entry !== undefined && entry.until > clock.now());
              assert.equal(dataOf(frame), [...inside.keys()][0]);
              inside.delete(dataOf(frame));
            }
          } else {
            clock.advance(one.ms);
          }
          for (; reported < dropped.length; reported += 1)
            assert.ok(inside.delete((dropped[reported] as [string, string])[0]));
          assert.equal(outbox.length, inside.size);
          assert.equal(
            outbox.bytes,
            [...inside.values()].reduce((sum, entry) => sum + entry.bytes, 0),
          );
          assert.ok(outbox.length <= 3 && outbox.bytes <= 100);
          assert.ok(clock.pending <= 1);
        }
      },
    ),
  );
});
