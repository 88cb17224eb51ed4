import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { holdsSecret, withoutSecrets } from "../../src/connection/secrets.ts";

test("a secret is replaced wherever it stands in words, as it is and as an address has it", () => {
  assert.equal(withoutSecrets("a b/c, a%20b%2Fc, ab", ["a b/c"]), "[redacted], [redacted], ab");
  assert.equal(
    withoutSecrets("user u, key k", [{ user: "u", key: "k", port: 5 }]),
    "[redacted]ser [redacted], [redacted]ey [redacted]",
  );
  assert.equal(withoutSecrets("nothing", ["", 5, null, undefined, {}]), "nothing");
});

test("whatever the words and the secret, nothing of the secret is left whole", () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: "binary", minLength: 1 }), fc.string(), (before, secret, after) => {
      fc.pre(!"[redacted]".includes(secret) && !(before + after).includes(secret));
      const clean = withoutSecrets(`${before}${secret}${after}`, [secret]);
      assert.ok(clean.includes("[redacted]"));
    }),
  );
});

test("half of a surrogate pair is no reason to fail", () => {
  assert.equal(withoutSecrets("x\ud800y", ["\ud800"]), "x[redacted]y");
});

test("a secret is found in an error's words, its own properties, its causes, and in what is no error", () => {
  const secret = "s3cret";
  const holding: readonly unknown[] = [
    new Error("it is s3cret"),
    Object.assign(new Error("no"), { input: "ws://x/?token=s3cret" }),
    new Error("no", { cause: new Error("no", { cause: "s3cret" }) }),
    "s3cret",
    { token: "s3cret" },
  ];
  for (const thrown of holding) assert.equal(holdsSecret(thrown, [secret]), true);
  for (const thrown of [new Error("no"), "no", {}, null, undefined, 5])
    assert.equal(holdsSecret(thrown, [secret]), false);
});

test("a circle of causes is walked only so far", () => {
  const error = new Error("round");
  error.cause = error;
  assert.equal(holdsSecret(error, ["s3cret"]), false);
});
