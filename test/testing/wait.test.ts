import assert from "node:assert/strict";
import { test } from "node:test";
import { Latch, startWait } from "../../src/testing/wait.ts";

const never = (): Error => assert.fail("the deadline should not have come");
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

test("a wait rejects at its deadline with the error it was given, and what comes later is ignored", async () => {
  const wait = startWait<string>(1, () => new Error("too late"));
  await assert.rejects(wait.promise, /too late/);
  wait.resolve("after all");
  await assert.rejects(wait.promise, /too late/);
});

test("a wait that is over has no timer left", async () => {
  const before = timers();
  const kept = startWait<string>(100_000, never);
  const broken = startWait<string>(100_000, never);
  assert.equal(timers(), before + 2);
  kept.resolve("came");
  broken.reject(new Error("won't"));
  assert.equal(timers(), before);
  assert.equal(await kept.promise, "came");
  await assert.rejects(broken.promise, /won't/);
});

test("a wait without end takes no timer", async () => {
  const before = timers();
  const wait = startWait<string>(Infinity, never);
  assert.equal(timers(), before);
  wait.resolve("came");
  assert.equal(await wait.promise, "came");
});

test("a latch settles those who wait and those who come later; each has his own deadline", async () => {
  const latch = new Latch<string>();
  const impatient = latch.wait(1, () => new Error("too late"));
  await assert.rejects(impatient, /too late/);
  const patient = latch.wait(100_000, never);
  latch.resolve("came");
  latch.reject(new Error("only the first counts"));
  assert.equal(await patient, "came");
  assert.equal(await latch.wait(100_000, never), "came");

  const broken = new Latch<string>();
  const waiting = broken.wait(100_000, never);
  broken.reject(new Error("won't"));
  broken.resolve("only the first counts");
  await assert.rejects(waiting, /won't/);
  await assert.rejects(broken.wait(100_000, never), /won't/);
});

test("a latch that nobody waits for rejects without an unhandled rejection", () => {
  new Latch<string>().reject(new Error("unseen"));
});
