/**
 * Which frames the system has taken, as far as drain() tells: never more than is true.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Delivery } from "../../src/rpc/delivery.ts";
import { gate } from "../fresh/fixtures.ts";

/** A connection whose drains a test settles. */
class Drains {
  readonly pending: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  drain(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pending.push({ resolve, reject });
    });
  }
}

const settled = async (): Promise<void> => {
  const turn = gate();
  setImmediate(turn.open);
  await turn.promise;
};

test("a drain tells of the frames handed over before it, and one more is asked for those since", async () => {
  const drains = new Drains();
  const delivery = new Delivery(drains);
  const first = delivery.hand();
  delivery.watch();
  const second = delivery.hand();
  delivery.watch();
  assert.equal(drains.pending.length, 1);
  drains.pending[0]?.resolve();
  await settled();
  assert.deepEqual([delivery.isGiven(first), delivery.isGiven(second)], [true, false]);
  assert.equal(drains.pending.length, 2);
  drains.pending[1]?.resolve();
  await settled();
  assert.ok(delivery.isGiven(second));
  delivery.watch();
  assert.equal(drains.pending.length, 2);
});

test("a drain that fails tells nothing, and the next frame asks again", async () => {
  const drains = new Drains();
  const delivery = new Delivery(drains);
  const lost = delivery.hand();
  delivery.watch();
  drains.pending[0]?.reject(new Error("lost"));
  await settled();
  assert.ok(!delivery.isGiven(lost));
  delivery.hand();
  delivery.watch();
  assert.equal(drains.pending.length, 2);
});

test("a drain that was asked of the link before tells nothing of this one", async () => {
  const drains = new Drains();
  const delivery = new Delivery(drains);
  const old = delivery.hand();
  delivery.watch();
  delivery.begin();
  const present = delivery.hand();
  delivery.watch();
  drains.pending[0]?.resolve();
  await settled();
  assert.deepEqual([delivery.isGiven(old), delivery.isGiven(present)], [false, false]);
  drains.pending[1]?.resolve();
  await settled();
  assert.ok(delivery.isGiven(present));
});
