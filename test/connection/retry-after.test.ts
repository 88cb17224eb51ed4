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
});

test("every form of an HTTP date is read in UTC, wherever the machine stands (RFC 9110 §5.6.7)", () => {
  const forms = ["Thu, 01 Jan 2026 12:00:30 GMT", "Thursday, 01-Jan-26 12:00:30 GMT", "Thu Jan  1 12:00:30 2026"];
  const zone = process.env.TZ;
  try {
    for (const place of ["America/New_York", "Asia/Kolkata", "UTC"]) {
      process.env.TZ = place;
      for (const form of forms) assert.equal(parseRetryAfter(form, NOW), 30_000, `${form} in ${place}`);
    }
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});

test("a number of any length is a long wait, not none", () => {
  assert.equal(parseRetryAfter("99999999999", NOW), 99_999_999_999_000);
  assert.equal(parseRetryAfter("9".repeat(400), NOW), Number.MAX_SAFE_INTEGER);
  assert.equal(parseRetryAfter("Fri, 31 Dec 9999 23:59:59 GMT", NOW), Date.UTC(9999, 11, 31, 23, 59, 59) - NOW);
});

test("of a header that came several times, the longest wait counts", () => {
  assert.equal(parseRetryAfter("60, 60", NOW), 60_000);
  assert.equal(parseRetryAfter("5,\t120 ,60", NOW), 120_000);
});

test("a date that is past asks for no wait", () => {
  assert.equal(parseRetryAfter("Thu, 01 Jan 1970 00:00:00 GMT", NOW), 0);
  assert.equal(parseRetryAfter("Thu, 01 Jan 2026 11:00:00 GMT", NOW), 0);
});

test("what can't be read asks for nothing, and nothing a server sends throws or gives a negative wait", () => {
  const unreadable = [
    "",
    ",",
    "soon",
    "-5",
    "+5",
    "1.5",
    "1e9",
    "1e99",
    "0x10",
    "60;",
    "60, soon",
    "60, -1",
    "Infinity",
    "NaN",
    "Thu, soon",
  ];
  for (const value of unreadable) assert.equal(parseRetryAfter(value, NOW), undefined, value);
  assert.equal(parseRetryAfter(null, NOW), undefined);
  fc.assert(
    fc.property(fc.string(), (value) => {
      const wait = parseRetryAfter(value, NOW);
      assert.ok(wait === undefined || wait >= 0);
    }),
  );
});
