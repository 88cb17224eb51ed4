import assert from "node:assert/strict";
import { test } from "node:test";
import { Drain } from "../../src/connection/drain.ts";

/** A drain over something that is left, and a channel that tells when the test says so. */
function draining() {
  const asked: (() => void)[] = [];
  const channel = { flushed: (callback: () => void) => asked.push(callback) };
  const now = { left: 1, channel: channel as typeof channel | undefined };
  const drain = new Drain({ drained: () => now.left === 0, channel: () => now.channel });
  return { drain, now, asked, tell: () => asked.shift()?.() };
}

test("it resolves at once when nothing is left, and else when the channel has told that nothing is", async () => {
  const { drain, now, asked, tell } = draining();
  let drained = false;
  const waiting = drain.wait(undefined).then(() => {
    drained = true;
  });
  tell();
  await Promise.resolve();
  assert.deepEqual([drained, asked.length], [false, 1], "something came in meanwhile: asked anew");
  now.left = 0;
  tell();
  await waiting;
  await drain.wait(undefined);
  assert.equal(asked.length, 0);
});

test("however much happens, and whoever waits, a channel is asked once at a time; and not at all while nobody waits", () => {
  const { drain, asked } = draining();
  drain.look();
  assert.equal(asked.length, 0);
  for (let turn = 0; turn < 5; turn += 1) {
    drain.wait(undefined);
    drain.look();
  }
  assert.equal(asked.length, 1);
});

test("what a channel that has gone says late is passed over, and the next one is asked", async () => {
  const { drain, now, asked, tell } = draining();
  const waiting = drain.wait(undefined);
  now.channel = undefined;
  drain.channelGone();
  drain.look();
  tell();
  assert.equal(asked.length, 0);
  now.channel = { flushed: (callback) => asked.push(callback) };
  drain.look();
  assert.equal(asked.length, 1);
  now.left = 0;
  tell();
  await waiting;
});

test("it rejects when what waits is lost, and with the signal's reason, also one that has aborted before", async () => {
  const { drain } = draining();
  const lost = assert.rejects(drain.wait(undefined), /lost/);
  drain.fail(new Error("lost"));
  await lost;
  const controller = new AbortController();
  const aborted = assert.rejects(drain.wait(controller.signal), /enough/);
  controller.abort(new Error("enough"));
  await aborted;
  await assert.rejects(drain.wait(controller.signal), /enough/);
});
