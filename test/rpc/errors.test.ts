/**
 * The errors' sentences: what happened, to what, whether the server may have seen it, what to do.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CallError,
  CallNotSentError,
  CallTimeoutError,
  ConnectionLostError,
  ForeignConnectionError,
  RpcError,
  SubscriptionOverflowError,
  SubscriptionRefusedError,
  TooManyCallsError,
} from "../../src/rpc/errors.ts";

const cause = new Error("the cause");

const ERRORS: readonly (readonly [error: Error, name: string, sentence: string])[] = [
  [
    new CallTimeoutError(500, { method: "add", sent: "no" }),
    "CallTimeoutError",
    "The call add could not be sent within 500 ms, because the connection wasn't open or not ready. It was never sent, so the server has not seen it and it may be made again.",
  ],
  [
    new CallTimeoutError(500, { method: "add", sent: "yes" }),
    "CallTimeoutError",
    "The call add was not answered within 500 ms. It had been sent, so the server may have carried it out: ask for its effect before you make it again.",
  ],
  [
    new ConnectionLostError("The connection was closed (1001)", { method: "add", sent: "unknown", cause }),
    "ConnectionLostError",
    "The connection was closed (1001) before the call add was answered. Whether all of it had been sent isn't known, so the server may have carried it out: ask for its effect before you make it again.",
  ],
  [
    new CallNotSentError("closed", "the connection isn't open.", "add"),
    "CallNotSentError",
    "The call add was not sent: the connection isn't open.",
  ],
  [
    new TooManyCallsError(3, "add"),
    "TooManyCallsError",
    "The call add was not sent: 3 calls are pending on this connection. Await some first, or raise maxPending.",
  ],
  [new RpcError(-32601, "Method not found", { method: "add" }), "RpcError", "Method not found"],
  [
    new SubscriptionRefusedError("ticker", new RpcError(1, "no such pair")),
    "SubscriptionRefusedError",
    "The server refused the subscription ticker. Mend its parameters and subscribe again. It said: no such pair",
  ],
  [
    new SubscriptionOverflowError(10, "ticker"),
    "SubscriptionOverflowError",
    'The subscription ticker was ended: 10 messages waited and nobody read them. Read faster, raise buffer, or choose overflow: "drop-oldest".',
  ],
  [
    new ForeignConnectionError("Echo"),
    "ForeignConnectionError",
    "The connection runs the module Echo, which this rpc didn't make, so no answer would be seen. Make the module with rpc.define(name, callbacks).",
  ],
];

for (const [error, name, sentence] of ERRORS) {
  test(`${name} says what to do: ${sentence.slice(0, 50)}…`, () => {
    assert.equal(error.name, name);
    assert.equal(error.message, sentence);
  });
}

test("a call's errors share a class, and tell the method, what was sent, and the cause", () => {
  const calls = ERRORS.map(([error]) => error).filter((error) => error instanceof CallError);
  assert.deepEqual(
    calls.map(({ method, sent }) => `${method} ${sent}`),
    ["add no", "add yes", "add unknown", "add no", "add no"],
  );
  assert.equal(calls[2]?.cause, cause);
  assert.ok(!("cause" in (calls[0] as Error)));
});
