import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { WebSocket } from "ws";
import { accepting, echo, rawFrame, refusing, TestServer } from "../../src/testing/index.ts";
import { RawClient } from "./raw-client.ts";

test("echo() sends every message back as it came, and chooses the first subprotocol", async () => {
  await using server = await TestServer.start({ script: echo() });
  const client = new WebSocket(server.url, ["b", "a"]);
  await once(client, "open");
  assert.equal(client.protocol, "b");
  client.send("text ✓");
  assert.deepEqual(await once(client, "message"), [Buffer.from("text ✓"), false]);
  client.send(Uint8Array.of(1, 2));
  assert.deepEqual(await once(client, "message"), [Buffer.from([1, 2]), true]);
  client.close();
  await once(client, "close");
});

test("echo() has options of accept()", async () => {
  await using server = await TestServer.start({ script: echo({ protocol: "a", glue: ["welcome"] }) });
  const client = new WebSocket(server.url, ["b", "a"]);
  assert.equal(String((await once(client, "message"))[0]), "welcome");
  assert.equal(client.protocol, "a");
  client.terminate();
});

test("to echo(), a client that leaves, talks garbage or breaks the protocol is no failure", async () => {
  await using server = await TestServer.start({ script: echo(), timeout: 50 });
  const silent = await RawClient.connect(server.port);
  await silent.all();
  const leaves = await RawClient.connect(server.port);
  leaves.socket.destroy();
  const garbage = await RawClient.connect(server.port);
  garbage.socket.write("no HTTP\r\n\r\n");
  assert.match(String(await garbage.all()), /^HTTP\/1\.1 400 /);
  const plain = await RawClient.connect(server.port);
  plain.socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.match(String(await plain.all()), /^HTTP\/1\.1 426 /);
  const rude = await RawClient.open(server.port);
  rude.socket.write(rawFrame({ opcode: 5, masked: true }));
  await rude.all();
  for (const client of [silent, garbage, plain, rude]) client.socket.destroy();
  await Promise.all(server.connections.map(({ ended }) => ended));
  assert.deepEqual(server.failures, []);
});

test("a fault in the options of echo() is a failure", async () => {
  const server = await TestServer.start({
    script: echo({
      protocol: () => {
        throw new Error("no choice");
      },
    }),
  });
  const [error] = await once(new WebSocket(server.url), "error");
  assert.match(error.message, /socket hang up/);
  await assert.rejects(server.stop(), /no choice/);
});

test("echo() takes in no more than it can give back: a client that never reads is made to wait", async () => {
  await using server = await TestServer.start({ script: echo() });
  const client = await RawClient.open(server.port);
  client.socket.pause();
  const message = rawFrame({ opcode: "binary", payload: new Uint8Array(64 * 1024), masked: true });
  const peer = await server.connection(1);
  // Far more than what the system buffers on both ways.
  for (let round = 0; round < 1000; round++) client.socket.write(message);
  while (!peer.socket.isPaused() && peer.received.length < 1000) await nextTurn();
  assert.ok(peer.received.length < 1000, "everything was taken");
  assert.ok(peer.bufferedAmount < 4 * 1024 * 1024, `${peer.bufferedAmount} bytes wait`);
  client.socket.resume();
  const echoed = 1000 * (64 * 1024 + 10);
  let count = 0;
  client.socket.removeAllListeners("data");
  client.socket.on("data", (chunk) => {
    count += chunk.length;
  });
  while (count < echoed) await once(client.socket, "data");
  assert.equal(count, echoed);
  client.socket.destroy();
});

test("accepting() runs a script behind the 101, refusing() answers with a status", async () => {
  await using server = await TestServer.start({
    script: [
      refusing(404, { body: "gone" }),
      accepting((peer, attempt) => peer.close(4000 + attempt), { protocol: "a" }),
    ],
  });
  const refused = new WebSocket(server.url);
  refused.on("error", () => {});
  const [, response] = await once(refused, "unexpected-response");
  assert.equal(response.statusCode, 404);
  response.destroy();
  const client = new WebSocket(server.url, ["a"]);
  const [code] = await once(client, "close");
  assert.equal(code, 4002);
  assert.equal(client.protocol, "a");
});
