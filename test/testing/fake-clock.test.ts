import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocket } from "ws";
import { FakeClock, TestServer } from "../../src/testing/index.ts";

function clockWithLog() {
  const clock = new FakeClock();
  const fired: string[] = [];
  const set = (name: string, ms: number) => clock.after(ms, () => fired.push(`${name} at ${clock.now()}`));
  return { clock, fired, set };
}

test("advance fires what falls due on the way, in order of time and then of setting, each at its time", () => {
  const { clock, fired, set } = clockWithLog();
  set("c", 20);
  set("a", 10);
  set("b", 10);
  set("late", 31);
  clock.advance(30);
  assert.deepEqual(fired, ["a at 10", "b at 10", "c at 20"]);
  assert.equal(clock.now(), 30);
  assert.equal(clock.pending, 1);
  assert.equal(clock.nextAt, 31);
});

test("a timer that is set on the way fires in the same advance if it falls due in time", () => {
  const { clock, fired, set } = clockWithLog();
  clock.after(10, () => {
    set("soon", 5);
    set("later", 50);
  });
  clock.advance(30);
  assert.deepEqual(fired, ["soon at 15"]);
});

test("a cancelled timer never fires, nor does one of Infinity, and neither is pending", () => {
  const { clock, fired, set } = clockWithLog();
  const cancelled = set("cancelled", 10);
  const never = set("never", Number.POSITIVE_INFINITY);
  set("kept", 10);
  clock.cancel(cancelled);
  clock.cancel(cancelled);
  clock.cancel(never);
  assert.equal(clock.pending, 1);
  clock.advance(1e12);
  assert.deepEqual(fired, ["kept at 10"]);
});

test("a wait of less than nothing is none, and one of NaN is refused", () => {
  const { clock, fired, set } = clockWithLog();
  set("at once", -5);
  clock.advance(0);
  assert.deepEqual(fired, ["at once at 0"]);
  assert.throws(() => set("?", Number.NaN), RangeError);
});

test("a clock never goes back", () => {
  const clock = new FakeClock();
  assert.throws(() => clock.advance(-1), RangeError);
  assert.throws(() => clock.stall(Number.NaN), RangeError);
  assert.throws(() => clock.advance(Number.POSITIVE_INFINITY), RangeError);
});

test("advanceToNext fires all that are due next, and says when none is left", () => {
  const { clock, fired, set } = clockWithLog();
  set("a", 10);
  set("b", 10);
  set("c", 20);
  assert.equal(clock.advanceToNext(), true);
  assert.deepEqual(fired, ["a at 10", "b at 10"]);
  assert.equal(clock.advanceToNext(), true);
  assert.equal(clock.advanceToNext(), false);
  assert.equal(clock.now(), 20);
});

test("after a stall what fell due meanwhile fires late, in its order", () => {
  const { clock, fired, set } = clockWithLog();
  set("b", 20);
  set("a", 10);
  set("after it", 101);
  clock.stall(100);
  assert.deepEqual(fired, ["a at 100", "b at 100"]);
});

test("the wall clock goes with the other, and jumps alone", () => {
  const clock = new FakeClock({ wallClock: 5000 });
  clock.advance(10);
  assert.equal(clock.wallClock(), 5010);
  clock.jumpWallClock(3_600_000);
  assert.equal(clock.wallClock(), 3_605_010);
  assert.equal(clock.now(), 10);
  clock.jumpWallClock(-3_600_000);
  assert.equal(clock.wallClock(), 5010);
  assert.equal(new FakeClock().wallClock(), 1_700_000_000_000);
});

test("what a callback throws is thrown on, and the clock goes on from there", () => {
  const { clock, fired, set } = clockWithLog();
  clock.after(10, () => {
    throw new Error("no");
  });
  set("next", 20);
  assert.throws(() => clock.advance(30), /no/);
  assert.equal(clock.now(), 10);
  clock.advance(10);
  assert.deepEqual(fired, ["next at 20"]);
});

test("a callback that sets itself anew with no wait is found out", () => {
  const clock = new FakeClock();
  const again = () => void clock.after(0, again);
  again();
  assert.throws(() => clock.advance(1), /still 0 ms/);
});

test("run lets promises settle between timers, so that what they set fires at its time", async () => {
  const { clock, fired, set } = clockWithLog();
  clock.after(10, async () => {
    for (let step = 0; step < 20; step += 1) await undefined;
    set("behind promises", 5);
  });
  set("later", 20);
  await clock.run(30, { turns: 1 });
  assert.deepEqual(fired, ["behind promises at 15", "later at 20"]);
  assert.equal(clock.now(), 30);
});

test("run lets promises settle before the first timer and after the last", async () => {
  const { clock, fired, set } = clockWithLog();
  void Promise.resolve().then(() => set("set by a promise", 10));
  await clock.run(10);
  assert.deepEqual(fired, ["set by a promise at 10"]);
});

test("between the timers of a run real I/O goes on", async () => {
  await using server = await TestServer.start();
  const client = new WebSocket(server.url);
  await once(client, "open");
  const clock = new FakeClock();
  let echoed = 0;
  client.on("message", () => {
    echoed += 1;
  });
  for (let ms = 1; ms <= 100; ms += 1) clock.after(ms, () => client.send("x"));
  await clock.run(100, { turns: 20 });
  assert.ok(echoed > 50, `${echoed} of 100 messages came back while the clock ran`);
  client.terminate();
});

test("a hundred thousand timers are no burden: set, half of them cancelled, and fired", () => {
  const clock = new FakeClock();
  const count = 100_000;
  let fired = 0;
  let lastAt = 0;
  const start = performance.now();
  const timers = Array.from({ length: count }, (_, index) =>
    clock.after((index * 7919) % count, () => {
      assert.ok(clock.now() >= lastAt);
      lastAt = clock.now();
      fired += 1;
    }),
  );
  for (let index = 0; index < count; index += 2) clock.cancel(timers[index] as (typeof timers)[number]);
  assert.equal(clock.pending, count / 2);
  clock.advance(count);
  assert.equal(fired, count / 2);
  // A search through all of them for each would take minutes.
  assert.ok(performance.now() - start < 5000);
});
