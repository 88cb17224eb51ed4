import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { WebSocket } from "ws";
import { type Inflated, Inflation } from "./compression.ts";
import { inventScenarios } from "./invented.ts";
import { Peer } from "./peer.ts";
import type { PeerStep, Scenario } from "./scenario.ts";
import { QuietTime } from "./time.ts";

const [invented] = inventScenarios(1, 1);
const scenarioOf = (peer: Scenario["peer"]): Scenario => ({
  ...(invented as Scenario),
  title: "",
  client: { ...(invented as Scenario).client, uri: "ws://127.0.0.1:PORT/ws" },
  peer,
});

async function peerFor(peer: Scenario["peer"]): Promise<Peer> {
  return Peer.listen(
    scenarioOf(peer),
    new QuietTime(),
    () => 0,
    (error) => assert.fail(String(error)),
  );
}

test("the scripted peer speaks the protocol: the ws package's client understands every frame, and its own are written down", async () => {
  const steps: readonly PeerStep[] = [
    { step: "read_request" },
    {
      step: "send_101",
      extraHeaders: [["x-peer", "yes"]],
      gluedFrames: [{ op: "text", text: "glued" }],
      splitHeaderBlockPauseMs: 5,
    },
    { step: "await_client_frame", op: "text", nth: 1 },
    { step: "send_frame", frame: { op: "text", fin: false, text: "hé" } },
    { step: "send_frame", frame: { op: "ping", text: "p" } },
    { step: "await_client_frame", op: "pong", nth: 1 },
    { step: "send_frame_in_pieces", frame: { op: "continuation", text: "llo" }, pieceBytes: 1, pauseMs: 1 },
    { step: "send_frame", frame: { op: "binary", len: 70_000, sha256_16: "0123456789abcdef", utf8: false } },
    { step: "send_frame", frame: { op: "close", code: 4001, reason: "done" } },
    { step: "await_client_frame", op: "close", nth: 1 },
    { step: "close_tcp" },
  ];
  const peer = await peerFor([steps]);
  const client = new WebSocket(`ws://127.0.0.1:${peer.port}/path?query`);
  const messages: string[] = [];
  client.on("upgrade", ({ headers }) => messages.push(`upgrade ${headers["x-peer"]}`));
  client.on("open", () => client.send("from ws"));
  client.on("message", (data: Buffer, isBinary) => messages.push(isBinary ? `${data.length} bytes` : data.toString()));
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  assert.deepEqual(messages, ["upgrade yes", "glued", "héllo", "70000 bytes"]);
  assert.deepEqual([code, reason.toString()], [4001, "done"]);
  const [sent] = peer.sent();
  assert.equal(sent?.request, "GET /path?query HTTP/1.1");
  assert.ok(sent.headers.includes("host: 127.0.0.1:PORT"), String(sent.headers));
  assert.deepEqual(sent.frames, ['{:text, "from ws"}', '{:pong, "p"}', '{:close, 4001, "done"}']);
  assert.equal(peer.saw("pong"), 1);
  await peer.close();
});

test("the scripted peer takes the ws package's compressed messages apart, with context takeover and without", async () => {
  for (const answer of ["permessage-deflate", "permessage-deflate; client_no_context_takeover"]) {
    const extraHeaders = [["sec-websocket-extensions", answer]] as const;
    const peer = await peerFor([[{ step: "read_request" }, { step: "send_101", extraHeaders }]]);
    const client = new WebSocket(`ws://127.0.0.1:${peer.port}/`, { perMessageDeflate: { threshold: 0 } });
    await once(client, "open");
    for (const message of ["short", "the same words", "the same words again", Buffer.alloc(300, 1)]) {
      client.send(message, { compress: message !== "short" });
    }
    client.close(1000);
    // Its threads compress while nothing else moves, which the scripts' own time takes for quiet; so none of them waits here.
    const deadline = performance.now() + 5000;
    while ((peer.sent()[0]?.frames.length ?? 0) < 5 && performance.now() < deadline) await new Promise(setImmediate);
    client.terminate();
    const digest = createHash("sha256").update(Buffer.alloc(300, 1)).digest("hex").slice(0, 16);
    const [sent] = peer.sent();
    await peer.close();
    assert.deepEqual(sent?.frames, [
      '{:text, "short"}',
      '{:text, "the same words"} deflated',
      '{:text, "the same words again"} deflated',
      `{:binary, <binary bytes=300 utf8=true sha256=${digest}>} deflated`,
      '{:close, 1000, ""}',
    ]);
  }
});

test("what refers back although it was agreed not to, or is no DEFLATE data, isn't taken apart", () => {
  const payload = (message: string, dictionary?: string): Buffer =>
    deflateRawSync(message, {
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(dictionary === undefined ? {} : { dictionary: Buffer.from(dictionary) }),
    }).subarray(0, -4);
  const again = payload("the same words again", "the same words");
  const shown = (inflated: Inflated | undefined): string | undefined => inflated?.data.toString();
  for (const takeover of [true, false]) {
    const inflation = new Inflation({ takeover, windowBits: 15 });
    assert.equal(shown(inflation.message(payload("the same words"))), "the same words");
    assert.equal(shown(inflation.message(again)), takeover ? "the same words again" : undefined);
    assert.equal(inflation.message(Buffer.from("ffffffff", "hex")), undefined);
    // Nothing is known any more of what such a message meant.
    assert.equal(inflation.message(again), undefined);
    assert.equal(inflation.message(payload("no end").subarray(0, -2)), undefined);
    assert.equal(shown(inflation.message(Buffer.alloc(0))), "");
  }
});

test("each connection has its own steps, and the last of them serve all that follow", async () => {
  const refusal: readonly PeerStep[] = [
    { step: "read_request" },
    { step: "send_http", status: 403, headers: [["content-length", "0"]], body: "" },
  ];
  const peer = await peerFor([refusal, [{ step: "read_request" }, { step: "close_tcp" }]]);
  const failures: string[] = [];
  for (let at = 0; at < 3; at += 1) {
    const [error] = (await once(new WebSocket(`ws://127.0.0.1:${peer.port}/`), "error")) as [Error];
    failures.push(error.message);
  }
  assert.deepEqual(failures, ["Unexpected server response: 403", "socket hang up", "socket hang up"]);
  await peer.close();
});

test("a wrong answer is wrong: ws refuses the accept key, and a reset is a reset", async () => {
  const peer = await peerFor([
    [{ step: "read_request" }, { step: "send_101", wrongAccept: "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" }],
    [{ step: "read_request" }, { step: "rst" }],
  ]);
  const [wrong] = (await once(new WebSocket(`ws://127.0.0.1:${peer.port}/`), "error")) as [Error];
  assert.match(wrong.message, /Invalid Sec-WebSocket-Accept/);
  const [reset] = (await once(new WebSocket(`ws://127.0.0.1:${peer.port}/`), "error")) as [Error & { code: string }];
  assert.equal(reset.code, "ECONNRESET");
  await peer.close();
});

test("where nobody is to listen, the connection is refused", async () => {
  const peer = await peerFor("no listener on the port");
  const [error] = (await once(new WebSocket(`ws://127.0.0.1:${peer.port}/`), "error")) as [Error & { code: string }];
  assert.equal(error.code, "ECONNREFUSED");
  await peer.close();
});
