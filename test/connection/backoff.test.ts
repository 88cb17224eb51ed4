import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Backoff } from "../../src/connection/backoff.ts";

const options = { backoffInitial: 250, backoffMax: 30_000, backoffFactor: 1.5, backoffJitter: "full" } as const;

test("without jitter the waits are initial · factorⁿ, up to the maximum", () => {
  const backoff = new Backoff({ ...options, backoffJitter: "none", backoffMax: 1000 }, () => 0.5);
  assert.deepEqual(
    Array.from({ length: 6 }, () => backoff.next()),
    [250, 375, 562.5, 843.75, 1000, 1000],
  );
});

test("full jitter draws each wait from 0 to the ceiling, the first one included", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 0.999999, noNaN: true }), { minLength: 1, maxLength: 40 }),
      (draws) => {
        let index = 0;
        const backoff = new Backoff(options, () => draws[index] as number);
        for (index = 0; index < draws.length; index += 1) {
          const ceiling = Math.min(30_000, 250 * 1.5 ** index);
          assert.equal(backoff.next(), (draws[index] as number) * ceiling);
        }
      },
    ),
  );
});

test("reset starts the series over", () => {
  const backoff = new Backoff({ ...options, backoffJitter: "none" }, () => 0);
  backoff.next();
  backoff.next();
  backoff.reset();
  assert.equal(backoff.next(), 250);
});

test("the wait never passes the maximum, however many attempts there have been", () => {
  const backoff = new Backoff({ ...options, backoffJitter: "none" }, () => 0);
  for (let count = 0; count < 10_000; count += 1) assert.ok(backoff.next() <= 30_000);
});

test("a Retry-After is waited for at least, jittered upwards by at most a quarter", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300_000 }),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (asked, draw) => {
        const wait = new Backoff(options, () => draw).next(asked);
        assert.ok(wait >= asked);
        assert.ok(wait <= Math.max(250, asked * 1.25));
      },
    ),
  );
  assert.equal(new Backoff({ ...options, backoffJitter: "none" }, () => 0.9).next(5000), 5000);
});

test("a Retry-After shorter than the backoff doesn't shorten it", () => {
  assert.equal(new Backoff({ ...options, backoffJitter: "none" }, () => 0).next(1), 250);
});
