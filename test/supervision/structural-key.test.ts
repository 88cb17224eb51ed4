import assert from "node:assert/strict";
import { test } from "node:test";
import { structuralKey } from "../../src/supervision/structural-key.ts";

const same = (one: unknown, other: unknown): boolean => structuralKey(one) === structuralKey(other);

test("primitives compare by value, and no two kinds of them are alike", () => {
  const symbol = Symbol("s");
  const different = [
    "1",
    1,
    1n,
    true,
    "true",
    null,
    "null",
    undefined,
    "undefined",
    "n1",
    "b1",
    symbol,
    Symbol("s"),
    "",
  ];
  assert.equal(new Set(different.map(structuralKey)).size, different.length);
  assert.ok(same(symbol, symbol) && same(Number.NaN, Number.NaN) && same(0, -0));
});

test("arrays and plain objects compare by what is in them, whatever the order of the names", () => {
  assert.ok(same({ room: 7, of: ["a", { b: 1 }] }, { of: ["a", { b: 1 }], room: 7 }));
  assert.ok(!same(["a,b"], ["a", "b"]) && !same([["a"], "b"], ["a", ["b"]]) && !same({ a: undefined }, {}));
  assert.ok(!same({ 'a":1,"b': 1 }, { a: 1, b: 1 }) && !same(["a"], { 0: "a" }));
  assert.ok(same(Object.assign(Object.create(null), { a: 1 }), { a: 1 }));
});

test("all else compares by identity", () => {
  const date = new Date(0);
  assert.ok(same(date, date) && !same(date, new Date(0)));
  assert.ok(same(test, test) && !same({ key: date }, { key: new Date(0) }));
});

test("a key that holds itself is refused, and one that holds another twice isn't", () => {
  const circle: unknown[] = [];
  circle.push({ circle });
  assert.throws(() => structuralKey(circle), /A key can't hold itself/);
  const part = { a: 1 };
  assert.ok(same([part, part], [{ a: 1 }, { a: 1 }]));
});
