import assert from "node:assert/strict";
import { test } from "node:test";
import { durationText } from "../../../src/cli/run/duration.ts";

test("a length of time is told by its two largest units", () => {
  const told = [0, 80.6, 999, 1000, 59_999, 192_000, 7_200_000, 1_051_200_000].map(durationText);
  assert.deepEqual(told, ["0 ms", "80 ms", "999 ms", "1 s", "59 s", "3 m 12 s", "2 h 0 m", "12 d 4 h"]);
  assert.equal(durationText(-5), "0 ms");
});
