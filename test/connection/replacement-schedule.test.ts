import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplacementSchedule } from "../../src/connection/replacement-schedule.ts";
import { FakeClock } from "../../src/testing/index.ts";

function schedule(replaceAfter: number, random = 0) {
  const clock = new FakeClock();
  const due: number[] = [];
  const backoff = { backoffInitial: 10, backoffMax: 1000, backoffFactor: 2, backoffJitter: "none" } as const;
  const made = new ReplacementSchedule(
    { replaceAfter, ref: true, ...backoff },
    clock,
    () => random,
    () => due.push(clock.now()),
  );
  return { clock, due, schedule: made };
}

test("a connection is due at replaceAfter, or up to a tenth of it earlier, never later", () => {
  for (const [random, at] of [
    [0, 1000],
    [0.5, 950],
    [0.999, 900.1],
  ] as const) {
    const { clock, due, schedule: made } = schedule(1000, random);
    made.opened();
    clock.advance(2000);
    assert.deepEqual(due, [at]);
  }
});

test("with replaceAfter Infinity nothing is ever due, and a failure of one by hand sets nothing either", () => {
  const { clock, due, schedule: made } = schedule(Number.POSITIVE_INFINITY);
  made.opened();
  made.failed(50);
  clock.advance(1e9);
  assert.deepEqual([due, clock.pending, made.wanted], [[], 0, false]);
});

test("one that failed is due again by the backoff, no sooner than a Retry-After asks, and the series starts over at an opening", () => {
  const { clock, due, schedule: made } = schedule(1000);
  made.opened();
  clock.advance(1000);
  assert.equal(made.wanted, true);
  made.failed(0);
  clock.advance(10);
  made.failed(0);
  clock.advance(20);
  made.failed(500);
  clock.advance(500);
  made.opened();
  clock.advance(1000);
  made.failed(0);
  clock.advance(10);
  assert.deepEqual(due, [1000, 1010, 1030, 1530, 2530, 2540]);
});

test("one by hand that fails before its time leaves the schedule as it is", () => {
  const { clock, due, schedule: made } = schedule(1000);
  made.opened();
  clock.advance(400);
  made.failed(0);
  clock.advance(1000);
  assert.deepEqual(due, [1000]);
});

test("end leaves no timer", () => {
  const { clock, schedule: made } = schedule(1000);
  made.opened();
  made.end();
  assert.equal(clock.pending, 0);
});
