/** A shared credential by itself: how often it is fetched, for whom, and when again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Credential, CredentialWanted } from "../../src/connection/credential-store.ts";
import { CredentialError } from "../../src/connection/errors.ts";
import type { Asking } from "../../src/connection/option-types.ts";
import { type RefreshableOptions, refreshable } from "../../src/connection/refreshable.ts";
import { FakeClock } from "../../src/testing/index.ts";

type Asked = {
  readonly reason: CredentialWanted;
  readonly previous: string | undefined;
  readonly signal: AbortSignal;
  give(value: string, life?: number): void;
  answer(credential: unknown): void;
  fail(error: unknown): void;
};

/** A token service that answers when the test says so, and a credential that asks it. */
function tokenService(options: RefreshableOptions = {}) {
  const clock = new FakeClock();
  const asked: Asked[] = [];
  const token = refreshable<string>(
    ({ reason, previous, signal }) =>
      new Promise((resolve, reject) => {
        const answer = (credential: unknown) => resolve(credential as Credential<string>);
        asked.push({
          reason,
          previous,
          signal,
          answer,
          give: (value, life) =>
            answer(life === undefined ? { value } : { value, expiresAt: clock.wallClock() + life }),
          fail: reject,
        });
      }),
    { clock, random: () => 0.5, ...options },
  );
  return { clock, asked, token };
}

const settled = async () => {
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
};

/** What a promise has come to by now: its value, its error, or "pending". */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  await settled();
  return Promise.race([promise.catch((error: unknown) => error), Promise.resolve("pending")]);
}

/** Some connection that asks a provider, and the answer. */
function connectionOf(provider: ReturnType<ReturnType<typeof tokenService>["token"]["headers"]>) {
  const self: Asking = { id: "1" };
  const ask = (signal = new AbortController().signal) => provider({ attempt: 1, signal, self }) as Promise<unknown>;
  return { self, ask };
}

const bearer = (value: string) => ({ authorization: `Bearer ${value}` });

test("nothing is fetched before somebody asks, and 10,000 who ask at once share one fetch", async () => {
  const { token, asked, clock } = tokenService();
  await settled();
  assert.equal(asked.length, 0);
  const provider = token.headers(bearer);
  const answers = Array.from({ length: 10_000 }, () => connectionOf(provider).ask());
  await settled();
  assert.deepEqual(
    asked.map(({ reason, previous }) => [reason, previous]),
    [["first", undefined]],
  );
  asked[0]?.give("a", 3_600_000);
  const all = await Promise.all(answers);
  assert.ok(all.every((headers) => (headers as { authorization: string }).authorization === "Bearer a"));
  assert.equal(await token.get(), "a");
  assert.deepEqual([asked.length, clock.pending], [1, 0]);
});

test("an expired credential is fetched anew when somebody asks, not before", async () => {
  const { token, asked, clock } = tokenService({ renewBefore: 0 });
  void token.get();
  await settled();
  asked[0]?.give("a", 1000);
  await settled();
  clock.advance(999);
  assert.equal(await token.get(), "a");
  clock.advance(1_000_000);
  await settled();
  assert.deepEqual([asked.length, clock.pending], [1, 0]);
  const answer = token.get();
  await settled();
  assert.deepEqual([asked[1]?.reason, asked[1]?.previous], ["expired", "a"]);
  asked[1]?.give("b");
  assert.equal(await answer, "b");
});

test("a credential in use is renewed before it expires, once, and the old one is given out meanwhile", async () => {
  const { token, asked, clock } = tokenService({ renewBefore: 1000 });
  void token.get();
  await settled();
  asked[0]?.give("a", 10_000);
  await settled();
  clock.advance(8499);
  assert.equal(await token.get(), "a");
  await settled();
  assert.equal(asked.length, 1);
  clock.advance(1);
  for (let time = 0; time < 5; time += 1) assert.equal(await token.get(), "a");
  await settled();
  assert.deepEqual(
    asked.map(({ reason }) => reason),
    ["first", "renewal"],
  );
  asked[1]?.give("b", 10_000);
  await settled();
  assert.equal(await token.get(), "b");
});

test("the moment of a renewal is drawn between once and twice renewBefore ahead, and not in the first half of a short life", async () => {
  const renewsAt = async (draw: number, life: number): Promise<number> => {
    const { token, asked, clock } = tokenService({ renewBefore: 1000, random: () => draw });
    void token.get();
    await settled();
    asked[0]?.give("a", life);
    await settled();
    for (let now = 0; now < life; now += 50) {
      await token.get();
      await settled();
      if (asked.length > 1) return now;
      clock.advance(50);
    }
    return life;
  };
  assert.equal(await renewsAt(0, 10_000), 9000);
  assert.equal(await renewsAt(0.5, 10_000), 8500);
  assert.equal(await renewsAt(0.999, 10_000), 8050);
  assert.equal(await renewsAt(0.999, 1000), 500);
});

test("a renewal that fails bothers nobody while the credential holds, and is tried again after a while", async () => {
  const { token, asked, clock } = tokenService({ renewBefore: 5000, backoffInitial: 400 });
  void token.get();
  await settled();
  asked[0]?.give("a", 20_000);
  await settled();
  clock.advance(15_000);
  assert.equal(await token.get(), "a");
  await settled();
  asked[1]?.fail(new Error("away"));
  await settled();
  clock.advance(199);
  assert.equal(await token.get(), "a");
  await settled();
  assert.equal(asked.length, 2);
  clock.advance(1);
  assert.equal(await token.get(), "a");
  await settled();
  assert.equal(asked.length, 3);
});

test("a renewal that takes so long that the credential expires is waited for, not asked a second time", async () => {
  const { token, asked, clock } = tokenService({ renewBefore: 1000 });
  void token.get();
  await settled();
  asked[0]?.give("a", 4000);
  await settled();
  clock.advance(3000);
  await token.get();
  clock.advance(2000);
  const answer = token.get();
  await settled();
  assert.equal(asked.length, 2);
  asked[1]?.give("b");
  assert.equal(await answer, "b");
});

test("a renewal goes on when the last one who has come to wait for it leaves again", async () => {
  const { token, asked, clock } = tokenService({ renewBefore: 1000 });
  void token.get();
  await settled();
  asked[0]?.give("a", 4000);
  await settled();
  clock.advance(3000);
  await token.get();
  clock.advance(1000);
  const leaving = new AbortController();
  const left = token.get({ signal: leaving.signal });
  await settled();
  leaving.abort(new Error("gone"));
  await assert.rejects(left, { message: "gone" });
  assert.equal(asked[1]?.signal.aborted, false);
  asked[1]?.give("b");
  await settled();
  assert.equal(await token.get(), "b");
  assert.equal(asked.length, 2);
});

test("a renewal that gives the same credential prolongs it: whoever was given it before can still have it refused", async () => {
  const { token, asked, clock } = tokenService({ renewBefore: 1000 });
  const one = connectionOf(token.headers(bearer));
  const first = one.ask();
  await settled();
  asked[0]?.give("a", 4000);
  await first;
  clock.advance(3000);
  await token.get();
  await settled();
  asked[1]?.give("a", 10_000);
  await settled();
  clock.advance(2000);
  assert.equal(await token.get(), "a");
  token.refused(one.self);
  const second = one.ask();
  await settled();
  assert.equal(asked[2]?.reason, "refused");
  asked[2]?.give("b");
  assert.deepEqual(await second, bearer("b"));
});

test("when one connection is refused after another has had the credential refreshed, there is no second fetch", async () => {
  const { token, asked } = tokenService();
  const provider = token.headers(bearer);
  const [one, other, third] = [connectionOf(provider), connectionOf(provider), connectionOf(provider)];
  const answers = [one.ask(), other.ask(), third.ask()];
  await settled();
  asked[0]?.give("a");
  await Promise.all(answers);
  token.refused(one.self);
  token.refused(other.self);
  const renewed = [one.ask(), other.ask()];
  await settled();
  assert.deepEqual(
    asked.map(({ reason, previous }) => [reason, previous]),
    [
      ["first", undefined],
      ["refused", "a"],
    ],
  );
  asked[1]?.give("b");
  assert.deepEqual(await Promise.all(renewed), [bearer("b"), bearer("b")]);
  token.refused(third.self);
  assert.deepEqual(await third.ask(), bearer("b"));
  assert.equal(asked.length, 2);
});

test("a connection that never had a credential has none refused", async () => {
  const { token, asked } = tokenService();
  void token.get();
  await settled();
  asked[0]?.give("a");
  await settled();
  token.refused({ id: "a stranger" });
  assert.equal(await token.get(), "a");
});

test("the same credential again after a refusal is unchanged: an error, and asked for again only after a while", async () => {
  const { token, asked, clock } = tokenService({ backoffInitial: 1000 });
  const one = connectionOf(token.headers(bearer));
  const first = one.ask();
  await settled();
  asked[0]?.give("a");
  await first;
  token.refused(one.self);
  const second = one.ask();
  await settled();
  asked[1]?.give("a");
  await assert.rejects(second, { name: "CredentialError", reason: "unchanged", retryAfter: 500 });
  await assert.rejects(one.ask(), { reason: "unchanged", retryAfter: 500 });
  clock.advance(500);
  const third = one.ask();
  await settled();
  assert.equal(asked.length, 3);
  asked[2]?.give("b");
  assert.deepEqual(await third, bearer("b"));
});

test("a renewal that was under way at the refusal is asked again if it gives the same, because it knows nothing of it", async () => {
  const { token, asked, clock } = tokenService({ renewBefore: 1000 });
  const one = connectionOf(token.headers(bearer));
  const first = one.ask();
  await settled();
  asked[0]?.give("a", 4000);
  await first;
  clock.advance(3000);
  await one.ask();
  await settled();
  token.refused(one.self);
  const second = one.ask();
  await settled();
  asked[1]?.give("a", 4000);
  await settled();
  assert.deepEqual(
    asked.map(({ reason }) => reason),
    ["first", "renewal", "refused"],
  );
  asked[2]?.give("b");
  assert.deepEqual(await second, bearer("b"));
});

test("objects with equal members are the same credential", async () => {
  const given = [
    { user: "u", key: "k" },
    { user: "u", key: "k" },
    { user: "u", key: "l" },
  ];
  const clock = new FakeClock();
  const token = refreshable(() => ({ value: given.shift() as { user: string; key: string } }), {
    clock,
    backoffInitial: 0,
  });
  const self: Asking = { id: "1" };
  const provider = token.uri(({ key }) => `ws://127.0.0.1/?key=${key}`);
  const ask = () => provider({ attempt: 1, signal: new AbortController().signal, self }) as Promise<unknown>;
  assert.equal(await ask(), "ws://127.0.0.1/?key=k");
  token.refused(self);
  await assert.rejects(ask(), { reason: "unchanged" });
  assert.equal(await ask(), "ws://127.0.0.1/?key=l");
});

test("a fetch that fails fails everybody who waits, and the next to ask is asked for only after a backoff that grows", async () => {
  const { token, asked, clock } = tokenService({ backoffInitial: 1000, backoffMax: 3000 });
  const away = new Error("the token service is away");
  for (const wait of [500, 1000, 1500, 1500]) {
    const before = asked.length;
    const answers = Array.from({ length: 100 }, () => token.get());
    await settled();
    assert.equal(asked.length, before + 1);
    asked.at(-1)?.fail(away);
    for (const answer of answers) {
      await assert.rejects(answer, {
        name: "CredentialError",
        reason: "failed",
        message: "Fetching the credential failed: the token service is away",
        cause: away,
        retryAfter: wait,
      });
    }
    clock.advance(wait - 1);
    await assert.rejects(token.get(), { reason: "failed", retryAfter: 1 });
    assert.equal(asked.length, before + 1);
    clock.advance(1);
  }
  const answer = token.get();
  await settled();
  asked.at(-1)?.give("a");
  assert.equal(await answer, "a");
});

test("a token service that says how long to leave it alone is left alone so long, at most five minutes", async () => {
  for (const [asks, waits] of [
    [60_000, 60_000 * 1.125],
    [1e9, 300_000 * 1.125],
  ] as const) {
    const { token, asked } = tokenService();
    const answer = token.get();
    await settled();
    asked[0]?.fail(Object.assign(new Error("busy"), { retryAfter: asks }));
    await assert.rejects(answer, { reason: "failed", retryAfter: waits });
  }
});

test("a fetch that throws at once, or gives what is no credential, is an error in words", async (t) => {
  const clock = new FakeClock();
  const cases: readonly (readonly [string, () => unknown, string])[] = [
    [
      "throws",
      () => {
        throw new Error("not a promise");
      },
      "failed",
    ],
    ["undefined", () => undefined, "unusable"],
    ["a bare string", () => "a", "unusable"],
    ["no value", () => ({ expiresAt: 5 }), "unusable"],
    ["a date", () => ({ value: "a", expiresAt: new Date() }), "unusable"],
    ["NaN", () => ({ value: "a", expiresAt: Number.NaN }), "unusable"],
    ["expired", () => ({ value: "a", expiresAt: clock.wallClock() }), "expired"],
  ];
  for (const [name, fetch, reason] of cases) {
    await t.test(name, async () => {
      const token = refreshable(fetch as () => Credential<string>, { clock });
      await assert.rejects(token.get(), { name: "CredentialError", reason });
    });
  }
});

test("a fetch has timeout ms: then its signal aborts, everybody who waits hears of it, and what it brings later is void", async () => {
  const { token, asked, clock } = tokenService({ timeout: 700, backoffInitial: 0 });
  const answer = token.get();
  await settled();
  clock.advance(699);
  assert.equal(await stateOf(answer), "pending");
  clock.advance(1);
  await assert.rejects(answer, { name: "CredentialError", reason: "timed_out", message: /within 700 ms/ });
  assert.deepEqual([asked[0]?.signal.aborted, clock.pending], [true, 0]);
  asked[0]?.give("late");
  const second = token.get();
  await settled();
  asked[1]?.give("b");
  assert.equal(await second, "b");
  assert.equal(asked.length, 2);
});

test("a fetch is aborted when the last one who waits has gone, not before; its late result, good or bad, is void", async () => {
  for (const late of ["good", "bad"] as const) {
    const { token, asked, clock } = tokenService();
    const [one, other] = [new AbortController(), new AbortController()];
    const answers = [token.get({ signal: one.signal }), token.get({ signal: other.signal })];
    await settled();
    one.abort(new Error("first"));
    await assert.rejects(answers[0] as Promise<string>, { message: "first" });
    assert.equal(asked[0]?.signal.aborted, false);
    other.abort(new Error("second"));
    await assert.rejects(answers[1] as Promise<string>, { message: "second" });
    assert.deepEqual([asked[0]?.signal.aborted, clock.pending], [true, 0]);
    if (late === "good") asked[0]?.give("late");
    else asked[0]?.fail(new Error("late"));
    await settled();
    const answer = token.get();
    await settled();
    assert.deepEqual([asked.length, asked[1]?.reason], [2, "first"]);
    asked[1]?.give("b");
    assert.equal(await answer, "b");
  }
});

test("a signal that has aborted already fetches nothing", async () => {
  const { token, asked } = tokenService();
  await assert.rejects(token.get({ signal: AbortSignal.abort(new Error("gone")) }), { message: "gone" });
  assert.equal(asked.length, 0);
});

test("a credential that expires by a jump of the wall clock is fetched anew", async () => {
  const { token, asked, clock } = tokenService({ renewBefore: 0 });
  void token.get();
  await settled();
  asked[0]?.give("a", 3_600_000);
  await settled();
  clock.jumpWallClock(3_600_000);
  void token.get();
  await settled();
  assert.deepEqual(
    asked.map(({ reason }) => reason),
    ["first", "expired"],
  );
});

test("a fetch that puts the credential before into its error doesn't spread it either", async () => {
  const { token, asked, clock } = tokenService({ renewBefore: 0 });
  void token.get();
  await settled();
  asked[0]?.give("s3cret", 1000);
  await settled();
  clock.advance(1000);
  const answer = token.get();
  await settled();
  asked[1]?.fail(new Error("no refresh of s3cret"));
  await assert.rejects(answer, (error: unknown) => {
    assert.ok(error instanceof CredentialError);
    assert.equal(error.message, "Fetching the credential failed: no refresh of [redacted]");
    assert.equal(error.cause, undefined);
    return true;
  });
});
