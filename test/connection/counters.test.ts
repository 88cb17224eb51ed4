import assert from "node:assert/strict";
import { test } from "node:test";
import { Counters } from "../../src/connection/counters.ts";

const NOW = { lastRoundTrip: 3, openSince: 5 };

test("bytes of ended links and of those that stand add up", () => {
  const counters = new Counters();
  counters.add({ bytesSent: 10, bytesReceived: 20 });
  counters.add({ bytesSent: 1, bytesReceived: 2 });
  const { bytesSent, bytesReceived, lastRoundTrip, openSince } = counters.snapshot(
    [
      { bytesSent: 100, bytesReceived: 200 },
      { bytesSent: 1000, bytesReceived: 2000 },
    ],
    NOW,
  );
  assert.deepEqual([bytesSent, bytesReceived, lastRoundTrip, openSince], [1111, 2222, 3, 5]);
});

test("a replacement is an opening, and no reconnect", () => {
  const counters = new Counters();
  counters.opens = 4;
  counters.replacements = 2;
  const { opens, replacements, reconnects } = counters.snapshot([], NOW);
  assert.deepEqual([opens, replacements, reconnects], [4, 2, 1]);
});

test("a snapshot doesn't change afterwards", () => {
  const counters = new Counters();
  const before = counters.snapshot([], NOW);
  counters.drop("expired");
  counters.drop("lost", 4);
  counters.opens = 3;
  assert.equal(before.dropped.expired, 0);
  const after = counters.snapshot([], NOW);
  assert.deepEqual([after.dropped.expired, after.dropped.lost, after.reconnects], [1, 4, 2]);
});
