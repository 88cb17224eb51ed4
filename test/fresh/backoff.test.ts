/** How long a connection waits before it tries again, against the `ws` package's server and against none at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Options, reconnect, stop } from "../../src/index.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { Log, launch, Recorder } from "./fixtures.ts";
import { type Refusal, WsServer } from "./ws-server.ts";

/** The waits that a log tells of, in ms. */
const waitsOf = (log: Log) => log.lines.flatMap(({ fields }) => (typeof fields.wait === "number" ? [fields.wait] : []));

/** The first waits of a connection whose server refuses each attempt. */
async function waits(count: number, options: Options<null>, refusal: Refusal = { status: 500 }): Promise<number[]> {
  await using server = await WsServer.start({ refuse: () => refusal });
  const log = new Log();
  const recorder = new Recorder<null>();
  await using _connection = launch(server, recorder, null, { logger: log, ...options });
  await recorder.call("handleError", count + 1);
  return waitsOf(log).slice(0, count);
}

test('backoffJitter "none" waits initial · factorⁿ, at most max', async () => {
  const series = await waits(6, { backoffInitial: 2, backoffFactor: 2, backoffMax: 11, backoffJitter: "none" });
  assert.deepEqual(series, [2, 4, 8, 11, 11, 11]);
});

test('backoffJitter "full" draws each wait from 0 to the ceiling, the first one too', async () => {
  const series = await waits(12, { backoffInitial: 4, backoffFactor: 1.5, backoffMax: 10, backoffJitter: "full" });
  for (const [at, wait] of series.entries())
    assert.ok(wait >= 0 && wait <= Math.min(10, 4 * 1.5 ** at), `${wait} at ${at}`);
  assert.equal(new Set(series).size, series.length);
});

test("on a clock and a chance of its own, a connection waits by that clock for what that chance says", async () => {
  await using server = await WsServer.start({ refuse: () => ({ status: 500 }) });
  const clock = new FakeClock();
  const log = new Log();
  const recorder = new Recorder<null>();
  await using _connection = launch(server, recorder, null, {
    logger: log,
    clock,
    random: () => 0.75,
    backoffMax: 30_000,
    backoffJitter: "full",
    backoffInitial: 1000,
    backoffFactor: 2,
    pingInterval: 0,
  });
  for (const attempt of [1, 2, 3]) {
    await recorder.call("handleError", attempt);
    assert.equal(recorder.calls.entries.length, attempt, "nothing happens by itself");
    clock.advance(1500 * attempt);
  }
  assert.deepEqual(waitsOf(log).slice(0, 3), [750, 1500, 3000]);
});

test("the wait is really waited", async () => {
  const before = performance.now();
  await waits(3, { backoffInitial: 40, backoffMax: 40, backoffJitter: "none" });
  assert.ok(performance.now() - before >= 119);
});

/** A server that opens each connection and closes it at once; the waits and the attempts' numbers of a client of it. */
async function dropped(options: Options<null>, code = 1001) {
  await using server = await WsServer.start({ onConnection: ({ socket }) => socket.close(code) });
  const log = new Log();
  const recorder = new Recorder<null>();
  await using _connection = launch(server, recorder, null, {
    logger: log,
    backoffFactor: 2,
    backoffMax: 100,
    ...options,
  });
  await recorder.call("handleDisconnect", 5);
  const attempts = log.lines.flatMap(({ level, fields }) =>
    level === "info" && typeof fields.attempt === "number" ? [fields.attempt] : [],
  );
  return { waits: waitsOf(log).slice(0, 4), attempts: attempts.slice(0, 4) };
}

test("a 101 alone doesn't start the backoff over: a server that accepts and drops isn't hammered", async () => {
  assert.deepEqual(await dropped({ backoffInitial: 1 }), { waits: [1, 2, 4, 8], attempts: [1, 2, 3, 4] });
});

test("a connection that was open for stableAfter starts the backoff and the numbering of attempts over", async () => {
  assert.deepEqual(await dropped({ backoffInitial: 1, stableAfter: 0 }), {
    waits: [1, 1, 1, 1],
    attempts: [1, 1, 1, 1],
  });
});

test("reconnect(state, { after }) takes the place of the backoff, and leaves its series as it is", async () => {
  await using server = await WsServer.start({ refuse: () => ({ status: 500 }) });
  const log = new Log();
  let at = 0;
  const recorder = new Recorder<null>({
    handleError: () => {
      at += 1;
      return at === 2 ? reconnect(null, { after: 7 }) : reconnect();
    },
  });
  await using _connection = launch(server, recorder, null, { logger: log, backoffInitial: 1, backoffFactor: 2 });
  await recorder.call("handleError", 5);
  assert.deepEqual(waitsOf(log).slice(0, 4), [1, 7, 2, 4]);
});

test("a Retry-After on a refused upgrade sets the wait, at most retryAfter.max", async (t) => {
  const inTenSeconds = () => new Date(Date.now() + 10_000).toUTCString();
  const cases: readonly (readonly [string, string, number, number])[] = [
    ["seconds, beyond max", "3600", 30, 30],
    ["a date, beyond max", inTenSeconds(), 20, 20],
    ["0 seconds", "0", 50, 3],
    ["what is no time", "soon", 50, 3],
    ["a number beyond all bounds", "9".repeat(400), 30, 30],
    ["a number that is none in HTTP", "1e99", 30, 3],
    ["a negative number", "-1", 30, 3],
    ["a date long past", "Thu, 01 Jan 1970 00:00:00 GMT", 30, 3],
    ["a date far away", "Fri, 31 Dec 9999 23:59:59 GMT", 30, 30],
    ["two of them", "3600, 60", 30, 30],
  ];
  for (const [name, header, max, expected] of cases) {
    await t.test(name, async () => {
      const refusal = { status: 429, headers: { "Retry-After": header } };
      const series = await waits(
        2,
        { backoffInitial: 3, backoffFactor: 1, backoffMax: 5, backoffJitter: "none", retryAfter: { max } },
        refusal,
      );
      assert.deepEqual(series, [expected, expected]);
    });
  }
});

test("a Retry-After counts whatever the status of the refusal", async (t) => {
  for (const status of [302, 403, 429, 500, 503]) {
    await t.test(String(status), async () => {
      const refusal = { status, headers: { "Retry-After": "3600", Location: "/elsewhere" } };
      assert.deepEqual(await waits(2, { backoffJitter: "none", retryAfter: { max: 30 } }, refusal), [30, 30]);
    });
  }
});

test("retryAfter.max bounds what the server asks, not the backoff, and 0 leaves the backoff alone", async () => {
  const refusal = { status: 503, headers: { "Retry-After": "3600" } };
  const options = { backoffInitial: 8, backoffFactor: 2, backoffMax: 16, backoffJitter: "none" } as const;
  assert.deepEqual(await waits(3, { ...options, retryAfter: { max: 10 } }, refusal), [10, 16, 16]);
  assert.deepEqual(await waits(3, { ...options, retryAfter: { max: 0 } }, refusal), [8, 16, 16]);
});

test("a 101 and then a close with 1012 or 1013 is slowed like any other drop: there is no header to go by", async (t) => {
  for (const code of [1012, 1013]) {
    await t.test(String(code), async () => {
      assert.deepEqual(await dropped({ backoffInitial: 1 }, code), { waits: [1, 2, 4, 8], attempts: [1, 2, 3, 4] });
    });
  }
});

test("a Retry-After is jittered upwards, so that a fleet doesn't come back in the same instant", async () => {
  const refusal = { status: 503, headers: { "Retry-After": "9" } };
  const series = await waits(5, { backoffInitial: 1, backoffJitter: "full", retryAfter: { max: 20 } }, refusal);
  for (const wait of series) assert.ok(wait >= 20 && wait <= 25, String(wait));
  assert.equal(new Set(series).size, series.length);
});

test("retryAfter: false ignores the header", async () => {
  const refusal = { status: 503, headers: { "Retry-After": "3600" } };
  const series = await waits(
    3,
    { backoffInitial: 1, backoffFactor: 2, backoffJitter: "none", retryAfter: false },
    refusal,
  );
  assert.deepEqual(series, [1, 2, 4]);
});

test("a Retry-After holds for the one wait that follows it", async () => {
  await using server = await WsServer.start({
    refuse: (number) =>
      number === 1 ? { status: 503, headers: { "Retry-After": "3600" } } : number < 4 ? { status: 500 } : undefined,
  });
  const log = new Log();
  await using connection = launch(server, new Recorder<null>(), null, { logger: log, retryAfter: { max: 30 } });
  await connection.opened();
  assert.deepEqual(waitsOf(log), [30, 1.5, 2.25]);
});

test("reconnect(state, { after }) wins over a Retry-After", async () => {
  const refusal = { status: 503, headers: { "Retry-After": "3600" } };
  await using server = await WsServer.start({ refuse: () => refusal });
  const log = new Log();
  let at = 0;
  const recorder = new Recorder<null>({ handleError: () => (at++ < 2 ? reconnect(null, { after: 2 }) : stop()) });
  await using connection = launch(server, recorder, null, { logger: log });
  await connection.exited;
  assert.deepEqual(waitsOf(log), [2, 2]);
});

test("connection.reconnect() ends a wait that a Retry-After asked for, and the next wait is the backoff's", async () => {
  const refusal = (number: number) =>
    number === 1 ? { status: 503, headers: { "Retry-After": "3600" } } : { status: 500 };
  await using server = await WsServer.start({ refuse: refusal });
  const log = new Log();
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { logger: log });
  await recorder.call("handleError", 1);
  connection.reconnect();
  await recorder.call("handleError", 3);
  assert.deepEqual(waitsOf(log).slice(0, 2), [300_000, 1]);
});

test("an after of Infinity waits for connection.reconnect()", async () => {
  await using server = await WsServer.start({ refuse: (number) => (number === 1 ? { status: 500 } : undefined) });
  const clock = new FakeClock();
  const recorder = new Recorder<null>({ handleError: () => reconnect(null, { after: Number.POSITIVE_INFINITY }) });
  await using connection = launch(server, recorder, null, { clock });
  await recorder.call("handleError");
  clock.advance(365 * 24 * 3_600_000);
  assert.equal(connection.status, "waiting");
  connection.reconnect();
  await connection.opened();
});

test("connection.reconnect() ends the wait at once and starts the series over", async () => {
  await using server = await WsServer.start({ refuse: (number) => (number < 4 ? { status: 500 } : undefined) });
  const log = new Log();
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, {
    logger: log,
    backoffInitial: 60_000,
    backoffMax: 60_000,
    backoffFactor: 2,
  });
  for (const number of [1, 2, 3]) {
    await recorder.call("handleError", number);
    assert.equal(connection.status, "waiting");
    connection.reconnect();
    assert.equal(connection.attempt, 1);
  }
  await connection.opened();
  assert.deepEqual(waitsOf(log), [60_000, 60_000, 60_000]);
});
