import assert from "node:assert/strict";
import { test } from "node:test";
import { RestartIntensity } from "../../src/supervision/restart-intensity.ts";
import { assertLinear } from "../support/growth.ts";

test("maxRestarts within maxSeconds are granted, and one more is one too many", () => {
  let now = 0;
  const intensity = new RestartIntensity({ maxRestarts: 2, maxSeconds: 5 }, () => now);
  assert.deepEqual([intensity.add(), intensity.add(), intensity.add()], [true, true, false]);
  now = 5000;
  assert.equal(intensity.add(), false, "exactly maxSeconds ago still counts, as in OTP");
  now = 10_001;
  assert.deepEqual([intensity.add(), intensity.add(), intensity.add()], [true, true, false]);
});

test("a restart stops counting once it is more than maxSeconds old, each by itself", () => {
  let now = 0;
  const intensity = new RestartIntensity({ maxRestarts: 2, maxSeconds: 1 }, () => now);
  const granted = [0, 600, 1001, 1601, 1602].map((at) => {
    now = at;
    return intensity.add();
  });
  assert.deepEqual(granted, [true, true, true, true, false]);
});

test("no restarts at all are granted for 0, and any number of them for Infinity", () => {
  assert.equal(new RestartIntensity({ maxRestarts: 0, maxSeconds: 5 }, () => 0).add(), false);
  const endless = new RestartIntensity({ maxRestarts: Number.POSITIVE_INFINITY, maxSeconds: 5 }, () => 0);
  for (let restart = 0; restart < 1000; restart += 1) assert.equal(endless.add(), true);
});

test("counting costs the same however many restarts there were", () => {
  assertLinear((size) => {
    let now = 0;
    const intensity = new RestartIntensity({ maxRestarts: size / 2, maxSeconds: size / 8000 }, () => now);
    for (now = 0; now < size; now += 1) intensity.add();
    // Smaller, the array fits into a cache for one size and not for four times that.
  }, 200_000);
});
