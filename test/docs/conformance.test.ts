/**
 * docs/conformance.md is current, and what it says of each requirement is so: each test that it names is there.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { conformancePage } from "../../scripts/conformance-page.ts";
import type { Requirement } from "../conformance/requirement.ts";
import { RFCS } from "../conformance/requirements.ts";
import { ROOT } from "./pages.ts";
import { hasTest } from "./test-names.ts";

const sections = RFCS.flatMap(({ number, sections }) => sections.map((section) => ({ rfc: number, ...section })));
const requirements = sections.flatMap(({ rfc, section, requirements }) =>
  requirements.map((one) => ({ ...one, where: `RFC ${rfc} §${section}: ${one.rule}` })),
);

test("docs/conformance.md is what the requirements say: if not, run npm run docs", () => {
  assert.equal(readFileSync(`${ROOT}docs/conformance.md`, "utf8"), conformancePage());
});

test("every test that a requirement names is there, and is one that every run includes", () => {
  const missing = requirements.flatMap((one) =>
    testsOf(one)
      .filter(({ file, name }) => file.startsWith("test/interop/") || !hasTest(file, name))
      .map(({ file, name }) => `${one.where} names ${file}: "${name}"`),
  );
  assert.deepEqual(missing, []);
});

test("every requirement has a test, or a reason for having none", () => {
  const bare = requirements.filter((one) => {
    const reason = "left" in one ? one.left : "departs" in one ? one.departs : undefined;
    return reason === undefined ? testsOf(one).length === 0 : reason.length < 20;
  });
  assert.deepEqual(
    bare.map(({ where }) => where),
    [],
  );
});

test("what is not kept is proven to be as it is said to be", () => {
  const unproven = requirements.filter((one) => "departs" in one && testsOf(one).length === 0);
  assert.deepEqual(unproven, []);
});

test("no section and no rule stands twice", () => {
  const names = sections.map(({ rfc, section }) => `RFC ${rfc} §${section}`);
  assert.equal(new Set(names).size, names.length);
  const rules = requirements.map(({ where, binds }) => `${where} (${binds})`);
  assert.equal(new Set(rules).size, rules.length);
});

function testsOf(one: Requirement) {
  return "tests" in one ? one.tests : [];
}
