import assert from "node:assert/strict";
import { test } from "node:test";
import { type Callbacks, type Connection, ignore, ok, reconnect, stop } from "../../src/behaviour.ts";
import { badResponse, isThenable, readDecision, resolveCallbacks } from "../../src/connection/responses.ts";
import { text } from "../../src/frame.ts";

const self = {} as Connection<number>;

test("callbacks that a module lacks are the defaults, and methods keep their this", () => {
  class Doubler {
    readonly factor = 2;
    handleIn(_frame: unknown, state: number) {
      return ok(state * this.factor);
    }
  }
  const callbacks = resolveCallbacks<number>(new Doubler() as Partial<Callbacks<number>>);
  assert.deepEqual(callbacks.handleIn(text("x"), 4, self), ok(8));
  assert.deepEqual(callbacks.handleInfo("x", 4, self), ok(4));
});

test("a decision is read with the state that came with it", () => {
  assert.deepEqual(readDecision(ignore(1)), { decision: { type: "ignore" }, given: { value: 1 } });
  assert.deepEqual(readDecision(reconnect()), {
    decision: { type: "reconnect", state: "initial", after: undefined },
  });
  assert.deepEqual(readDecision(reconnect(undefined, { after: 5 })), {
    decision: { type: "reconnect", state: "given", after: 5 },
    given: { value: undefined },
  });
  assert.deepEqual(readDecision(stop("boom")), { decision: { type: "stop", reason: "boom" } });
});

test("what is no decision is undefined, whatever it is", () => {
  for (const answer of [undefined, null, 5, "ignore", {}, [], ok(1), { type: "constructor" }]) {
    assert.equal(readDecision(answer), undefined);
  }
});

test("a bad response is named with what the callback takes", () => {
  assert.equal(
    badResponse("handleIn", undefined).message,
    "handleIn answered undefined; it takes ok(), reply() or close(). Did it forget its return?",
  );
  assert.match(
    badResponse("handleDisconnect", ok(1)).message,
    /answered ok\(\); it takes ignore\(\), reconnect\(\) or stop\(\)/,
  );
  assert.match(badResponse("handleIn", null).message, /answered null/);
});

test("any thenable counts as a promise", () => {
  assert.equal(isThenable(Promise.resolve()), true);
  const method = "then";
  assert.equal(isThenable({ [method]: () => undefined }), true);
  for (const value of [undefined, null, 5, {}, ok(1)]) assert.equal(isThenable(value), false);
});
