/** The options that shape an attempt, keep a connection alive and tell of it, against the `ws` package's server. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, type IncomingMessage } from "node:http";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";
import { Fresh, type HeadersInput, ignore, type Name, ok, Registry, stop } from "../../src/index.ts";
import { gate, Log, launch, QUICK, Recorder } from "./fixtures.ts";
import { WsServer } from "./ws-server.ts";

/** The values of a request's header, as they came. */
const valuesOf = ({ rawHeaders }: IncomingMessage, name: string) =>
  rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);

// ── headers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

test("headers go with the request, given as an object, pairs or Headers", async (t) => {
  const forms: readonly (readonly [string, HeadersInput])[] = [
    ["an object", { Authorization: "Bearer x", "X-Many": ["1", "2"] }],
    [
      "pairs",
      [
        ["Authorization", "Bearer x"],
        ["X-Many", "1"],
        ["X-Many", "2"],
      ],
    ],
    [
      "Headers",
      new Headers([
        ["Authorization", "Bearer x"],
        ["X-Many", "1"],
        ["X-Many", "2"],
      ]),
    ],
  ];
  for (const [name, headers] of forms) {
    await t.test(name, async () => {
      await using server = await WsServer.start();
      await using _connection = launch(server, new Recorder<null>(), null, { headers });
      const request = await server.request();
      assert.equal(request.headers.authorization, "Bearer x");
      assert.equal(valuesOf(request, "x-many").join(", "), "1, 2");
    });
  }
});

test("a Host and a User-Agent of the caller's replace ours", async () => {
  await using server = await WsServer.start();
  await using _connection = launch(server, new Recorder<null>(), null, {
    headers: { Host: "inner.test", "User-Agent": "mine/1" },
  });
  const request = await server.request();
  assert.deepEqual(valuesOf(request, "host"), ["inner.test"]);
  assert.deepEqual(valuesOf(request, "user-agent"), ["mine/1"]);
});

test("functions for uri and headers are asked anew for each attempt, and may take their time", async () => {
  await using server = await WsServer.start({
    refuse: (number) => (number <= 2 ? { status: 503 } : undefined),
  });
  const attempts: number[] = [];
  const recorder = new Recorder<null>();
  await using connection = recorder.module.start({
    uri: async ({ attempt, signal }) => {
      attempts.push(attempt);
      assert.equal(signal.aborted, false);
      await delay(1);
      return new URL(`/attempt/${attempt}?key=${attempt}`, server.url);
    },
    state: null,
    options: { ...QUICK, headers: ({ attempt }) => ({ "X-Attempt": String(attempt) }) },
  });
  assert.equal(connection.uri, "");
  await connection.opened();
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.deepEqual(
    server.requests.entries.map((request) => [request.url, request.headers["x-attempt"]]),
    [1, 2, 3].map((attempt) => [`/attempt/${attempt}?key=${attempt}`, String(attempt)]),
  );
  assert.equal(connection.uri, `${server.url}attempt/3?key=3`);
});

test("a provider's signal aborts when its attempt is given up", async () => {
  const asked = gate<AbortSignal>();
  const recorder = new Recorder<null>();
  const connection = recorder.module.start({
    uri: ({ signal }) => {
      asked.open(signal);
      return new Promise(() => undefined);
    },
    state: null,
    options: QUICK,
  });
  const signal = await asked.promise;
  assert.equal(signal.aborted, false);
  await connection.stop();
  assert.equal(signal.aborted, true);
  assert.deepEqual(recorder.lines, ["handleTerminate normal"]);
});

test("path and query of the uri are asked for as they are; http: stands for ws:, a fragment and userinfo stay here", async () => {
  await using server = await WsServer.start();
  const uri = `http://name:word@127.0.0.1:${server.port}/a/b%20c?d=e&f#fragment`;
  await using connection = launch(uri, new Recorder<null>(), null);
  const request = await server.request();
  assert.equal(request.url, "/a/b%20c?d=e&f");
  assert.equal(request.headers.authorization, undefined);
  assert.equal(connection.uri, uri);
});

// ── transportOptions ─────────────────────────────────────────────────────────────────────────────────────────────────

test("transportOptions reach Node's request: localAddress, lookup, agent", async () => {
  await using server = await WsServer.start();
  const agent = new Agent();
  const looked: string[] = [];
  const uri = `ws://some.test:${server.port}/`;
  await using connection = launch(uri, new Recorder<null>(), null, {
    transportOptions: {
      localAddress: "127.0.0.2",
      agent,
      lookup: (host, options, callback) => {
        looked.push(host);
        if (options.all) callback(null, [{ address: "127.0.0.1", family: 4 }]);
        else callback(null, "127.0.0.1", 4);
      },
    },
  });
  await connection.opened();
  const { request } = await server.peer();
  assert.equal(request.socket.remoteAddress, "127.0.0.2");
  assert.equal(request.headers.host, `some.test:${server.port}`);
  assert.deepEqual(looked, ["some.test"]);
  agent.destroy();
});

test("transportOptions.tls, or the same beside it, says whom wss: trusts", async () => {
  const file = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), "utf8");
  await using server = await WsServer.start({ tls: { key: file("server.key"), cert: file("server.crt") } });
  const ca = file("authority.crt");
  for (const transportOptions of [{ ca }, { tls: { ca } }, { ca: "overruled", tls: { ca } }]) {
    await using connection = launch(server, new Recorder<null>(), null, { transportOptions });
    await connection.opened();
    assert.equal(connection.send("secret"), "sent");
  }
  assert.equal(await (await server.peer(3)).text(), "secret");
  const recorder = new Recorder<null>({ handleError: () => stop("untrusted") });
  await using connection = launch(server, recorder, null);
  assert.equal(await connection.exited, "untrusted");
  const [error] = (await recorder.call("handleError")).given;
  assert.deepEqual([error.kind, error.phase], ["connecting_failed", "tls"]);
});

// ── upgradeOptions ───────────────────────────────────────────────────────────────────────────────────────────────────

test("upgradeOptions.subprotocols are asked for in their order; the server's choice is connection.protocol", async () => {
  const offered: string[][] = [];
  await using server = await WsServer.start({
    handleProtocols: (protocols) => {
      offered.push([...protocols]);
      return "mqtt";
    },
  });
  await using connection = launch(server, new Recorder<null>(), null, {
    upgradeOptions: { subprotocols: ["chat.v2", "mqtt"] },
  });
  assert.equal(connection.protocol, "");
  await connection.opened();
  assert.deepEqual(offered, [["chat.v2", "mqtt"]]);
  assert.equal(connection.protocol, "mqtt");
  assert.equal(connection.extensions, "");
});

test("a server that chooses none of the subprotocols is taken, with the protocol empty", async () => {
  await using server = await WsServer.start({ handleProtocols: () => false });
  await using connection = launch(server, new Recorder<null>(), null, { upgradeOptions: { subprotocols: ["chat"] } });
  await connection.opened();
  assert.equal(connection.protocol, "");
});

// ── pingInterval, pongTimeout ────────────────────────────────────────────────────────────────────────────────────────

test("an empty ping goes out every pingInterval while open, and none for 0 or Infinity", async () => {
  await using server = await WsServer.start();
  const quiet = [0, Number.POSITIVE_INFINITY].map((pingInterval) =>
    launch(server, new Recorder<null>(), null, { pingInterval }),
  );
  await Promise.all(quiet.map((connection) => connection.opened()));
  const recorder = new Recorder<null>();
  const before = performance.now();
  await using connection = launch(server, recorder, null, { pingInterval: 20, random: () => 0 });
  const peer = await server.peer(3);
  assert.equal((await peer.next("ping", 3)).data.length, 0);
  assert.ok(performance.now() - before >= 55);
  assert.equal((await recorder.call("handleControl", 3)).given[0].type, "pong");
  assert.ok((connection.stats.lastRoundTrip ?? Number.NaN) >= 0);
  for (const { lines } of server.peers.entries.slice(0, 2)) assert.deepEqual(lines, []);
  await Promise.all(quiet.map((one) => one.stop()));
});

test("any byte that comes within pongTimeout proves that the server lives, not only the pong", async () => {
  await using server = await WsServer.start({
    autoPong: false,
    onConnection: ({ socket }) => {
      socket.on("ping", () => socket.send("busy"));
    },
  });
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { pingInterval: 10, pongTimeout: 60 });
  await recorder.call("handleIn", 12);
  assert.equal(connection.stats.opens, 1);
  assert.deepEqual(recorder.all("handleError"), []);
});

test("pongTimeout 0 gives no verdict", async () => {
  await using server = await WsServer.start({ autoPong: false });
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { pingInterval: 5, pongTimeout: 0 });
  await (await server.peer()).next("ping", 12);
  assert.equal(connection.isOpen, true);
  assert.deepEqual(recorder.lines, ["handleConnect 101"]);
});

// ── logging ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A life with an establishment, a disconnect, an error and a fault of the module's own. */
async function loggedLife(options: { readonly errorLogging?: boolean; readonly infoLogging?: boolean }) {
  await using server = await WsServer.start();
  const log = new Log();
  const recorder = new Recorder<null>({
    handleInfo: () => {
      throw new Error("a fault of its own");
    },
  });
  const connection = launch(server, recorder, null, { ...options, logger: log, name: "logged" });
  (await server.peer(1)).socket.close(1001, "restart\u001b[2J\n");
  await recorder.call("handleConnect", 2);
  (await server.peer(2)).socket.terminate();
  await recorder.call("handleConnect", 3);
  connection.info("crash");
  await connection.exited;
  return log;
}

test("a line tells of each establishment, close, error and fault, with fields that say whose it is", async () => {
  const log = await loggedLife({});
  assert.deepEqual(log.messages("info"), [
    "WebSocket connection established",
    "WebSocket connection is being closed with code 1001: restart\\u001b[2J\\n",
    "WebSocket connection established",
    "WebSocket connection established",
  ]);
  assert.equal(log.messages("error").length, 2);
  assert.match(log.messages("error")[0] ?? "", /^The connection was lost: /);
  assert.equal(log.messages("error")[1], "handleInfo failed: Error: a fault of its own");
  const ids = new Set(log.lines.map(({ fields }) => fields.connection));
  assert.equal(ids.size, 1);
  assert.ok(log.lines.every(({ fields }) => fields.module === "Recorder" && fields.name === "logged"));
  const lost = log.lines.find(({ message }) => message.startsWith("The connection was lost"));
  assert.equal(lost?.fields.kind, "streaming_failed");
});

test("a name in a registry, or a global one, is spelt out in the log", async () => {
  const names = [{ via: new Registry({ keys: "unique" }), name: { device: 7 } }, { global: "leader" }, Symbol("s")];
  for (const [index, shown] of ['{ via, name: {"device":7} }', '{ global: "leader" }', "Symbol(s)"].entries()) {
    const log = new Log();
    const name = names[index] as Name;
    const connection = launch("ws://127.0.0.1:1/", new Recorder<null>(), null, { name, logger: log });
    await connection.stop();
    assert.deepEqual([...new Set(log.lines.map(({ fields }) => fields.name))], [shown]);
  }
});

test("errorLogging: false takes the errors' lines away, but never those of the module's own faults", async () => {
  const log = await loggedLife({ errorLogging: false });
  assert.deepEqual(log.messages("error"), ["handleInfo failed: Error: a fault of its own"]);
  assert.equal(log.messages("info").length, 4);
});

test("infoLogging: false takes the lines of establishments and closes away", async () => {
  const log = await loggedLife({ infoLogging: false });
  assert.deepEqual(log.messages("info"), []);
  assert.equal(log.messages("error").length, 2);
});

test("without a logger lines go to the console, one line each", async (t) => {
  const error = t.mock.method(console, "error", () => undefined);
  const info = t.mock.method(console, "info", () => undefined);
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleError: () => stop() });
  const { logger: _, ...options } = QUICK;
  await using connection = recorder.module.start({ uri: server.url, state: null, options });
  await connection.opened();
  (await server.peer()).socket.terminate();
  await connection.exited;
  const line = (call: { readonly arguments: readonly unknown[] } | undefined) => String(call?.arguments[0]);
  assert.equal(info.mock.callCount(), 1);
  assert.match(line(info.mock.calls[0]), new RegExp(`^\\(everfresh\\) Recorder ${connection.id}: .*established$`));
  assert.equal(error.mock.callCount(), 1);
  assert.match(line(error.mock.calls[0]), /^\(everfresh\) Recorder .*: The connection was lost: [^\n]*$/);
});

test("a logger without debug is never asked for it", async () => {
  await using server = await WsServer.start();
  await using connection = launch(server, new Recorder<null>(), null, { logger: { error: () => {}, info: () => {} } });
  await connection.opened();
});

test("no secret reaches the log: authorization, cookies, userinfo, query values, subprotocols", async () => {
  const secret = "s3cr3t";
  await using server = await WsServer.start({
    refuse: (number) => (number === 1 ? { status: 401, headers: { "Set-Cookie": `id=${secret}` } } : undefined),
  });
  const log = new Log();
  const recorder = new Recorder<null>({ handleDisconnect: () => ignore(null) });
  const host = `127.0.0.1:${server.port}`;
  await using connection = launch(`ws://user:${secret}@${host}/path?token=${secret}&plain=${secret}`, recorder, null, {
    logger: log,
    headers: {
      Authorization: `Bearer ${secret}`,
      Cookie: `session=${secret}`,
      "Proxy-Authorization": secret,
      "X-Api-Key": secret,
      "User-Agent": "shown",
    },
    upgradeOptions: { subprotocols: [`token.${secret}`] },
  });
  await connection.opened();
  (await server.peer()).socket.close(1000);
  await recorder.call("handleDisconnect");
  await connection.stop();
  const refused = launch(`ws://user:${secret}@127.0.0.1:1/?token=${secret}`, recorder, null, { logger: log });
  await recorder.call("handleError", 2);
  await refused.stop();
  const badHeader = launch(server, recorder, null, {
    logger: log,
    headers: () => ({ "X-Token": `${secret}\n` }),
  });
  await recorder.call("handleError", 3);
  await badHeader.stop();
  assert.ok(log.lines.length > 6);
  const written = inspect(log.lines, { depth: 20, maxStringLength: null, maxArrayLength: null });
  assert.doesNotMatch(written, new RegExp(secret));
  const attempt = log.lines.find(({ level, fields }) => level === "debug" && "headers" in fields);
  assert.equal(attempt?.fields.uri, `ws://${host}/path?token=***&plain=***`);
  const headers = attempt?.fields.headers as Record<string, string>;
  assert.equal(headers["User-Agent"], "shown");
  assert.equal(headers.Authorization, "***");
});

// ── signal, hibernateAfter ───────────────────────────────────────────────────────────────────────────────────────────

test('a signal that aborts does what stop("shutdown") does', async (t) => {
  await t.test("while open", async () => {
    await using server = await WsServer.start();
    const recorder = new Recorder<null>();
    const controller = new AbortController();
    const connection = launch(server, recorder, null, { signal: controller.signal });
    await connection.opened();
    controller.abort();
    assert.equal(await connection.exited, "shutdown");
    assert.equal((await (await server.peer()).closed).code, 1001);
    assert.deepEqual(recorder.lines, ["handleConnect 101", "handleTerminate shutdown"]);
  });
  await t.test("while connecting", async () => {
    const recorder = new Recorder<null>();
    const controller = new AbortController();
    const connection = recorder.module.start({
      uri: () => new Promise(() => undefined),
      state: null,
      options: { ...QUICK, signal: controller.signal },
    });
    controller.abort();
    assert.equal(await connection.exited, "shutdown");
  });
  await t.test("before the start", async () => {
    await using server = await WsServer.start();
    const recorder = new Recorder<null>();
    const connection = launch(server, recorder, null, { signal: AbortSignal.abort() });
    assert.deepEqual(recorder.lines, []);
    assert.equal(await connection.exited, "shutdown");
    assert.deepEqual(recorder.lines, ["handleTerminate shutdown"]);
    assert.equal(server.requests.entries.length, 0);
  });
  await t.test("after the end", async () => {
    await using server = await WsServer.start();
    const controller = new AbortController();
    const connection = launch(server, new Recorder<null>(), null, { signal: controller.signal });
    await connection.stop("mine");
    controller.abort();
    assert.equal(await connection.exited, "mine");
  });
});

test("a connection that has hibernated goes on as before", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({ handleIn: (_frame, state) => ok(state + 1) });
  await using connection = launch(server, recorder, 0, { hibernateAfter: 10 });
  await connection.opened();
  const peer = await server.peer();
  for (const round of [1, 2, 3]) {
    // Long enough to have been found idle.
    await delay(35);
    peer.socket.send(Buffer.alloc(100_000, round));
    await recorder.call("handleIn", round);
    connection.send("x".repeat(100_000));
    assert.equal((await peer.text(round)).length, 100_000);
  }
  assert.equal((await recorder.call("handleIn", 3)).state, 2);
});

test("an option that is undefined is as if it weren't given", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  const options = { ...QUICK, pingInterval: undefined, outbox: undefined, name: undefined } as unknown as typeof QUICK;
  await using connection = Fresh.start(server.url, recorder.module, null, options);
  assert.equal(connection.send("queued by default"), "queued");
  await connection.opened();
  assert.equal(connection.name, undefined);
});
