import assert from "node:assert/strict";
import { test } from "node:test";
import { ArmedRules } from "../../src/testing/armed-rules.ts";
import type { FaultTrigger } from "../../src/testing/index.ts";

const rule = (when: object) => ({ when: when as never, fault: { type: "reset" as const }, random: () => 0 });
const rulesOf = (...whens: FaultTrigger[]) => {
  const rules = whens.map(rule);
  return { rules, armed: new ArmedRules(rules) };
};

test("a rule that counts nothing is due as its phase begins, and once", () => {
  const { rules, armed } = rulesOf({ phase: "open" }, { phase: "open", ms: 5 }, { phase: "answer" });
  assert.deepEqual(armed.enter("open"), [rules[0], rules[1]]);
  assert.deepEqual(armed.enter("open"), []);
  assert.deepEqual(armed.enter("answer"), [rules[2]]);
});

test("a rule counts only from its phase on, and only in its direction", () => {
  const { rules, armed } = rulesOf({ phase: "open", bytes: 10, direction: "toServer" });
  assert.equal(armed.limit("toServer"), Number.POSITIVE_INFINITY);
  armed.passed("toServer", 100, false);
  armed.enter("open");
  assert.equal(armed.limit("toServer"), 10);
  assert.equal(armed.limit("toClient"), Number.POSITIVE_INFINITY);
  assert.deepEqual(armed.passed("toClient", 100, true), []);
  assert.deepEqual(armed.passed("toServer", 4, false), []);
  assert.equal(armed.limit("toServer"), 6);
  assert.deepEqual(armed.passed("toServer", 6, false), [rules[0]]);
  assert.equal(armed.limit("toServer"), Number.POSITIVE_INFINITY);
});

test("messages are counted first, and bytes from there", () => {
  const { rules, armed } = rulesOf({ phase: "open", messages: 2, bytes: 3 });
  armed.enter("open");
  assert.equal(armed.limit("toClient"), Number.POSITIVE_INFINITY);
  armed.passed("toClient", 50, true);
  armed.passed("toClient", 50, false);
  armed.passed("toClient", 50, true);
  assert.equal(armed.limit("toClient"), 3);
  assert.deepEqual(armed.passed("toClient", 3, false), [rules[0]]);
});

test("the limit is the nearest of all, and those that are due together come in their order", () => {
  const { rules, armed } = rulesOf(
    { phase: "open", bytes: 9 },
    { phase: "open", bytes: 4 },
    { phase: "open", bytes: 4 },
  );
  armed.enter("open");
  assert.equal(armed.limit("toClient"), 4);
  assert.deepEqual(armed.passed("toClient", 4, false), [rules[1], rules[2]]);
  assert.equal(armed.limit("toClient"), 5);
});
