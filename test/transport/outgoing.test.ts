import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, type ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { test } from "node:test";
import { type Address, addressOf } from "../../src/transport/address.ts";
import { abandon, makeRequest } from "../../src/transport/outgoing.ts";
import { RESERVED_TRANSPORT_OPTIONS } from "../../src/transport/transport-options.ts";
import { certificate, closeOf, headOf, rawPeer } from "./peers.ts";

const addressAt = (url: string) => addressOf(new URL(url)) as Address;
const never = () => assert.fail("not dialled");

test("what the library decides itself can't be decided by transportOptions", async (t) => {
  const heads: string[] = [];
  const peer = await rawPeer(t, async (socket) => heads.push(await headOf(socket)));
  const reserved = Object.fromEntries(RESERVED_TRANSPORT_OPTIONS.map((name) => [name, () => assert.fail(name)]));
  const { request } = makeRequest(addressAt(peer.url("/path")), [["host", "h"]], reserved, () => undefined);
  request.on("error", () => undefined);
  request.end();
  while (heads.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(heads[0], "GET /path HTTP/1.1\r\nhost: h\r\nConnection: close\r\n\r\n");
  abandon(request);
  await closeOf(peer.sockets[0] as Socket);
});

test("nor by its tls, which can't lead to another socket or turn the parser lenient", async (t) => {
  const heads: string[] = [];
  const peer = await rawPeer(t, async (socket) => heads.push(await headOf(socket)), { tls: certificate("server") });
  const tls = {
    ...Object.fromEntries(RESERVED_TRANSPORT_OPTIONS.map((name) => [name, () => assert.fail(name)])),
    host: "nowhere.test",
    path: "/nowhere.sock",
    port: 1,
    rejectUnauthorized: false,
  };
  const { request } = makeRequest(addressAt(peer.url("/path")), [["host", "h"]], { tls }, () => undefined);
  request.on("error", () => undefined);
  request.end();
  while (heads.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(heads[0], "GET /path HTTP/1.1\r\nhost: h\r\nConnection: close\r\n\r\n");
  abandon(request);
});

test("the caller's options object is not changed, and options of tls don't reach a ws: request", async (t) => {
  const peer = await rawPeer(t, (socket) => socket.resume());
  const options = Object.freeze({ timeout: 1000, tls: Object.freeze({ timeout: -1 }) });
  const { request, thrown } = makeRequest(addressAt(peer.url()), [], options, () => undefined);
  request.on("error", () => undefined);
  assert.equal(thrown(), undefined);
  abandon(request);
});

test("our own socket is handed over before the request is", async (t) => {
  const peer = await rawPeer(t, (socket) => socket.resume());
  for (const agent of [undefined, null, false]) {
    const sockets: Socket[] = [];
    const { request, proxied } = makeRequest(addressAt(peer.url()), [], { agent }, (socket) => sockets.push(socket));
    request.on("error", () => undefined);
    assert.equal(sockets.length, 1);
    assert.equal(proxied, false);
    abandon(request);
  }
});

test("an agent is asked for the socket, and one with a proxy is known by it", async (t) => {
  const peer = await rawPeer(t, (socket) => socket.resume());
  const proxied = Object.assign(new Agent(), { proxy: new URL("http://proxy.test") });
  for (const agent of [new Agent(), proxied]) {
    const made = makeRequest(addressAt(peer.url()), [], { agent }, never);
    made.request.on("error", () => undefined);
    assert.equal(made.proxied, agent === proxied);
    await once(made.request, "socket");
    abandon(made.request);
  }
});

test("what Node throws while the socket is made is kept, and told as the request's error", async () => {
  const { request, thrown } = makeRequest(addressAt("ws://127.0.0.1:1/"), [], { localAddress: "nowhere" }, never);
  const fault = thrown();
  assert.equal((fault?.error as { code: string } | undefined)?.code, "ERR_INVALID_IP_ADDRESS");
  const [error] = await once(request, "error").catch((caught) => [caught]);
  assert.equal(error, fault?.error);
});

test("a socket that an agent hands to an abandoned request is closed, or offered back to an agent that listens", async (t) => {
  const peer = await rawPeer(t, (socket) => socket.resume());
  for (const listens of [false, true]) {
    let request: ClientRequest | undefined;
    const agent = Object.assign(new Agent(), {
      addRequest(asked: ClientRequest) {
        request = asked;
      },
    });
    const made = makeRequest(addressAt(peer.url()), [], { agent }, never);
    made.request.on("error", () => undefined);
    abandon(made.request);
    const { connect } = await import("node:net");
    const socket = connect(peer.port, "127.0.0.1");
    const offered = new Promise((resolve) => {
      if (listens) socket.once("free", resolve);
      else socket.once("close", resolve);
    });
    assert.equal(request, made.request);
    request.onSocket(socket);
    await offered;
    socket.destroy();
  }
});
