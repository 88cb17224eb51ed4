import assert from "node:assert/strict";
import type { LookupFunction } from "node:net";
import { test } from "node:test";
import { guardedLookup } from "../../src/transport/lookup.ts";

type Said = readonly [
  error: { readonly code?: string | undefined; readonly message: string; readonly cause?: unknown } | null,
  addresses: unknown,
];

const ask = (lookup: (...given: Parameters<LookupFunction>) => void, all = true): Promise<Said> =>
  new Promise((resolve) => {
    guardedLookup(lookup)("server.test", { all }, (error, addresses) => resolve([error, addresses]));
  });

test("an answer is passed on as it is", async () => {
  const list = [{ address: "127.0.0.1", family: 4 }];
  assert.deepEqual(await ask((_host, _options, done) => done(null, list)), [null, list]);
  assert.deepEqual(await ask((_host, _options, done) => done(null, "127.0.0.1", 4), false), [null, "127.0.0.1"]);
  const error = Object.assign(new Error("no"), { code: "EAI_AGAIN" });
  assert.deepEqual(await ask((_host, _options, done) => done(error, [])), [error, []]);
});

for (const nothing of [[], undefined, null, [null], {}]) {
  test(`an answer of ${JSON.stringify(nothing) ?? "undefined"} is a name that isn't found`, async () => {
    const [error, addresses] = await ask((_host, _options, done) => done(null, nothing as never));
    assert.equal(error?.code, "ENOTFOUND");
    assert.match(error?.message ?? "", /gave no address for server\.test/);
    assert.deepEqual(addresses, []);
  });
}

test("what it throws is told by calling back, and not at once", async () => {
  const thrown = new Error("no resolver");
  let isLater = false;
  const asked = ask(() => {
    throw thrown;
  }).then((said) => {
    assert.ok(isLater);
    return said;
  });
  isLater = true;
  assert.equal((await asked)[0], thrown);
  const [error] = await ask(() => {
    throw undefined as never;
  });
  assert.match(error?.message ?? "", /lookup threw/);
});

test("what it throws after its answer is its own", () => {
  const lookup = guardedLookup((_host, _options, done) => {
    done(null, [{ address: "127.0.0.1", family: 4 }]);
    throw new Error("too late");
  });
  assert.throws(() => lookup("server.test", { all: true }, () => undefined), /too late/);
});
