import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { WebSocket } from "ws";
import { type Frame, ping, text } from "../../src/frame.ts";
import { acceptKeyOf } from "../../src/protocol/index.ts";
import {
  closePayload,
  type Peer,
  PeerError,
  rawFrame,
  TestServer,
  type TestServerOptions,
} from "../../src/testing/index.ts";
import { prefix } from "../protocol/toy-extensions.ts";
import { CERTIFICATE, KEY } from "./certificate.ts";
import { ACCEPT, ANSWER, RawClient, REQUEST } from "./raw-client.ts";

/** A server that does nothing by itself with its connections: the test takes the peers. */
async function idleServer(options: TestServerOptions = {}): Promise<TestServer> {
  return TestServer.start({ script: () => {}, ...options });
}

/** A raw client whose request has been accepted, and its peer. */
async function accepted(server: TestServer): Promise<{ readonly client: RawClient; readonly peer: Peer }> {
  const number = server.connections.length + 1;
  const [client, peer] = await Promise.all([
    RawClient.open(server.port),
    server.connection(number).then(async (peer) => {
      await peer.accept();
      return peer;
    }),
  ]);
  return { client, peer };
}

/** What a client sends is masked. */
const masked = (
  opcode: "text" | "binary" | "continuation" | "close" | "ping" | "pong",
  payload: string | Uint8Array,
  fin = true,
) => rawFrame({ opcode, payload, fin, masked: true });

const latin1 = (bytes: Buffer): string => bytes.toString("latin1");

const rejection = (promise: Promise<unknown>): Promise<PeerError> =>
  promise.then(
    () => assert.fail("it should have been rejected"),
    (error) => {
      assert.ok(error instanceof PeerError, String(error));
      return error;
    },
  );

// ── The request ──────────────────────────────────────────────────────────────────────────────────────────────────────

test("the request is told as it came, also when it comes byte by byte", async () => {
  await using server = await idleServer();
  const client = await RawClient.connect(server.port);
  for (const byte of Buffer.from(REQUEST)) client.socket.write(Uint8Array.of(byte));
  const peer = await server.connection(1);
  const request = await peer.request();
  assert.equal(request.line, "GET /chat?x=1 HTTP/1.1");
  assert.equal(request.method, "GET");
  assert.equal(request.target, "/chat?x=1");
  assert.deepEqual(request.headers.slice(0, 2), [
    ["Host", "example.test"],
    ["Upgrade", "websocket"],
  ]);
  assert.equal(request.header("hOST"), "example.test");
  assert.equal(await peer.request(), request);
});

test("a request that never comes, ends early or is none rejects with a sentence", async () => {
  await using server = await idleServer({ timeout: 20 });
  const silent = await RawClient.connect(server.port);
  const first = await rejection((await server.connection(1)).request());
  assert.equal(first.reason, "timeout");
  assert.equal(first.message, "The script waited 20 ms for a whole request, and none came.");
  silent.socket.destroy();

  const early = await RawClient.connect(server.port);
  early.socket.end(REQUEST.slice(0, 20));
  const second = await rejection((await server.connection(2)).request({ timeout: 5000 }));
  assert.equal(second.reason, "ended");
  assert.match(second.message, /waited for a whole request, and the connection ended first \(the client's FIN/);

  const wrong = await RawClient.connect(server.port);
  wrong.socket.write("HELO example.test\r\n\r\n");
  const third = await rejection((await server.connection(3)).request({ timeout: 5000 }));
  assert.equal(third.reason, "bad_request");
  wrong.socket.destroy();
});

test("an endless head is cut at 16 KiB: accept() answers 431, ends TCP, and rejects", async () => {
  await using server = await idleServer();
  const client = await RawClient.connect(server.port);
  const peer = await server.connection(1);
  const accepting = rejection(peer.accept());
  client.socket.write(`GET / HTTP/1.1\r\nX-Endless: ${"x".repeat(16 * 1024)}`);
  assert.match(latin1(await client.all()), /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
  const error = await accepting;
  assert.equal(error.reason, "bad_request");
  assert.match(error.message, /longer than 16384 bytes/);
  // The client goes on for ever; the server does not.
  const endless = setInterval(() => client.socket.write("x".repeat(1000)), 1);
  await client.closed;
  clearInterval(endless);
});

test("accept() refuses what is no handshake as the RFC has it, and takes it with lenient", async () => {
  await using server = await idleServer();
  const version8 = REQUEST.replace("Version: 13", "Version: 8");
  const client = await RawClient.connect(server.port);
  client.socket.write(version8);
  const error = await rejection((await server.connection(1)).accept());
  assert.equal(error.reason, "bad_request");
  assert.match(error.message, /version/);
  const answer = latin1(await client.all());
  assert.match(answer, /^HTTP\/1\.1 426 Upgrade Required\r\n/);
  assert.match(answer, /\r\nsec-websocket-version: 13\r\n/);
  client.socket.destroy();

  const old = await RawClient.connect(server.port);
  old.socket.write(REQUEST.replace("HTTP/1.1", "HTTP/1.0"));
  assert.equal((await rejection((await server.connection(2)).accept())).reason, "bad_request");
  assert.match(latin1(await old.all()), /^HTTP\/1\.1 400 Bad Request\r\n/);
  old.socket.destroy();

  for (const [index, host] of ["", "Host:\r\n", "Host: a.test\r\nHost: b.test\r\n"].entries()) {
    const hostless = await RawClient.connect(server.port);
    hostless.socket.write(REQUEST.replace("Host: example.test\r\n", host));
    assert.match((await rejection((await server.connection(3 + index)).accept())).message, /one host header/);
    assert.match(latin1(await hostless.all()), /^HTTP\/1\.1 400 Bad Request\r\n/);
    hostless.socket.destroy();
  }

  const second = await RawClient.connect(server.port);
  second.socket.write(version8);
  await (await server.connection(6)).accept({ lenient: true });
  assert.equal(latin1(await second.bytes(ANSWER.length)), ANSWER);
  second.socket.destroy();
});

// ── The answer ───────────────────────────────────────────────────────────────────────────────────────────────────────

test("a plain accept() is a right 101, byte for byte", async () => {
  await using server = await idleServer();
  const client = await RawClient.connect(server.port);
  client.socket.write(REQUEST);
  const head = await (await server.connection(1)).accept();
  assert.equal(head.target, "/chat?x=1");
  assert.equal(latin1(await client.bytes(ANSWER.length)), ANSWER);
  assert.equal(acceptKeyOf("dGhlIHNhbXBsZSBub25jZQ=="), ACCEPT);
  client.socket.destroy();
});

test("the 101 can be wrong in every part", async () => {
  await using server = await idleServer();
  const answerTo = async (options: Parameters<Peer["accept"]>[0]) => {
    const client = await RawClient.connect(server.port);
    client.socket.write(REQUEST);
    const peer = server.connections.at(-1) as Peer;
    await peer.accept(options);
    await peer.flushed();
    peer.end();
    const answer = latin1(await client.all());
    client.socket.destroy();
    return answer;
  };
  const body = ANSWER.slice(ANSWER.indexOf("\r\n"));
  assert.equal(await answerTo({ status: 200 }), `HTTP/1.1 200 OK${body}`);
  assert.equal(await answerTo({ httpVersion: "HTTP/1.0" }), `HTTP/1.0 101 Switching Protocols${body}`);
  assert.equal(await answerTo({ omit: ["Sec-WebSocket-Accept"] }), ANSWER.replace(/sec-websocket-accept.*\r\n/, ""));
  assert.equal(await answerTo({ replace: { Connection: "close" } }), ANSWER.replace("n: Upgrade", "n: close"));
  assert.equal(
    await answerTo({ replace: { "x-new": "1" }, headers: [["X-A", "2"]] }),
    ANSWER.replace(/\r\n$/, "x-new: 1\r\nX-A: 2\r\n\r\n"),
  );
  assert.equal(
    await answerTo({ protocol: "chat", extensions: "x-foo" }),
    ANSWER.replace(/\r\n$/, "sec-websocket-protocol: chat\r\nsec-websocket-extensions: x-foo\r\n\r\n"),
  );
  assert.equal(
    await answerTo({ rewrite: (head) => `HTTP/1.1 100 Continue\r\n\r\n${head}` }),
    `HTTP/1.1 100 Continue\r\n\r\n${ANSWER}`,
  );
  assert.equal(await answerTo({ rewrite: () => "hello there" }), "hello there");
});

test("frames and bytes glued to the 101 reach a client in one piece with it", async () => {
  await using server = await idleServer();
  const client = await RawClient.connect(server.port);
  client.socket.write(REQUEST);
  const glue = ["hi", ping("p"), Uint8Array.of(0x88, 0x01, 0x03)];
  await (await server.connection(1)).accept({ glue });
  const expected = `${ANSWER}\x81\x02hi\x89\x01p\x88\x01\x03`;
  assert.equal(latin1(await client.bytes(expected.length)), expected);
  assert.equal(client.chunks.length, 1);
  client.socket.destroy();
});

test("a split 101 arrives in two reads, cut where the script says, with what is glued behind the second", async () => {
  await using server = await idleServer();
  const client = await RawClient.connect(server.port);
  client.socket.write(REQUEST);
  await (await server.connection(1)).accept({ glue: ["hi"], split: { at: 10, pauseMs: 20 } });
  await client.bytes(ANSWER.length + 4);
  assert.deepEqual(client.chunks.map(latin1), [ANSWER.slice(0, 10), `${ANSWER.slice(10)}\x81\x02hi`]);
  client.socket.destroy();
});

test("a refusal has its status, headers and body; chunked and kept open when asked", async () => {
  await using server = await idleServer();
  const client = await RawClient.connect(server.port);
  client.socket.write(REQUEST);
  await (await server.connection(1)).refuse(503, { headers: [["Retry-After", "7"]], body: "nope" });
  assert.equal(
    latin1(await client.all()),
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\nconnection: close\r\nRetry-After: 7\r\n\r\nnope",
  );
  client.socket.destroy();

  const second = await RawClient.connect(server.port);
  second.socket.write(REQUEST);
  const peer = await server.connection(2);
  await peer.refuse(403, { body: "nope", chunked: true, keepOpen: true });
  const chunked =
    "HTTP/1.1 403 Forbidden\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n2\r\nno\r\n2\r\npe\r\n0\r\n\r\n";
  assert.equal(latin1(await second.bytes(chunked.length)), chunked);
  assert.equal(peer.isFinishing, false);
  peer.end();
  await second.all();
  second.socket.destroy();
});

test("accept() chooses of the subprotocols that are asked for, and has a deadline of its own", async () => {
  await using server = await idleServer();
  const client = new WebSocket(server.url, ["one", "two"]);
  const offers: (readonly string[])[] = [];
  const peer = await server.connection(1);
  await peer.accept({
    protocol: (offered) => {
      offers.push(offered);
      return offered[1];
    },
  });
  await once(client, "open");
  assert.equal(client.protocol, "two");
  assert.deepEqual(offers, [["one", "two"]]);
  client.terminate();

  const silent = await RawClient.connect(server.port);
  const error = await rejection((await server.connection(2)).accept({ timeout: 1 }));
  assert.equal(error.reason, "timeout");
  silent.socket.destroy();
});

test("a request gets one answer, and no frame goes out before it", async () => {
  await using server = await idleServer();
  const client = await RawClient.connect(server.port);
  const peer = await server.connection(1);
  assert.throws(() => peer.send("too soon"), { reason: "misused" });
  client.socket.write(REQUEST);
  await peer.accept();
  assert.equal((await rejection(peer.accept())).reason, "misused");
  assert.equal((await rejection(peer.refuse(404))).reason, "misused");
  client.socket.destroy();
});

test("the ws client is refused with the status, and accepted with the subprotocol", async () => {
  await using server = await idleServer();
  const refused = new WebSocket(server.url);
  refused.on("error", () => {});
  const response = once(refused, "unexpected-response");
  await (await server.connection(1)).refuse(429, { headers: [["retry-after", "1"]] });
  const [, message] = await response;
  assert.equal(message.statusCode, 429);
  assert.equal(message.headers["retry-after"], "1");
  message.destroy();

  const client = new WebSocket(server.url, ["one", "two"]);
  const opened = once(client, "open");
  await (await server.connection(2)).accept({ protocol: "two" });
  await opened;
  assert.equal(client.protocol, "two");
  client.terminate();
});

// ── Frames from the client ───────────────────────────────────────────────────────────────────────────────────────────

test("messages of the ws client are decoded, fragmented ones too", async () => {
  await using server = await idleServer();
  const client = new WebSocket(server.url);
  const peer = await server.connection(1);
  await peer.accept();
  await once(client, "open");
  client.send("whole");
  client.send("frag", { fin: false });
  client.send("mented", { fin: false });
  client.send(" ✓", { fin: true });
  client.send(Uint8Array.of(1, 2, 3));
  client.ping("p");
  assert.deepEqual(await peer.receive(), text("whole"));
  assert.deepEqual(await peer.receive("text"), text("fragmented ✓"));
  assert.deepEqual([...(await peer.receive("binary")).data], [1, 2, 3]);
  assert.equal(Buffer.from((await peer.receive("ping")).data).toString(), "p");
  assert.deepEqual(
    peer.received.map(({ type }) => type),
    ["text", "text", "binary", "ping"],
  );
  client.terminate();
});

test("receive() passes over what isn't wanted, by type or by predicate", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  client.socket.write(
    Buffer.concat([masked("text", "a"), masked("ping", ""), masked("text", "b"), masked("text", "c")]),
  );
  assert.equal((await peer.receive("ping")).type, "ping");
  const c = await peer.receive((frame) => frame.type === "text" && frame.data === "c");
  assert.deepEqual(c, text("c"));
  assert.equal((await rejection(peer.receive("text", { timeout: 1 }))).reason, "timeout");
  client.socket.destroy();
});

test("a wait for a frame that can't come any more ends at once, and says why", async () => {
  await using server = await idleServer();
  const first = await accepted(server);
  const waiting = rejection(first.peer.receive("text"));
  first.client.socket.write(masked("close", closePayload(1000, "bye")));
  const closed = await waiting;
  assert.equal(closed.reason, "ended");
  assert.equal(closed.message, 'The script waited for a text frame, and the client sent a close frame (1000 "bye").');
  assert.equal((await first.peer.receive("close").catch((error) => error)).reason, "ended");
  first.client.socket.destroy();

  const second = await accepted(server);
  second.client.socket.write(rawFrame({ opcode: "text", payload: "unmasked" }));
  const violated = await rejection(second.peer.receive());
  assert.equal(violated.reason, "violated");
  assert.equal(second.peer.violation?.reason, "unmasked_frame");
  second.client.socket.destroy();

  const third = await accepted(server);
  third.client.socket.resetAndDestroy();
  const reset = await rejection(third.peer.receive());
  assert.equal(reset.reason, "ended");
  assert.match(reset.message, /ECONNRESET/);
});

test("frames() gives all frames, the close frame last, and ends", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  client.socket.write(Buffer.concat([masked("text", "a"), masked("pong", "b"), masked("close", closePayload(4000))]));
  const frames: Frame[] = [];
  for await (const frame of peer.frames()) frames.push(frame);
  assert.deepEqual(
    frames.map(({ type }) => type),
    ["text", "pong", "close"],
  );
  client.socket.destroy();
});

test("frames sent right behind the request, before the answer, are not lost", async () => {
  await using server = await idleServer();
  const client = await RawClient.connect(server.port);
  client.socket.write(Buffer.concat([Buffer.from(REQUEST), masked("text", "early")]));
  const peer = await server.connection(1);
  await peer.request();
  client.socket.write(masked("text", "later"));
  await peer.accept({ split: { pauseMs: 5 } });
  assert.deepEqual(await peer.receive(), text("early"));
  assert.deepEqual(await peer.receive(), text("later"));
  client.socket.destroy();
});

test("before the answer a client can fill no more than 64 KiB: the rest waits in its own system", async () => {
  await using server = await idleServer();
  const client = await RawClient.connect(server.port);
  client.socket.write(REQUEST);
  const peer = await server.connection(1);
  await peer.request();
  client.socket.write(masked("binary", new Uint8Array(16 * 1024 * 1024)));
  assert.equal(await peer.delay(30), true);
  assert.ok(client.socket.writableLength > 0, "everything was taken");
  await peer.accept();
  assert.equal((await peer.receive("binary")).data.byteLength, 16 * 1024 * 1024);
  client.socket.destroy();
});

// ── What the server does by itself ───────────────────────────────────────────────────────────────────────────────────

test("by itself the server answers pings and echoes a close, then ends TCP", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  client.socket.write(Buffer.concat([masked("ping", "p"), masked("close", closePayload(1000, "bye"))]));
  assert.deepEqual(
    await client.all(),
    Buffer.concat([
      rawFrame({ opcode: "pong", payload: "p" }),
      rawFrame({ opcode: "close", payload: closePayload(1000, "bye") }),
    ]),
  );
  client.socket.end();
  assert.deepEqual(await peer.ended, { type: "closed", code: 1000, reason: "bye" });
});

test("by itself the server answers a violation with its close code, then ends TCP", async () => {
  await using server = await idleServer();
  const { client } = await accepted(server);
  client.socket.write(rawFrame({ opcode: 3, masked: true }));
  const answer = await client.all();
  assert.equal(answer[0], 0x88);
  assert.equal(answer.readUInt16BE(2), 1002);
  client.socket.destroy();
});

test("a server that isn't automatic only listens; what it does by itself can be chosen and changed", async () => {
  await using server = await idleServer({ automatic: false });
  const { client, peer } = await accepted(server);
  client.socket.write(masked("ping", "1"));
  await peer.receive("ping");
  peer.automatic = ["pong"];
  client.socket.write(Buffer.concat([masked("ping", "2"), masked("close", closePayload(1000))]));
  await peer.receive("close");
  peer.send("still talking");
  peer.close(1001, "now me");
  peer.send("and on");
  peer.end();
  assert.deepEqual(
    await client.all(),
    Buffer.concat([
      rawFrame({ opcode: "pong", payload: "2" }),
      rawFrame({ opcode: "text", payload: "still talking" }),
      rawFrame({ opcode: "close", payload: closePayload(1001, "now me") }),
      rawFrame({ opcode: "text", payload: "and on" }),
    ]),
  );
  client.socket.destroy();
});

test("accept() can set what is automatic before any frame is looked at", async () => {
  await using server = await idleServer();
  const client = await RawClient.connect(server.port);
  client.socket.write(Buffer.concat([Buffer.from(REQUEST), masked("ping", "early")]));
  const peer = await server.connection(1);
  await peer.accept({ automatic: ["close"] });
  await peer.receive("ping");
  peer.end();
  assert.equal(latin1(await client.all()), ANSWER);
  client.socket.destroy();
});

test("by itself the server ends TCP when the client does; one that isn't automatic may go on talking", async () => {
  await using server = await idleServer();
  const polite = await accepted(server);
  polite.client.socket.end();
  assert.equal(latin1(await polite.client.all()), "");

  const rude = await accepted(server);
  rude.peer.automatic = false;
  rude.client.socket.end();
  assert.deepEqual(await rude.peer.ended, { type: "fin" });
  rude.peer.send("still here");
  rude.peer.end();
  assert.equal(latin1(await rude.client.all()), "\x81\x0astill here");
});

test("the client's answer to the server's close frame isn't echoed once more", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  peer.close(1001, "bye");
  client.socket.write(masked("close", closePayload(1001, "bye")));
  assert.deepEqual(await client.all(), Buffer.from(rawFrame({ opcode: "close", payload: closePayload(1001, "bye") })));
  client.socket.end();
  assert.deepEqual(await peer.ended, { type: "closed", code: 1001, reason: "bye" });
});

test("pings of a client that never reads cost no memory without end: of the held pongs the newest goes out", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  client.socket.pause();
  const payload = "x".repeat(125);
  const flood = Buffer.concat(Array.from({ length: 8000 }, () => Buffer.from(masked("ping", payload))));
  for (let round = 0; round < 20; round++) {
    if (!client.socket.write(flood)) await once(client.socket, "drain");
  }
  client.socket.write(masked("ping", "newest"));
  await peer.delay(1);
  // One chunk's answers over the limit, at most.
  assert.ok(peer.bufferedAmount > 1024 * 1024, `${peer.bufferedAmount} bytes wait`);
  assert.ok(peer.bufferedAmount < 2 * 1024 * 1024, `${peer.bufferedAmount} bytes wait`);
  client.socket.resume();
  const newest = Buffer.from(rawFrame({ opcode: "pong", payload: "newest" }));
  while (!client.received.subarray(-newest.length).equals(newest)) await once(client.socket, "data");
  client.socket.destroy();
});

// ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

test("broken frames reach the client byte for byte", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  const frames = [
    rawFrame({ opcode: 3, rsv: 7, fin: false, payload: "odd" }),
    rawFrame({ opcode: "text", masked: true, payload: "masked" }),
    rawFrame({ opcode: "ping", payload: "x".repeat(200), lengthEncoding: "64-bit" }),
    rawFrame({ opcode: "close", payload: closePayload(999) }),
    rawFrame({ opcode: "text", payload: Uint8Array.of(0xff) }).subarray(0, 2),
    Uint8Array.of(0, 1, 2, 255),
  ];
  for (const frame of frames) peer.sendRaw(frame);
  const expected = Buffer.concat(frames);
  assert.deepEqual(await client.bytes(expected.length), expected);
  client.socket.destroy();
});

test("the ws client finds the violation in a broken frame", async () => {
  await using server = await idleServer();
  const client = new WebSocket(server.url);
  const failed = once(client, "error");
  const peer = await server.connection(1);
  await peer.accept();
  peer.sendRaw(rawFrame({ opcode: "text", masked: true, payload: "masked" }));
  const [error] = await failed;
  assert.equal(error.code, "WS_ERR_UNEXPECTED_MASK");
  assert.equal((await peer.receive("close")).code, 1002);
});

test("a frame with no form is refused with a sentence that says how to send it all the same", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  assert.throws(() => peer.close(999), { reason: "misused", message: /1000 to 1003.*sendRaw\(rawFrame/ });
  client.socket.destroy();
});

test("sendTogether() is one write, sendInPieces() is many, and what is sent meanwhile waits behind the pieces", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  peer.sendTogether(["a", "b"]);
  assert.equal(latin1(await client.bytes(6)), "\x81\x01a\x81\x01b");
  assert.equal(client.chunks.length, 1);
  client.chunks.length = 0;
  const pieces = peer.sendInPieces(rawFrame({ opcode: "text", payload: "slowly" }), 2, 10);
  await client.bytes(2);
  client.socket.write(masked("ping", "!"));
  peer.send("after");
  await pieces;
  assert.equal(latin1(await client.bytes(18)).slice(0, 8), "\x81\x06slowly");
  assert.deepEqual(client.chunks.slice(0, 3).map(latin1), ["\x81\x06", "sl", "ow"]);
  client.socket.destroy();
});

test("sendInPieces() rejects when the connection ends in the middle of it", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  const pieces = rejection(peer.sendInPieces("0123456789", 1, 100_000));
  await client.bytes(1);
  client.socket.resetAndDestroy();
  assert.equal((await pieces).reason, "ended");
});

test("flushed() resolves when a client that was slow has taken everything, over TLS too", async () => {
  for (const tls of [undefined, { key: KEY, cert: CERTIFICATE }]) {
    await using server = await idleServer(tls && { tls });
    const client = new WebSocket(server.url, { ca: CERTIFICATE });
    const peer = await server.connection(1);
    await peer.accept();
    await once(client, "open");
    client.pause();
    for (let round = 0; round < 32; round++) peer.send(new Uint8Array(1024 * 1024));
    let isFlushed = false;
    const flushed = peer.flushed().then(() => {
      isFlushed = true;
    });
    await nextTurn();
    assert.ok(peer.bufferedAmount > 0);
    assert.equal(isFlushed, false);
    client.resume();
    await flushed;
    assert.equal(peer.bufferedAmount, 0);
    client.terminate();
  }
});

// ── Ending ───────────────────────────────────────────────────────────────────────────────────────────────────────────

test("reset() is seen as ECONNRESET, over TLS too; end() and drop() as a plain end", async () => {
  await using server = await idleServer();
  const first = await accepted(server);
  first.peer.reset();
  assert.equal((await first.client.closed)?.code, "ECONNRESET");
  assert.deepEqual(await first.peer.ended, { type: "destroyed" });

  const second = await accepted(server);
  second.peer.send("last words");
  second.peer.end();
  assert.equal(latin1(await second.client.all()), "\x81\x0alast words");
  second.client.socket.write(masked("text", "heard"));
  assert.deepEqual(await second.peer.receive(), text("heard"));
  second.client.socket.end();
  assert.equal(await second.client.closed, undefined);
  assert.deepEqual(await second.peer.ended, { type: "fin" });

  const third = await accepted(server);
  third.peer.drop();
  await third.client.all();
  assert.deepEqual(await third.peer.ended, { type: "destroyed" });
  third.client.socket.destroy();

  await using secure = await idleServer({ tls: { key: KEY, cert: CERTIFICATE } });
  const client = new RawClient(connectTls({ port: secure.port, host: "127.0.0.1", ca: CERTIFICATE }));
  client.socket.write(REQUEST);
  const peer = await secure.connection(1);
  await peer.accept();
  await client.bytes(ANSWER.length);
  peer.reset();
  assert.equal((await client.closed)?.code, "ECONNRESET");
  assert.deepEqual(await peer.ended, { type: "destroyed" });
});

test("ended tells the client's FIN from its reset", async () => {
  await using server = await idleServer();
  const first = await accepted(server);
  first.client.socket.end();
  assert.deepEqual(await first.peer.ended, { type: "fin" });

  const second = await accepted(server);
  second.client.socket.resetAndDestroy();
  const end = await second.peer.ended;
  assert.equal(end.type, "reset");
  assert.equal((end as { cause: NodeJS.ErrnoException }).cause.code, "ECONNRESET");
});

test("what is sent after the end is refused with the reason", async () => {
  await using server = await idleServer();
  const first = await accepted(server);
  first.client.socket.resetAndDestroy();
  await first.peer.ended;
  assert.throws(() => first.peer.send("x"), { reason: "ended", message: /ECONNRESET/ });
  assert.equal((await rejection(first.peer.flushed())).reason, "ended");

  const second = await accepted(server);
  second.peer.end();
  assert.throws(() => second.peer.send("x"), { reason: "misused", message: /end\(\)/ });
  second.client.socket.destroy();

  const third = await accepted(server);
  third.peer.drop();
  assert.throws(() => third.peer.send("x"), { reason: "misused", message: /drop\(\)/ });
  third.client.socket.destroy();
});

test("a black hole neither reads nor answers, and TCP stays up", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  peer.blackHole();
  peer.send("swallowed");
  peer.end();
  client.socket.write(masked("ping", "anyone?"));
  assert.equal(await peer.delay(30), true);
  assert.equal(client.received.length, 0);
  assert.equal(client.socket.readableEnded, false);
  assert.deepEqual(peer.received, []);
  client.socket.destroy();
});

test("a paused peer reads nothing until it resumes, so TCP pushes back", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  peer.pause();
  const message = masked("binary", new Uint8Array(16 * 1024 * 1024));
  client.socket.write(message);
  assert.equal(await peer.delay(30), true);
  assert.ok(client.socket.writableLength > 0);
  assert.deepEqual(peer.received, []);
  peer.resume();
  assert.equal((await peer.receive("binary")).data.byteLength, 16 * 1024 * 1024);
  client.socket.destroy();
});

test("delay() answers true when the time is over, and false as soon as the connection is", async () => {
  await using server = await idleServer();
  const { client, peer } = await accepted(server);
  assert.equal(await peer.delay(1), true);
  const delay = peer.delay(100_000);
  client.socket.destroy();
  assert.equal(await delay, false);
  assert.equal(await peer.delay(100_000), false);
});

test("extensions are in use until TCP has ended: also for what is sent behind the client's FIN", async () => {
  const called: string[] = [];
  const extension = prefix("x-a", "A", {
    encode: (data) => {
      called.push("encode");
      return { data, reservedBits: 0 };
    },
    close: () => called.push("close"),
  });
  await using server = await idleServer({ extensions: [extension], automatic: false });
  const client = await RawClient.connect(server.port);
  client.socket.write(REQUEST.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: x-a\r\n\r\n"));
  const peer = await server.connection(1);
  await peer.accept();
  client.socket.end();
  assert.deepEqual(await peer.ended, { type: "fin" });
  peer.send("late");
  assert.deepEqual(called, ["encode"]);
  const closed = once(peer.socket, "close");
  peer.end();
  await Promise.all([closed, client.closed]);
  assert.deepEqual(called, ["encode", "close"]);
});
