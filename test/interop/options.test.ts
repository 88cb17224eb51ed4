/** The reference's options, and the closing handshake's corners, against Python's `websockets`. */
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { after, before, test } from "node:test";
import { ok, stop } from "../../src/index.ts";
import { gate, Log, launch, QUICK, Recorder } from "../fresh/fixtures.ts";
import { PythonServer, type Request } from "./python-server.ts";

let server: PythonServer;
before(async () => {
  server = await PythonServer.start();
});
after(() => server.stop());

const valuesOf = ({ headers }: Request, name: string) =>
  headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);

test("headers and the query reach Python as they are", async () => {
  const endpoint = server.endpoint();
  await using connection = launch(`${endpoint.url}?a=1&b=%20`, new Recorder<null>(), null, {
    headers: [
      ["Authorization", "Bearer token"],
      ["X-Many", "1"],
      ["X-Many", "2"],
    ],
  });
  await connection.opened();
  const request = await endpoint.request();
  assert.equal(request.path, `${endpoint.path}?a=1&b=%20`);
  assert.deepEqual(valuesOf(request, "authorization"), ["Bearer token"]);
  assert.deepEqual(valuesOf(request, "x-many"), ["1", "2"]);
  assert.deepEqual(valuesOf(request, "sec-websocket-version"), ["13"]);
  assert.deepEqual(valuesOf(request, "host"), [`127.0.0.1:${server.port}`]);
});

test("providers are asked anew after each refusal", async () => {
  const endpoint = server.endpoint();
  await endpoint.refuse(401, { times: 2 });
  await using connection = launch(endpoint, new Recorder<null>(), null, {
    headers: async ({ attempt }) => ({ Authorization: `token ${attempt}` }),
  });
  await connection.opened();
  await endpoint.request(3);
  assert.deepEqual(
    endpoint.requests.entries.map((request) => valuesOf(request, "authorization")),
    [["token 1"], ["token 2"], ["token 3"]],
  );
});

test("transportOptions: an agent of the caller's is used", async () => {
  const endpoint = server.endpoint();
  const agent = new Agent({ localAddress: "127.0.0.1" });
  let asked = 0;
  const { createConnection } = agent as unknown as { createConnection(...args: unknown[]): unknown };
  Object.assign(agent, {
    createConnection(...args: unknown[]) {
      asked += 1;
      return createConnection.apply(agent, args);
    },
  });
  await using connection = launch(endpoint, new Recorder<null>(), null, { transportOptions: { agent } });
  await connection.opened();
  assert.equal(asked, 1);
});

test("upgradeOptions.subprotocols: Python chooses, and what it chose is connection.protocol", async () => {
  await using choosing = await PythonServer.start({ subprotocols: ["mqtt", "chat"] });
  const endpoint = choosing.endpoint();
  await using connection = launch(endpoint, new Recorder<null>(), null, {
    upgradeOptions: { subprotocols: ["other", "chat"] },
  });
  await connection.opened();
  assert.equal(connection.protocol, "chat");
  assert.equal((await endpoint.peer()).subprotocol, "chat");
  await using none = launch(endpoint, new Recorder<null>(), null, { upgradeOptions: { subprotocols: ["other"] } });
  await none.opened();
  assert.equal(none.protocol, "");
});

test("pingInterval: Python answers our empty pings; 0 sends none", async () => {
  const endpoint = server.endpoint();
  await using quiet = launch(endpoint, new Recorder<null>(), null, { pingInterval: 0 });
  await quiet.opened();
  const recorder = new Recorder<null>();
  await using connection = launch(endpoint, recorder, null, { pingInterval: 20 });
  await recorder.call("handleControl", 3);
  assert.ok(recorder.lines.slice(1).every((line) => line === 'handleControl pong ""'));
  assert.ok((connection.stats.lastRoundTrip ?? 0) > 0);
  assert.deepEqual((await endpoint.peer(1)).lines, []);
  assert.equal((await endpoint.peer(2)).lines[0], 'ping ""');
});

test("Python's own keepalive is content with our pongs, also while a callback is busy", async () => {
  await using pinging = await PythonServer.start({ pingInterval: 0.1 });
  const endpoint = pinging.endpoint();
  const busy = gate();
  const recorder = new Recorder<null>({
    handleInfo: async () => {
      await busy.promise;
      return ok(null);
    },
  });
  await using connection = launch(endpoint, recorder, null, { pingInterval: 0 });
  await connection.opened();
  connection.info("busy");
  // It would have closed the connection with 1011 after the first two intervals.
  await (await endpoint.peer()).next("pong", 5);
  busy.open();
  await recorder.call("handleControl", 5);
  assert.equal(connection.stats.opens, 1);
});

test("errorLogging and infoLogging switch the lines of errors and of establishments and closes", async () => {
  for (const [options, levels] of [
    [{}, ["error", "info", "info"]],
    [{ errorLogging: false }, ["info", "info"]],
    [{ infoLogging: false }, ["error"]],
    [{ errorLogging: false, infoLogging: false }, []],
  ] as const) {
    const endpoint = server.endpoint();
    await endpoint.refuse(500);
    const log = new Log();
    const connection = launch(endpoint, new Recorder<null>({ handleDisconnect: () => stop() }), null, {
      ...options,
      logger: log,
    });
    (await endpoint.peer()).close(1000);
    await connection.exited;
    assert.deepEqual(
      log.lines.map(({ level }) => level).filter((level) => level !== "debug"),
      levels,
    );
  }
});

test("retryAfter: Python's Retry-After sets the wait, at most max", async () => {
  const endpoint = server.endpoint();
  await endpoint.refuse(429, { headers: [["Retry-After", "60"]] });
  const log = new Log();
  await using connection = launch(endpoint, new Recorder<null>(), null, { logger: log, retryAfter: { max: 80 } });
  const before = performance.now();
  await connection.opened();
  assert.ok(performance.now() - before >= 79);
  assert.deepEqual(
    log.lines.flatMap(({ fields }) => ("wait" in fields ? [fields.wait] : [])),
    [80],
  );
});

test("a message that is too long for Python comes back as its close: 1009", async () => {
  await using strict = await PythonServer.start({ maxSize: 1000 });
  const endpoint = strict.endpoint();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  const connection = launch(endpoint, recorder, null);
  await connection.opened();
  connection.send("x".repeat(1000));
  connection.send("x".repeat(1001));
  await connection.exited;
  assert.equal((await recorder.call("handleDisconnect")).given[0], 1009);
  assert.deepEqual((await endpoint.peer()).lines.filter((line) => line.startsWith("text")).length, 1);
});

test("inbox: a flood waits at Python's side, and arrives whole", async () => {
  const endpoint = server.endpoint("echo");
  const begin = gate();
  const done = gate();
  const count = 3000;
  const recorder = new Recorder<number>({
    handleIn: async ({ data }, expected) => {
      if (expected === 0) await begin.promise;
      assert.equal(Number.parseInt(String(data), 10), expected);
      if (expected === count - 1) done.open();
      return ok(expected + 1);
    },
  });
  await using connection = launch(endpoint, recorder, 0, { inbox: { maxMessages: 10 } });
  await connection.opened();
  for (let number = 0; number < count; number += 1) connection.send(String(number).padEnd(5000, "."));
  await recorder.call("handleIn");
  assert.ok(connection.stats.framesReceived < 100);
  begin.open();
  await done.promise;
  assert.equal(connection.stats.framesReceived, count);
});

test("both ends closing at once is one disconnect, with Python's code", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  const connection = launch(endpoint, recorder, null);
  await connection.opened();
  const peer = await endpoint.peer();
  await peer.pause();
  connection.close(4000, "ours");
  peer.close(4001, "theirs");
  await recorder.call("handleDisconnect");
  await connection.exited;
  assert.deepEqual(recorder.lines.slice(-2), ["handleDisconnect 4001 theirs", "handleTerminate normal"]);
});

test("closeTimeout: a Python that doesn't read our close frame is left, without code and reason", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  const connection = launch(endpoint, recorder, null, { closeTimeout: 60 });
  await connection.opened();
  const peer = await endpoint.peer();
  await peer.pause();
  connection.close(1000, "bye");
  await connection.exited;
  assert.deepEqual(recorder.lines.slice(-2), ["handleDisconnect - -", "handleTerminate normal"]);
  peer.resume();
  assert.equal((await peer.closed).code, 1000);
});

test("data that Python sends between our close frame and its answer is delivered", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  const connection = launch(endpoint, recorder, null);
  await connection.opened();
  const peer = await endpoint.peer();
  await peer.pause();
  connection.close(1000, "bye");
  await peer.send("in between");
  peer.resume();
  await connection.exited;
  assert.deepEqual(recorder.lines.slice(1), [
    'handleIn text "in between"',
    "handleDisconnect 1000 bye",
    "handleTerminate normal",
  ]);
});

test("name and signal work here as anywhere", async () => {
  const endpoint = server.endpoint();
  const controller = new AbortController();
  const { module } = new Recorder<null>();
  const connection = module.startLink({
    uri: endpoint.url,
    state: null,
    options: { ...QUICK, name: Symbol("python"), signal: controller.signal },
  });
  await connection.opened();
  controller.abort();
  assert.equal(await connection.exited, "shutdown");
  assert.equal((await (await endpoint.peer()).next("close")).code, 1001);
});
