import assert from "node:assert/strict";
import { test } from "node:test";
import { type GlobalNames, NameTakenError, Registry, useGlobalNames } from "../../src/index.ts";
import { claimName, describeName, isName, type Name, whoHas } from "../../src/supervision/names.ts";
import { PlainChild } from "./plain-child.ts";

const registry = new Registry({ keys: "unique" });
const FORMS: readonly Name[] = [
  "a name",
  Symbol("a name"),
  { global: "a name" },
  { via: registry, name: ["a", "name"] },
];

for (const name of FORMS) {
  test(`the name ${describeName(name)} is one holder's until it is given back`, () => {
    const [holder, other] = [new PlainChild(), new PlainChild()];
    assert.equal(whoHas(name), undefined);
    const release = claimName(name, holder);
    assert.equal(whoHas(name), holder);
    assert.throws(
      () => claimName(name, other),
      (error) => error instanceof NameTakenError && error.holder === holder,
    );
    release();
    claimName(name, other)();
    assert.equal(whoHas(name), undefined);
  });
}

test("the forms are names of their own: a string and a global one of the same words don't meet", () => {
  const releases = ["same", { global: "same" }, Symbol.for("same")].map((name) => claimName(name, new PlainChild()));
  for (const release of releases) release();
});

test("a cluster's names take the place of this process's own, for what is named from then on", () => {
  const taken = new Map<string, unknown>();
  const cluster: GlobalNames = {
    register: (name, holder) => !taken.has(name) && taken.set(name, holder) === taken,
    unregister: (name) => void taken.delete(name),
    whereis: (name) => taken.get(name),
  };
  const early = new PlainChild();
  const releaseEarly = claimName({ global: "early" }, early);
  const before = useGlobalNames(cluster);
  try {
    const holder = new PlainChild();
    const release = claimName({ global: "leader" }, holder);
    assert.equal(taken.get("leader"), holder);
    assert.throws(() => claimName({ global: "leader" }, early), NameTakenError);
    release();
    assert.equal(taken.size, 0);
  } finally {
    assert.equal(useGlobalNames(before), cluster);
  }
  assert.equal(whoHas({ global: "early" }), early);
  releaseEarly();
});

test("what is no name is known for none", () => {
  for (const value of [
    "",
    undefined,
    null,
    7,
    {},
    { global: "" },
    { global: 1 },
    { via: {}, name: 1 },
    { via: registry },
  ]) {
    assert.equal(isName(value), false, describeName(value));
  }
  for (const name of FORMS) assert.equal(isName(name), true);
});
