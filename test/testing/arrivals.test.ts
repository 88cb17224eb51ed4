import assert from "node:assert/strict";
import { test } from "node:test";
import { Arrivals } from "../../src/testing/arrivals.ts";

const arrivals = () => new Arrivals<string>((number, why) => new Error(`${number}: ${why.type}`));

function arrive(all: Arrivals<string>, name: string): number {
  const number = all.next();
  all.add(number, name);
  return number;
}

test("one that has come is had at once, one that hasn't as soon as it does", async () => {
  const all = arrivals();
  const second = all.wait(2, 1000);
  arrive(all, "a");
  assert.equal(await all.wait(1, 0), "a");
  arrive(all, "b");
  assert.equal(await second, "b");
  assert.deepEqual([all.count, all.all], [2, ["a", "b"]]);
});

test("one that doesn't come in time, or can't come any more, is an error that says why", async () => {
  const all = arrivals();
  await assert.rejects(all.wait(1, 1), /^Error: 1: timeout$/);
  const waiting = all.wait(1, 1000);
  all.stop();
  await assert.rejects(waiting, /1: stopped/);
  await assert.rejects(all.wait(2, 1000), /2: stopped/);
});

test("of those that have ended the newest thousand are remembered, and all that stand", async () => {
  const all = arrivals();
  const standing = arrive(all, "standing");
  for (let index = 0; index < 1001; index += 1) all.ended(arrive(all, `${index}`));
  assert.equal(all.all.length, 1001);
  assert.equal(await all.wait(standing, 0), "standing");
  await assert.rejects(all.wait(2, 0), /2: forgotten/);
  assert.equal(await all.wait(3, 0), "1");
});
