/** What restarts leave behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runProgram } from "./program.ts";

/** Bytes: a leak of six a restart would be more. */
const FLAT = 500_000;

for (const kind of ["supervisor", "dynamic"]) {
  for (const way of ["sync", "async"]) {
    test(`a hundred thousand ${way} restarts leave the memory of a ${kind} flat`, { timeout: 60_000 }, async () => {
      const { code, stdout, stderr } = await runProgram("restarts.ts", kind, way);
      assert.equal(code, 0, stderr);
      assert.ok(Number(stdout) < FLAT, `the heap has grown by ${stdout.trim()} bytes`);
    });
  }
}
