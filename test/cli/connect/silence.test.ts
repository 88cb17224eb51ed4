/** A silence is told once, and only if nothing was heard for so long. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Silence } from "../../../src/cli/connect/silence.ts";

function silenceOf(t: { mock: typeof import("node:test").mock }, ms: number) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let told = 0;
  const silence = new Silence(ms, () => {
    told += 1;
  });
  return { silence, tick: (by: number) => t.mock.timers.tick(by), told: () => told };
}

test("it is told after its time, and once", (t) => {
  const { tick, told } = silenceOf(t, 100);
  tick(99);
  assert.equal(told(), 0);
  tick(1);
  assert.equal(told(), 1);
  tick(1000);
  assert.equal(told(), 1);
});

test("whatever is heard begins it anew", (t) => {
  const { silence, tick, told } = silenceOf(t, 100);
  tick(99);
  silence.broken();
  tick(99);
  assert.equal(told(), 0);
  tick(1);
  assert.equal(told(), 1);
});

test("while it is suspended no time counts", (t) => {
  const { silence, tick, told } = silenceOf(t, 100);
  silence.suspend();
  tick(1000);
  assert.equal(told(), 0);
  silence.broken();
  tick(99);
  assert.equal(told(), 0);
  tick(1);
  assert.equal(told(), 1);
});

test("after stop nothing is told, whatever comes", (t) => {
  const { silence, tick, told } = silenceOf(t, 100);
  silence.stop();
  silence.broken();
  tick(1000);
  assert.equal(told(), 0);
});
