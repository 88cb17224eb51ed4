import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { USER_AGENT, VERSION } from "../../src/transport/user-agent.ts";

test("the version in the sources is the package's", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  assert.equal(VERSION, version);
  assert.equal(USER_AGENT, `everfresh/${version}`);
});
