/**
 * The opening handshake through a whole client: what its request says, and each way in which an answer may be right or wrong
 * (RFC 6455 §4.1); and what the test server does with requests (§4.2).
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { Fresh, type FreshError, type Options, stop } from "../../src/index.ts";
import { acceptKeyOf } from "../../src/protocol/index.ts";
import { type AcceptOptions, type Peer, PeerError, type RequestHead, TestServer } from "../../src/testing/index.ts";
import { launch, Recorder } from "../fresh/fixtures.ts";
import { RawClient, REQUEST } from "../testing/raw-client.ts";
import { TappedAgent } from "../transport/tapped-agent.ts";

/** One attempt: the request, and the error that ended it, or undefined when it opened. */
async function attempt(
  answer: (peer: Peer) => unknown,
  options: Options<null> = {},
): Promise<{ readonly head: RequestHead; readonly error: FreshError | undefined; readonly extensions: string }> {
  const server = await TestServer.start({ automatic: false, script: () => {} });
  const recorder = new Recorder<null>({ handleError: () => stop() });
  const connection = launch(server, recorder, null, options);
  const peer = await server.connection(1);
  const head = await peer.request();
  await answer(peer);
  await Promise.race([connection.opened(), connection.exited]).catch(() => undefined);
  const { extensions } = connection;
  const error = recorder.all("handleError")[0]?.given[0];
  peer.drop();
  await connection.stop();
  await server.stop();
  return { head, error, extensions };
}

const valuesOf = (head: RequestHead, name: string) =>
  head.headers.filter(([known]) => known.toLowerCase() === name).map(([, value]) => value);

describe("the client's request", () => {
  it("is a GET over HTTP/1.1 with each field of the handshake once, and no other of it", async () => {
    const { head } = await attempt((peer) => peer.accept());
    assert.equal(head.line, "GET / HTTP/1.1");
    assert.deepEqual(
      ["upgrade", "connection", "sec-websocket-version"].map((name) => valuesOf(head, name)),
      [["websocket"], ["upgrade"], ["13"]],
    );
    assert.match((valuesOf(head, "host") as [string])[0], /^127\.0\.0\.1:\d+$/);
    const keys = valuesOf(head, "sec-websocket-key");
    assert.equal(keys.length, 1);
    const nonce = Buffer.from(keys[0] as string, "base64");
    assert.equal(nonce.length, 16);
    assert.equal(nonce.toString("base64"), keys[0]);
    for (const absent of ["origin", "sec-websocket-protocol", "sec-websocket-extensions", "sec-websocket-accept"]) {
      assert.deepEqual(valuesOf(head, absent), []);
    }
  });

  it("is followed by nothing until the server has answered, then by what was sent meanwhile", async () => {
    await using server = await TestServer.start({ script: () => {} });
    const agent = new TappedAgent();
    await using connection = launch(server, new Recorder<null>(), null, { transportOptions: { agent } });
    assert.equal(connection.send("early"), "queued");
    const peer = await server.connection(1);
    await peer.request();
    assert.equal(connection.send("while waiting"), "queued");
    const { socket } = agent;
    const handshake = socket.bytesWritten;
    peer.sendRaw("HTTP/1.1 102 Processing\r\n\r\n");
    await once(socket, "data");
    assert.deepEqual([socket.bytesWritten, socket.writableLength], [handshake, 0]);
    await peer.accept();
    assert.deepEqual(await peer.receive(), { type: "text", data: "early" });
    assert.deepEqual(await peer.receive(), { type: "text", data: "while waiting" });
  });

  it("names the subprotocols in their order, in one field", async () => {
    const { head, error } = await attempt((peer) => peer.accept({ protocol: "v2" }), {
      upgradeOptions: { subprotocols: ["v3", "v2"] },
    });
    assert.deepEqual(valuesOf(head, "sec-websocket-protocol"), ["v3, v2"]);
    assert.equal(error, undefined);
  });

  it("carries other fields of the caller's, an Origin too", async () => {
    const { head } = await attempt((peer) => peer.accept(), {
      headers: { Origin: "https://a.test", Cookie: "a=b", Authorization: "Bearer x" },
    });
    assert.deepEqual(
      ["origin", "cookie", "authorization"].map((name) => valuesOf(head, name)),
      [["https://a.test"], ["a=b"], ["Bearer x"]],
    );
  });

  it("asks for path and query, never for the fragment, and has what is not ASCII in its ASCII form", async () => {
    const server = await TestServer.start({ script: () => {} });
    const uri = `ws://b\u00fccher.test:${server.port}/gr\u00f6\u00dfe?q=\u00fc%20x#part`;
    const lookup = (_name: string, _options: object, found: (error: null, addresses: readonly object[]) => void) =>
      found(null, [{ address: "127.0.0.1", family: 4 }]);
    const connection = launch(uri, new Recorder<null>(), null, { transportOptions: { lookup: lookup as never } });
    const head = await (await server.connection(1)).accept();
    assert.equal(head.target, "/gr%C3%B6%C3%9Fe?q=%C3%BC%20x");
    assert.deepEqual(valuesOf(head, "host"), [`xn--bcher-kva.test:${server.port}`]);
    await connection.stop();
    await server.stop();
  });

  it("has a new key each time", async () => {
    const keys = new Set<string>();
    for (let count = 0; count < 5; count++) {
      keys.add(valuesOf((await attempt((peer) => peer.accept())).head, "sec-websocket-key")[0] as string);
    }
    assert.equal(keys.size, 5);
  });
});

describe("an answer", () => {
  const rewritten = (from: string | RegExp, to: string): AcceptOptions => ({
    rewrite: (head) => head.replace(from, to),
  });

  const right: readonly (readonly [string, AcceptOptions])[] = [
    ["as the RFC writes it", rewritten(/^.*\r\n/, "HTTP/1.1 101 Switching Protocols\r\n")],
    ["with another reason phrase, or none", rewritten("101 Switching Protocols", "101 Fine")],
    ["with field names in any case", { rewrite: (head) => head.replace(/^[a-z-]+:/gm, (name) => name.toUpperCase()) }],
    ["with Upgrade in any case", { replace: { upgrade: "WebSocket" } }],
    ["with Connection in any case, as a list", { replace: { connection: "keep-alive, UPGRADE" } }],
    ["with blanks around its values", { rewrite: (head) => head.replace(/: (.*)\r\n/g, ":  \t$1  \r\n") }],
    [
      "with fields that nobody knows",
      {
        headers: [
          ["x-server", "1"],
          ["set-cookie", "a=b"],
          ["set-cookie", "c=d"],
        ],
      },
    ],
  ];
  for (const [name, accept] of right) {
    it(`is taken ${name}`, async () => {
      assert.equal((await attempt((peer) => peer.accept(accept))).error, undefined);
    });
  }

  it("is taken byte by byte, and behind interim answers", async () => {
    const { error } = await attempt(async (peer) => {
      const head = await peer.request();
      peer.sendRaw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
      const accept = acceptKeyOf(head.header("sec-websocket-key") as string);
      const answer = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
      await peer.sendInPieces(answer, 1, 0);
    });
    assert.equal(error, undefined);
  });

  const wrong: readonly (readonly [name: string, accept: AcceptOptions, reason: string])[] = [
    ["without Upgrade", { omit: ["upgrade"] }, "upgrade"],
    ["with an empty Upgrade", { replace: { upgrade: "" } }, "upgrade"],
    ["with another Upgrade", { replace: { upgrade: "h2c" } }, "upgrade"],
    ["with an Upgrade that only begins right", { replace: { upgrade: "websocket2" } }, "upgrade"],
    ["without Connection", { omit: ["connection"] }, "connection"],
    ["with another Connection", { replace: { connection: "keep-alive" } }, "connection"],
    ["with a Connection that only begins right", { replace: { connection: "upgraded" } }, "connection"],
    ["without Sec-WebSocket-Accept", { omit: ["sec-websocket-accept"] }, "accept"],
    ["with an empty Sec-WebSocket-Accept", { replace: { "sec-websocket-accept": "" } }, "accept"],
    ["with the accept of another key", { replace: { "sec-websocket-accept": acceptKeyOf("x") } }, "accept"],
    [
      "with an accept in another case",
      { rewrite: (head) => head.replace(/(accept: )(.*)\r\n/, (_, name, value) => `${name}${swapCase(value)}\r\n`) },
      "accept",
    ],
    ["with two accepts", { rewrite: (head) => head.replace(/(sec-websocket-accept: .*\r\n)/, "$1$1") }, "accept"],
    ["with a subprotocol that nobody asked for", { protocol: "surprise" }, "subprotocol"],
    ["with an empty subprotocol", { replace: { "sec-websocket-protocol": "" } }, "subprotocol"],
    ["with an extension that nobody asked for", { extensions: "permessage-deflate" }, "extensions"],
    ["with extensions that are none", { extensions: "a; b=" }, "extensions"],
    ["with an empty field of extensions", { replace: { "sec-websocket-extensions": "" } }, "extensions"],
  ];
  for (const [name, accept, reason] of wrong) {
    it(`fails the attempt ${name}`, async () => {
      const { error } = await attempt((peer) => peer.accept(accept));
      assert.deepEqual([error?.kind, error?.reason, error?.status], ["establishing_failed", reason, 101]);
    });
  }

  it("fails the attempt with a subprotocol that is not among those asked for, or differs in case", async () => {
    for (const protocol of ["v4", "V2", "v2, v3"]) {
      const options = { upgradeOptions: { subprotocols: ["v3", "v2"] } };
      const { error } = await attempt((peer) => peer.accept({ protocol }), options);
      assert.deepEqual([error?.kind, error?.reason], ["establishing_failed", "subprotocol"]);
    }
  });

  for (const status of [200, 204, 301, 302, 307, 400, 401, 403, 404, 407, 426, 429, 500, 503]) {
    it(`of another status is HTTP's, and told with status, fields and body: ${status}`, async () => {
      const body = status === 204 ? "" : "because";
      const { error } = await attempt((peer) => peer.refuse(status, { headers: [["x-why", "1"]], body }));
      assert.deepEqual([error?.kind, error?.reason], ["establishing_failed", "status"]);
      assert.equal(error?.status, status);
      assert.equal(error?.headers?.get("x-why"), "1");
      assert.equal(error?.body ?? "", body);
    });
  }

  it("that fails the attempt has its connection ended, and no frame goes out", async () => {
    await using server = await TestServer.start({ automatic: false, script: () => {} });
    const recorder = new Recorder<null>({ handleError: () => stop() });
    const connection = launch(server, recorder, null);
    connection.send("never");
    const peer = await server.connection(1);
    await peer.accept({ omit: ["sec-websocket-accept"], glue: ["too early"] });
    assert.equal(await connection.exited, "normal");
    assert.equal((await peer.ended).type !== "closed", true);
    assert.deepEqual(peer.received, []);
    assert.equal(recorder.all("handleIn").length, 0);
  });
});

function swapCase(text: string): string {
  return [...text].map((one) => (one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase())).join("");
}

describe("the test server, asked for a WebSocket,", () => {
  const wrong: readonly (readonly [name: string, request: string, status: number, field: string])[] = [
    ["with another method", REQUEST.replace("GET", "POST"), 405, "allow: GET"],
    ["over HTTP/1.0", REQUEST.replace("HTTP/1.1", "HTTP/1.0"), 400, ""],
    ["without a Host", REQUEST.replace(/Host.*\r\n/, ""), 400, ""],
    ["with two Hosts", REQUEST.replace(/(Host: .*\r\n)/, "$1$1"), 400, ""],
    ["with a length", withField("Content-Length: 5"), 400, ""],
    ["with chunks", withField("Transfer-Encoding: chunked"), 400, ""],
    ["with a continued line", withField("X-A: a\r\n b"), 400, ""],
    ["with a control character", withField("X-A: a\0"), 400, ""],
    ["with a bare line feed", withField("X-A: a\nX-B: b"), 400, ""],
    ["with a blank before a colon", withField("X-A : a"), 400, ""],
    ["over HTTP/2.0", REQUEST.replace("HTTP/1.1", "HTTP/2.0"), 400, ""],
    ["with too many fields", withField(Array(128).fill("X: x").join("\r\n")), 431, ""],
    ["with a field that is too long", withField(`X: ${"x".repeat(17_000)}`), 431, ""],
    ["without Upgrade", REQUEST.replace(/Upgrade: .*\r\n/, ""), 426, "upgrade: websocket"],
    ["without Connection", REQUEST.replace(/Connection: .*\r\n/, ""), 400, ""],
    ["without a key", REQUEST.replace(/Sec-WebSocket-Key: .*\r\n/, ""), 400, ""],
    ["with two keys", REQUEST.replace(/(Sec-WebSocket-Key: .*\r\n)/, "$1$1"), 400, ""],
    ["with a key of 15 bytes", REQUEST.replace("25jZQ==", "25j"), 400, ""],
    ["without a version", REQUEST.replace(/Sec-WebSocket-Version: .*\r\n/, ""), 426, "sec-websocket-version: 13"],
    ["in another version", REQUEST.replace("Version: 13", "Version: 25"), 426, "sec-websocket-version: 13"],
    ["with a subprotocol that is no token", withField("Sec-WebSocket-Protocol: a b"), 400, ""],
    ["with a subprotocol twice", withField("Sec-WebSocket-Protocol: a, a"), 400, ""],
    ["with extensions that are none", withField("Sec-WebSocket-Extensions: a; ="), 400, ""],
  ];
  for (const [name, request, status, field] of wrong) {
    it(`answers ${status} to a request ${name}, and ends TCP`, async () => {
      await using server = await TestServer.start({
        script: async (peer) => {
          await assert.rejects(peer.accept(), PeerError);
        },
      });
      const client = await RawClient.connect(server.port);
      client.socket.write(request);
      const answer = (await client.all()).toString("latin1");
      assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer);
      assert.ok(field === "" || answer.includes(`\r\n${field}\r\n`), answer);
      client.socket.destroy();
    });
  }

  it("chooses no subprotocol and no extension by itself, and of each field sends one", async () => {
    await using server = await TestServer.start();
    const client = await RawClient.connect(server.port);
    client.socket.write(
      REQUEST.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate, x-foo; bar=1\r\nX-Any: 1\r\n\r\n"),
    );
    const peer = await server.connection(1);
    await peer.request();
    await peer.flushed();
    const fields = (await client.bytes(1)).toString("latin1").split("\r\n").slice(1, -2);
    assert.deepEqual(
      fields.map((line) => line.slice(0, line.indexOf(":"))),
      ["upgrade", "connection", "sec-websocket-accept"],
    );
    client.socket.destroy();
  });
});

function withField(line: string): string {
  return REQUEST.replace("\r\n\r\n", `\r\n${line}\r\n\r\n`);
}

describe("connections to one address", () => {
  it("are attempted side by side", async () => {
    await using server = await TestServer.start({ script: () => {} });
    const connections = [1, 2, 3].map(() => launch(server, new Recorder<null>(), null));
    // None of them has been answered while all of them ask.
    const peers = await Promise.all([1, 2, 3].map((number) => server.connection(number)));
    await Promise.all(peers.map((peer) => peer.request()));
    for (const peer of peers.toReversed()) await peer.accept();
    await Promise.all(connections.map((connection) => connection.opened()));
    await Promise.all(connections.map((connection) => connection.stop()));
  });

  it("have one attempt each at a time", async () => {
    await using server = await TestServer.start({ script: () => {} });
    const agent = new TappedAgent();
    await using connection = launch(server, new Recorder<null>(), null, { transportOptions: { agent } });
    for (let number = 1; number <= 3; number++) {
      await (await server.connection(number)).request();
      assert.equal(agent.tapped.filter(({ destroyed }) => !destroyed).length, 1);
      connection.reconnect();
    }
    await (await server.connection(4)).accept();
    await connection.opened();
    assert.equal(agent.tapped.length, 4);
  });
});

it("a module without options opens to a server that keeps to the RFC, through Fresh.start", async () => {
  await using server = await TestServer.start();
  await using connection = Fresh.start(server.url, {}, null, { logger: { error() {}, info() {} } });
  await connection.opened();
  assert.deepEqual([connection.protocol, connection.extensions], ["", ""]);
});
