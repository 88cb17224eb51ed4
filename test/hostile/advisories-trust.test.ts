/**
 * Published advisories about whom to believe and what to give away: certificates, redirects, origins, logs, and errors that nobody listens for.
 * Each test is named after those that it replays.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { RequestOptions } from "node:http";
import { Agent } from "node:https";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { inspect } from "node:util";
import { Fresh, type Options, permessageDeflate, reconnect, stop } from "../../src/index.ts";
import { accepting, rawFrame, refusing, type Script, TestServer } from "../../src/testing/index.ts";
import { Log, launch, QUICK, Recorder } from "../fresh/fixtures.ts";
import { attack } from "./attack.ts";

const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const ca = fixture("authority.crt");
const certificate = (name: string) => ({ cert: fixture(`${name}.crt`), key: fixture(`${name}.key`) });

/** An agent that speaks TLS inside a tunnel through a proxy, as those for HTTPS do. */
class TlsTunnelAgent extends Agent {
  readonly #proxyPort: number;

  constructor(proxyPort: number) {
    super();
    this.#proxyPort = proxyPort;
  }

  override createConnection(
    options: RequestOptions & { readonly servername?: string },
    done?: (error: Error | null, stream: Socket) => void,
  ): undefined {
    const socket = connect(this.#proxyPort, "127.0.0.1");
    socket.write(`CONNECT ${options.host}:${options.port} HTTP/1.1\r\n\r\n`);
    socket.once("data", () => done?.(null, connectTls({ ...options, socket } as never)));
  }
}

/** A proxy that opens every tunnel it is asked for, and leads all of them to one port. */
async function startProxy(port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => client.destroy());
    client.once("data", () => {
      const target = connect(port, "127.0.0.1");
      sockets.add(target);
      target.on("error", () => client.destroy());
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      client.pipe(target).pipe(client);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function tlsFailure(url: string, transportOptions: Options<null>["transportOptions"]) {
  const recorder = new Recorder<null>({ handleError: () => stop() });
  const connection = launch(url, recorder, null, { transportOptions: transportOptions ?? {} });
  const { given } = await recorder.call("handleError");
  await connection.exited;
  return `${given[0].kind} ${given[0].phase}`;
}

test("CVE-2020-15133, CVE-2020-11050: certificate and host name are verified unless that is turned off, inside a tunnel too", async () => {
  for (const [name, trusted] of [
    ["server", false],
    ["other-host", true],
    ["expired", true],
  ] as const) {
    await using server = await TestServer.start({ tls: certificate(name) });
    await using proxy = await startProxy(server.port);
    const options = trusted ? { ca } : {};
    const agent = new TlsTunnelAgent(proxy.port);
    const url = server.url.replace("127.0.0.1", "localhost");
    let before = 0;
    for (const transportOptions of [options, { ...options, agent }]) {
      assert.equal(
        await tlsFailure(url, transportOptions),
        "connecting_failed tls",
        `${name} ${"agent" in transportOptions}`,
      );
      // Nobody was told anything by then.
      const refused = server.connections.slice(before);
      assert.ok(refused.length > 0 && refused.every((peer) => peer.received.length === 0));
      const recorder = new Recorder<null>();
      const unsafe = { transportOptions: { ...transportOptions, rejectUnauthorized: false } };
      await using connection = launch(url, recorder, null, unsafe);
      await connection.opened();
      before = server.connections.length;
    }
  }
});

test("websockets/ws#2013, websockets/ws#2014, websockets/ws#2030, openai/openai-node#2429, snapview/tungstenite-rs#551: no redirect is followed unasked, and no credential goes along to another origin", async () => {
  const secrets = {
    authorization: "Bearer s3cret",
    cookie: "sid=s3cret",
    "x-api-key": "s3cret",
    "proxy-authorization": "s3cret",
  };
  await using other = await TestServer.start();
  const elsewhere: Script = refusing(302, { headers: [["location", other.url.replace("//", "//user:s3cret@")]] });
  const { error } = await attack(elsewhere, { headers: secrets });
  assert.deepEqual([error.reason, error.status, other.connections.length], ["status", 302, 0]);

  await using server = await TestServer.start({ script: elsewhere });
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { headers: secrets, maxRedirects: 1 });
  await connection.opened();
  const request = await (await other.connection(1)).request();
  assert.doesNotMatch(JSON.stringify(request.headers), /s3cret|authorization|cookie|x-api-key/i);

  await using secure = await TestServer.start({ tls: certificate("server"), script: elsewhere });
  const downgrade = new Recorder<null>({ handleError: () => stop() });
  const redirected = launch(secure.url.replace("127.0.0.1", "localhost"), downgrade, null, {
    maxRedirects: 5,
    transportOptions: { ca },
  });
  const { given } = await downgrade.call("handleError");
  await redirected.exited;
  assert.equal(given[0].reason, "insecure_redirect");
});

test("CVE-2022-21676, CVE-2022-41940: a module that listens for nothing survives whatever a server does", async () => {
  const misdeeds: readonly Script[] = [
    (peer) => peer.reset(),
    (peer) => peer.drop(),
    (peer) => peer.sendRaw("\r\n\r\n\0\0\0 no HTTP at all \u0000"),
    (peer) => peer.sendRaw("HTTP/1.1 101 \r\n"),
    refusing(500, { body: "x" }),
    async (peer) => {
      await peer.request();
      peer.reset();
    },
    accepting((peer) => peer.reset()),
    accepting((peer) => peer.end()),
    accepting((peer) => peer.sendRaw(Uint8Array.of(0xff, 0xff, 0xff))),
    accepting((peer) => peer.sendRaw(rawFrame({ opcode: "text", payload: Uint8Array.of(0xff) }))),
    accepting((peer) => peer.sendRaw(rawFrame({ opcode: "text", rsv: 4, payload: Uint8Array.of(7, 7, 7) })), {
      extensions: "permessage-deflate",
    }),
    accepting(async (peer) => {
      peer.sendRaw(rawFrame({ opcode: "close", payload: Uint8Array.of(3) }));
      peer.reset();
    }),
    accepting(),
  ];
  await using server = await TestServer.start({ script: misdeeds });
  const connection = Fresh.start(server.url, {}, null, {
    ...QUICK,
    upgradeTimeout: 1000,
    upgradeOptions: { extensions: [permessageDeflate()] },
  });
  await server.connection(misdeeds.length, { timeout: 30_000 });
  await connection.opened();
  assert.ok(connection.stats.attempts >= misdeeds.length);
  assert.equal(await connection.stop(), "normal");
});

test("miguelgrinberg/python-engineio#128: a script sees the Origin of a page before it accepts, and refuses others in a line", async () => {
  const script: Script = async (peer) => {
    const request = await peer.request();
    await (request.header("origin") === "https://example.com" ? peer.accept() : peer.refuse(403));
  };
  await using server = await TestServer.start({ script });
  for (const origin of ["https://evil.example", "null", "https://example.com.evil.example"]) {
    const { error } = await attack(script, { headers: { origin } });
    assert.deepEqual([error.reason, error.status], ["status", 403]);
  }
  await using connection = launch(server, new Recorder<null>(), null, { headers: { origin: "https://example.com" } });
  await connection.opened();
});

test("larksuite/oapi-sdk-python#141, hashgraph/guardian#4059: no token stands in a log line or an error, wherever it was given and whatever the server says to it", async () => {
  const script: readonly Script[] = [
    accepting((peer) => peer.close(1008, "bye"), { protocol: "s3cret.token" }),
    accepting((peer) => peer.reset(), { protocol: "chat" }),
    (peer) => peer.reset(),
    refusing(401, { headers: [["www-authenticate", "Bearer"]] }),
    // Servers that echo what they should choose from, or nearly.
    async (peer) => void (await peer.accept({ protocol: "chat, s3cret.token" })),
    async (peer) => void (await peer.accept({ protocol: "S3CRET.TOKEN" })),
    refusing(302, { headers: [["location", "/there?token=s3cret#s3cret"]] }),
    refusing(302, { headers: [["location", "http://user:s3cret@[no address"]] }),
    (peer) => peer.drop(),
    accepting(),
  ];
  for (const maxRedirects of [0, 2]) {
    await using server = await TestServer.start({ script });
    const log = new Log();
    const recorder = new Recorder<null>({ handleError: () => reconnect(), handleDisconnect: () => reconnect() });
    const uri = `${server.url.replace("//", "//s3cret:s3cret@")}/?access_token=s3cret&s3cret#s3cret`;
    const connection = launch(uri, recorder, null, {
      logger: log,
      maxRedirects,
      headers: { authorization: "Bearer s3cret", cookie: "sid=s3cret", "x-api-key": "s3cret" },
      upgradeOptions: { subprotocols: ["chat", "s3cret.token"] },
    });
    await server.connection(script.length, { timeout: 30_000 });
    await connection.opened();
    await connection.stop();
    for (const { given } of recorder.all("handleError")) {
      assert.doesNotMatch(given[0].message, /s3cret/i);
    }
    assert.ok(log.lines.length > script.length, `${log.lines.length} lines`);
    for (const line of log.lines) assert.doesNotMatch(inspect(line, { depth: 10 }), /s3cret/i);
  }
  // Wrong from the start: what start() throws goes to logs as well.
  for (const start of [
    () => Fresh.start("ws://user:s3cret@/?token=s3cret", {}, null),
    () => Fresh.start("s3cret:s3cret@example.com", {}, null),
    () => Fresh.start("ws://x", {}, null, { headers: { authorization: "s3cret\n" } }),
    () => Fresh.start("ws://x", {}, null, { upgradeOptions: { subprotocols: ["Bearer s3cret"] } }),
    () =>
      Fresh.start("ws://x", {}, null, {
        headers: [
          ["authorization", "s3cret"],
          ["connection", "s3cret"],
        ],
      }),
  ]) {
    assert.throws(start, (error: unknown) => !/s3cret/i.test(inspect(error, { depth: 10 })));
  }
});
