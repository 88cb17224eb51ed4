import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallbackName } from "../../src/behaviour.ts";
import { attemptsOf } from "../../src/testing/attempts.ts";

const call = (connection: string, name: CallbackName, ...values: unknown[]) => ({
  connection,
  name,
  arguments: values,
});
const failed = (kind: string) => ({ kind, reason: "r" });

test("an attempt ends with a disconnect, a fatal error, or the connection; frames that couldn't be sent end none", () => {
  const attempts = attemptsOf([
    call("a", "handleError", failed("connecting_failed")),
    call("a", "handleConnect"),
    call("a", "handleError", failed("encoding_failed")),
    call("a", "handleError", failed("casting_failed")),
    call("a", "handleIn"),
    call("a", "handleDisconnect", 1001, "bye"),
    call("a", "handleConnect"),
    call("a", "handleTerminate", "normal"),
  ]);
  assert.deepEqual(attempts, [
    { connection: "a", opened: false, end: { type: "failed", kind: "connecting_failed", reason: "r" } },
    { connection: "a", opened: true, end: { type: "disconnected", code: 1001, reason: "bye" } },
    { connection: "a", opened: true, end: { type: "terminated" } },
  ]);
});

test("a connection that terminates between attempts ends none", () => {
  const calls = [
    call("a", "handleConnect"),
    call("a", "handleDisconnect", 1000),
    call("a", "handleTerminate", "normal"),
  ];
  assert.equal(attemptsOf(calls).length, 1);
});

test("a replacement's handleConnect goes on with the attempt", () => {
  assert.equal(attemptsOf([call("a", "handleConnect"), call("a", "handleConnect")]).length, 1);
});

test("attempts of several connections don't end each other", () => {
  const attempts = attemptsOf([
    call("a", "handleConnect"),
    call("b", "handleConnect"),
    call("b", "handleDisconnect", 1000),
  ]);
  assert.deepEqual(
    attempts.map(({ connection, end }) => [connection, end?.type]),
    [
      ["a", undefined],
      ["b", "disconnected"],
    ],
  );
});
