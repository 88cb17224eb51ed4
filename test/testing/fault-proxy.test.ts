import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { WebSocket, WebSocketServer } from "ws";
import { Fresh, ok, reconnect, reply, stop } from "../../src/index.ts";
import {
  accepting,
  type FaultPlan,
  FaultPlanError,
  FaultProxy,
  parseFaultPlan,
  TestServer,
} from "../../src/testing/index.ts";
import { behindProxy } from "./behind-proxy.ts";
import { RawClient, REQUEST } from "./raw-client.ts";

test("it stands before any server, and its URL has the target's path", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/chat" });
  await once(server, "listening");
  server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  const { port } = server.address() as { port: number };
  await using proxy = await FaultProxy.start({ target: `ws://127.0.0.1:${port}/chat?room=1` });
  assert.match(proxy.url, /^ws:\/\/127\.0\.0\.1:\d+\/chat\?room=1$/);
  const client = new WebSocket(proxy.url);
  await once(client, "open");
  client.send("x");
  await once(client, "message");
  client.terminate();
  await proxy.stop();
  server.close();
});

test("a connection of ours lives through a plan: refused, cut, reset, then well", async () => {
  const plan: FaultPlan = {
    connections: [
      { connection: 1, when: { phase: "connect" }, fault: { type: "reset" } },
      { connection: 2, when: { phase: "request" }, fault: { type: "refuse", status: 503, retryAfter: 0 } },
      { connection: 3, when: { phase: "answer", bytes: 20 }, fault: { type: "end" } },
      { connection: 4, when: { phase: "open" }, fault: { type: "inject", frame: { opcode: 3 } } },
      { connection: 5, when: { phase: "open", messages: 1 }, fault: { type: "close", code: 1012, fin: true } },
    ],
  };
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start({ target: server.url, plan });
  const seen: string[] = [];
  const client = Fresh.start<null>(
    proxy.url,
    {
      handleConnect: () => reply("hello", null),
      handleIn(frame, _state, self) {
        seen.push(`in ${frame.data}`);
        if (proxy.connections.length === 6) self.close();
        return ok(null);
      },
      handleDisconnect(code) {
        seen.push(`disconnect ${code}`);
        return code === 1000 ? stop() : reconnect(null);
      },
      handleError(error) {
        seen.push(`${error.kind} ${error.reason}`);
        return reconnect(null);
      },
    },
    null,
    { backoffInitial: 1, backoffMax: 1, infoLogging: false, errorLogging: false },
  );
  assert.equal(await client.exited, "normal");
  // Whether the RST comes before the client has its socket or after that is the system's to say.
  assert.match(seen.shift() ?? "", /_failed reset$/);
  assert.deepEqual(seen, [
    "establishing_failed status",
    "establishing_failed ended",
    "decoding_failed reserved_opcode",
    "in hello",
    "disconnect 1012",
    "in hello",
    "disconnect 1000",
  ]);
  assert.deepEqual(
    proxy.faults.map(({ connection, phase, fault }) => [connection, phase, fault.type]),
    [
      [1, "connect", "reset"],
      [2, "request", "refuse"],
      [3, "answer", "end"],
      [4, "open", "inject"],
      [5, "open", "close"],
    ],
  );
});

test("with the same seed everything drawn is the same, in whatever order connections live and die; with another it isn't", async () => {
  const plan = (seed: number): FaultPlan => ({
    seed,
    connections: [
      { when: { phase: "connect" }, fault: { type: "latency", ms: { from: 0, to: 5 }, jitter: { from: 0, to: 5 } } },
      { connection: { share: 0.5 }, when: { phase: "open" }, fault: { type: "random" } },
    ],
  });
  const run = async (seed: number, atOnce: boolean) => {
    await using server = await TestServer.start();
    await using proxy = await FaultProxy.start({ target: server.url, plan: plan(seed) });
    const clients: WebSocket[] = [];
    for (let number = 1; number <= 12; number += 1) {
      const client = new WebSocket(proxy.url);
      client.on("error", () => {});
      clients.push(client);
      const connection = await proxy.connection(number);
      if (!atOnce) await connection.reached("open");
    }
    await Promise.all(proxy.connections.map((connection) => connection.reached("open")));
    for (const client of clients) client.terminate();
    return [...proxy.faults].sort((one, other) => one.connection - other.connection);
  };
  const faults = await run(5, true);
  assert.deepEqual(await run(5, false), faults);
  assert.notDeepEqual(await run(6, true), faults);
});

test("a plan in JSON does what the same plan in code does", async () => {
  const text =
    '{ "connections": [{ "when": { "phase": "request" }, "fault": { "type": "refuse", "status": 429, "retryAfter": 7 } }] }';
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start({ target: server.url, plan: parseFaultPlan(text) });
  const [, response] = await once(new WebSocket(proxy.url), "unexpected-response");
  assert.deepEqual([response.statusCode, response.headers["retry-after"]], [429, "7"]);
  response.destroy();
});

test("another plan is for the connections from now on, counted from 1", async () => {
  await using set = await behindProxy([], { script: accepting() });
  const first = new WebSocket(set.proxy.url);
  await once(first, "open");
  set.proxy.onConnection({
    connections: [{ connection: 1, when: { phase: "request" }, fault: { type: "refuse", status: 500 } }],
  });
  const [error] = await once(new WebSocket(set.proxy.url), "error");
  assert.match(error.message, /500/);
  const third = new WebSocket(set.proxy.url);
  await once(third, "open");
  for (const client of [first, third]) client.terminate();
  assert.deepEqual(
    set.proxy.faults.map(({ connection }) => connection),
    [2],
  );
});

test("a plan is checked when it is given, with what the proxy can see", async () => {
  const rule = (phase: string) => ({ connections: [{ when: { phase }, fault: { type: "reset" } }] }) as never;
  await assert.rejects(FaultProxy.start({ target: 1, plan: rule("opened") }), FaultPlanError);
  await assert.rejects(FaultProxy.start({ target: "ws://x", plan: rule("clientHello") }), /there is no TLS here/);
  await assert.rejects(
    FaultProxy.start({ target: "wss://x", plan: rule("open") }),
    /TLS passes through here, and hides it/,
  );
  await assert.rejects(FaultProxy.start({ target: "nowhere" }), /target is the URL of a server/);
});

test("down refuses connections and leaves those that stand; up takes them again on the same port", async () => {
  await using set = await behindProxy([], { script: accepting() });
  const client = await set.connect();
  const { port } = set.proxy;
  await set.proxy.down();
  await set.proxy.down();
  await assert.rejects(RawClient.connect(port), { code: "ECONNREFUSED" });
  client.socket.write(REQUEST);
  await once(client.socket, "data");
  await Promise.all([set.proxy.up(), set.proxy.up()]);
  assert.equal(set.proxy.port, port);
  await set.connect();
});

test("apply does something to all connections that stand", async () => {
  await using set = await behindProxy([], { script: accepting() });
  const clients = [new WebSocket(set.proxy.url), new WebSocket(set.proxy.url)];
  await Promise.all(clients.map((client) => once(client, "open")));
  const closed = Promise.all(clients.map((client) => once(client, "close")));
  set.proxy.apply({ type: "end" });
  await closed;
});

test("the history keeps the newest records, with times that never go back", async () => {
  await using server = await TestServer.start();
  await using proxy = await FaultProxy.start({ target: server.url, historyLimit: 3 });
  for (let number = 0; number < 3; number += 1) {
    const client = new WebSocket(proxy.url);
    await once(client, "open");
    client.terminate();
  }
  assert.equal(proxy.history.length, 3);
  const times = proxy.history.map(({ at }) => at);
  assert.deepEqual(
    times,
    [...times].sort((one, other) => one - other),
  );
});

test("waiting for a connection has a deadline, and an end with the proxy", async () => {
  const proxy = await FaultProxy.start({ target: 1 });
  await assert.rejects(proxy.connection(1, { timeout: 1 }), /Connection 1 did not come within 1 ms; there were 0/);
  const waiting = proxy.connection(1);
  const stopped = proxy.stop();
  await assert.rejects(waiting, /is being stopped/);
  await stopped;
  await proxy.stop();
  await proxy.up();
  await assert.rejects(RawClient.connect(proxy.port), { code: "ECONNREFUSED" });
});

test("a process that has stopped its proxies has nothing open and ends, whatever was going on", async () => {
  const program = fileURLToPath(new URL("proxy-leaves-nothing-open.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=everfresh-source", "--import", "tsx", program],
    { timeout: 30_000 },
  );
  assert.deepEqual(JSON.parse(stdout), []);
});
