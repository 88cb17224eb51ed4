import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/testing/index.ts";
import { seedFor } from "../../src/testing/seeded-random.ts";

const draws = (seed: number, count: number) => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, random);
};

test("the same seed gives the same draws, today and in every version", () => {
  assert.deepEqual(draws(42, 1000), draws(42, 1000));
  assert.deepEqual(
    draws(42, 3).map((draw) => draw * 0x1_0000_0000),
    [2866740318, 3598425733, 2663357204],
  );
});

test("draws are in [0, 1) and evenly spread, one by one and in pairs", () => {
  const cells = new Array<number>(100).fill(0);
  const all = draws(7, 100_000);
  for (const [index, draw] of all.entries()) {
    assert.ok(draw >= 0 && draw < 1);
    const before = all[index - 1];
    if (before !== undefined) (cells[Math.floor(draw * 10) * 10 + Math.floor(before * 10)] as number) += 1;
  }
  // Each cell expects 1000, with a standard deviation of about 31.
  for (const count of cells) assert.ok(Math.abs(count - 1000) < 200, `${count}`);
});

test("seeds beside each other have nothing in common, beyond 32 bits and below zero too", () => {
  const firsts = new Set<number>();
  for (let seed = -500; seed < 500; seed += 1) for (const draw of draws(seed, 4)) firsts.add(draw);
  for (const seed of [2 ** 32, 2 ** 32 + 1, 2 ** 52, -(2 ** 40)]) for (const draw of draws(seed, 4)) firsts.add(draw);
  assert.equal(firsts.size, 4 * 1004);
});

test("what is no whole number is no seed", () => {
  for (const seed of [0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
    assert.throws(() => seededRandom(seed), RangeError);
  }
});

test("the parts of a seed have seeds of their own, that the order of the parts counts for", () => {
  const seeds = [
    seedFor(1),
    seedFor(2),
    seedFor(1, 1),
    seedFor(1, 2),
    seedFor(1, 1, 2),
    seedFor(1, 2, 1),
    seedFor(2, 1),
  ];
  assert.equal(new Set(seeds).size, seeds.length);
  assert.equal(seedFor(1, 2), seedFor(1, 2));
});
