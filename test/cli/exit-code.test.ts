/** Exit codes don't overlap, and those of signals are what shells make of them. */
import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import {
  EXIT_BY_SIGNAL,
  EXIT_CUT_OFF,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_GAVE_UP,
  EXIT_USAGE,
} from "../../src/cli/exit-code.ts";

test("a signal's exit code is 128 and its number", () => {
  for (const [signal, code] of Object.entries(EXIT_BY_SIGNAL)) {
    assert.equal(code, 128 + constants.signals[signal as keyof typeof EXIT_BY_SIGNAL]);
  }
});

test("each code has one meaning", () => {
  const codes = [EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_GAVE_UP, EXIT_CUT_OFF, ...Object.values(EXIT_BY_SIGNAL)];
  assert.equal(new Set(codes).size, codes.length);
});
