import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocket } from "ws";
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
