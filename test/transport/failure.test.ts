import assert from "node:assert/strict";
import { test } from "node:test";
import {
  castFailure,
  lostEnd,
  openingFailure,
  proxyRefused,
  thrownFailure,
  timeoutFailure,
  upgradeRefused,
} from "../../src/transport/failure.ts";

const failed = (code: string | undefined, more: object = { syscall: "x" }) =>
  Object.assign(new Error("secret"), code === undefined ? {} : { code }, more);
const opening = (error: unknown, progress: Parameters<typeof openingFailure>[1], proxied = false) => {
  const { kind, phase, reason, message } = openingFailure(error, progress, "a.test:80", proxied);
  assert.ok(!message.includes("secret"));
  return `${kind} ${phase} ${reason}: ${message}`;
};

test("each code has its reason, and a sentence that says what to do", () => {
  const cases = [
    ["ENOTFOUND", "dns", "dns not_found: a.test:80 has a host name that doesn't resolve."],
    ["EAI_AGAIN", "dns", "dns resolver_unavailable: a.test:80 can't be looked up: the resolver didn't answer."],
    ["EWHAT", "dns", "dns ewhat: a.test:80 has a host name that can't be looked up (EWHAT). The cause tells more."],
    ["ECONNREFUSED", "tcp", "tcp refused: a.test:80 refused the connection."],
    ["ETIMEDOUT", "tcp", "tcp timed_out: a.test:80 didn't answer in time."],
    ["EHOSTUNREACH", "tcp", "tcp unreachable: a.test:80 can't be reached from here."],
    ["ENETUNREACH", "tcp", "tcp unreachable: a.test:80 can't be reached from here."],
    ["ECONNRESET", "tcp", "tcp reset: a.test:80 reset the connection before it was established."],
    ["EADDRNOTAVAIL", "tcp", "tcp address_not_available: a.test:80 can't be reached from the local address."],
    ["EADDRINUSE", "tcp", "tcp address_in_use: a.test:80 can't be reached from the local port, which is in use."],
    ["EACCES", "tcp", "tcp not_permitted: a.test:80 may not be connected to: the system forbids it."],
    [
      "EMFILE",
      "tcp",
      "tcp too_many_open_files: a.test:80 can't be connected to: this process has too many open files.",
    ],
    ["ENOENT", "tcp", "tcp no_such_socket: a.test:80 is no socket."],
    ["EWHAT", "tcp", "tcp ewhat: a.test:80 can't be connected to (EWHAT). The cause tells more."],
    [undefined, "tcp", "tcp unknown: a.test:80 can't be connected to. The cause tells more."],
  ] as const;
  for (const [code, progress, expected] of cases) {
    const said = opening(failed(code), progress);
    assert.ok(said.startsWith(`connecting_failed ${expected}`), said);
    assert.match(said, /\.$/);
  }
});

test("of TLS, the code stands in the sentence, also where only OpenSSL's own words tell it", () => {
  assert.match(opening(failed("CERT_HAS_EXPIRED"), "tls"), / tls cert_has_expired: The certificate of .* renewed/);
  assert.match(
    opening(failed("CERT_REVOKED"), "tls"),
    / tls cert_revoked: The certificate of .* whoever runs the server/,
  );
  assert.match(opening(failed("SELF_SIGNED_CERT_IN_CHAIN"), "tls"), /transportOptions\.ca\.$/);
  assert.match(opening(failed("ERR_TLS_CERT_ALTNAME_INVALID"), "tls"), / tls cert_altname_invalid: .*servername\.$/);
  assert.match(
    opening(failed("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION"), "tls"),
    / tls tlsv1_alert_protocol_version: a\.test:80 refused/,
  );
  const written = Object.assign(
    new Error(
      "write EPROTO 80:error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:../x.c:1601:SSL",
    ),
    { code: "EPROTO", syscall: "write" },
  );
  assert.match(
    opening(written, "tls"),
    / tls sslv3_alert_handshake_failure: .*\(ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE\)/,
  );
  assert.match(opening(failed("EPROTO"), "tls"), / tls eproto: TLS with a\.test:80 failed \(EPROTO\)\./);
  assert.match(
    opening(failed("ECONNRESET"), "tls"),
    / tls reset: a\.test:80 reset the connection during the TLS handshake/,
  );
  assert.match(
    opening(failed("ECONNRESET", {}), "tls"),
    / tls ended: a\.test:80 ended the connection during the TLS handshake/,
  );
  assert.match(opening(failed(undefined), "tls"), / tls unknown: TLS with a\.test:80 failed\. /);
});

test("a certificate that the server refuses after our side of the handshake is a failure of TLS all the same", () => {
  assert.match(
    opening(failed("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"), "answer"),
    /^connecting_failed tls tlsv13_alert_certificate_required: .*transportOptions\.cert and key/,
  );
});

test("after the request, a failure is the answer's", () => {
  const cases = [
    [failed("ECONNRESET", {}), "ended", "ended the connection before it answered"],
    [failed("ECONNRESET"), "reset", "reset the connection before it answered"],
    [failed("EPIPE"), "broken_pipe", "before it took the upgrade request"],
    [failed("HPE_HEADER_OVERFLOW"), "headers_too_large", "Raise transportOptions.maxHeaderSize"],
    [failed("HPE_INVALID_CONSTANT"), "malformed_response", "is no HTTP response"],
    [failed("EWHAT"), "ewhat", "failed before it answered the upgrade request (EWHAT)"],
  ] as const;
  for (const [error, reason, words] of cases) {
    const said = opening(error, "answer");
    assert.ok(said.startsWith(`establishing_failed upgrade ${reason}: a.test:80 `), said);
    assert.ok(said.includes(words), said);
  }
});

test("what could not be parsed doesn't stay on the error, which may go to a log", () => {
  const error = failed("HPE_INVALID_CONSTANT", { rawPacket: Buffer.from("secret") });
  assert.equal(openingFailure(error, "answer", "a.test:80", false).cause, error);
  assert.ok(!("rawPacket" in error));
});

test("a proxy's failure is known by the agent, by the error's phase, or by its code", () => {
  assert.match(
    opening(failed("ECONNREFUSED"), "agent", true),
    /^connecting_failed proxy refused: The proxy on the way to a\.test:80 refused/,
  );
  assert.match(
    opening(failed("EODD", { phase: "proxy" }), "agent"),
    /^connecting_failed proxy eodd: The proxy .* failed \(EODD\)/,
  );
  assert.match(opening(failed("ERR_PROXY_TUNNEL"), "tcp"), /^connecting_failed proxy err_proxy_tunnel: /);
  assert.match(opening(failed("ECONNREFUSED"), "agent"), /^connecting_failed tcp refused: a\.test:80 /);
  assert.match(opening(failed("ENOTFOUND"), "agent"), /^connecting_failed dns not_found: /);
});

test("something that is no error is a failure without a code", () => {
  for (const thrown of [undefined, null, "secret", 7]) {
    assert.match(opening(thrown, "tcp"), /^connecting_failed tcp unknown: /);
  }
});

test("a refusal tells its status and what to do, a proxy's that it was the proxy", () => {
  const refusal = { status: 401, headers: [], body: "secret" };
  assert.equal(
    upgradeRefused("a.test:80", refusal, new URL("ws://a.test/")).message,
    "a.test:80 refused the upgrade with status 401. Check the credentials that the headers carry.",
  );
  assert.equal(
    proxyRefused("a.test:80", refusal).message,
    "The proxy on the way to a.test:80 refused the tunnel with status 401. Check its address and credentials.",
  );
});

test("a refusal with a redirecting status tells where it points, without a query, and how to have it followed", () => {
  const refused = (location: string) =>
    upgradeRefused("a.test:80", { status: 307, headers: [["location", location]] }, new URL("ws://a.test/b/c")).message;
  assert.equal(
    refused("d?token=secret"),
    "a.test:80 refused the upgrade with status 307. It points to ws://a.test/b/d: connect there, or have redirects followed with the option maxRedirects.",
  );
  assert.equal(
    refused("secret:x"),
    "a.test:80 refused the upgrade with status 307. It points elsewhere, but could not be followed: the answer points to an address that isn't ws:, wss:, http: or https:.",
  );
});

test("an idle socket times out in the phase that it had come to", () => {
  const brief = (progress: Parameters<typeof timeoutFailure>[0]) => {
    const { kind, phase, reason } = timeoutFailure(progress, "a.test:80");
    return `${kind} ${phase} ${reason}`;
  };
  assert.equal(brief("dns"), "connecting_failed dns timed_out");
  assert.equal(brief("tcp"), "connecting_failed tcp timed_out");
  assert.equal(brief("tls"), "connecting_failed tls timed_out");
  assert.equal(brief("answer"), "establishing_failed upgrade timed_out");
});

test("what Node throws for an option stays in the cause, as it may hold the option's value", () => {
  const { kind, reason, message, cause } = thrownFailure(failed("ERR_INVALID_ARG_TYPE"), "a.test:80");
  assert.equal(`${kind} ${reason}`, "upgrading_failed invalid_option");
  assert.ok(message.includes("ERR_INVALID_ARG_TYPE") && !message.includes("secret"));
  assert.equal((cause as Error).message, "secret");
  assert.equal(thrownFailure(failed("ERR_UNESCAPED_CHARACTERS"), "a.test:80").reason, "invalid_path");
});

test("an open connection's loss has its reason and its cause; a FIN has none", () => {
  assert.deepEqual(lostEnd(undefined, "a.test:80"), {
    type: "lost",
    reason: "ended",
    message: "a.test:80 ended the connection without a close frame.",
  });
  const cases = [
    ["ECONNRESET", "reset", "reset the connection."],
    ["EPIPE", "broken_pipe", "had ended the connection when something was sent."],
    ["ETIMEDOUT", "timed_out", "could not be reached any more."],
    ["EHOSTUNREACH", "unreachable", "could not be reached any more."],
    ["EWHAT", "ewhat", "failed (EWHAT)."],
  ] as const;
  for (const [code, reason, words] of cases) {
    const error = failed(code);
    assert.deepEqual(lostEnd(error, "a.test:80"), {
      type: "lost",
      reason,
      message: `a.test:80 ${words}`,
      cause: error,
    });
  }
});

test("frames that were lost are counted in the sentence", () => {
  assert.equal(
    castFailure(1, undefined, "a.test:80").message,
    "A frame to a.test:80 could not be written: the peer ended the connection without a close frame. Send again what matters.",
  );
  const { frames, reason, message } = castFailure(3, failed("EPIPE"), "a.test:80");
  assert.deepEqual({ frames, reason }, { frames: 3, reason: "broken_pipe" });
  assert.match(message, /^3 frames to a\.test:80 could not be written: /);
});
