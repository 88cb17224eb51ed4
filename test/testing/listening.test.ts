import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { Door, listen, placeOf, tlsOver, urlOf } from "../../src/testing/listening.ts";
import { CERTIFICATE, KEY } from "./certificate.ts";
import { RawClient } from "./raw-client.ts";
import { withSocketPair } from "./socket-pair.ts";

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

test("a place has the URL under which clients reach it", () => {
  assert.equal(urlOf({ port: 1, host: "127.0.0.1" }, "ws"), "ws://127.0.0.1:1");
  assert.equal(urlOf({ port: 1, host: "::1" }, "wss"), "wss://[::1]:1");
  assert.equal(urlOf({ path: "/a/b" }, "ws"), "ws+unix:/a/b:/");
});

test("a free port is found, and told; each connection is handed on half-open", async () => {
  const asked = { port: 0, host: "127.0.0.1" };
  let hand!: (socket: Socket) => void;
  const connected = new Promise<Socket>((resolve) => {
    hand = resolve;
  });
  const server = await listen(asked, (socket) => hand(socket));
  const place = placeOf(server, asked);
  assert.ok("port" in place && place.port > 0);
  assert.equal(place.host, "127.0.0.1");
  const client = await RawClient.connect(place.port);
  const socket = await connected;
  client.socket.end();
  socket.resume();
  await once(socket, "end");
  assert.equal(socket.writable, true);
  socket.end("still there");
  assert.equal(String(await client.all()), "still there");
  await closed(server);
});

test("a place that can't be had rejects with the system's error", async () => {
  const server = await listen({ port: 0, host: "127.0.0.1" }, () => {});
  const taken = placeOf(server, { port: 0, host: "127.0.0.1" });
  await assert.rejects(
    listen(taken, () => {}),
    { code: "EADDRINUSE" },
  );
  await assert.rejects(
    listen({ path: "/nowhere/at/all" }, () => {}),
    { syscall: "listen" },
  );
  await closed(server);
});

test("TLS goes over a TCP socket, whose own end stays at hand", () =>
  withSocketPair(async ({ server, client }) => {
    const secure = tlsOver({ key: KEY, cert: CERTIFICATE })(server);
    secure.on("data", (data) => secure.write(data));
    const tls = new RawClient(connectTls({ socket: client.socket, host: "localhost", ca: CERTIFICATE }));
    tls.socket.write("secret");
    assert.equal(String(await tls.bytes(6)), "secret");
    const ended = once(secure, "close");
    server.resetAndDestroy();
    await ended;
    assert.equal((await tls.closed)?.code, "ECONNRESET");
  }));

test("a key or certificate that is none is told at once", () => {
  assert.throws(() => tlsOver({ key: "no key", cert: CERTIFICATE }));
});

test("a door has the same port each time it is opened, refuses while it is shut, and is gone when its connections are", async () => {
  const inside: Socket[] = [];
  const door = new Door({ port: 0, host: "127.0.0.1" }, (socket) => inside.push(socket), assert.fail);
  await Promise.all([door.open(), door.open()]);
  const { port } = door.place as { port: number };
  const client = connect(port, "127.0.0.1");
  await once(client, "connect");
  door.shut();
  door.shut();
  await assert.rejects(once(connect(port, "127.0.0.1"), "connect"), { code: "ECONNREFUSED" });
  await door.open();
  assert.deepEqual(door.place, { port, host: "127.0.0.1" });
  door.shut();
  let isGone = false;
  const gone = door.gone().then(() => {
    isGone = true;
  });
  await nextTurn();
  assert.equal(isGone, false);
  client.destroy();
  for (const socket of inside) socket.destroy();
  await gone;
});

test("a door that is shut while it is being opened stays shut", async () => {
  const door = new Door({ port: 0, host: "127.0.0.1" }, () => {}, assert.fail);
  const opening = door.open();
  door.shut();
  await opening;
  const { port } = door.place as { port: number };
  await assert.rejects(once(connect(port, "127.0.0.1"), "connect"), { code: "ECONNREFUSED" });
  await door.gone();
});
