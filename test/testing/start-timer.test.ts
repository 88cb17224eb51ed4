import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startTimer } from "../../src/testing/start-timer.ts";

test("0 is the next turn of the event loop, which comes before any timer of 1 ms", async () => {
  const fired: string[] = [];
  startTimer(1, () => fired.push("1 ms"));
  startTimer(0, () => fired.push("next turn"));
  await delay(20);
  assert.deepEqual(fired, ["next turn", "1 ms"]);
});

test("a cancelled timer never fires, and one of Infinity neither fires nor is there", async () => {
  const handles = () =>
    process.getActiveResourcesInfo().filter((kind) => kind === "Timeout" || kind === "Immediate").length;
  const before = handles();
  for (const ms of [0, 1, Number.POSITIVE_INFINITY]) startTimer(ms, () => assert.fail(`${ms}`))();
  startTimer(Number.POSITIVE_INFINITY, () => assert.fail());
  assert.equal(handles(), before);
  await delay(5);
});
