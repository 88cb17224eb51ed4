import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Backoff } from "../../src/connection/backoff.ts";
import { seededRandom } from "../../src/testing/index.ts";

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

test("a backoff from 0 doesn't wait, however many attempts there have been", () => {
  const backoff = new Backoff({ ...options, backoffInitial: 0, backoffFactor: 100 }, () => 0.9);
  for (let count = 0; count < 2000; count += 1) assert.equal(backoff.next(), 0);
});

test("whatever the options, the server and chance say, the wait is a number from 0, and not beyond what they allow", () => {
  const anyOptions = fc.record({
    backoffInitial: fc.double({ min: 0, max: 1e9, noNaN: true }),
    backoffMax: fc.double({ min: 0, max: 1e9, noNaN: true }),
    backoffFactor: fc.double({ min: 1, max: 100, noNaN: true }),
    backoffJitter: fc.constantFrom("full" as const, "none" as const),
  });
  const asked = fc.oneof(fc.constant(0), fc.double({ min: 0, max: Number.MAX_SAFE_INTEGER, noNaN: true }));
  const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(
      anyOptions,
      fc.array(fc.tuple(asked, draw), { maxLength: 60 }),
      fc.nat(3000),
      (given, steps, skipped) => {
        let drawn = 0;
        const backoff = new Backoff(given, () => drawn);
        for (let count = 0; count < skipped; count += 1) backoff.next();
        for (const [wish, chance] of steps) {
          drawn = chance;
          const wait = backoff.next(wish);
          assert.ok(wait >= wish, `${wait} is less than ${wish}`);
          assert.ok(wait <= Math.max(given.backoffMax, wish * 1.25), `${wait} is too long`);
          if (given.backoffJitter === "none") assert.ok(wait === wish || wait <= given.backoffMax);
        }
      },
    ),
  );
});

test("the mean of many first waits is half of the first ceiling: nobody is drawn to one end", () => {
  const random = seededRandom(1);
  const waits = Array.from({ length: 10_000 }, () => new Backoff(options, random).next());
  const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
  assert.ok(Math.abs(mean - 125) < 3, String(mean));
});
