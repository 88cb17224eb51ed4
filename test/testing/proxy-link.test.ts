import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { accepting, FaultProxy, rawFrame, TestServer } from "../../src/testing/index.ts";
import { behindProxy } from "./behind-proxy.ts";
import { CERTIFICATE } from "./certificate.ts";
import { ANSWER, RawClient, REQUEST } from "./raw-client.ts";

test("the server is dialled with the client's first bytes, and not before", async () => {
  await using set = await behindProxy([], { script: accepting() });
  const client = await set.connect();
  await (await set.proxy.connection(1)).reached("connect");
  assert.deepEqual(set.server.connections, []);
  client.socket.write(REQUEST);
  await set.server.connection(1);
});

test("a client that ends before it has said anything is let go", async () => {
  for (const options of [{}, { proxyTls: true }]) {
    await using set = await behindProxy([], options);
    const client = await set.connect();
    client.socket.end();
    await client.closed;
    await (await set.proxy.connection(1)).ended;
    assert.deepEqual(set.server.connections, []);
  }
});

test("a request that never becomes whole reaches the server at the client's FIN, and so does that", async () => {
  await using set = await behindProxy([], { script: () => {} });
  const client = await set.connect();
  client.socket.end("GET / HTTP/1.1\r\nHo");
  const peer = await set.server.connection(1);
  assert.deepEqual(await peer.ended, { type: "fin" });
});

test("a half-close passes, and what the other side says after it does too", async () => {
  await using set = await behindProxy([], {
    script: accepting(
      async (peer) => {
        await peer.ended;
        peer.send("after your FIN");
        peer.end();
      },
      { automatic: false },
    ),
  });
  const client = await set.connect();
  client.socket.end(REQUEST);
  const expected = Buffer.concat([Buffer.from(ANSWER), rawFrame({ opcode: "text", payload: "after your FIN" })]);
  assert.deepEqual(await client.all(), expected);
});

test("a reader that is slow pauses the proxy's reading of the server, so that its memory stays flat, and nothing is lost", async () => {
  const size = 15 * 1024 * 1024;
  await using set = await behindProxy([], {
    script: accepting(async (peer) => {
      for (let message = 0; message < 8; message += 1) {
        peer.send(new Uint8Array(size).fill(message));
        await peer.flushed().catch(() => {});
      }
    }),
  });
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length);
  client.socket.pause();
  const peer = await set.server.connection(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = process.memoryUsage().arrayBuffers;
  assert.ok(peer.bufferedAmount > 1024 * 1024, `${peer.bufferedAmount} bytes wait at the server`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(process.memoryUsage().arrayBuffers < before + 8 * 1024 * 1024);
  let received = client.received.length;
  client.socket.on("data", (chunk) => {
    received += chunk.length;
    client.chunks.length = 0;
  });
  client.socket.resume();
  while (received < ANSWER.length + 8 * (size + 10)) await once(client.socket, "data");
});

test("a unix socket is a target", async () => {
  const path = `/tmp/everfresh-${process.pid}-${Date.now()}.sock`;
  await using server = await TestServer.start({ path, script: accepting() });
  await using proxy = await FaultProxy.start({ target: server.url });
  const client = await RawClient.connect(proxy.port);
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length);
  (await proxy.connection(1)).reset();
  assert.equal((await client.closed)?.code, "ECONNRESET");
  await (await server.connection(1)).ended;
});

test("a client that talks no TLS to a proxy that ends it is in the history", async () => {
  await using set = await behindProxy([], { proxyTls: true });
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.all();
  await (await set.proxy.connection(1)).ended;
  assert.ok(set.proxy.history.some((record) => record.type === "failed" && record.message.startsWith("The client:")));
});

test("the certificate that a client sees is the proxy's, if that ends TLS", async () => {
  await using set = await behindProxy([], { proxyTls: true, serverTls: true });
  const socket = connectTls({ port: set.proxy.port, host: "127.0.0.1", ca: CERTIFICATE });
  await once(socket, "secureConnect");
  assert.equal(socket.authorized, true);
  socket.destroy();
});
