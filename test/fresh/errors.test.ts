/**
 * The kinds of error that handleError is told, each brought about by a real peer: the `ws` package's server.
 *
 * processing_failed has no test: it is for extensions, and this version has none.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import type { Callbacks } from "../../src/behaviour.ts";
import {
  type FrameLike,
  FreshError,
  type FreshErrorKind,
  type FreshErrorPhase,
  ignore,
  type Options,
  ok,
  ping,
  pong,
  reconnect,
  reply,
  type StartArguments,
  stop,
} from "../../src/index.ts";
import { gate, Log, launch, QUICK, Recorder } from "./fixtures.ts";
import { WsServer, type WsServerOptions } from "./ws-server.ts";

/** Runs a module whose first error stops it, and gives that error; checks that it was the one callback of its attempt. */
async function failure(
  uri: StartArguments<null>["uri"],
  options: Options<null> = {},
  more: Partial<Callbacks<null>> = {},
): Promise<{ readonly error: FreshError; readonly lines: readonly string[] }> {
  const recorder = new Recorder<null>({ handleError: () => stop("failed"), ...more });
  const connection = recorder.module.start({ uri, state: null, options: { ...QUICK, ...options } });
  assert.equal(await connection.exited, "failed");
  assert.equal(recorder.all("handleError").length + recorder.all("handleDisconnect").length, 1);
  const [error] = (await recorder.call("handleError")).given;
  assert.ok(error instanceof FreshError);
  return { error, lines: recorder.lines };
}

function assertError(error: FreshError, kind: FreshErrorKind, phase: FreshErrorPhase, reason: string): void {
  assert.deepEqual(
    { kind: error.kind, phase: error.phase, reason: error.reason },
    { kind, phase, reason },
    error.message,
  );
  // A sentence, also behind the beginning that all errors of a kind share.
  assert.match(error.message, /^[A-Z][^:]+: .{20,}/s);
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = await WsServer.start();
  await server.stop();
  return server.port;
}

// ── connecting_failed ────────────────────────────────────────────────────────────────────────────────────────────────

test("a server that isn't there is connecting_failed: refused", async () => {
  const { error, lines } = await failure(`ws://127.0.0.1:${await closedPort()}/`);
  assertError(error, "connecting_failed", "tcp", "refused");
  assert.equal((error.cause as NodeJS.ErrnoException).code, "ECONNREFUSED");
  assert.deepEqual(lines, ["handleError connecting_failed refused", "handleTerminate failed"]);
});

test("stats.lastError is the newest error that handleError was told of, and when; undefined before", async () => {
  const recorder = new Recorder<null>({ handleError: () => stop() });
  const connection = recorder.module.start({
    uri: `ws://127.0.0.1:${await closedPort()}/`,
    state: null,
    options: QUICK,
  });
  const began = Date.now();
  const before = connection.stats;
  await connection.exited;
  const [error] = (await recorder.call("handleError")).given;
  const { lastError } = connection.stats;
  assert.equal(before.lastError, undefined);
  assert.equal(lastError?.error, error);
  assert.ok(lastError !== undefined && lastError.at >= began && lastError.at <= Date.now());
});

test("a host name that doesn't resolve is connecting_failed in the phase dns", async () => {
  const { error } = await failure("ws://nowhere.test/", {
    transportOptions: {
      lookup: (host, _options, callback) =>
        callback(Object.assign(new Error(`no ${host}`), { code: "ENOTFOUND", syscall: "getaddrinfo" }), "", 4),
    },
  });
  assertError(error, "connecting_failed", "dns", "not_found");
});

test("a way to the server that takes longer than connectTimeout is connecting_failed: timed_out, in the phase it hung in", async () => {
  const { error } = await failure("ws://slow.test/", {
    connectTimeout: 30,
    transportOptions: { lookup: () => undefined },
  });
  assertError(error, "connecting_failed", "dns", "timed_out");
});

test("TLS towards a server that doesn't speak it is connecting_failed in the phase tls", async () => {
  await using server = await WsServer.start();
  const { error } = await failure(`wss://127.0.0.1:${server.port}/`);
  assertError(error, "connecting_failed", "tls", error.reason);
});

test("a provider that fails, or gives what is no address, is connecting_failed in the phase provider", async () => {
  const cause = new Error("no token today");
  const thrown = await failure(() => {
    throw cause;
  });
  assertError(thrown.error, "connecting_failed", "provider", "provider");
  assert.equal(thrown.error.cause, cause);
  const rejected = await failure("ws://127.0.0.1/", { headers: () => Promise.reject(cause) });
  assertError(rejected.error, "connecting_failed", "provider", "provider");
  const invalid = await failure(() => "ftp://127.0.0.1/");
  assertError(invalid.error, "connecting_failed", "provider", "invalid_uri");
});

test("a provider that takes longer than providerTimeout is connecting_failed, and its signal aborts", async () => {
  const given: AbortSignal[] = [];
  const { error } = await failure(
    ({ signal }) => {
      given.push(signal);
      return new Promise(() => undefined);
    },
    { providerTimeout: 30 },
  );
  assertError(error, "connecting_failed", "provider", "timed_out");
  assert.equal(given[0]?.aborted, true);
});

// ── upgrading_failed ─────────────────────────────────────────────────────────────────────────────────────────────────

test("a request that can't be made is upgrading_failed, and nothing is sent", async () => {
  await using server = await WsServer.start();
  const header = await failure(server.url, { headers: () => ({ "x-token": "a\r\nx-other: b" }) });
  assertError(header.error, "upgrading_failed", "provider", "invalid_header");
  assert.doesNotMatch(header.error.message, /x-other/);
  const option = await failure(server.url, { transportOptions: { localAddress: "no address" } });
  assertError(option.error, "upgrading_failed", "upgrade", "invalid_option");
  assert.equal(server.requests.entries.length, 0);
});

// ── establishing_failed ──────────────────────────────────────────────────────────────────────────────────────────────

test("a refused upgrade is establishing_failed with status, headers, body and Retry-After", async () => {
  const options: WsServerOptions = {
    refuse: () => ({ status: 503, body: "come back later", headers: { "Retry-After": "7", "X-Why": "full" } }),
  };
  await using server = await WsServer.start(options);
  const { error } = await failure(server.url);
  assertError(error, "establishing_failed", "upgrade", "status");
  assert.equal(error.status, 503);
  assert.equal(error.headers?.get("x-why"), "full");
  assert.equal(error.body, "come back later");
  assert.equal(error.retryAfter, 7000);
});

test("of a refusal's body the first 64 KiB are kept", async () => {
  await using server = await WsServer.start({ refuse: () => ({ status: 500, body: "x".repeat(200_000) }) });
  const { error } = await failure(server.url);
  assert.equal(error.body, "x".repeat(65_536));
});

test("an answer that isn't what RFC 6455 asks for is establishing_failed", async (t) => {
  const changes: readonly (readonly [string, (lines: string[]) => void])[] = [
    [
      "another key's accept",
      (lines) => replaceLine(lines, "Sec-WebSocket-Accept", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ],
    ["no accept", (lines) => replaceLine(lines, "Sec-WebSocket-Accept", "X-None: 1")],
    ["a subprotocol nobody asked for", (lines) => lines.push("Sec-WebSocket-Protocol: surprise")],
    ["an extension nobody asked for", (lines) => lines.push("Sec-WebSocket-Extensions: permessage-deflate")],
  ];
  for (const [name, change] of changes) {
    await t.test(name, async () => {
      await using server = await WsServer.start({ onHeaders: change });
      const { error, lines } = await failure(server.url);
      assertError(error, "establishing_failed", "upgrade", error.reason);
      assert.equal(error.status, 101);
      assert.equal(lines.length, 2);
    });
  }
});

function replaceLine(lines: string[], name: string, line: string): void {
  const index = lines.findIndex((one) => one.startsWith(`${name}:`));
  lines[index] = line;
}

/** An HTTP server that does this, and nothing else, with each upgrade request. */
async function httpServer(onUpgrade: (socket: Duplex) => void): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Duplex>();
  const server = createServer().on("upgrade", (_request, socket) => {
    sockets.add(socket);
    onUpgrade(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

test("an answer that doesn't come within upgradeTimeout is establishing_failed: timed_out", async () => {
  await using server = await httpServer(() => undefined);
  const { error } = await failure(server.url, { upgradeTimeout: 40 });
  assertError(error, "establishing_failed", "upgrade", "timed_out");
});

test("a server that ends TCP instead of answering is establishing_failed: ended", async () => {
  await using server = await httpServer((socket) => socket.end());
  const { error } = await failure(server.url);
  assertError(error, "establishing_failed", "upgrade", "ended");
});

// ── streaming_failed ─────────────────────────────────────────────────────────────────────────────────────────────────

/** As failure, for what the server does to an open connection. */
async function failureOnceOpen(
  act: (server: WsServer) => Promise<void> | void,
  options: Options<null> = {},
  serverOptions: WsServerOptions = {},
): Promise<FreshError> {
  await using server = await WsServer.start(serverOptions);
  const open = gate();
  const failing = failure(server.url, options, {
    handleConnect: () => {
      open.open();
      return ok(null);
    },
  });
  await Promise.race([open.promise, failing]);
  await act(server);
  const { error, lines } = await failing;
  assert.equal(lines[0], "handleConnect 101");
  return error;
}

test("an end of TCP that nobody announced is streaming_failed: ended", async () => {
  const error = await failureOnceOpen(async (server) => (await server.peer()).socket.terminate());
  assertError(error, "streaming_failed", "open", "ended");
});

test("a reset is streaming_failed: reset", async () => {
  const error = await failureOnceOpen(async (server) => (await server.peer()).reset());
  assertError(error, "streaming_failed", "open", "reset");
  assert.equal((error.cause as NodeJS.ErrnoException).code, "ECONNRESET");
});

test("a ping that no byte follows within pongTimeout is streaming_failed: pong_timeout", async () => {
  const error = await failureOnceOpen(() => undefined, { pingInterval: 20, pongTimeout: 40 }, { autoPong: false });
  assertError(error, "streaming_failed", "open", "pong_timeout");
});

// ── decoding_failed ──────────────────────────────────────────────────────────────────────────────────────────────────

test("a server that breaks the protocol is decoding_failed, and is told so with the close code", async (t) => {
  const violations: readonly (readonly [string, number, readonly number[]])[] = [
    ["text that is no UTF-8", 1007, [0x81, 1, 0xff]],
    ["UTF-8 cut off by the end of the message", 1007, [0x81, 1, 0xc3]],
    ["a reserved bit", 1002, [0xc1, 0]],
    ["an unknown opcode", 1002, [0x83, 0]],
    ["a masked frame", 1002, [0x81, 0x81, 1, 2, 3, 4, 0x60]],
    ["a continuation of nothing", 1002, [0x80, 0]],
    ["a message in the middle of another", 1002, [0x01, 0, 0x81, 0]],
    ["a ping in fragments", 1002, [0x09, 0]],
    ["a ping that is too long", 1002, [0x89, 126, 0, 126]],
    ["a length that isn't minimal", 1002, [0x82, 126, 0, 1, 0]],
    ["a close frame of one byte", 1002, [0x88, 1, 3]],
    ["a close code that may not be sent", 1002, [0x88, 2, 0x03, 0xed]],
    ["a close reason that is no UTF-8", 1007, [0x88, 3, 0x03, 0xe8, 0xff]],
  ];
  for (const [name, code, bytes] of violations) {
    await t.test(name, async () => {
      const error = await failureOnceOpen(async (server) => {
        const peer = await server.peer();
        peer.tcp.write(Buffer.from(bytes));
        assert.equal((await peer.closed).code, code);
      });
      assertError(error, "decoding_failed", "open", error.reason);
      assert.equal(error.closeCode, code);
    });
  }
});

test("a message longer than maxMessageSize is decoding_failed with 1009, in one frame or in fragments", async (t) => {
  const sends: readonly (readonly [string, (socket: import("ws").WebSocket) => void])[] = [
    ["in one frame", (socket) => socket.send(Buffer.alloc(1001))],
    [
      "in fragments",
      (socket) => {
        socket.send(Buffer.alloc(600), { fin: false });
        socket.send(Buffer.alloc(600), { fin: true });
      },
    ],
  ];
  for (const [name, send] of sends) {
    await t.test(name, async () => {
      const error = await failureOnceOpen(
        async (server) => {
          const peer = await server.peer();
          send(peer.socket);
          assert.equal((await peer.closed).code, 1009);
        },
        { maxMessageSize: 1000 },
      );
      assertError(error, "decoding_failed", "open", error.reason);
      assert.equal(error.closeCode, 1009);
    });
  }
});

test("a message in more than maxFragments fragments is decoding_failed with 1009", async () => {
  const error = await failureOnceOpen(
    async (server) => {
      const peer = await server.peer();
      for (let sent = 0; sent < 5; sent += 1) peer.socket.send("x", { fin: false });
      assert.equal((await peer.closed).code, 1009);
    },
    { maxFragments: 4 },
  );
  assertError(error, "decoding_failed", "open", error.reason);
});

// ── encoding_failed ──────────────────────────────────────────────────────────────────────────────────────────────────

/** What may not be sent, each with the error's reason. Some of it only JavaScript can say. */
const UNSENDABLE: readonly (readonly [string, unknown, string])[] = [
  ["a lone surrogate", "a\ud800", "lone_surrogate"],
  ["a lone surrogate in a frame", { type: "text", data: "\udfff" }, "lone_surrogate"],
  ["a ping of 126 bytes", ping(new Uint8Array(126)), "control_too_long"],
  ["a pong of 126 bytes", pong(new Uint8Array(126)), "control_too_long"],
  ["a close code that is reserved", { type: "close", code: 1005 }, "close_code"],
  ["a close code that is none", { type: "close", code: 70_000 }, "close_code"],
  ["a close reason of 124 bytes", { type: "close", code: 1000, reason: "é".repeat(62) }, "close_reason_too_long"],
  ["a close reason without a code", { type: "close", reason: "why" }, "close_reason_without_code"],
  ["a number", 42, "wrong_type"],
  ["an unknown type of frame", { type: "datagram", data: "x" }, "wrong_type"],
  ["text that is bytes", { type: "text", data: new Uint8Array(1) }, "wrong_type"],
  ["binary that is text", { type: "binary", data: "x" }, "wrong_type"],
];

for (const [name, frame, reason] of UNSENDABLE) {
  test(`${name} is encoding_failed: not sent, and the connection goes on`, async () => {
    await using server = await WsServer.start();
    const recorder = new Recorder<number>({
      handleInfo: (_message, state) => reply(frame as FrameLike, state + 1),
      handleError: (_error, state) => ignore(state),
    });
    await using connection = launch(server, recorder, 0);
    await connection.opened();
    assert.equal(connection.send(frame as FrameLike), "dropped");
    connection.info("reply with it");
    connection.send("afterwards");
    const peer = await server.peer();
    await peer.text();
    assert.deepEqual(peer.lines, ['text "afterwards"']);
    const errors = recorder.all("handleError").map(({ given }) => given[0]);
    assert.equal(errors.length, 2);
    for (const error of errors) assertError(error, "encoding_failed", "open", reason);
    assert.equal(connection.stats.dropped.invalid, 2);
    assert.equal(connection.isOpen, true);
  });
}

test("a close with a code or reason that may not be sent is encoding_failed, and the connection stays open", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null);
  await connection.opened();
  connection.close(1006);
  connection.close(1000, "x".repeat(124));
  await recorder.call("handleError", 2);
  assert.equal(connection.isOpen, true);
  assert.deepEqual(recorder.lines.slice(1), [
    "handleError encoding_failed close_code",
    "handleError encoding_failed close_reason_too_long",
  ]);
});

test("reconnect() and stop() as answers to an encoding_failed leave the connection, with no second callback", async (t) => {
  await t.test("reconnect", async () => {
    await using server = await WsServer.start();
    const recorder = new Recorder<number>({ handleError: () => reconnect(7) });
    await using connection = launch(server, recorder, 0);
    await connection.opened();
    connection.send("\ud800");
    assert.equal((await recorder.call("handleConnect", 2)).state, 7);
    assert.equal((await (await server.peer(1)).closed).code, 1000);
    assert.deepEqual(recorder.lines, [
      "handleConnect 101",
      "handleError encoding_failed lone_surrogate",
      "handleConnect 101",
    ]);
  });
  await t.test("stop", async () => {
    await using server = await WsServer.start();
    const recorder = new Recorder<number>({ handleError: () => stop("bad frame") });
    await using connection = launch(server, recorder, 0);
    await connection.opened();
    connection.send("\ud800");
    assert.equal(await connection.exited, "bad frame");
    assert.equal((await (await server.peer(1)).closed).code, 1000);
    assert.equal(recorder.lines.length, 3);
  });
});

// ── casting_failed ───────────────────────────────────────────────────────────────────────────────────────────────────

test("frames that were sent and could not be written are casting_failed, then the end is told", async () => {
  await using server = await WsServer.start();
  const log = new Log();
  const recorder = new Recorder<null>({
    handleError: (error, state) => (error.kind === "casting_failed" ? ignore(state) : stop("lost")),
  });
  await using connection = launch(server, recorder, null, { logger: log });
  await connection.opened();
  const peer = await server.peer();
  peer.tcp.pause();
  // More than the buffers of both ends take, so that some of it waits here.
  const chunk = new Uint8Array(1024 * 1024);
  let sent = 0;
  while (connection.bufferedAmount < 16 * chunk.byteLength) {
    assert.equal(connection.send(chunk), "sent");
    sent += 1;
    await new Promise(setImmediate);
  }
  const undrained = assert.rejects(connection.drain(), { name: "FreshError", kind: "casting_failed" });
  peer.reset();
  assert.equal(await connection.exited, "lost");
  await undrained;
  const [casting, streaming] = recorder.all("handleError").map(({ given }) => given[0]);
  assertError(casting as FreshError, "casting_failed", "open", "reset");
  assertError(streaming as FreshError, "streaming_failed", "open", "reset");
  assert.equal(recorder.all("handleError").length, 2);
  const { lost } = connection.stats.dropped;
  assert.ok(lost > 0 && lost <= sent, `${lost} of ${sent}`);
  assert.ok(log.messages("error").some((message) => message.startsWith("Sent frames were lost")));
});

// ── The default ──────────────────────────────────────────────────────────────────────────────────────────────────────

test("without a handleError of its own a module tries again after each kind that ends an attempt", async () => {
  await using server = await WsServer.start({
    refuse: (number) => (number === 1 ? { status: 500 } : undefined),
    onConnection: ({ tcp, socket }, number) => {
      if (number === 1) tcp.write(Buffer.from([0xff, 0xff]));
      if (number === 2) socket.terminate();
    },
  });
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null);
  await server.peer(3);
  await connection.opened();
  const kinds = recorder.all("handleError").map(({ given }) => given[0].kind);
  assert.deepEqual(kinds, ["establishing_failed", "decoding_failed", "streaming_failed"]);
});
