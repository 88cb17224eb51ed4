/** permessage-deflate through the whole client: against `ws`, and against a server that lies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import type { WebSocket } from "ws";
import { type Extension, type PermessageDeflateOptions, permessageDeflate, stop } from "../../src/index.ts";
import { rawFrame, TestServer } from "../../src/testing/index.ts";
import { launch, Recorder } from "./fixtures.ts";
import { WsServer } from "./ws-server.ts";

const compressed = (message: string | Uint8Array): Buffer =>
  deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

/** A server that answers with this header and then sends these bytes. */
const lying = (extensions: string, ...frames: Uint8Array[]): Promise<TestServer> =>
  TestServer.start({
    script: async (peer) => {
      await peer.accept({ extensions, glue: frames });
      await peer.ended;
    },
  });

test("messages of all sizes go both ways through ws, in order, whatever was agreed on", async () => {
  const agreements: readonly (readonly [PermessageDeflateOptions, object, string])[] = [
    [{}, {}, "permessage-deflate"],
    [{ threshold: 0, level: 9, memLevel: 9 }, { threshold: 0 }, "permessage-deflate"],
    [
      { serverNoContextTakeover: true, threshold: 0 },
      { threshold: 0 },
      "permessage-deflate; server_no_context_takeover",
    ],
    [
      { threshold: 0 },
      { threshold: 0, clientNoContextTakeover: true },
      "permessage-deflate; client_no_context_takeover",
    ],
    [{ serverMaxWindowBits: 8, threshold: 0 }, { threshold: 0 }, "permessage-deflate; server_max_window_bits=8"],
    [{ threshold: 0 }, { threshold: 0, clientMaxWindowBits: 8 }, "permessage-deflate; client_max_window_bits=8"],
    [
      { threshold: 0 },
      { threshold: 0, serverMaxWindowBits: 11, clientMaxWindowBits: 12, serverNoContextTakeover: true },
      "permessage-deflate; client_max_window_bits=12; server_no_context_takeover; server_max_window_bits=11",
    ],
  ];
  for (const [ours, theirs, agreed] of agreements) {
    await using server = await WsServer.start({
      perMessageDeflate: theirs,
      onConnection: ({ socket }) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
    });
    const recorder = new Recorder<null>();
    await using connection = launch(server, recorder, null, {
      upgradeOptions: { extensions: [permessageDeflate(ours)] },
    });
    await connection.opened();
    assert.equal(connection.extensions, agreed);
    const messages: (string | Uint8Array)[] = [];
    for (let round = 0; round < 30; round++) {
      messages.push(`{"round":${round},"symbol":"BTC-USD","price":${round * 7919}}`);
      messages.push("ä€\u{1f600}".repeat(round * 200), "", Buffer.alloc(round * 1000, round));
    }
    for (const message of messages) assert.equal(connection.send(message), "sent");
    await recorder.call("handleIn", messages.length);
    for (const [index, { given }] of recorder.all("handleIn").entries()) {
      const [frame] = given;
      const message = messages[index] as string | Uint8Array;
      assert.equal(frame.type, typeof message === "string" ? "text" : "binary");
      assert.ok(frame.type === "text" ? frame.data === message : Buffer.from(frame.data).equals(message as Uint8Array));
    }
  }
});

test("what was compressed takes fewer bytes on the wire, both ways, and `compress: false` leaves a message as it is", async () => {
  await using server = await TestServer.start({ extensions: [permessageDeflate()] });
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { upgradeOptions: { extensions: [permessageDeflate()] } });
  await connection.opened();
  const message = "the same words again and again; ".repeat(100);
  connection.send(message);
  await recorder.call("handleIn", 1);
  const { bytesSent, bytesReceived } = connection.stats;
  assert.ok(bytesSent < 200 && bytesReceived < 200, `${bytesSent} and ${bytesReceived} bytes`);
  connection.send(message, { compress: false });
  await recorder.call("handleIn", 2);
  assert.ok(connection.stats.bytesSent - bytesSent > message.length);
  const before = connection.stats.bytesSent;
  connection.send("short", { compress: true });
  await recorder.call("handleIn", 3);
  assert.ok(connection.stats.bytesSent - before !== "short".length + 6);
});

test("what waits in the outbox keeps what was asked for", async () => {
  await using server = await TestServer.start({ extensions: [permessageDeflate({ threshold: 0 })] });
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { upgradeOptions: { extensions: [permessageDeflate()] } });
  assert.equal(connection.send("a".repeat(1000), { compress: false }), "queued");
  await recorder.call("handleIn", 1);
  assert.ok(connection.stats.bytesSent > 1000);
});

test("a server that doesn't take the offer is talked to without compression", async () => {
  await using server = await TestServer.start();
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { upgradeOptions: { extensions: [permessageDeflate()] } });
  await connection.opened();
  assert.equal(connection.extensions, "");
  connection.send("x".repeat(1000));
  assert.deepEqual((await recorder.call("handleIn")).given[0], { type: "text", data: "x".repeat(1000) });
});

test("an answer that is none to our offer is establishing_failed, with the extension's own words", async () => {
  const wrong: readonly (readonly [answer: string, offer: readonly Extension[], why: RegExp])[] = [
    ["permessage-deflate", [], /permessage-deflate.*none was offered/],
    ["permessage-foo", [permessageDeflate()], /permessage-foo.*offered were "permessage-deflate"/],
    ["permessage-deflate; foo", [permessageDeflate()], /no parameter "foo"/],
    ["permessage-deflate; server_max_window_bits=16", [permessageDeflate()], /from 8 to 15/],
    ["permessage-deflate, permessage-deflate", [permessageDeflate()], /twice/],
    ["permessage-deflate", [permessageDeflate({ serverNoContextTakeover: true })], /is not in it/],
    ["permessage-deflate; =", [permessageDeflate()], /no list of extensions/],
  ];
  for (const [answer, extensions, why] of wrong) {
    await using server = await lying(answer);
    const recorder = new Recorder<null>({ handleError: () => stop() });
    await using connection = launch(server, recorder, null, { upgradeOptions: { extensions } });
    const { given } = await recorder.call("handleError");
    assert.equal(given[0].kind, "establishing_failed");
    assert.equal(given[0].reason, "extensions");
    assert.match(given[0].message, why);
    assert.equal(given[0].status, 101);
    await connection.stop();
  }
});

test("bad compressed data is decoding_failed with 1007, which the server hears", async () => {
  await using server = await lying(
    "permessage-deflate",
    rawFrame({ opcode: "text", rsv: 4, payload: compressed("first") }),
    rawFrame({ opcode: "text", rsv: 4, payload: Buffer.from([0xff, 0xff]) }),
    rawFrame({ opcode: "text", payload: "never" }),
  );
  const recorder = new Recorder<null>();
  await using _connection = launch(server, recorder, null, { upgradeOptions: { extensions: [permessageDeflate()] } });
  const { given } = await recorder.call("handleError");
  assert.equal(given[0].kind, "decoding_failed");
  assert.equal(given[0].reason, "extension_data");
  assert.equal(given[0].closeCode, 1007);
  const close = await (await server.connection(1)).receive("close");
  assert.equal(close.code, 1007);
  assert.deepEqual(recorder.lines.slice(0, 3), [
    "handleConnect 101",
    'handleIn text "first"',
    "handleError decoding_failed extension_data",
  ]);
});

test("an extension that throws is processing_failed, and the server hears 1011", async () => {
  const broken: Extension = {
    name: "x-broken",
    offers: [[]],
    accept: () => ({
      reservedBits: 0,
      scope: "message",
      takes: "every",
      encode: () => undefined,
      decode: () => {
        throw new Error("out of order");
      },
    }),
  };
  await using server = await lying("x-broken", rawFrame({ opcode: "text", payload: "hello" }));
  const recorder = new Recorder<null>();
  await using _connection = launch(server, recorder, null, { upgradeOptions: { extensions: [broken] } });
  const { given } = await recorder.call("handleError");
  assert.equal(given[0].kind, "processing_failed");
  assert.equal(given[0].reason, "extension_failed");
  assert.match(given[0].message, /x-broken failed on a received frame: out of order/);
  assert.equal((given[0].cause as Error).message, "out of order");
  assert.equal((await (await server.connection(1)).receive("close")).code, 1011);
});

test("a message that an extension fails on is encoding_failed, and the connection stays", async () => {
  const picky: Extension = {
    name: "x-picky",
    offers: [[]],
    accept: () => ({
      reservedBits: 0,
      scope: "message",
      takes: "every",
      encode: (data) => {
        if (data.length > 5) throw new Error("too long for me");
        return undefined;
      },
      decode: (data, _frame, output) => void output.write(data),
    }),
  };
  await using server = await lying("x-picky");
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { upgradeOptions: { extensions: [picky] } });
  await connection.opened();
  assert.equal(connection.send("too long"), "dropped");
  const { given } = await recorder.call("handleError");
  assert.equal(given[0].kind, "encoding_failed");
  assert.match(given[0].message, /x-picky failed on a message: too long for me/);
  assert.equal(connection.send("short"), "sent");
  assert.deepEqual(await (await server.connection(1)).receive("text"), { type: "text", data: "short" });
});

test("context takeover survives hibernation on both halves", async () => {
  const sockets: WebSocket[] = [];
  await using server = await WsServer.start({
    perMessageDeflate: { threshold: 0 },
    onConnection: ({ socket }) => {
      sockets.push(socket);
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    },
  });
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, {
    hibernateAfter: 20,
    pingInterval: 0,
    upgradeOptions: { extensions: [permessageDeflate({ threshold: 0 })] },
  });
  await connection.opened();
  const message = Array.from({ length: 100 }, (_, at) => `${at * 7919}`).join();
  const sizes: number[] = [];
  for (let round = 1; round <= 4; round++) {
    const before = connection.stats.bytesSent;
    connection.send(message);
    await recorder.call("handleIn", round);
    sizes.push(connection.stats.bytesSent - before);
    // Long enough for hibernation; that it came is asserted by what the next message costs and means.
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  assert.ok((sizes[0] as number) > 200);
  for (const size of sizes.slice(1)) assert.ok(size < 40, sizes.join());
  for (const { given } of recorder.all("handleIn")) assert.equal(given[0].data, message);
});

test("300 MB that came as 300 KB cost the process no more than maxMessageSize and a few hundred KB", async () => {
  const bomb = compressed(Buffer.alloc(300_000_000));
  assert.ok(bomb.length < 310_000);
  await using server = await lying("permessage-deflate", rawFrame({ opcode: "binary", rsv: 4, payload: bomb }));
  const recorder = new Recorder<null>();
  const limit = 1_000_000;
  const before = process.memoryUsage().arrayBuffers;
  await using _connection = launch(server, recorder, null, {
    maxMessageSize: limit,
    upgradeOptions: { extensions: [permessageDeflate()] },
  });
  const { given } = await recorder.call("handleError");
  const cost = process.memoryUsage().arrayBuffers - before;
  assert.equal(given[0].closeCode, 1009);
  assert.equal(given[0].reason, "message_too_long");
  // The server's own copies of the bomb are in this process too: three of about 300 KB.
  assert.ok(cost < limit + 1_500_000, `${cost} bytes`);
});
