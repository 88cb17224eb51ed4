import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocket } from "ws";
import { accepting, type Fault, type FaultRule, type FaultTrigger, rawFrame } from "../../src/testing/index.ts";
import { behindProxy } from "./behind-proxy.ts";
import { ANSWER, REQUEST } from "./raw-client.ts";

const one = (when: FaultTrigger, fault: Fault): readonly FaultRule[] => [{ when, fault }];
const text = (payload: string) => rawFrame({ opcode: "text", payload });
const masked = (payload: string) => rawFrame({ opcode: "text", payload, masked: true });
const open: FaultTrigger = { phase: "open" };
/** Sends "one", then "two", then waits for the end. */
const oneTwo = accepting(async (peer) => {
  peer.send("one");
  peer.send("two");
  await peer.ended;
});

test("without faults every byte passes as it is, both ways, and so do both ends", async () => {
  await using set = await behindProxy();
  const client = await set.connect();
  client.socket.write(REQUEST);
  assert.equal(String(await client.bytes(ANSWER.length)), ANSWER);
  client.socket.write(masked("hello"));
  assert.deepEqual((await client.bytes(ANSWER.length + 7)).subarray(ANSWER.length), Buffer.from(text("hello")));
  client.socket.end(rawFrame({ opcode: "close", masked: true }));
  assert.deepEqual((await client.all()).subarray(ANSWER.length + 7), Buffer.from([0x88, 0]));
  const peer = await set.server.connection(1);
  assert.equal((await peer.ended).type, "closed");
  await (await set.proxy.connection(1)).ended;
});

test("a reset of either end reaches the other as a reset", async () => {
  await using set = await behindProxy([], { script: accepting() });
  const first = await set.connect();
  first.socket.write(REQUEST);
  await first.bytes(ANSWER.length);
  (await set.server.connection(1)).reset();
  assert.equal((await first.closed)?.code, "ECONNRESET");
  const second = await set.connect();
  second.socket.write(REQUEST);
  await second.bytes(ANSWER.length);
  second.socket.resetAndDestroy();
  assert.equal((await (await set.server.connection(2)).ended).type, "reset");
});

test("a server that can't be reached resets the client, and is in the history", async () => {
  await using set = await behindProxy();
  await set.server.down();
  const client = await set.connect();
  client.socket.write(REQUEST);
  assert.equal((await client.closed)?.code, "ECONNRESET");
  await (await set.proxy.connection(1)).ended;
  assert.ok(set.proxy.history.some((record) => record.type === "failed" && /ECONNREFUSED/.test(record.message)));
});

test("reset: RST both ways, behind what was let through", async () => {
  await using set = await behindProxy(one({ phase: "open", messages: 1, bytes: 3 }, { type: "reset" }), {
    script: oneTwo,
  });
  const client = await set.connect();
  client.socket.write(REQUEST);
  assert.equal((await client.closed)?.code, "ECONNRESET");
  assert.deepEqual(client.received, Buffer.concat([Buffer.from(ANSWER), text("one"), text("two").subarray(0, 3)]));
  assert.equal((await (await set.server.connection(1)).ended).type, "reset");
});

test("reset in one direction isn't told to the other side, which is reset after abandonAfter", async () => {
  await using set = await behindProxy(one(open, { type: "reset", direction: "toClient" }), {
    script: accepting(),
    abandonAfter: 150,
  });
  const client = await set.connect();
  client.socket.write(REQUEST);
  assert.equal((await client.closed)?.code, "ECONNRESET");
  const start = performance.now();
  await (await set.server.connection(1)).ended;
  assert.ok(performance.now() - start > 100, `told after ${performance.now() - start} ms`);
});

test("end: FIN both ways and no close frame, behind what was let through", async () => {
  await using set = await behindProxy(one({ phase: "open", messages: 1 }, { type: "end" }), { script: oneTwo });
  const client = await set.connect();
  client.socket.write(REQUEST);
  assert.deepEqual(await client.all(), Buffer.concat([Buffer.from(ANSWER), text("one")]));
  assert.deepEqual(await (await set.server.connection(1)).ended, { type: "fin" });
});

test("end in one direction is a stale half-close: what the client sends still arrives, its FIN doesn't, and nothing comes back", async () => {
  await using set = await behindProxy(one(open, { type: "end", direction: "toClient" }), {
    script: accepting(),
    abandonAfter: 150,
  });
  const client = await set.connect();
  client.socket.write(REQUEST);
  assert.equal(String(await client.all()), ANSWER);
  const start = performance.now();
  client.socket.end(masked("still here"));
  const peer = await set.server.connection(1);
  assert.equal((await peer.receive("text")).data, "still here");
  await client.closed;
  await peer.ended;
  assert.ok(performance.now() - start > 100, `told after ${performance.now() - start} ms`);
  assert.equal(client.received.length, ANSWER.length);
});

test("close: a close frame and then silence, with no FIN, and the server hears nothing of it", async () => {
  await using set = await behindProxy(
    one({ phase: "open", messages: 1 }, { type: "close", code: 1001, reason: "bye" }),
    {
      script: oneTwo,
    },
  );
  const client = await set.connect();
  client.socket.write(REQUEST);
  const close = rawFrame({ opcode: "close", payload: Buffer.from([0x03, 0xe9, ...Buffer.from("bye")]) });
  const expected = Buffer.concat([Buffer.from(ANSWER), text("one"), close]);
  await client.bytes(expected.length);
  client.socket.end(rawFrame({ opcode: "close", masked: true }));
  const connection = await set.proxy.connection(1);
  assert.equal(connection.hasEnded, false);
  assert.deepEqual(client.received, expected);
  assert.equal(client.socket.readableEnded, false);
  assert.deepEqual((await set.server.connection(1)).received, []);
});

test("close with fin ends both sides behind the close frame", async () => {
  await using set = await behindProxy(one(open, { type: "close", fin: true }), { script: accepting() });
  const client = await set.connect();
  client.socket.write(REQUEST);
  assert.deepEqual(await client.all(), Buffer.concat([Buffer.from(ANSWER), Buffer.from([0x88, 0])]));
  assert.deepEqual(await (await set.server.connection(1)).ended, { type: "fin" });
});

test("close towards the server is masked, as a client's is", async () => {
  await using set = await behindProxy(one(open, { type: "close", code: 1000, direction: "toServer" }));
  const client = await set.connect();
  client.socket.write(REQUEST);
  const peer = await set.server.connection(1);
  assert.deepEqual(await peer.ended, { type: "closed", code: 1000, reason: "" });
});

test("blackHole: everything is read and lost, the end too, and TCP stays up", async () => {
  await using set = await behindProxy(one({ phase: "open", messages: 1 }, { type: "blackHole" }), { script: oneTwo });
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length + 5);
  client.socket.write(rawFrame({ opcode: "binary", masked: true, payload: new Uint8Array(8 * 1024 * 1024) }));
  client.socket.end();
  await once(client.socket, "finish");
  assert.equal(client.received.length, ANSWER.length + 5);
  const peer = await set.server.connection(1);
  assert.deepEqual([peer.received, peer.socket.readableEnded], [[], false]);
  assert.equal((await set.proxy.connection(1)).hasEnded, false);
});

test("blackHole in one direction leaves the other as it is", async () => {
  await using set = await behindProxy(one(open, { type: "blackHole", direction: "toClient" }), { script: accepting() });
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length);
  client.socket.write(masked("there"));
  const peer = await set.server.connection(1);
  assert.equal((await peer.receive("text")).data, "there");
  peer.send("not back");
  await peer.flushed();
  client.socket.end();
  assert.deepEqual(await peer.ended, { type: "fin" });
  assert.equal(client.received.length, ANSWER.length);
});

test("a client that ends a black hole is let go after abandonAfter", async () => {
  for (const phase of ["connect", "open"] as const) {
    await using set = await behindProxy(one({ phase }, { type: "blackHole" }), { abandonAfter: 20 });
    const client = await set.connect();
    client.socket.write(REQUEST);
    const connection = await set.proxy.connection(1);
    await connection.reached(phase);
    client.socket.end();
    await connection.ended;
  }
});

test("stall: nothing is read, so that TCP pushes back, and after heal() it goes on with nothing lost", async () => {
  await using set = await behindProxy(one(open, { type: "stall", direction: "toServer" }), { script: accepting() });
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length);
  const connection = await set.proxy.connection(1);
  // More than the kernel's buffers hold.
  const payload = new Uint8Array(15 * 1024 * 1024).fill(1);
  client.socket.write(rawFrame({ opcode: "binary", masked: true, payload }));
  const before = connection.bytes.toServer;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(client.socket.writableLength > 1024 * 1024, `${client.socket.writableLength} bytes wait`);
  assert.equal(connection.bytes.toServer, before);
  connection.heal();
  const frame = await (await set.server.connection(1)).receive("binary");
  assert.deepEqual(Buffer.compare(frame.data, payload), 0);
});

test("latency: everything is late by ms and a draw up to jitter, and order is kept", async () => {
  const rules: readonly FaultRule[] = [{ when: { phase: "connect" }, fault: { type: "latency", ms: 30, jitter: 30 } }];
  await using set = await behindProxy(rules);
  const client = await set.connect();
  const start = performance.now();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length);
  // There and back.
  assert.ok(performance.now() - start >= 60);
  const messages = Array.from({ length: 20 }, (_, index) => `message ${String(index).padStart(2, "0")}`);
  for (const message of messages) {
    client.socket.write(masked(message));
    await new Promise(setImmediate);
  }
  const expected = Buffer.concat(messages.map(text));
  assert.deepEqual((await client.bytes(ANSWER.length + expected.length)).subarray(ANSWER.length), expected);
});

test("bandwidth: so many bytes a second get through", async () => {
  await using set = await behindProxy(one(open, { type: "bandwidth", bytesPerSecond: 20_000, direction: "toClient" }), {
    script: accepting((peer) => peer.send(new Uint8Array(4000))),
  });
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length);
  const start = performance.now();
  await client.bytes(ANSWER.length + 4004);
  assert.ok(performance.now() - start >= 150, `${performance.now() - start}`);
});

test("drip: so many bytes each ms, each piece by itself", async () => {
  await using set = await behindProxy(one(open, { type: "drip", bytes: 2, every: 5, direction: "toClient" }), {
    script: accepting((peer) => peer.send("drops")),
  });
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length + 7);
  assert.deepEqual(
    client.chunks.slice(-4).map((chunk) => chunk.length),
    [2, 2, 2, 1],
  );
});

test("split: every byte comes by itself, the 101's too", async () => {
  await using set = await behindProxy(one({ phase: "answer" }, { type: "split" }), {
    script: accepting((peer) => peer.send("x")),
  });
  const client = await set.connect();
  client.socket.write(REQUEST);
  const all = await client.bytes(ANSWER.length + 3);
  assert.deepEqual(all, Buffer.concat([Buffer.from(ANSWER), text("x")]));
  assert.ok(client.chunks.length > all.length / 2, `${client.chunks.length} chunks`);
});

test("glue: the 101 and so many messages come in one chunk", async () => {
  const script = accepting(async (peer) => {
    for (const message of ["one", "two"]) {
      await peer.delay(5);
      peer.send(message);
    }
  });
  await using set = await behindProxy(one({ phase: "answer" }, { type: "glue", messages: 2, ms: 5000 }), { script });
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length + 10);
  assert.deepEqual(client.chunks, [Buffer.concat([Buffer.from(ANSWER), text("one"), text("two")])]);
});

test("glue waits no longer than ms", async () => {
  await using set = await behindProxy(one(open, { type: "glue", messages: 100, ms: 10, direction: "toClient" }), {
    script: oneTwo,
  });
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length + 10);
});

test("inject: a frame comes between two frames, never inside one, and one of data never inside a message", async () => {
  const fragments = [
    rawFrame({ opcode: "text", fin: false, payload: "a" }),
    rawFrame({ opcode: "continuation", payload: "b" }),
    text("c"),
  ];
  const script = accepting(async (peer) => {
    for (const bytes of fragments) await peer.sendInPieces(bytes, 1, 1);
  });
  for (const opcode of ["ping", "binary"] as const) {
    await using set = await behindProxy(one({ phase: "open", bytes: 1 }, { type: "inject", frame: { opcode } }), {
      script,
    });
    const client = await set.connect();
    client.socket.write(REQUEST);
    const injected = rawFrame({ opcode });
    const [first, second, third] = fragments as [Uint8Array, Uint8Array, Uint8Array];
    const expected = opcode === "ping" ? [first, injected, second, third] : [first, second, injected, third];
    const all = await client.bytes(ANSWER.length + 11);
    assert.deepEqual(all.subarray(ANSWER.length), Buffer.concat(expected));
  }
});

test("inject at the answer waits for the end of the head, and comes in one chunk with it", async () => {
  await using set = await behindProxy(
    one({ phase: "answer" }, { type: "inject", frame: { opcode: "text", payload: "hi" } }),
    {
      script: accepting(),
    },
  );
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length + 4);
  assert.deepEqual(client.chunks, [Buffer.concat([Buffer.from(ANSWER), text("hi")])]);
});

test("inject times so many is a flood, of which none is missing", async () => {
  const flood: Fault = { type: "inject", frame: { opcode: "ping", size: 125 }, times: 10_001 };
  await using set = await behindProxy(one(open, flood), { script: oneTwo });
  const client = await set.connect();
  client.socket.write(REQUEST);
  const all = await client.bytes(ANSWER.length + 10_001 * 127 + 10);
  const ping = rawFrame({ opcode: "ping", payload: "x".repeat(125) });
  assert.equal(all.length, ANSWER.length + 10_001 * 127 + 10);
  assert.deepEqual(all.subarray(ANSWER.length, ANSWER.length + 127), Buffer.from(ping));
  assert.deepEqual(all.subarray(-10 - 127, -10), Buffer.from(ping));
});

test("inject every so many ms comes one by one, between what passes", async () => {
  const trickle: Fault = { type: "inject", frame: { opcode: "ping" }, times: 3, every: 5 };
  await using set = await behindProxy(one(open, trickle), { script: oneTwo });
  const client = await set.connect();
  client.socket.write(REQUEST);
  const all = await client.bytes(ANSWER.length + 16);
  const pings = [...all.subarray(ANSWER.length)].filter((byte) => byte === 0x89).length;
  assert.equal(pings, 3);
});

test("inject can lie: a header that announces 2^40 bytes", async () => {
  const lie: Fault = { type: "inject", frame: { opcode: "binary", length: 2 ** 40 } };
  await using set = await behindProxy(one(open, lie));
  const client = new WebSocket(set.proxy.url);
  const [error] = await once(client, "error");
  assert.match(error.message, /Max payload size exceeded/);
});

test("inject towards the server is masked, unless told otherwise", async () => {
  const send = (more: object): Fault => ({
    type: "inject",
    direction: "toServer",
    frame: { opcode: "text", payload: "x", ...more },
  });
  await using set = await behindProxy(one(open, send({})));
  const client = await set.connect();
  client.socket.write(REQUEST);
  assert.deepEqual((await client.bytes(ANSWER.length + 3)).subarray(ANSWER.length), Buffer.from(text("x")));
  set.proxy.onConnection({ connections: one(open, send({ masked: false })) });
  const rude = await set.connect();
  rude.socket.write(REQUEST);
  const peer = await set.server.connection(2);
  await peer.ended;
  assert.equal(peer.violation?.reason, "unmasked_frame");
});

test("garbage: drawn bytes at once, the same for the same seed", async () => {
  const received: Buffer[] = [];
  for (let run = 0; run < 2; run += 1) {
    await using set = await behindProxy(one(open, { type: "garbage", bytes: 8 }), { script: accepting() });
    const client = await set.connect();
    client.socket.write(REQUEST);
    received.push((await client.bytes(ANSWER.length + 8)).subarray(ANSWER.length));
  }
  assert.deepEqual(received[0], received[1]);
  assert.equal(received[0]?.length, 8);
});

test("corrupt: the next so many bytes have each bit the wrong way round, and those after them are right", async () => {
  await using set = await behindProxy(one({ phase: "answer", bytes: 9 }, { type: "corrupt", bytes: 3 }), {
    script: accepting(async (peer) => {
      await peer.receive("text");
      peer.send("right");
    }),
  });
  const client = await set.connect();
  client.socket.write(REQUEST);
  const expected = Buffer.from(ANSWER);
  for (const at of [9, 10, 11]) expected[at] = (expected[at] as number) ^ 0xff;
  assert.deepEqual(await client.bytes(ANSWER.length), expected);
  client.socket.write(masked("go on"));
  assert.deepEqual((await client.bytes(ANSWER.length + 7)).subarray(ANSWER.length), Buffer.from(text("right")));
});

test("refuse: another answer than the server's, which never hears of it", async () => {
  const refuse: Fault = { type: "refuse", status: 429, retryAfter: 3, headers: [["x-why", "busy"]], body: "later" };
  await using set = await behindProxy(one({ phase: "request" }, refuse));
  const client = await set.connect();
  client.socket.write(REQUEST);
  const answer = String(await client.all());
  assert.match(answer, /^HTTP\/1\.1 429 Too Many Requests\r\n/);
  assert.match(answer, /\r\nretry-after: 3\r\n/);
  assert.match(answer, /\r\nx-why: busy\r\n/);
  assert.match(answer, /\r\n\r\nlater$/);
  assert.deepEqual(set.server.connections, []);
});

test("refuse with keepOpen leaves TCP up", async () => {
  await using set = await behindProxy(one({ phase: "request" }, { type: "refuse", status: 503, keepOpen: true }));
  const client = await set.connect();
  client.socket.write(REQUEST);
  await once(client.socket, "data");
  assert.match(String(client.received), /\r\nconnection: keep-alive\r\n/);
  assert.equal(client.socket.readableEnded, false);
});

test("a blackHole at connect accepts and says nothing, and the server never hears of it", async () => {
  await using set = await behindProxy(one({ phase: "connect" }, { type: "blackHole" }));
  const client = await set.connect();
  client.socket.write(REQUEST);
  await (await set.proxy.connection(1)).reached("connect");
  client.socket.end();
  await once(client.socket, "finish");
  assert.equal(client.received.length, 0);
  assert.deepEqual(set.server.connections, []);
});

test("an answer that is stalled comes whole when the stall is over", async () => {
  await using set = await behindProxy(one({ phase: "answer" }, { type: "stall", ms: 30, direction: "toClient" }));
  const client = await set.connect();
  const start = performance.now();
  client.socket.write(REQUEST);
  assert.equal(String(await client.bytes(ANSWER.length)), ANSWER);
  assert.ok(performance.now() - start >= 29);
});

test("an answer that is cut short is followed by FIN, RST or nothing, as the fault is", async () => {
  const cut = { phase: "answer", bytes: 20 } as const;
  for (const type of ["end", "reset", "blackHole"] as const) {
    await using set = await behindProxy(one(cut, { type }));
    const client = await set.connect();
    client.socket.write(REQUEST);
    await client.bytes(20);
    if (type === "end") await client.all();
    if (type === "reset") assert.equal((await client.closed)?.code, "ECONNRESET");
    assert.equal(String(client.received), ANSWER.slice(0, 20));
  }
});

test("down: no connection is taken for so long, and those that stand are left alone", async () => {
  await using set = await behindProxy([
    { connection: 1, when: { phase: "open", ms: 1 }, fault: { type: "down", ms: 50 } },
  ]);
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length);
  const connection = await set.proxy.connection(1);
  while (!set.proxy.faults.some(({ fault }) => fault.type === "down")) await new Promise(setImmediate);
  await assert.rejects(set.connect(), { code: "ECONNREFUSED" });
  client.socket.write(masked("x"));
  await client.bytes(ANSWER.length + 3);
  const until = performance.now() + 5000;
  let second: unknown;
  while (second === undefined && performance.now() < until) second = await set.connect().catch(() => undefined);
  assert.notEqual(second, undefined);
  assert.equal(connection.hasEnded, false);
});

for (const proxyTls of [true, false]) {
  const where = proxyTls ? "that the proxy ends" : "that passes through";
  const options = proxyTls ? { proxyTls } : { serverTls: true };

  test(`at the ClientHello of TLS ${where}, garbage and an alert break the handshake`, async () => {
    for (const [fault, expected] of [
      [{ type: "garbage" }, /EPROTO|wrong version number/],
      [{ type: "tlsAlert" }, /handshake failure|alert number 40/],
    ] as const) {
      await using set = await behindProxy(one({ phase: "clientHello" }, fault), options);
      const [error] = await once(new WebSocket(set.proxy.url, { rejectUnauthorized: false }), "error");
      assert.match(error.message, expected);
    }
  });

  test(`at the ClientHello of TLS ${where}, a blackHole says nothing, and a stall goes on`, async () => {
    await using hole = await behindProxy(one({ phase: "clientHello" }, { type: "blackHole" }), options);
    const client = new WebSocket(hole.proxy.url, { rejectUnauthorized: false });
    client.on("error", () => {});
    await (await hole.proxy.connection(1)).reached("clientHello");
    assert.equal((await hole.proxy.connection(1)).bytes.toClient, 0);
    client.terminate();
    await using stall = await behindProxy(one({ phase: "clientHello" }, { type: "stall", ms: 20 }), options);
    const late = new WebSocket(stall.proxy.url, { rejectUnauthorized: false });
    await once(late, "open");
    late.terminate();
  });

  test(`through TLS ${where}, messages pass, and RST and FIN come as they are`, async () => {
    for (const type of ["reset", "end"] as const) {
      await using set = await behindProxy([], options);
      const client = new WebSocket(set.proxy.url, { rejectUnauthorized: false });
      await once(client, "open");
      client.send("x".repeat(100_000));
      assert.equal((await once(client, "message"))[0].length, 100_000);
      (await set.proxy.connection(1)).apply({ type });
      assert.equal((await once(client, "close"))[0], 1006);
      await (await set.server.connection(1)).ended;
    }
  });
}

test("a proxy that ends TLS can dial a server that has TLS, too, and sees frames", async () => {
  await using set = await behindProxy(one({ phase: "open", messages: 1 }, { type: "end" }), {
    proxyTls: true,
    serverTls: true,
    script: oneTwo,
  });
  const client = new WebSocket(set.proxy.url, { rejectUnauthorized: false });
  assert.equal(String((await once(client, "message"))[0]), "one");
  assert.equal((await once(client, "close"))[0], 1006);
});
