import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Outbox, type OutboxLimits } from "../../src/connection/outbox.ts";
import { binary, byteLengthOf, type Frame, text } from "../../src/frame.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { assertLinear } from "../support/growth.ts";

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
  for (const data of ["a", "b", "c"]) assert.equal(outbox.put(text(data)), undefined);
  assert.deepEqual(contents(outbox), ["a", "b", "c"]);
});

test("reject: a frame that finds no room is refused and the others stay", () => {
  const { outbox, dropped } = box();
  for (const data of ["a", "b", "c"]) outbox.put(text(data), { ttl: 1000 });
  assert.equal(outbox.put(text("d"), { ttl: 1000 }), "overflow");
  assert.deepEqual(contents(outbox), ["a", "b", "c"]);
  assert.deepEqual(dropped, []);
});

test("drop-oldest: a frame that finds no room pushes out the oldest, which is reported", () => {
  const { outbox, dropped } = box({ overflow: "drop-oldest" });
  for (const data of ["a", "b", "c", "d", "e"]) assert.equal(outbox.put(text(data), { ttl: 1000 }), undefined);
  assert.deepEqual(dropped, [
    ["a", "overflow"],
    ["b", "overflow"],
  ]);
  assert.deepEqual(contents(outbox), ["c", "d", "e"]);
});

test("bytes are bounded as UTF-8, and a frame that fits into no empty box pushes nothing out", () => {
  const { outbox, dropped } = box({ maxBytes: 10, overflow: "drop-oldest" });
  assert.equal(outbox.put(text("ÄÖÜ"), { ttl: 1000 }), undefined);
  assert.equal(outbox.bytes, 6);
  assert.equal(outbox.put(binary(new Uint8Array(11)), { ttl: 1000 }), "overflow");
  assert.deepEqual(dropped, []);
  assert.equal(outbox.put(binary(new Uint8Array(5)), { ttl: 1000 }), undefined);
  assert.deepEqual(dropped, [["ÄÖÜ", "overflow"]]);
  assert.equal(outbox.bytes, 5);
});

test("an entry expires at maxAge, or at its own ttl if that is shorter, and is reported then", () => {
  const { clock, outbox, dropped } = box();
  outbox.put(text("old"));
  outbox.put(text("short"), { ttl: 200 });
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
  assert.equal(outbox.put(text("now or never"), { ttl: 0 }), "expired");
});

test("clear drops all with its cause and leaves no timer", () => {
  const { clock, outbox, dropped } = box();
  outbox.put(text("a"), { ttl: 500 });
  outbox.put(text("b"), { ttl: 500 });
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
            const taken = outbox.put(frame, { ttl: one.ttl });
            for (; reported < dropped.length; reported += 1)
              assert.ok(inside.delete((dropped[reported] as [string, string])[0]));
            if (taken === undefined)
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

test("a key's newer frame takes the older one's place and room, and waits for its own time", () => {
  const { clock, outbox, dropped } = box({ maxBytes: 10 });
  outbox.put(text("first"), { key: "k", ttl: 100 });
  outbox.put(text("2"));
  outbox.put(text("3"));
  // The box is full, but for the bytes and the place of the frame that goes.
  assert.equal(outbox.put(text("newest!!"), { key: "k", ttl: 500 }), undefined);
  assert.deepEqual(dropped, [["first", "replaced"]]);
  assert.deepEqual([outbox.length, outbox.bytes], [3, 10]);
  clock.advance(100);
  assert.equal(dropped.length, 1);
  assert.deepEqual(contents(outbox), ["newest!!", "2", "3"]);
  outbox.put(text("later"), { key: "k" });
  assert.equal(dropped.length, 1, "what has been taken is replaced by nothing");
});

test("a newer frame that finds no room leaves the older one with its key", () => {
  const { outbox, dropped } = box({ maxBytes: 10 });
  outbox.put(text("other"));
  outbox.put(text("old"), { key: "k" });
  assert.equal(outbox.put(text("longer"), { key: "k" }), "overflow");
  assert.deepEqual(dropped, []);
  assert.deepEqual(contents(outbox), ["other", "old"]);
});

test("drop-oldest: a key's newer frame pushes out others, never the one that it replaces", () => {
  const { outbox, dropped } = box({ maxBytes: 10, overflow: "drop-oldest" });
  outbox.put(text("a"), { key: "k" });
  outbox.put(text("bbbb"));
  outbox.put(text("cccc"));
  outbox.put(text("aaaaaa"), { key: "k" });
  assert.deepEqual(dropped, [
    ["bbbb", "overflow"],
    ["a", "replaced"],
  ]);
  assert.deepEqual(contents(outbox), ["aaaaaa", "cccc"]);
});

test("whoever is told of a drop finds the box as it is afterwards, and may use it", () => {
  const { clock } = box();
  const seen: string[] = [];
  const outbox: Outbox = new Outbox({ ...LIMITS, overflow: "drop-oldest" }, clock, (frame, cause) =>
    seen.push(`${dataOf(frame)} ${cause}: ${outbox.length} of ${outbox.bytes}`),
  );
  for (const data of ["a", "bb", "ccc"]) outbox.put(text(data), { ttl: data === "ccc" ? 500 : 100 });
  outbox.put(text("dddd"), { ttl: 500 });
  clock.advance(100);
  outbox.clear("terminated");
  assert.deepEqual(seen, [
    "a overflow: 3 of 9",
    "bb expired: 2 of 7",
    "ccc terminated: 0 of 0",
    "dddd terminated: 0 of 0",
  ]);
});

test("what has expired is told of also when the newer frame is refused", () => {
  const { clock, outbox, dropped } = box();
  outbox.put(text("old"), { ttl: 10 });
  for (const data of ["a", "b"]) outbox.put(text(data));
  // The timer is late.
  clock.now = () => 10;
  assert.equal(outbox.put(text("x".repeat(99))), "overflow");
  assert.deepEqual(dropped, [["old", "expired"]]);
});

test("what was to wait for no other connection leaves when this one has ended, and nothing else does", () => {
  const { outbox, dropped } = box();
  outbox.put(text("stays"));
  outbox.put(text("goes"), { whenClosed: "drop" });
  outbox.connectionEnded();
  outbox.connectionEnded();
  assert.deepEqual(dropped, [["goes", "closed"]]);
  assert.deepEqual(contents(outbox), ["stays"]);
});

test("the bytes of a frame that waits are the box's own, and of one that is refused none are copied", () => {
  const { outbox } = box();
  const bytes = new Uint8Array([1, 2]);
  outbox.put(bytes);
  bytes.fill(9);
  assert.deepEqual(outbox.take()?.frame, binary(new Uint8Array([1, 2])));
  const long = new Uint8Array(101);
  long.slice = () => assert.fail("copied");
  assert.equal(outbox.put(long), "overflow");
});

test("one timer is enough for any number of frames, however they come and go, and an empty box has none", () => {
  const { clock, outbox, dropped } = box();
  let set = 0;
  const { after } = clock;
  clock.after = (...given) => {
    set += 1;
    return after.apply(clock, given);
  };
  outbox.put(text("first"));
  for (let turn = 0; turn < 50; turn += 1) {
    outbox.put(text("more"), { ttl: 900 + turn });
    outbox.take();
    assert.equal(clock.pending, 1);
  }
  assert.equal(set, 2, "the first frame's, and the one before it");
  clock.advance(949);
  assert.deepEqual(dropped, [["more", "expired"]]);
  assert.equal(clock.pending, 0);
  outbox.put(text("last"));
  outbox.take();
  assert.equal(clock.pending, 0, "what has been taken leaves none behind");
});

test("ten thousand frames with times of their own come, are replaced and expire in about proportional time", () => {
  assertLinear((size) => {
    const { clock, outbox, dropped } = box({ maxMessages: 1_000_000, maxBytes: 1_000_000_000, maxAge: 1e9 });
    for (let index = 0; index < size; index += 1)
      outbox.put(text(""), { ttl: 1 + ((index * 7919) % size), key: `${index % (size / 2)}` });
    assert.equal(outbox.length, size / 2);
    for (let ms = 0; ms < size; ms += 16) clock.advance(16);
    assert.equal(outbox.length, 0);
    assert.equal(dropped.length, size);
  }, 10_000);
});

test("frames that expire at the same moment are told of in the order in which they were sent", () => {
  const { clock, outbox, dropped } = box({ maxMessages: 50 });
  const names = Array.from({ length: 50 }, (_, index) => String(index));
  for (const name of names) outbox.put(text(name));
  clock.advance(1000);
  assert.deepEqual(
    dropped.map(([name]) => name),
    names,
  );
});
