import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { redactHeaders, redactUri, redactUrl } from "../../src/connection/redact.ts";

test("an address is shown without userinfo and fragment, and with its query values hidden", () => {
  assert.equal(
    redactUrl(new URL("wss://me:s3cret@host:8443/feed?token=s3cret&depth=5#s3cret")),
    "wss://host:8443/feed?token=***&depth=***",
  );
  assert.equal(redactUrl(new URL("ws://host/")), "ws://host/");
  assert.equal(redactUrl(new URL("ws://host/?s3cret&a=s3cret=b&=s3cret")), "ws://host/?***&a=***&=***");
  assert.equal(redactUrl(new URL("ws://host/?a=b?s3cret=&c=?s3cret==")), "ws://host/?a=***&c=***");
});

test("no userinfo, query value or fragment of any address is shown", () => {
  const secret = fc.stringMatching(/^[A-Z]{12}$/);
  fc.assert(
    fc.property(secret, secret, secret, (user, value, fragment) => {
      const uri = `wss://${user}:${value}@host/path?key=${value}#${fragment}`;
      for (const shown of [redactUrl(new URL(uri)), redactUri(uri)]) {
        for (const hidden of [user, value, fragment]) assert.ok(!shown.includes(hidden), shown);
      }
    }),
  );
});

test("what is no address keeps what might be secret in it hidden too", () => {
  assert.equal(redactUri("nonsense?token=s3cret"), "nonsense?***");
  assert.equal(redactUri("://me:s3cret@host"), "***@host");
});

test("what Node's URL.canParse takes for an address by mistake, as it does when it is hot, is shown all the same", () => {
  for (let round = 0; round < 50_000; round++) assert.equal(redactUri("HTTP:\u00c5\u00a0"), "HTTP:\u00c5\u00a0");
});

test("of a header only the name is shown, but for the few that never carry credentials", () => {
  assert.deepEqual(
    redactHeaders([
      ["Authorization", "Bearer s3cret"],
      ["Cookie", "sid=s3cret"],
      ["Sec-WebSocket-Protocol", "token.s3cret"],
      ["X-Api-Key", "s3cret"],
      ["User-Agent", "bot/1"],
    ]),
    { Authorization: "***", Cookie: "***", "Sec-WebSocket-Protocol": "***", "X-Api-Key": "***", "User-Agent": "bot/1" },
  );
});
