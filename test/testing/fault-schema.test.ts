import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FAULT_FIELDS, PHASES } from "../../src/testing/fault-schema.ts";

test("the manual of the proxy names every fault and every phase", () => {
  const manual =
    readFileSync(new URL("../../src/testing/fault-proxy.ts", import.meta.url), "utf8").split("*/")[0] ?? "";
  for (const name of [...Object.keys(FAULT_FIELDS), ...PHASES]) assert.match(manual, new RegExp(`\\b${name}\\b`), name);
});
