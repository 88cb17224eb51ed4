/** The real soak, short: sockets, servers in another process, and every kind of fault. `npm run soak` runs it for ten minutes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { soak } from "./real.ts";
import { RESULTS, tableInPage, tableOf } from "./results.ts";

test("ten seconds of faults on 60 connections: callbacks in order, every message and call accounted for, everybody back, nothing left", async (t) => {
  const { figures, violations } = await soak({ seed: 3, seconds: 10, connections: 60 });
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual(violations, []);
  assert.deepEqual(figures.handlesLeft, []);
  assert.equal(figures.calls.noSeen, 0);
  // Of a soak in which nothing happened nothing would follow.
  assert.ok(
    figures.ends > 20 && figures.replacements > 0,
    `${figures.ends} ends, ${figures.replacements} replacements`,
  );
  assert.ok(figures.toServers.received > 300 && figures.toServers.missing > 0 && figures.calls.answered > 20);
});

for (const name of Object.keys(RESULTS) as (keyof typeof RESULTS)[]) {
  test(`docs/resilience.md shows the kept figures of the ${name} soak`, () => {
    assert.equal(tableInPage(name), tableOf(name));
  });
}
