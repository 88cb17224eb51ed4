/** The account of the real soak can find what it looks for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FATE, reconcile } from "./reconcile.ts";
import type { LinkAccount } from "./server-account.ts";

const link = (number: number, closed: boolean, ...runs: [number, number][]): LinkAccount => ({
  link: number,
  closed,
  runs,
});

function of(links: readonly LinkAccount[], others: Record<number, number> = {}) {
  const fates = new Uint8Array(11).fill(FATE.accepted);
  for (const [number, fate] of Object.entries(others)) fates[Number(number)] = fate;
  return reconcile({ fates, last: 10, opened: () => true }, links);
}

test("what arrived whole over clean ends is whole", () => {
  assert.deepEqual(of([link(1, true, [1, 6]), link(2, true, [7, 10])]), { received: 10, missing: [], violations: [] });
});

test("a link that died may have lost the last of what it had, and each such end is counted", () => {
  const { missing, violations } = of([link(1, false, [1, 3]), link(2, false), link(3, false, [6, 9])]);
  assert.deepEqual([missing, violations], [[2, 1], []]);
});

test("what is missing in the middle of a link, or behind a clean end, is a violation", () => {
  assert.match(of([link(1, false, [1, 3], [5, 10])]).violations.join(), /in the middle of link 1/);
  assert.match(of([link(1, true, [1, 3]), link(2, true, [5, 10])]).violations.join(), /no link had died/);
  assert.match(of([link(1, true, [1, 9])]).violations.join(), /before the end/);
});

test("what was reported as dropped is no gap, and may not arrive", () => {
  assert.deepEqual(of([link(1, true, [1, 3], [5, 10])], { 4: FATE.dropped }).violations, []);
  assert.match(of([link(1, true, [1, 10])], { 4: FATE.dropped }).violations.join(), /4 was received, and was reported/);
});

test("a message that came on two links is a violation", () => {
  assert.match(of([link(1, false, [1, 6]), link(2, true, [6, 10])]).violations.join(), /or twice/);
});
