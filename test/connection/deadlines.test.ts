import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "../../src/connection/deadlines.ts";
import { FakeClock } from "../../src/testing/index.ts";

function deadlines() {
  const clock = new FakeClock();
  const fired: string[] = [];
  return {
    clock,
    fired,
    set: new Deadlines(clock, true, {
      timedOut: (timer) => fired.push(`${timer} at ${clock.now()}`),
      besideTimedOut: (timer) => fired.push(`${timer} beside at ${clock.now()}`),
    }),
  };
}

test("one deadline is alive at a time", () => {
  const { clock, fired, set } = deadlines();
  set.set("connect", 100);
  set.set("upgrade", 50);
  clock.advance(1000);
  assert.deepEqual(fired, ["upgrade at 50"]);
  assert.equal(clock.pending, 0);
});

test("a cleared deadline and one of Infinity never fire", () => {
  const { clock, fired, set } = deadlines();
  set.set("close", 100);
  set.clear();
  set.set("connect", Number.POSITIVE_INFINITY);
  clock.advance(1e9);
  assert.deepEqual(fired, []);
});

test("a stop's deadline stands beside the other, may come nearer, and is never put off", () => {
  const { clock, fired, set } = deadlines();
  set.set("close", 300);
  set.setStop(500);
  set.setStop(900);
  set.setStop(200);
  clock.advance(1000);
  assert.deepEqual(fired, ["stop at 200", "close at 300"]);
});

test("what stands beside has a deadline of its own, and takes it along when it is adopted", () => {
  const { clock, fired, set } = deadlines();
  set.set("backoff", 300);
  set.setBeside("connect", 100);
  set.setBeside("upgrade", 200);
  clock.advance(250);
  assert.deepEqual(fired, ["upgrade beside at 200"]);
  set.setBeside("provider", 100);
  set.adoptBeside();
  clock.advance(1000);
  assert.deepEqual(fired, ["upgrade beside at 200", "provider at 350"]);
  set.setBeside("close", 10);
  set.clearBeside();
  assert.equal(clock.pending, 0);
});

test("end leaves no timer", () => {
  const { clock, set } = deadlines();
  set.set("backoff", 100);
  set.setStop(100);
  set.setBeside("close", 100);
  set.end();
  assert.equal(clock.pending, 0);
});
