/**
 * Our scripted server with libwebsockets' test client, which does what it likes: it draws circles on a mirror, or sends bytes that it
 * calls text.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { permessageDeflate } from "../../src/index.ts";
import { accepting, type Script, TestServer, type TestServerOptions } from "../../src/testing/index.ts";
import { AUTHORITY_FILE, certificateFiles } from "./certificates.ts";
import { PeerProcess } from "./peer-process.ts";

const CIRCLE = /^c #[0-9A-F]{6} \d+ \d+ \d+;$/;
const ACCEPTED = { protocol: ([first]: readonly string[]) => first };

/** Twenty circles, a ping, and the end, to which it agrees. */
const mirror: Script = accepting(async (peer) => {
  for (let count = 0; count < 20; count += 1) assert.match((await peer.receive("text")).data, CIRCLE);
  peer.send({ type: "ping", data: Buffer.from("are you there") });
  assert.equal(Buffer.from((await peer.receive("pong")).data).toString(), "are you there");
  peer.close(4001, "enough");
  assert.deepEqual(await peer.ended, { type: "closed", code: 4001, reason: "enough" });
}, ACCEPTED);

test("libwebsockets: its texts arrive, and it answers our ping and our close", () =>
  drawing({ script: mirror }, ({ url }) => [url]));

test("libwebsockets: the same under permessage-deflate, which it offers with client_no_context_takeover", async () => {
  const extensions = [permessageDeflate({ threshold: 0 })];
  const agreed: Script = async (peer, attempt) => {
    const request = await peer.request();
    assert.equal(request.header("sec-websocket-extensions"), "permessage-deflate; client_no_context_takeover");
    await mirror(peer, attempt);
  };
  await drawing({ script: agreed, extensions }, ({ url }) => [url]);
});

test("libwebsockets: a wss: server is one for it too", async () => {
  const { cert, key } = certificateFiles("server");
  const tls = { cert: readFileSync(cert), key: readFileSync(key) };
  await drawing({ script: mirror, tls }, ({ port }) => [`--ssl-ca=${AUTHORITY_FILE}`, `wss://localhost:${port}/`]);
});

test("libwebsockets: bytes that it sends as text are a violation, of which it is told with 1007", async () => {
  await using server = await TestServer.start({ script: accepting(() => {}, ACCEPTED) });
  const client = new PeerProcess("libwebsockets-test-client", ["--echo", server.url]);
  const peer = await server.connection(1);
  await peer.ended;
  assert.equal(peer.violation?.closeCode, 1007);
  await client.stop();
});

/** Starts a server and the client, which ends by itself when its connection has ended. */
async function drawing(options: TestServerOptions, args: (server: TestServer) => readonly string[]): Promise<void> {
  await using server = await TestServer.start(options);
  const client = new PeerProcess("libwebsockets-test-client", ["--justmirror", "--once", ...args(server)]);
  await client.blamed(async () => {
    await (await server.connection(1)).ended;
    await client.exited;
  });
}
