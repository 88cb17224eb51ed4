/**
 * The table of calls by itself: ids that narrow counters give, and the bound on what is remembered of calls that were given up.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call, CallRequest } from "../../src/rpc/call.ts";
import { Calls } from "../../src/rpc/calls.ts";
import { TooManyCallsError } from "../../src/rpc/errors.ts";
import { resolveRpcOptions } from "../../src/rpc/options.ts";
import { FakeClock } from "../../src/testing/index.ts";

const REQUEST: CallRequest = {
  method: "ask",
  params: undefined,
  expects: "answer",
  origin: "caller",
  timeout: 100,
  options: {},
};

function table({ maxPending = 1000, id = (count: number) => count } = {}) {
  const clock = new FakeClock();
  const calls = new Calls(resolveRpcOptions({ clock, maxPending }), {
    id,
    encode: (one) => String(one),
    isGiven: () => false,
  });
  const outcomes: unknown[] = [];
  const open = (): Call =>
    calls.open(REQUEST, { resolve: (value) => outcomes.push(value), reject: (error) => outcomes.push(error) });
  return { clock, calls, outcomes, open };
}

test("an id that is pending, or whose answer may still come, is passed over when a counter wraps", () => {
  const { calls, clock, open } = table({ id: (count) => count % 4 });
  const [first, second, third] = [open(), open(), open()];
  assert.deepEqual([first.id, second.id, third.id], [1, 2, 3]);
  for (const call of [first, second, third]) calls.sent(call, 1);
  calls.answer(first, () => "done");
  calls.abort(second, "not wanted");
  assert.deepEqual([open().id, open().id], [0, 1]);
  assert.throws(open, TooManyCallsError);
  assert.ok(calls.takeLate(2));
  assert.equal(open().id, 2);
  clock.advance(100);
  assert.equal(calls.stats.pending, 0);
});

test("a call is settled once, whatever comes after", () => {
  const { calls, outcomes, open, clock } = table();
  const call = open();
  calls.sent(call, 1);
  calls.answer(call, () => "first");
  calls.answer(call, () => "second");
  calls.abort(call, "aborted");
  calls.lose(1, { words: "The connection was lost" });
  calls.terminate({ words: "The connection terminated" });
  clock.advance(1000);
  assert.deepEqual(outcomes, ["first"]);
  const { answered, aborted, lost, timedOut } = calls.stats;
  assert.deepEqual({ answered, aborted, lost, timedOut }, { answered: 1, aborted: 0, lost: 0, timedOut: 0 });
});

test("of calls that were given up, ten for each that may be pending are remembered; the oldest are forgotten", () => {
  const { calls, open } = table({ maxPending: 2 });
  for (let made = 0; made < 21; made += 1) {
    const call = open();
    calls.sent(call, made);
    calls.abort(call, "not wanted");
  }
  assert.ok(!calls.takeLate(1));
  assert.ok(calls.takeLate(2));
  assert.ok(!calls.takeLate(2));
  assert.ok(calls.takeLate(21));
  calls.forgetLate();
  assert.ok(calls.idle);
});

test("calls that subscriptions make count against no limit", () => {
  const { calls, open } = table({ maxPending: 1 });
  const settle = { resolve: () => undefined, reject: () => undefined };
  for (let made = 0; made < 3; made += 1) calls.open({ ...REQUEST, origin: "subscription" }, settle);
  open();
  assert.throws(open, TooManyCallsError);
  assert.equal(calls.stats.notSent, 1);
});

test("an answer with the id of a call that hasn't been sent answers nothing", () => {
  const { calls, open } = table();
  const call = open();
  assert.equal(calls.sentWith(call.id), undefined);
  calls.sent(call, 1);
  assert.equal(calls.sentWith(call.id), call);
});
