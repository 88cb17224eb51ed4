/** The ways to a server, against Python's `websockets`: TLS with a private authority, a unix socket, IPv6. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type FreshError, type Options, stop } from "../../src/index.ts";
import { launch, Recorder } from "../fresh/fixtures.ts";
import { type Endpoint, PythonServer } from "./python-server.ts";

const file = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
const ca = readFileSync(file("authority.crt"));
const certified = (name: string) => ({ cert: file(`${name}.crt`), key: file(`${name}.key`) });

/** Sends a message to Python's echo and gets it back, then closes cleanly. */
async function roundTrip(endpoint: Endpoint | string, options: Options<null> = {}): Promise<void> {
  const recorder = new Recorder<null>();
  const connection = launch(endpoint, recorder, null, options);
  connection.send("there and back");
  connection.send(new Uint8Array(300_000));
  await recorder.call("handleIn", 2);
  assert.equal(await connection.stop(), "normal");
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    'handleIn text "there and back"',
    "handleIn binary 300000",
    "handleTerminate normal",
  ]);
}

/** The error of a connection's first attempt. */
async function failure(url: string, options: Options<null>): Promise<FreshError> {
  const recorder = new Recorder<null>({ handleError: () => stop() });
  await launch(url, recorder, null, options).exited;
  return (await recorder.call("handleError")).given[0];
}

test("wss: with a certificate that a private authority has signed", async () => {
  await using server = await PythonServer.start({ tls: certified("server") });
  const endpoint = server.endpoint("echo");
  await roundTrip(endpoint, { transportOptions: { ca } });
  await roundTrip(endpoint.url.replace("wss:", "https:"), { transportOptions: { tls: { ca } } });
  await roundTrip(endpoint, { transportOptions: { rejectUnauthorized: false } });
  assert.equal((await (await endpoint.peer(1)).closed).clean, true);
});

test("wss: to a certificate that isn't trusted is connecting_failed in the phase tls, and says what to do", async () => {
  await using server = await PythonServer.start({ tls: certified("server") });
  const error = await failure(server.endpoint().url, {});
  assert.deepEqual([error.kind, error.phase], ["connecting_failed", "tls"]);
  assert.match(error.message, /certificate.*transportOptions\.ca/);
});

test("wss: a certificate for another host, or one that has expired, is refused", async () => {
  for (const [name, reason] of [
    ["other-host", "cert_altname_invalid"],
    ["expired", "cert_has_expired"],
  ] as const) {
    await using server = await PythonServer.start({ tls: certified(name) });
    const error = await failure(server.endpoint().url, { transportOptions: { ca } });
    assert.deepEqual([error.kind, error.phase, error.reason], ["connecting_failed", "tls", reason]);
  }
});

test("wss: servername names whom the certificate is for", async () => {
  await using server = await PythonServer.start({ tls: certified("other-host") });
  await roundTrip(server.endpoint("echo"), { transportOptions: { ca, servername: "other.test" } });
});

test("wss: a client certificate that the server asks for", async () => {
  await using server = await PythonServer.start({ tls: { ...certified("server"), clientCa: file("authority.crt") } });
  const client = { cert: readFileSync(file("client.crt")), key: readFileSync(file("client.key")) };
  await roundTrip(server.endpoint("echo"), { transportOptions: { ca, ...client } });
  // With TLS 1.3 the client's handshake is over before the server has judged its certificate, and Python's asyncio ends TCP
  // without an alert: all that can be told is that no answer came.
  const error = await failure(server.endpoint().url, { transportOptions: { ca } });
  assert.deepEqual([error.kind, error.phase], ["establishing_failed", "upgrade"]);
  assert.match(error.reason, /^(ended|reset)$/);
  const older = await failure(server.endpoint().url, { transportOptions: { ca, maxVersion: "TLSv1.2" } });
  assert.deepEqual([older.kind, older.phase], ["connecting_failed", "tls"]);
});

test("wss: an end of TCP without a close frame is streaming_failed, a close frame a disconnect, as without TLS", async () => {
  await using server = await PythonServer.start({ tls: certified("server") });
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>();
  await using connection = launch(endpoint, recorder, null, { transportOptions: { ca } });
  await connection.opened();
  (await endpoint.peer(1)).abort();
  await recorder.call("handleConnect", 2);
  (await endpoint.peer(2)).close(1001, "restart");
  await recorder.call("handleConnect", 3);
  assert.deepEqual(
    recorder.lines.map((line) => line.replace(/ (ended|reset)$/, "")),
    [
      "handleConnect 101",
      "handleError streaming_failed",
      "handleConnect 101",
      "handleDisconnect 1001 restart",
      "handleConnect 101",
    ],
  );
});

test("wss: towards a server without TLS is connecting_failed in the phase tls", async () => {
  await using server = await PythonServer.start();
  const error = await failure(server.endpoint().url.replace("ws:", "wss:"), {});
  assert.deepEqual([error.kind, error.phase], ["connecting_failed", "tls"]);
});

test("ws+unix: a path behind a unix socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "everfresh-"));
  try {
    await using server = await PythonServer.start({ unix: join(folder, "server.sock") });
    const endpoint = server.endpoint("echo");
    await roundTrip(`${endpoint.url}?with=query`);
    assert.equal((await endpoint.request()).path, `${endpoint.path}?with=query`);
    await server.stop();
    const error = await failure(endpoint.url, {});
    assert.deepEqual([error.kind, error.phase], ["connecting_failed", "tcp"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("ws: an IPv6 address in brackets", async () => {
  await using server = await PythonServer.start({ host: "::1" });
  const endpoint = server.endpoint("echo");
  assert.match(endpoint.url, /^ws:\/\/\[::1\]:\d+\//);
  await roundTrip(endpoint);
  const host = (await endpoint.request()).headers.find(([name]) => name.toLowerCase() === "host");
  assert.equal(host?.[1], `[::1]:${server.port}`);
});

test("ws: a host name that resolves to both families finds the one that answers", async () => {
  await using server = await PythonServer.start({ host: "::1" });
  await roundTrip(server.endpoint("echo").url.replace("[::1]", "both.test"), {
    transportOptions: {
      lookup: (_host, _options, callback) =>
        callback(null, [
          { address: "127.0.0.1", family: 4 },
          { address: "::1", family: 6 },
        ]),
    },
  });
});
