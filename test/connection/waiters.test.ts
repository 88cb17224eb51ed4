import assert from "node:assert/strict";
import { test } from "node:test";
import { Waiters } from "../../src/connection/waiters.ts";

test("settle resolves all that wait, fail rejects them, and neither touches who comes later", async () => {
  const waiters = new Waiters();
  const early = [waiters.wait(undefined), waiters.wait(undefined)];
  waiters.settle();
  await Promise.all(early);
  const late = waiters.wait(undefined);
  assert.equal(waiters.size, 1);
  waiters.fail(new Error("over"));
  await assert.rejects(late, /over/);
  assert.equal(waiters.size, 0);
});

test("a signal rejects its own wait only, and is listened to no longer than that", async () => {
  const waiters = new Waiters();
  const controller = new AbortController();
  const aborted = waiters.wait(controller.signal);
  const other = waiters.wait(undefined);
  controller.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  assert.equal(waiters.size, 1);
  waiters.settle();
  await other;
  await assert.rejects(waiters.wait(controller.signal), /enough/);
  assert.equal(waiters.size, 0);
});
