import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FAULT_FIELDS, PHASES } from "../../src/testing/fault-schema.ts";
import { parseFaultPlan } from "../../src/testing/index.ts";

test("the manual of the proxy names every fault and every phase", () => {
  const manual =
    readFileSync(new URL("../../src/testing/fault-proxy.ts", import.meta.url), "utf8").split("*/")[0] ?? "";
  for (const name of [...Object.keys(FAULT_FIELDS), ...PHASES]) assert.match(manual, new RegExp(`\\b${name}\\b`), name);
});

test("the guide names every fault and every phase, and its plan in JSON is one", () => {
  const guide = readFileSync(new URL("../../docs/testing.md", import.meta.url), "utf8");
  for (const name of [...Object.keys(FAULT_FIELDS), ...PHASES]) assert.ok(guide.includes(`\n| \`${name}\` |`), name);
  const plans = [...guide.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => parseFaultPlan(text ?? ""));
  assert.equal(plans.length, 1);
});
