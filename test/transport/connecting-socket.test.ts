import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { ConnectingSocket } from "../../src/transport/connecting-socket.ts";

/** Enough of a socket to be on its way. */
class FakeSocket extends EventEmitter {
  connecting = true;
  secureConnecting: boolean | undefined;
  unreferenced = 0;
  unref(): void {
    this.unreferenced += 1;
  }
}

function following(
  { connecting = true, secureConnecting = undefined as boolean | undefined } = {},
  way: { readonly named: boolean; readonly ref: boolean } = { named: true, ref: true },
) {
  const fake = Object.assign(new FakeSocket(), { connecting, secureConnecting });
  let arrivals = 0;
  const socket = new ConnectingSocket(fake as unknown as Socket, way, () => {
    arrivals += 1;
  });
  socket.follow();
  return { fake, socket, arrivals: () => arrivals };
}

test("a name is looked up, TCP connected, TLS agreed on; then the socket stands", () => {
  const { fake, socket, arrivals } = following({ secureConnecting: true });
  assert.equal(socket.progress, "dns");
  fake.emit("lookup", null, "127.0.0.1", 4, "a.test");
  assert.equal(socket.progress, "tcp");
  fake.emit("connect");
  assert.equal(socket.progress, "tls");
  assert.equal(arrivals(), 0);
  fake.emit("secureConnect");
  assert.equal(socket.progress, "answer");
  assert.equal(arrivals(), 1);
});

test("without a name there is no lookup, without TLS no handshake", () => {
  const { fake, socket, arrivals } = following({}, { named: false, ref: true });
  assert.equal(socket.progress, "tcp");
  fake.emit("connect");
  assert.equal(socket.progress, "answer");
  assert.equal(arrivals(), 1);
});

test("a lookup that fails leaves the socket in dns", () => {
  const { fake, socket } = following();
  fake.emit("lookup", new Error("not found"));
  assert.equal(socket.progress, "dns");
});

test("a socket that stands already says so at once; one whose TLS is under way is waited for", () => {
  const ready = following({ connecting: false });
  assert.equal(ready.arrivals(), 1);
  const secured = following({ connecting: false, secureConnecting: false });
  assert.equal(secured.arrivals(), 1);
  const securing = following({ connecting: false, secureConnecting: true });
  assert.equal(securing.arrivals(), 0);
  assert.equal(securing.socket.progress, "tls");
  securing.fake.emit("secureConnect");
  assert.equal(securing.arrivals(), 1);
});

test("with ref: false the socket is unreferenced, and again when it has connected", () => {
  const { fake } = following({}, { named: false, ref: false });
  assert.equal(fake.unreferenced, 1);
  fake.emit("connect");
  assert.equal(fake.unreferenced, 2);
  assert.equal(following().fake.unreferenced, 0);
});

test("leave takes all off but the listener that keeps a late error from ending the process", () => {
  const { fake, socket } = following({ secureConnecting: true });
  fake.emit("connect");
  socket.leave();
  assert.deepEqual(fake.eventNames(), ["error"]);
  fake.emit("error", new Error("late"));
});
