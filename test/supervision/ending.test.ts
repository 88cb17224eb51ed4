import assert from "node:assert/strict";
import { test } from "node:test";
import { ChildEnding, KILL_GRACE } from "../../src/supervision/ending.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { PlainChild } from "./plain-child.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a child is told to shut down within its time, and has ended when it has exited", async () => {
  const clock = new FakeClock();
  const child = new PlainChild();
  assert.deepEqual(await new ChildEnding(child, 500, clock).done, { reason: "shutdown", abandoned: false });
  assert.deepEqual(child.told, ["shutdown 500"]);
  assert.equal(clock.pending, 0);
});

test("a child whose time is up is cut off; one that survives that is left behind a moment later", async () => {
  const clock = new FakeClock();
  const child = new PlainChild();
  child.heeds = "nothing";
  let done = false;
  const ending = new ChildEnding(child, 500, clock);
  void ending.done.then(() => {
    done = true;
  });
  clock.advance(500 + KILL_GRACE - 1);
  await turn();
  assert.deepEqual(child.told, ["shutdown 500", "killed 0"]);
  assert.equal(done, false);
  clock.advance(1);
  assert.deepEqual(await ending.done, { reason: "killed", abandoned: true });
});

test("brutal_kill cuts off at once, and infinity never", async () => {
  const clock = new FakeClock();
  const brutal = new PlainChild();
  await new ChildEnding(brutal, "brutal_kill", clock).done;
  assert.deepEqual(brutal.told, ["killed 0"]);
  const patient = new PlainChild();
  patient.heeds = "killed";
  const ending = new ChildEnding(patient, "infinity", clock);
  clock.advance(1e9);
  assert.deepEqual(patient.told, ["shutdown Infinity"]);
  ending.cutOff();
  ending.cutOff();
  assert.deepEqual(await ending.done, { reason: "killed", abandoned: false });
  assert.deepEqual(patient.told, ["shutdown Infinity", "killed 0"], "cut off once");
});

test("a stop that throws or rejects is the child's own affair: whether it ends, its exit says", async () => {
  for (const stop of [
    () => Promise.reject(new Error("no")),
    () => {
      throw new Error("no");
    },
  ]) {
    const clock = new FakeClock();
    const ending = new ChildEnding({ exited: new Promise(() => undefined), stop }, 5, clock);
    clock.advance(5 + KILL_GRACE);
    assert.deepEqual(await ending.done, { reason: "killed", abandoned: true });
  }
});

test("an exited that rejects, against the rule, is an exit with that fault", async () => {
  const error = new Error("no promise of mine rejects");
  const exited = Promise.reject(error);
  const ending = new ChildEnding({ exited, stop: async () => undefined }, 5, new FakeClock());
  assert.deepEqual(await ending.done, { reason: { error, callback: "exited" }, abandoned: false });
});
