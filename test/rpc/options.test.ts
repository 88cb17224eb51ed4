/**
 * What `createRpc` takes, and how it refuses the rest.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidOptionError } from "../../src/index.ts";
import { bufferOf, resolveRpcOptions, timeoutOf } from "../../src/rpc/options.ts";
import { FakeClock } from "../../src/testing/index.ts";

test("the defaults are those that the documentation names", () => {
  const { clock: _, ...defaults } = resolveRpcOptions();
  assert.deepEqual(defaults, {
    timeout: 30_000,
    maxPending: 1000,
    maxReplays: 3,
    ready: "connect",
    lateAnswers: "drop",
    handlers: {},
  });
});

test("what is given holds, and an undefined is no gift", () => {
  const clock = new FakeClock();
  const options = resolveRpcOptions({ clock, timeout: Number.POSITIVE_INFINITY, maxPending: 1 });
  assert.equal(options.clock, clock);
  assert.equal(options.timeout, Number.POSITIVE_INFINITY);
  assert.equal(resolveRpcOptions(JSON.parse("{}")).maxReplays, 3);
  assert.equal(resolveRpcOptions({ timeout: undefined } as object).timeout, 30_000);
});

const BAD: Readonly<Record<string, readonly unknown[]>> = {
  timeout: [0, -1, Number.NaN, "1000", null],
  maxPending: [0, 1.5, "3", Number.POSITIVE_INFINITY],
  maxReplays: [-1, 0.5, "3"],
  ready: ["now", true],
  lateAnswers: ["ignore", false],
  handlers: [null, { ask: 1 }],
  clock: [null, {}, { now: () => 0 }],
};

for (const [option, values] of Object.entries(BAD)) {
  test(`${option} is refused when it is ${values.map((value) => JSON.stringify(value)).join(", ")}`, () => {
    for (const value of values) {
      assert.throws(
        () => resolveRpcOptions({ [option]: value } as object),
        (error) => error instanceof InvalidOptionError && error.option === option && error.message.includes("takes"),
      );
    }
  });
}

test("a name that isn't there is refused with the nearest that is", () => {
  assert.throws(() => resolveRpcOptions({ timeOut: 1 } as object), /no option timeOut\. Did you mean timeout\?/);
  assert.throws(() => resolveRpcOptions({ colour: 1 } as object), /no option colour\. There are timeout, maxPending/);
});

test("a call's own timeout is checked, too, and an iterator's buffer", () => {
  assert.equal(bufferOf(undefined), 1000);
  assert.equal(bufferOf(1), 1);
  assert.throws(() => bufferOf(0), /The option buffer takes a whole number, 1 or more; it got 0\./);
  assert.equal(timeoutOf(undefined, 5), 5);
  assert.equal(timeoutOf(7, 5), 7);
  assert.throws(() => timeoutOf(0, 5), InvalidOptionError);
});
