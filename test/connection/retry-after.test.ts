import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRetryAfter } from "../../src/connection/retry-after.ts";

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);

test("seconds and dates are both understood (RFC 9110 §10.2.3)", () => {
  assert.equal(parseRetryAfter("120", NOW), 120_000);
  assert.equal(parseRetryAfter(" 0 ", NOW), 0);
  assert.equal(parseRetryAfter("Thu, 01 Jan 2026 12:00:30 GMT", NOW), 30_000);
  assert.equal(parseRetryAfter("Thursday, 01-Jan-26 12:00:30 GMT", NOW), 30_000);
  assert.equal(parseRetryAfter("Thu Jan  1 12:00:30 2026 GMT", NOW), 30_000);
});

test("a date that is past asks for no wait", () => {
  assert.equal(parseRetryAfter("Thu, 01 Jan 2026 11:00:00 GMT", NOW), 0);
});

test("what can't be read asks for nothing, and nothing a server sends throws or gives a negative wait", () => {
  for (const value of ["", "soon", "-5", "1.5", "1e9", "99999999999"])
    assert.equal(parseRetryAfter(value, NOW), undefined);
  assert.equal(parseRetryAfter(null, NOW), undefined);
  fc.assert(
    fc.property(fc.string(), (value) => {
      const wait = parseRetryAfter(value, NOW);
      assert.ok(wait === undefined || wait >= 0);
    }),
  );
});
