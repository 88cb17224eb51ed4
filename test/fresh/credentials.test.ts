/** Connections with a shared credential, against the `ws` package's server: 401, 4401, and what the module has to say about it. */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { inspect } from "node:util";
import {
  type Callbacks,
  CredentialError,
  type ExitReason,
  Fresh,
  ignore,
  type Options,
  type Refreshable,
  type RefreshableOptions,
  reconnect,
  refreshable,
  stop,
} from "../../src/index.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { gate, Log, QUICK, Recorder } from "./fixtures.ts";
import { type Refusal, WsServer, type WsServerOptions } from "./ws-server.ts";

/** Tokens "1", "2", "3" … in turn, or those that are given. */
function tokens(options: RefreshableOptions = {}, given: readonly string[] = []) {
  let count = 0;
  const token = refreshable(
    () => {
      count += 1;
      return { value: given[count - 1] ?? String(count) };
    },
    { backoffInitial: 1, ...options },
  );
  return { token, fetched: () => count };
}

const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
const tokenOf = ({ headers }: IncomingMessage): string => headers.authorization?.replace("Bearer ", "") ?? "none";

/** A server that answers 401 unless this says that the token is good. */
const accepting = (isGood: (token: string, number: number) => boolean): WsServerOptions => ({
  refuse: (number, request): Refusal | undefined => (isGood(tokenOf(request), number) ? undefined : { status: 401 }),
});

function begin(
  server: WsServer,
  token: Refreshable<string>,
  callbacks: Partial<Callbacks<number>> = {},
  options: Options<number> = {},
) {
  const recorder = new Recorder<number>(callbacks);
  const guarded = Fresh.define<number>("Guarded", token.protect(recorder.module.callbacks));
  const connection = Fresh.start(server.url, guarded, 0, { ...QUICK, headers: token.headers(bearer), ...options });
  return { recorder, connection };
}

function assertCredentialError(reason: ExitReason, expected: string): void {
  assert.ok(reason instanceof CredentialError, inspect(reason));
  assert.equal(reason.reason, expected);
}

const requested = (server: WsServer) => server.requests.entries.map(tokenOf);

test("a 401 has the credential refreshed, and the next attempt brings the new one", async () => {
  await using server = await WsServer.start(accepting((token) => token === "2"));
  const { token, fetched } = tokens();
  const { connection, recorder } = begin(server, token);
  await using _end = connection;
  await connection.opened();
  assert.deepEqual(requested(server), ["1", "2"]);
  assert.equal(fetched(), 2);
  assert.deepEqual(recorder.lines, ["handleError establishing_failed status", "handleConnect 101"]);
});

test("a close with 4401 has the credential refreshed", async () => {
  await using server = await WsServer.start({
    onConnection: ({ socket }, number) => number === 1 && socket.close(4401),
  });
  const { token } = tokens();
  const { connection, recorder } = begin(server, token);
  await using _end = connection;
  await recorder.call("handleConnect", 2);
  assert.deepEqual(requested(server), ["1", "2"]);
  assert.deepEqual(recorder.lines, ["handleConnect 101", "handleDisconnect 4401 ", "handleConnect 101"]);
});

test("any other end leaves the credential as it is", async () => {
  await using server = await WsServer.start({
    refuse: (number) => (number === 1 ? { status: 403 } : undefined),
    onConnection: ({ socket }, number) => {
      if (number === 1) socket.close(1008);
      if (number === 2) socket.terminate();
    },
  });
  const { token } = tokens();
  const { connection, recorder } = begin(server, token);
  await using _end = connection;
  await recorder.call("handleConnect", 3);
  assert.deepEqual(requested(server), ["1", "1", "1", "1"]);
});

test("which statuses and close codes mean a refusal can be said", async () => {
  await using server = await WsServer.start({
    refuse: (number) => (number === 1 ? { status: 403 } : number === 2 ? { status: 401 } : undefined),
    onConnection: ({ socket }, number) => number === 1 && socket.close(3000),
  });
  const { token } = tokens({ refreshOn: { statuses: [403], closeCodes: [3000] }, maxRefusals: 3 });
  const { connection, recorder } = begin(server, token);
  await using _end = connection;
  await recorder.call("handleConnect", 2);
  assert.deepEqual(requested(server), ["1", "2", "2", "3"]);
});

test("the same credential again stops the connection: unchanged, and no second request to the server", async () => {
  await using server = await WsServer.start(accepting(() => false));
  const { token, fetched } = tokens({}, ["a", "a", "a", "a"]);
  const { connection, recorder } = begin(server, token);
  assertCredentialError(await connection.exited, "unchanged");
  assert.deepEqual(requested(server), ["a"]);
  assert.equal(fetched(), 2);
  assert.deepEqual(recorder.lines.slice(0, 2), [
    "handleError establishing_failed status",
    "handleError connecting_failed provider",
  ]);
});

test("as many refusals in a row as maxRefusals allows stop the connection: refused", async (t) => {
  for (const [maxRefusals, sent] of [
    [undefined, ["1", "2"]],
    [1, ["1"]],
    [4, ["1", "2", "3", "4"]],
  ] as const) {
    await t.test(String(maxRefusals), async () => {
      await using server = await WsServer.start(accepting(() => false));
      const { token } = tokens(maxRefusals === undefined ? {} : { maxRefusals });
      const { connection } = begin(server, token);
      const reason = await connection.exited;
      assertCredentialError(reason, "refused");
      assert.match(
        (reason as CredentialError).message,
        new RegExp(`refused ${sent.length} credentials in a row, the last with status 401`),
      );
      assert.deepEqual(requested(server), sent);
    });
  }
});

test("refusals by close code count even though each came after an open connection", async () => {
  await using server = await WsServer.start({ onConnection: ({ socket }) => socket.close(4401) });
  const { token } = tokens();
  const { connection } = begin(server, token);
  assertCredentialError(await connection.exited, "refused");
  assert.deepEqual(requested(server), ["1", "2"]);
});

test("after ten seconds open a credential was accepted: a refusal then is the first again, hour after hour", async () => {
  await using server = await WsServer.start();
  const clock = new FakeClock();
  const { token } = tokens({ clock });
  const { connection, recorder } = begin(server, token, {}, { clock, pingInterval: 0 });
  await using _end = connection;
  for (let hour = 1; hour <= 5; hour += 1) {
    await recorder.call("handleConnect", hour);
    // A frame that can't be sent ends nothing, so it doesn't count as the connection's end.
    connection.send("\ud800");
    await recorder.call("handleError", hour);
    clock.advance(hour === 1 ? 10_000 : 3_600_000);
    (await server.peer(hour)).socket.close(4401);
    await recorder.call("handleDisconnect", hour);
    clock.advance(5);
  }
  await recorder.call("handleConnect", 6);
  assert.deepEqual(requested(server), ["1", "2", "3", "4", "5", "6"]);
});

test("the module is asked as ever, and what it answers stands: stop, ignore, and the state of its reconnect", async (t) => {
  await t.test("stop", async () => {
    await using server = await WsServer.start(accepting(() => false));
    const { token, fetched } = tokens();
    const { connection } = begin(server, token, { handleError: () => stop("mine") });
    assert.equal(await connection.exited, "mine");
    assert.equal(fetched(), 1);
  });
  await t.test("ignore, even where a reconnect would be of no use", async () => {
    await using server = await WsServer.start(accepting(() => false));
    const { token } = tokens({ maxRefusals: 1 });
    const { connection, recorder } = begin(server, token, { handleError: (_error, state) => ignore(state) });
    await recorder.call("handleError");
    assert.equal(connection.status, "idle");
    await connection.stop();
  });
  await t.test("reconnect", async () => {
    await using server = await WsServer.start(accepting((token) => token === "2"));
    const { token } = tokens();
    const { connection, recorder } = begin(server, token, { handleError: (_error, state) => reconnect(state + 7) });
    assert.equal((await recorder.call("handleConnect")).state, 7);
    await connection.stop();
  });
  await t.test("a promise", async () => {
    await using server = await WsServer.start(accepting(() => false));
    const { token } = tokens();
    const { connection } = begin(server, token, { handleError: async () => reconnect() });
    assertCredentialError(await connection.exited, "refused");
  });
});

test("a class instance keeps its this behind protect, and callbacks it doesn't have keep their defaults", async () => {
  await using server = await WsServer.start();
  const opened = gate<string>();
  class Feed {
    readonly greeting = "hello";
    handleConnect(_status: number, _headers: Headers, state: number) {
      opened.open(this.greeting);
      return { type: "ok", state } as const;
    }
  }
  const { token } = tokens();
  const feed = Fresh.define<number>("Feed", token.protect<number>(new Feed()));
  await using _connection = Fresh.start(server.url, feed, 0, { ...QUICK, headers: token.headers(bearer) });
  assert.equal(await opened.promise, "hello");
});

test("200 connections that are refused at once have the credential refreshed once, and all come back", async () => {
  await using server = await WsServer.start(accepting((token) => token === "2"));
  const { token, fetched } = tokens();
  const connections = Array.from({ length: 200 }, () => begin(server, token).connection);
  await Promise.all(connections.map((connection) => connection.opened()));
  assert.equal(fetched(), 2);
  assert.equal(server.requests.entries.length, 400);
  await Promise.all(connections.map((connection) => connection.stop()));
});

test("while the token service is away attempts fail and wait as long as it is left alone, and nobody is asked in between", async () => {
  await using server = await WsServer.start();
  const clock = new FakeClock();
  const log = new Log();
  let asked = 0;
  const token = refreshable(
    () => {
      asked += 1;
      if (asked < 4) throw new Error("the token service is away");
      return { value: "a" };
    },
    { clock, random: () => 0.5, backoffInitial: 10_000 },
  );
  const { connection, recorder } = begin(server, token, {}, { clock, logger: log });
  await using _end = connection;
  for (const [failures, wait] of [
    [1, 5000],
    [2, 10_000],
    [3, 15_000],
  ] as const) {
    const { given } = await recorder.call("handleError", failures);
    assert.deepEqual([given[0].phase, given[0].retryAfter, asked], ["provider", wait, failures]);
    clock.advance(wait - 1);
    assert.equal(connection.status, "waiting");
    clock.advance(wait);
  }
  await connection.opened();
  assert.equal(server.requests.entries.length, 1);
});

test("stop while the credential is being fetched aborts the fetch", async () => {
  await using server = await WsServer.start();
  const asked = gate<AbortSignal>();
  const token = refreshable<string>(({ signal }) => {
    asked.open(signal);
    return new Promise(() => undefined);
  });
  const { connection } = begin(server, token);
  const signal = await asked.promise;
  await connection.stop();
  assert.equal(signal.aborted, true);
});

test("uri() puts the credential into the address, anew for each attempt, and no log line shows it", async () => {
  await using server = await WsServer.start({ refuse: (number) => (number === 1 ? { status: 401 } : undefined) });
  const { token } = tokens({}, ["s3cret-1", "s3cret-2"]);
  const log = new Log();
  const recorder = new Recorder<number>();
  const guarded = Fresh.define<number>("Guarded", token.protect(recorder.module.callbacks));
  const uri = token.uri((value, { attempt }) => `${server.url}feed?attempt=${attempt}&token=${value}`);
  await using connection = Fresh.start(uri, guarded, 0, { ...QUICK, logger: log });
  await connection.opened();
  assert.deepEqual(
    server.requests.entries.map(({ url }) => url),
    ["/feed?attempt=1&token=s3cret-1", "/feed?attempt=2&token=s3cret-2"],
  );
  assert.doesNotMatch(inspect(log.lines, { depth: 9 }), /s3cret/);
});
