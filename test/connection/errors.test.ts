import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AlreadyStartedError,
  ERROR_KINDS,
  FreshError,
  type FreshErrorKind,
  TerminatedError,
} from "../../src/connection/errors.ts";

test("there are Fresh's eight kinds, and only encoding and casting faults leave the attempt alive", () => {
  const kinds = Object.keys(ERROR_KINDS) as FreshErrorKind[];
  assert.equal(kinds.length, 8);
  assert.deepEqual(
    kinds.filter((kind) => !ERROR_KINDS[kind].terminal),
    ["encoding_failed", "casting_failed"],
  );
});

test("a FreshError's sentence begins with what failed and goes on with the detail", () => {
  for (const [kind, { title }] of Object.entries(ERROR_KINDS)) {
    const cause = new Error("below");
    const error = new FreshError({
      kind: kind as FreshErrorKind,
      phase: "open",
      reason: "x",
      detail: "so it was.",
      cause,
    });
    assert.equal(error.message, `${title}: so it was.`);
    assert.equal(error.cause, cause);
    assert.equal(error.name, "FreshError");
    assert.ok(error instanceof Error);
  }
});

test("what is not known of an error is undefined", () => {
  const error = new FreshError({ kind: "connecting_failed", phase: "tcp", reason: "refused", detail: "x." });
  assert.deepEqual(
    [error.status, error.headers, error.body, error.closeCode, error.retryAfter, error.cause],
    [undefined, undefined, undefined, undefined, undefined, undefined],
  );
});

test("the other errors say what to do next and carry what was asked about", () => {
  const connection = {};
  const taken = new AlreadyStartedError("counter", connection);
  assert.equal(taken.connection, connection);
  assert.match(taken.message, /named counter is already running\. Use it .*, stop it first, or choose another name\./);
  const cause = new Error("boom");
  const ended = new TerminatedError("it opened", { error: cause, callback: "handleIn" });
  assert.match(ended.message, /terminated \(handleIn failed: Error: boom\) before it opened/);
  assert.equal(ended.cause, cause);
});
