import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { onAbort } from "../src/abort.ts";

const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

test("however many hang on a signal, it has one listener, and all are called once", () => {
  const controller = new AbortController();
  let calls = 0;
  const count = (): void => {
    calls += 1;
  };
  for (let index = 0; index < 50; index += 1) onAbort(controller.signal, count);
  assert.equal(listeners(controller.signal), 1);
  controller.abort();
  assert.equal(calls, 50);
});

test("who has stopped listening isn't called, and the last to go takes the listener along", () => {
  const controller = new AbortController();
  const called: string[] = [];
  const forgetFirst = onAbort(controller.signal, () => called.push("first"));
  const forgetSecond = onAbort(controller.signal, () => called.push("second"));
  forgetFirst();
  forgetFirst();
  assert.equal(listeners(controller.signal), 1);
  forgetSecond();
  assert.equal(listeners(controller.signal), 0);
  onAbort(controller.signal, () => called.push("third"));
  forgetSecond();
  controller.abort();
  assert.deepEqual(called, ["third"]);
});

test("a callback may stop others from being called", () => {
  const controller = new AbortController();
  const called: string[] = [];
  let forgetSecond: () => void = () => undefined;
  onAbort(controller.signal, () => {
    called.push("first");
    forgetSecond();
  });
  forgetSecond = onAbort(controller.signal, () => called.push("second"));
  controller.abort();
  assert.deepEqual(called, ["first"]);
});
