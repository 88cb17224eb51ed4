import assert from "node:assert/strict";
import { test } from "node:test";
import { RateMeter } from "../../../src/cli/run/rates.ts";
import type { Connection } from "../../../src/index.ts";

test("a rate is of the time since the last look; at the first, since the meter or the connection began", () => {
  let now = 1000;
  const meter = new RateMeter(() => now);
  const counts = { framesReceived: 10, framesSent: 2 };
  const connection = { stats: counts } as unknown as Connection;
  now = 3000;
  assert.deepEqual(meter.look(connection), { in: 5, out: 1 });
  now = 4000;
  counts.framesReceived = 13;
  assert.deepEqual(meter.look(connection, 3000), { in: 3, out: 0 });
  const young = { stats: { framesReceived: 4, framesSent: 4 } } as unknown as Connection;
  assert.deepEqual(meter.look(young, 500), { in: 8, out: 8 });
});

test("two looks in the same moment divide by no zero", () => {
  const meter = new RateMeter(() => 0);
  const connection = { stats: { framesReceived: 0, framesSent: 0 } } as unknown as Connection;
  assert.deepEqual([meter.look(connection), meter.look(connection)], Array(2).fill({ in: 0, out: 0 }));
});
