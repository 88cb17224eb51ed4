/** The demo's faults are of the sorts it promises. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FAULTS } from "../../../src/cli/demo/faults.ts";

test("every sort of end is among them: lost, refused, broken protocol, closed", () => {
  const sorts = new Set(FAULTS.flatMap(({ expected }) => expected.map((what) => what.split(":")[0])));
  assert.deepEqual([...sorts].sort(), ["closed", "decoding_failed", "establishing_failed", "streaming_failed"]);
});

test("no two are told in the same words", () => {
  assert.equal(new Set(FAULTS.map(({ deed }) => deed)).size, FAULTS.length);
});

test("a refusal is never the first: a client has to be there to come back", () => {
  assert.equal(FAULTS[0]?.on, "connection");
});
