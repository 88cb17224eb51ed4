import assert from "node:assert/strict";
import { test } from "node:test";
import { StreamPool } from "../../../src/protocol/deflate/stream-pool.ts";

test("a context that was put back is given out again, once, and only to its kind", () => {
  const pool = new StreamPool<string>(() => assert.fail("closed"));
  pool.put(15, "a");
  assert.equal(pool.take(10), undefined);
  assert.equal(pool.take(15), "a");
  assert.equal(pool.take(15), undefined);
});

test("more than four idle contexts of a kind are closed", () => {
  const closed: string[] = [];
  const pool = new StreamPool<string>((context) => closed.push(context));
  for (const context of ["a", "b", "c", "d", "e", "f"]) pool.put("kind", context);
  assert.deepEqual(closed, ["e", "f"]);
});
