/**
 * The machine's clock, as the rpc uses it when it is given none.
 */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { realClock } from "../../src/rpc/real-clock.ts";

test("now() never goes back, and wallClock() is Date.now()", () => {
  const before = realClock.now();
  assert.ok(realClock.now() >= before);
  assert.ok(Math.abs(realClock.wallClock() - Date.now()) < 1000);
});

test("a timer fires once after its time, also when that is longer than setTimeout holds; a cancelled one and one of Infinity never", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const fired: string[] = [];
    const month = 30 * 24 * 3_600_000;
    realClock.after(10, () => fired.push("short"), false);
    realClock.after(month, () => fired.push("month"), true);
    realClock.cancel(realClock.after(20, () => fired.push("cancelled"), true));
    const never = realClock.after(Number.POSITIVE_INFINITY, () => fired.push("never"), true);
    mock.timers.tick(9);
    assert.deepEqual(fired, []);
    mock.timers.tick(1);
    assert.deepEqual(fired, ["short"]);
    mock.timers.tick(2 ** 31 - 1 - 10);
    assert.deepEqual(fired, ["short"]);
    mock.timers.tick(month - (2 ** 31 - 1));
    assert.deepEqual(fired, ["short", "month"]);
    realClock.cancel(never);
  } finally {
    mock.timers.reset();
  }
});
