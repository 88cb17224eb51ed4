/**
 * The field's pains with reconnecting: numbers 7 to 10 of the list in docs/resilience.md. Servers and sockets are real. Where a wait would be long,
 * the connection runs on a clock that the test moves.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConnectionResponse, type Options, reconnect, stop } from "../../src/index.ts";
import { FakeClock, seededRandom } from "../../src/testing/index.ts";
import { Log, launch, QUICK, Recorder } from "../fresh/fixtures.ts";
import { WsServer } from "../fresh/ws-server.ts";

/** A connection as it is shipped, but quiet: the defaults of the backoff are what is tested. */
function begin(server: WsServer, recorder: Recorder<null>, options: Options<null>) {
  return recorder.module.start({
    uri: server.url,
    state: null,
    options: { logger: QUICK.logger, pingInterval: 0, ...options },
  });
}

const waitsOf = (log: Log) => log.lines.flatMap(({ fields }) => (typeof fields.wait === "number" ? [fields.wait] : []));

// ── 7 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("pain 7: reconnect storm: connections that are dropped in the same instant come back one by one, from the first wait on", async () => {
  await using server = await WsServer.start();
  const logs = Array.from({ length: 100 }, () => new Log());
  const recorders = logs.map(() => new Recorder<null>());
  const clock = new FakeClock();
  const random = seededRandom(7);
  const connections = recorders.map((recorder, at) =>
    begin(server, recorder, { clock, random, logger: logs[at] as Log }),
  );
  await Promise.all(connections.map((connection) => connection.opened()));
  clock.advance(60_000);
  for (const peer of server.peers.entries) peer.reset();
  await Promise.all(recorders.map((recorder) => recorder.call("handleError")));
  const waits = logs.map((log) => waitsOf(log)[0] ?? Number.NaN).sort((one, other) => one - other);
  assert.equal(new Set(waits).size, 100);
  // Evenly over all of the first ceiling: each quarter of it has its share.
  for (let quarter = 0; quarter < 4; quarter += 1) {
    const within = waits.filter((wait) => wait >= quarter * 62.5 && wait < (quarter + 1) * 62.5).length;
    assert.ok(within >= 12 && within <= 38, `${within} of 100 in quarter ${quarter}`);
  }
  for (const wait of waits) {
    clock.advance(Math.max(0, 60_000 + wait - clock.now()));
  }
  await Promise.all(connections.map((connection) => connection.opened()));
  await Promise.all(connections.map((connection) => connection.stop()));
});

test("pain 7: reconnect storm: a server that says Retry-After to all of them isn't met by all of them at once", async () => {
  await using server = await WsServer.start({
    refuse: (number) => (number <= 50 ? { status: 503, headers: { "Retry-After": "60" } } : undefined),
  });
  const clock = new FakeClock();
  const random = seededRandom(7);
  const recorders = Array.from({ length: 50 }, () => new Recorder<null>());
  const connections = recorders.map((recorder) => begin(server, recorder, { clock, random }));
  await Promise.all(recorders.map((recorder) => recorder.call("handleError")));
  clock.advance(59_999);
  assert.equal(connections.filter(({ status }) => status !== "waiting").length, 0);
  clock.advance(7500);
  const half = connections.filter(({ status }) => status !== "waiting").length;
  assert.ok(half > 15 && half < 35, `${half} of 50 after half of the spread`);
  clock.advance(7501);
  await Promise.all(connections.map((connection) => connection.opened()));
  await Promise.all(connections.map((connection) => connection.stop()));
});

// ── 8 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("pain 8: open resets the backoff too early: only a connection that was open for stableAfter starts the series over, and short ones don't add up", async () => {
  await using server = await WsServer.start();
  const clock = new FakeClock();
  const log = new Log();
  const recorder = new Recorder<null>();
  const connection = begin(server, recorder, { clock, logger: log, backoffJitter: "none" });
  for (const [number, open] of [0, 9999, 5000, 5000, 9999, 10_000, 0].entries()) {
    await recorder.call("handleConnect", number + 1);
    clock.advance(open);
    (await server.peer(number + 1)).reset();
    await recorder.call("handleError", number + 1);
    clock.advance(waitsOf(log).at(-1) ?? 0);
  }
  assert.deepEqual(waitsOf(log), [250, 375, 562.5, 843.75, 1265.625, 250, 375]);
  await connection.stop();
});

test("pain 8: open resets the backoff too early: a server that accepts and then rejects in-band is asked ever more slowly", async () => {
  await using server = await WsServer.start({
    onConnection: ({ socket }) => {
      socket.send("unauthorised");
      socket.close(4000);
    },
  });
  const clock = new FakeClock();
  const log = new Log();
  const recorder = new Recorder<null>();
  const connection = begin(server, recorder, { clock, logger: log, backoffJitter: "none" });
  for (let number = 1; number <= 14; number += 1) {
    await recorder.call("handleDisconnect", number);
    clock.advance(waitsOf(log).at(-1) ?? 0);
  }
  assert.ok(clock.now() > 60_000, `14 attempts in ${clock.now()} ms`);
  assert.equal(waitsOf(log)[13], 30_000);
  await connection.stop();
});

// ── 9 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("pain 9: refusals are retried like network faults: a module says once which statuses and close codes are final", async () => {
  const FINAL_STATUSES = new Set([401, 403, 404]);
  const FINAL_CODES = new Set([1008, 4403]);
  const policy = () =>
    new Recorder<null>({
      handleError: (error): ConnectionResponse<null> =>
        error.status !== undefined && FINAL_STATUSES.has(error.status) ? stop(`status ${error.status}`) : reconnect(),
      handleDisconnect: (code): ConnectionResponse<null> =>
        code !== undefined && FINAL_CODES.has(code) ? stop(`code ${code}`) : reconnect(),
    });
  for (const status of FINAL_STATUSES) {
    await using server = await WsServer.start({ refuse: () => ({ status }) });
    await using connection = launch(server, policy(), null);
    assert.equal(await connection.exited, `status ${status}`);
    assert.equal(server.requests.entries.length, 1);
  }
  for (const code of FINAL_CODES) {
    await using server = await WsServer.start({ onConnection: ({ socket }) => socket.close(code) });
    await using connection = launch(server, policy(), null);
    assert.equal(await connection.exited, `code ${code}`);
    assert.equal(server.requests.entries.length, 1);
  }
});

test("pain 9: refusals are retried like network faults: a 429 with Retry-After is left alone for so long", async () => {
  await using server = await WsServer.start({
    refuse: (number) => (number === 1 ? { status: 429, headers: { "Retry-After": "120" } } : undefined),
  });
  const clock = new FakeClock();
  const recorder = new Recorder<null>();
  const connection = begin(server, recorder, { clock });
  const { given } = await recorder.call("handleError");
  assert.deepEqual([given[0].status, given[0].retryAfter], [429, 120_000]);
  await clock.run(119_999);
  assert.equal(server.requests.entries.length, 1);
  await clock.run(30_001);
  await connection.opened();
  await connection.stop();
});

// ── 10 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("pain 10: someone else's idea of fatal: no close code is final unless the module says so, and any is if it says so", async (t) => {
  for (const code of [1000, 1001, 1002, 1003, 1008, 1009, 1011, 1012, 1013, 3000, 4401, 4403, 4999]) {
    await t.test(String(code), async () => {
      await using server = await WsServer.start({
        onConnection: ({ socket }, number) => number === 1 && socket.close(code),
      });
      const recorder = new Recorder<null>();
      const connection = launch(server, recorder, null);
      await recorder.call("handleConnect", 2);
      await connection.stop();
      assert.equal((await recorder.call("handleDisconnect")).given[0], code);

      await using strict = await WsServer.start({ onConnection: ({ socket }) => socket.close(code) });
      const once = launch(strict, new Recorder<null>({ handleDisconnect: () => stop("enough") }), null);
      assert.equal(await once.exited, "enough");
      assert.equal(strict.requests.entries.length, 1);
    });
  }
});
