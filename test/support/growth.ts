/** How the time for a piece of work grows with its size: ratios hold on any machine, where times don't. */
import assert from "node:assert/strict";

/** How many times the work is grown, and by how much its time may then have grown: in proportion it would be 4, as a square 16. */
const GROWTH = 4;
const MAX_RATIO = 9;
/** The least of so many measurements counts, since other work can only make one longer. */
const MEASUREMENTS = 5;
/** And so often is the whole taken again before it counts as a failure. */
const ROUNDS = 4;
/** ms: below this nothing can be said of a ratio, and nothing need be. */
const NEGLIGIBLE = 1;

/** Asserts that the time of `work`, which is done for `size` and for four times that, grows in proportion. */
export function assertLinear(work: (size: number) => void, size: number): void {
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const long = leastTime(() => work(size * GROWTH));
    if (long < NEGLIGIBLE) return;
    const ratio = long / leastTime(() => work(size));
    if (ratio <= MAX_RATIO) return;
    ratios.push(ratio);
  }
  assert.fail(`${GROWTH} times the size takes ${ratios.map((ratio) => ratio.toFixed(1)).join(", ")} times as long`);
}

function leastTime(work: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let measurement = 0; measurement < MEASUREMENTS; measurement++) {
    const start = performance.now();
    work();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}
