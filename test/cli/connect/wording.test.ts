/** Advice names what the reader can do: options of the command, not of the library. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inCommandTerms } from "../../../src/cli/connect/wording.ts";
import { openingFailure } from "../../../src/transport/failure.ts";

const failing = (code: string) => openingFailure(Object.assign(new Error(), { code }), "tls", "host:1", false).message;

test("a certificate that nobody known has signed asks for --ca", () => {
  assert.match(inCommandTerms(failing("DEPTH_ZERO_SELF_SIGNED_CERT")), /give its authority's certificate with --ca\.$/);
});

test("a server that wants a certificate asks for --cert and --key", () => {
  assert.match(inCommandTerms(failing("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED")), /\(--cert and --key\)/);
});

test("a deadline that ran out names --connect-timeout", () => {
  assert.equal(inCommandTerms("Check it, or raise connectTimeout."), "Check it, or raise --connect-timeout.");
  assert.equal(inCommandTerms("Check it, or raise upgradeTimeout."), "Check it, or raise --connect-timeout.");
});

test("a sentence without options stays as it is", () => {
  assert.equal(inCommandTerms("The server went away."), "The server went away.");
});
