/** refreshable(): its options, and that nobody sees the credential who shouldn't. What it does on connections: test/fresh/credentials.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { CredentialError, InvalidOptionError } from "../../src/connection/errors.ts";
import { type RefreshableOptions, refreshable } from "../../src/connection/refreshable.ts";
import { FakeClock } from "../../src/testing/index.ts";

test("the credential is in no text of its holder, and in no error", async () => {
  const secret = "s3cr/t &token";
  const clock = new FakeClock();
  const token = refreshable(() => ({ value: secret }), { clock });
  assert.equal(await token.get(), secret);
  for (const text of [String(token), JSON.stringify({ token }), inspect(token, { showHidden: true, depth: 9 })]) {
    assert.match(text, /redacted/);
    assert.doesNotMatch(text, /s3cr/);
  }
  const maps: readonly ((value: string) => string)[] = [
    (value) => new URL(`/path?token=${value}`).href,
    (value) => new URL(`/path?token=${encodeURIComponent(value)}`).href,
    (value) => {
      throw new Error(`can't use ${value}`, { cause: value });
    },
    (value) => {
      throw value;
    },
    (value) => {
      throw new Error("wrapped", { cause: new Error(value) });
    },
  ];
  for (const map of maps) {
    const provider = token.uri(map);
    const context = { attempt: 1, signal: new AbortController().signal, self: { id: "1" } };
    await assert.rejects(provider(context) as Promise<unknown>, (error: unknown) => {
      assert.ok(error instanceof CredentialError);
      assert.equal(error.reason, "unusable");
      assert.match(error.message, /^the function given to uri\(\) of a refreshable failed: /);
      assert.doesNotMatch(inspect(error, { showHidden: true, depth: 9 }), /s3cr/);
      return true;
    });
  }
});

test("options that can't be taken are refused with their names", () => {
  const fetch = () => ({ value: "a" });
  const cases: readonly (readonly [unknown, string])[] = [
    [{ renewBefore: -1 }, "renewBefore"],
    [{ timeout: 0 }, "timeout"],
    [{ maxRefusals: 0 }, "maxRefusals"],
    [{ refreshOn: [401] }, "refreshOn"],
    [{ refreshOn: { statuses: 401 } }, "refreshOn.statuses"],
    [{ refreshOn: { closeCodes: ["4401"] } }, "refreshOn.closeCodes"],
    [{ refreshOn: { status: [401] } }, "refreshOn.status"],
    [{ renewbefore: 1 }, "renewbefore"],
    [{ clock: {} }, "clock"],
    [{ random: 0.5 }, "random"],
  ];
  for (const [options, option] of cases) {
    assert.throws(
      () => refreshable(fetch, options as RefreshableOptions),
      (error: unknown) => error instanceof InvalidOptionError && error.option === option,
      option,
    );
  }
  assert.throws(() => refreshable(undefined as unknown as typeof fetch), {
    name: "TypeError",
    message: /takes a function/,
  });
  const token = refreshable(fetch);
  assert.throws(() => token.headers({} as unknown as () => never), {
    name: "TypeError",
    message: /token\.headers\(\) takes/,
  });
});
