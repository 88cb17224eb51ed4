import assert from "node:assert/strict";
import { test } from "node:test";
import {
  attemptError,
  castingError,
  encodingError,
  endError,
  givenUpError,
  headersOf,
  timeoutError,
} from "../../src/connection/failures.ts";

test("an attempt's failure keeps all that is known of it, and a Retry-After is read", () => {
  const cause = new Error("below");
  const error = attemptError(
    {
      kind: "establishing_failed",
      phase: "upgrade",
      reason: "status",
      message: "refused.",
      cause,
      status: 503,
      headers: [
        ["retry-after", "7"],
        ["x-why", "busy"],
      ],
      body: "later",
    },
    0,
  );
  assert.deepEqual(
    [error.kind, error.phase, error.reason, error.status, error.body, error.retryAfter, error.headers?.get("x-why")],
    ["establishing_failed", "upgrade", "status", 503, "later", 7000, "busy"],
  );
  assert.equal(error.cause, cause);
  assert.match(error.message, /refused\.$/);
});

test("a Retry-After that is a date is read by the clock that is given", () => {
  const headers = [["retry-after", "Thu, 01 Jan 1970 00:01:40 GMT"]] as const;
  const failure = { kind: "establishing_failed", phase: "upgrade", reason: "status", message: "no.", headers } as const;
  assert.equal(attemptError(failure, 60_000).retryAfter, 40_000);
  assert.equal(attemptError(failure, 100_001).retryAfter, 0);
});

test("a failure without an answer has neither status, headers, body nor retryAfter", () => {
  const error = attemptError({ kind: "connecting_failed", phase: "tcp", reason: "refused", message: "no." }, 0);
  assert.deepEqual(
    [error.status, error.headers, error.body, error.retryAfter],
    [undefined, undefined, undefined, undefined],
  );
});

test("a violation is decoding_failed with the close code that was sent; a loss is streaming_failed", () => {
  const violation = { type: "violation", closeCode: 1007, reason: "invalid_utf8", message: "bad byte." } as const;
  const violated = endError({ type: "violated", violation }, "closing");
  assert.deepEqual(
    [violated.kind, violated.phase, violated.closeCode, violated.reason],
    ["decoding_failed", "closing", 1007, "invalid_utf8"],
  );
  const cause = new Error("x");
  const lost = endError({ type: "lost", reason: "reset", message: "reset.", cause }, "open");
  assert.deepEqual([lost.kind, lost.reason, lost.cause], ["streaming_failed", "reset", cause]);
});

test("a deadline's error names its limit, its option and what was waited for", () => {
  const options = { providerTimeout: 1, connectTimeout: 2, upgradeTimeout: 3 };
  const provider = timeoutError("provider", "provider", options);
  assert.deepEqual([provider.kind, provider.phase, provider.reason], ["connecting_failed", "provider", "timed_out"]);
  assert.match(provider.message, /more than 1 ms.*providerTimeout/);
  const connect = timeoutError("connect", "tls", options);
  assert.deepEqual([connect.kind, connect.phase], ["connecting_failed", "tls"]);
  assert.match(connect.message, /within 2 ms.*connectTimeout/);
  for (const [phase, words] of [
    ["dns", /: the host name was not looked up within 2 ms\. Check this machine's resolver/],
    ["tcp", /: the server was not reached within 2 ms\. Check host, port and firewalls/],
    ["tls", /didn't finish the TLS handshake within 2 ms\. Check that it speaks TLS/],
    ["proxy", /: the proxy didn't open a way to the server within 2 ms\. Check the proxy/],
  ] as const) {
    assert.match(timeoutError("connect", phase, options).message, words);
  }
  const upgrade = timeoutError("upgrade", "upgrade", options);
  assert.deepEqual([upgrade.kind, upgrade.phase], ["establishing_failed", "upgrade"]);
  assert.match(upgrade.message, /within 3 ms.*upgradeTimeout/);
  const redirected = timeoutError("upgrade", "dns", options);
  assert.deepEqual([redirected.kind, redirected.phase], ["establishing_failed", "dns"]);
  assert.match(
    redirected.message,
    /3 ms after.*the server that a redirect leads to had not been reached.*upgradeTimeout/,
  );
});

test("faults of frames and of writes become encoding_failed and casting_failed", () => {
  assert.equal(encodingError({ reason: "close_code", message: "no such code." }, "open").kind, "encoding_failed");
  const casting = castingError({ reason: "reset", message: "2 frames were lost.", cause: "x" }, "open");
  assert.deepEqual([casting.kind, casting.reason, casting.cause], ["casting_failed", "reset", "x"]);
});

test("frames that were still waiting when a link was given up are casting_failed: given_up, with their number", () => {
  assert.match(givenUpError(1, "open").message, /A frame that send had accepted was still waiting/);
  const many = givenUpError(3, "closing");
  assert.deepEqual([many.kind, many.reason, many.phase], ["casting_failed", "given_up", "closing"]);
  assert.match(many.message, /3 frames that send had accepted were/);
});

test("a header that a Headers object refuses is left out, and no peer's header makes it throw", () => {
  const headers = headersOf([
    ["x-good", "1"],
    ["x bad name", "2"],
    ["x-bad-value", "a\u0000b"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ]);
  assert.deepEqual([...headers.keys()], ["set-cookie", "set-cookie", "x-good"]);
  assert.deepEqual(headers.getSetCookie(), ["a=1", "b=2"]);
});
