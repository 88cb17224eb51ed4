/** The simulated soak, short: real connections on a simulated network, six hours in seconds. `npm run soak -- --simulated` runs three days. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RECOVERY_BOUND, simulate } from "./simulation.ts";

test("six simulated hours of faults: every message accounted for, attempts bounded, everyone back, memory flat, no timer too many", async (t) => {
  const { figures, violations, heap } = await simulate({ seed: 5, hours: 6, connections: 80 });
  t.diagnostic(JSON.stringify({ figures, heap }));
  assert.deepEqual(violations, []);
  const { toServer, toClients, timers } = figures;
  assert.equal(toServer.accepted, toServer.received + toServer.dropped + toServer.reported + toServer.lost);
  assert.equal(toClients.handled, toClients.delivered);
  assert.ok(
    figures.slowestRecovery > 0 && figures.slowestRecovery <= RECOVERY_BOUND,
    "and there was something to mend",
  );
  assert.equal(timers.atEnd, 0);
  assert.ok(heap.growth < 4, `the heap grew by ${heap.growth} MiB over the second half`);
  // None of it was spared.
  for (const count of Object.values(toServer)) assert.ok(count > 0);
  assert.ok(figures.replacements > 0 && figures.stalls > 0 && figures.mostOfBound > 0.2);
});

test("the same seed gives the same figures, another seed others", async () => {
  const short = { hours: 1, connections: 40 };
  const first = await simulate({ seed: 11, ...short });
  const again = await simulate({ seed: 11, ...short });
  const other = await simulate({ seed: 12, ...short });
  assert.deepEqual(again.figures, first.figures);
  assert.notDeepEqual(other.figures, first.figures);
});
