import assert from "node:assert/strict";
import { test } from "node:test";
import { Counters } from "../../src/connection/counters.ts";

const NOW = { lastRoundTrip: 3, openSince: 5 };

test("bytes of ended links and of the present one add up", () => {
  const counters = new Counters();
  counters.add({ bytesSent: 10, bytesReceived: 20 });
  counters.add({ bytesSent: 1, bytesReceived: 2 });
  const { bytesSent, bytesReceived, lastRoundTrip, openSince } = counters.snapshot(
    { bytesSent: 100, bytesReceived: 200 },
    NOW,
  );
  assert.deepEqual([bytesSent, bytesReceived, lastRoundTrip, openSince], [111, 222, 3, 5]);
});

test("a snapshot doesn't change afterwards", () => {
  const counters = new Counters();
  const before = counters.snapshot(undefined, NOW);
  counters.drop("expired");
  counters.drop("lost", 4);
  counters.opens = 3;
  assert.equal(before.dropped.expired, 0);
  const after = counters.snapshot(undefined, NOW);
  assert.deepEqual([after.dropped.expired, after.dropped.lost, after.reconnects], [1, 4, 2]);
});
