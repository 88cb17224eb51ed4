import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocket } from "ws";
import {
  accepting,
  type Fault,
  type FaultPlan,
  type FaultTrigger,
  playing,
  rawFrame,
  type Script,
  TestServer,
} from "../../src/testing/index.ts";
import { ANSWER, RawClient, REQUEST } from "./raw-client.ts";

const plan = (when: FaultTrigger, fault: Fault): FaultPlan => ({ connections: [{ connection: 1, when, fault }] });
const serving = (when: FaultTrigger, fault: Fault, script?: Script) =>
  TestServer.start({ script: playing(plan(when, fault), script) });

test("connections without a fault are served as by the script alone, and are counted for each script", async () => {
  await using server = await serving({ phase: "request" }, { type: "refuse", status: 503, retryAfter: 2 });
  const [, response] = await once(new WebSocket(server.url), "unexpected-response");
  assert.deepEqual([response.statusCode, response.headers["retry-after"]], [503, "2"]);
  response.destroy();
  const client = new WebSocket(server.url);
  await once(client, "open");
  client.send("x");
  await once(client, "message");
  client.terminate();
  server.onConnection(playing(plan({ phase: "request" }, { type: "refuse", status: 429 })));
  const [, second] = await once(new WebSocket(server.url), "unexpected-response");
  assert.equal(second.statusCode, 429);
  second.destroy();
});

test("a fault at each phase, as a FaultProxy would do it", async () => {
  for (const phase of ["connect", "request", "answer", "open"] as const) {
    // A script that knows nothing of faults: what they keep it from is no failure.
    const script = accepting(async (peer) => void (await peer.receive()));
    await using server = await serving({ phase }, { type: "end" }, script);
    const client = await RawClient.connect(server.port);
    client.socket.write(REQUEST);
    assert.equal(String(await client.all()), phase === "open" ? ANSWER : "");
    client.socket.destroy();
  }
});

test("messages each way are counted, and ms from there", async () => {
  for (const direction of ["toClient", "toServer"] as const) {
    await using server = await serving({ phase: "open", messages: 2, ms: 5, direction }, { type: "end" });
    const client = new WebSocket(server.url);
    await once(client, "open");
    const closed = once(client, "close");
    client.send("1");
    assert.equal(String((await once(client, "message"))[0]), "1");
    client.send("2");
    assert.equal(String((await once(client, "message"))[0]), "2");
    assert.equal((await closed)[0], 1006);
  }
});

test("the phase closing is the first close frame of either side", async () => {
  await using server = await serving({ phase: "closing" }, { type: "blackHole" }, accepting());
  const client = await RawClient.open(server.port);
  const peer = await server.connection(1);
  client.socket.write(rawFrame({ opcode: "close", masked: true }));
  await peer.receive("close");
  client.socket.end();
  await once(client.socket, "finish");
  assert.equal(client.received.length, 0);
  client.socket.destroy();
  server.onConnection(
    playing(
      plan({ phase: "closing" }, { type: "end" }),
      accepting((one) => one.close(1001)),
    ),
  );
  const raw = await RawClient.connect(server.port);
  raw.socket.write(REQUEST);
  assert.equal(String(await raw.all()), ANSWER);
  raw.socket.destroy();
});

test("a stall holds back what is sent and leaves unread what comes, for so long", async () => {
  await using server = await serving({ phase: "request" }, { type: "stall", ms: 30 });
  const client = await RawClient.connect(server.port);
  const start = performance.now();
  client.socket.write(REQUEST);
  assert.equal(String(await client.bytes(ANSWER.length)), ANSWER);
  assert.ok(performance.now() - start >= 29);
});

test("close is a close frame and then silence, or FIN behind it", async () => {
  for (const fin of [false, true]) {
    await using server = await serving({ phase: "open" }, { type: "close", code: 1012, fin }, accepting());
    const client = await RawClient.connect(server.port);
    client.socket.write(REQUEST);
    await client.bytes(ANSWER.length + 4);
    const peer = await server.connection(1);
    client.socket.write(rawFrame({ opcode: "close", masked: true }));
    if (fin) await client.all();
    else {
      await peer.receive("close");
      assert.equal(peer.isFinishing, false);
    }
    assert.deepEqual([...client.received.subarray(ANSWER.length)], [0x88, 2, 0x03, 0xf4]);
  }
});

test("inject is a flood, all at once or one each so many ms; garbage is drawn from the seed", async () => {
  const flood: Fault = { type: "inject", frame: { opcode: "ping", size: 125 }, times: 5000 };
  await using server = await serving({ phase: "open" }, flood, accepting());
  const client = await RawClient.connect(server.port);
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length + 5000 * 127);
  server.onConnection(playing(plan({ phase: "open" }, { ...flood, times: 3, every: 2 }), accepting()));
  const slow = await RawClient.connect(server.port);
  slow.socket.write(REQUEST);
  await slow.bytes(ANSWER.length + 3 * 127);
  const garbage: Buffer[] = [];
  for (let run = 0; run < 2; run += 1) {
    server.onConnection(playing(plan({ phase: "open" }, { type: "garbage" }), accepting()));
    const confused = await RawClient.connect(server.port);
    confused.socket.write(REQUEST);
    garbage.push((await confused.bytes(ANSWER.length + 16)).subarray(ANSWER.length));
    confused.socket.destroy();
  }
  assert.deepEqual(garbage[0], garbage[1]);
  for (const one of [client, slow]) one.socket.destroy();
});

test("what the script does wrong where no fault has struck is a failure still", async () => {
  const script = playing(plan({ phase: "open", messages: 9 }, { type: "end" }), async (peer) => {
    await peer.receive("text", { timeout: 1 });
  });
  const server = await TestServer.start({ script });
  const client = await RawClient.connect(server.port);
  await client.all();
  await assert.rejects(server.stop(), /waited 1 ms for a text frame/);
});

test("what is the link's own is refused at once, with where it stands and what to use", () => {
  const refused: readonly (readonly [FaultTrigger, Fault, RegExp])[] = [
    [
      { phase: "open" },
      { type: "latency", ms: 1 },
      /^connections\[0\]\.fault\.type: .* put a FaultProxy before the server/,
    ],
    [{ phase: "clientHello" }, { type: "reset" }, /^connections\[0\]\.when\.phase is for a FaultProxy/],
    [{ phase: "open", bytes: 3 }, { type: "reset" }, /^connections\[0\]\.when\.bytes is for a FaultProxy/],
    [{ phase: "open" }, { type: "random" }, /needs a list of faults/],
    [{ phase: "open" }, { type: "random", of: [{ type: "split" }] }, /fault\.of\[0\]\.type: /],
    [{ phase: "open" }, { type: "rest" } as never, /did you mean "reset"/],
  ];
  for (const [when, fault, message] of refused) assert.throws(() => playing(plan(when, fault)), { message });
});
