/**
 * The field's pains with credentials: number 17 of the list in docs/resilience.md, and what 9 and 10 have of it. Servers are real. Every rule of the
 * shared credential has its own test in test/connection/credential-store.test.ts and test/fresh/credentials.test.ts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CredentialError, Fresh, type FreshModule, refreshable } from "../../src/index.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { QUICK, Recorder } from "../fresh/fixtures.ts";
import { WsServer } from "../fresh/ws-server.ts";

const bearer = (value: string) => ({ authorization: `Bearer ${value}` });

/** A server that takes one token at a time, and the service that gives it. */
async function rotating() {
  const service = { valid: 1, asked: 0 };
  const server = await WsServer.start({
    refuse: (_number, { headers }) =>
      headers.authorization === `Bearer token-${service.valid}` ? undefined : { status: 401 },
  });
  return { server, service };
}

const guarded = (recorder: Recorder<null>, protect: FreshModule<null>["callbacks"]) =>
  Fresh.define<null>(recorder.module.name, protect);

test("pain 17: stale token on reconnect: a token that is asked for at each attempt is never an old one", async () => {
  const { server, service } = await rotating();
  await using _server = server;
  const recorder = new Recorder<null>();
  const headers = () => {
    service.asked += 1;
    return bearer(`token-${service.valid}`);
  };
  await using _connection = recorder.module.start({ uri: server.url, state: null, options: { ...QUICK, headers } });
  for (let day = 1; day <= 3; day += 1) {
    await recorder.call("handleConnect", day);
    service.valid += 1;
    (await server.peer(day)).reset();
  }
  await recorder.call("handleConnect", 4);
  assert.equal(recorder.all("handleError").filter(({ given }) => given[0].status === 401).length, 0);
  assert.equal(service.asked, 4);
});

test("pain 17: stale token on reconnect: a shared token that has been revoked is refreshed at the first 401, once for all connections", async () => {
  const { server, service } = await rotating();
  await using _server = server;
  const token = refreshable(() => {
    service.asked += 1;
    return { value: `token-${service.valid}` };
  });
  const recorders = Array.from({ length: 50 }, () => new Recorder<null>());
  const connections = recorders.map((recorder) =>
    Fresh.start(server.url, guarded(recorder, token.protect(recorder.module.callbacks)), null, {
      ...QUICK,
      headers: token.headers(bearer),
    }),
  );
  await Promise.all(connections.map((connection) => connection.opened()));
  assert.equal(service.asked, 1);
  service.valid = 2;
  for (const peer of server.peers.entries.slice()) peer.reset();
  await Promise.all(recorders.map((recorder) => recorder.call("handleConnect", 2)));
  assert.equal(service.asked, 2);
  await Promise.all(connections.map((connection) => connection.stop()));
});

test("pain 17: stale token on reconnect: a token that is the same as the one refused stops the connection early", async () => {
  const { server, service } = await rotating();
  await using _server = server;
  const token = refreshable(() => {
    service.asked += 1;
    return { value: "token-0" };
  });
  const module = Fresh.define<null>("Stale", token.protect({}));
  const connection = Fresh.start(server.url, module, null, { ...QUICK, headers: token.headers(bearer) });
  const reason = await connection.exited;
  assert.ok(reason instanceof CredentialError);
  assert.equal(reason.reason, "unchanged");
  assert.deepEqual([server.requests.entries.length, service.asked], [1, 2]);
});

test("pain 17: stale token on reconnect: one that expires while the connection waits is fetched anew for the attempt", async () => {
  await using server = await WsServer.start({ refuse: (number) => (number === 1 ? { status: 503 } : undefined) });
  const clock = new FakeClock();
  let asked = 0;
  const token = refreshable(
    () => {
      asked += 1;
      return { value: `token-${asked}`, expiresAt: clock.wallClock() + 5000 };
    },
    { clock },
  );
  const recorder = new Recorder<null>();
  await using connection = Fresh.start(server.url, recorder.module, null, {
    ...QUICK,
    clock,
    backoffInitial: 10_000,
    backoffMax: 10_000,
    headers: token.headers(bearer),
  });
  await recorder.call("handleError");
  clock.advance(10_000);
  await connection.opened();
  assert.deepEqual(
    server.requests.entries.map(({ headers }) => headers.authorization),
    ["Bearer token-1", "Bearer token-2"],
  );
});

test("pain 9: refusals are retried like network faults: a 401 that a new token doesn't cure ends it after one refresh", async () => {
  await using server = await WsServer.start({ refuse: () => ({ status: 401 }) });
  let asked = 0;
  const token = refreshable(() => {
    asked += 1;
    return { value: `token-${asked}` };
  });
  const module = Fresh.define<null>("Refused", token.protect({}));
  const connection = Fresh.start(server.url, module, null, { ...QUICK, headers: token.headers(bearer) });
  const reason = await connection.exited;
  assert.ok(reason instanceof CredentialError);
  assert.equal(reason.reason, "refused");
  assert.deepEqual([server.requests.entries.length, asked], [2, 2]);
});

test("pain 10: someone else's idea of fatal: 4401 can be retried, with another token", async () => {
  await using server = await WsServer.start({
    onConnection: ({ socket, request }) =>
      request.headers.authorization === "Bearer token-1" && socket.close(4401, "token expired"),
  });
  let asked = 0;
  const token = refreshable(() => {
    asked += 1;
    return { value: `token-${asked}` };
  });
  const recorder = new Recorder<null>();
  const module = guarded(recorder, token.protect(recorder.module.callbacks));
  const connection = Fresh.start(server.url, module, null, { ...QUICK, headers: token.headers(bearer) });
  await recorder.call("handleConnect", 2);
  await connection.stop();
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    "handleDisconnect 4401 token expired",
    "handleConnect 101",
    "handleTerminate normal",
  ]);
  assert.equal(asked, 2);
});
