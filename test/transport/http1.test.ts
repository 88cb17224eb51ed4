/** The opening that succeeds: what goes out, what is told, and in which order. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer } from "node:http";
import { createServer as createHttpsServer, Agent as HttpsAgent } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { WebSocketServer } from "ws";
import { text } from "../../src/frame.ts";
import { USER_AGENT } from "../../src/transport/user-agent.ts";
import {
  AUTHORITY,
  accepting,
  acceptingPeer,
  certificate,
  FrameReader,
  headersOf,
  headOf,
  rawPeer,
  wire,
} from "./peers.ts";
import { open, uncaught } from "./recorder.ts";

/** An echo server of the ws package. */
async function wsServer(t: TestContext, options: ConstructorParameters<typeof WebSocketServer>[0] = {}) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  if (options.server === undefined) await once(server, "listening");
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return server;
}

test("a channel to a ws server carries text and binary both ways, and ends with both close frames", async (t) => {
  const server = await wsServer(t);
  const { recorder } = open(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const { status, headers } = await recorder.until("opened");
  assert.equal(status, 101);
  assert.deepEqual(
    headers.map(([name]) => name),
    ["upgrade", "connection", "sec-websocket-accept"],
  );
  recorder.channel.send("grüße");
  recorder.channel.send(new Uint8Array([1, 2, 3]));
  await recorder.until("frame", 2);
  assert.deepEqual(recorder.frames, [text("grüße"), { type: "binary", data: new Uint8Array([1, 2, 3]) }]);
  recorder.channel.close(4000, "bye");
  assert.deepEqual(await recorder.end(), { type: "closed", code: 4000, reason: "bye" });
  assert.deepEqual(recorder.kinds, ["connected", "opened", "frame", "frame", "ended"]);
  await recorder.silent();
});

test("the request is GET with path and query, host and user-agent first, and the caller's headers in order and case", async (t) => {
  const heads: string[] = [];
  const peer = await acceptingPeer(t, (_socket, request) => heads.push(request));
  const url = peer.url("/path/x?a=1&b=%20").replace("ws://", "ws://user:secret@");
  const { recorder } = open(`${url}#fragment`, {
    headers: [
      ["X-Dup", "1"],
      ["x-dup", "2"],
      ["Authorization", "Bearer x"],
    ],
  });
  await recorder.until("opened");
  const [head] = heads;
  assert.ok(head);
  assert.match(head, /^GET \/path\/x\?a=1&b=%20 HTTP\/1\.1\r\n/);
  assert.deepEqual(
    headersOf(head).map(([name, value]) => (name === "sec-websocket-key" ? [name, value.length] : [name, value])),
    [
      ["host", `127.0.0.1:${peer.port}`],
      ["user-agent", USER_AGENT],
      ["upgrade", "websocket"],
      ["connection", "upgrade"],
      ["sec-websocket-version", "13"],
      ["sec-websocket-key", 24],
      ["X-Dup", "1"],
      ["x-dup", "2"],
      ["Authorization", "Bearer x"],
    ],
  );
  recorder.channel.destroy();
});

test("each attempt has a key of its own", async (t) => {
  const keys = new Set<string | undefined>();
  const peer = await acceptingPeer(t, (_socket, request) => {
    keys.add(headersOf(request).find(([name]) => name === "sec-websocket-key")?.[1]);
  });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const { recorder } = open(peer.url());
    await recorder.until("opened");
    recorder.channel.destroy();
  }
  assert.equal(keys.size, 3);
});

test("the received header keeps its order and its duplicates, names in lower case", async (t) => {
  const peer = await rawPeer(t, async (socket) => {
    socket.write(accepting(await headOf(socket), "X-Srv: A", "x-srv: b", "Set-Cookie: 1", "Set-Cookie: 2"));
  });
  const { recorder } = open(peer.url());
  const { headers } = await recorder.until("opened");
  assert.deepEqual(headers.slice(3), [
    ["x-srv", "A"],
    ["x-srv", "b"],
    ["set-cookie", "1"],
    ["set-cookie", "2"],
  ]);
  recorder.channel.destroy();
});

test("a subprotocol asked for in a header can be chosen by the server", async (t) => {
  const peer = await rawPeer(t, async (socket) => {
    socket.write(accepting(await headOf(socket), "Sec-WebSocket-Protocol: v2"));
  });
  const { recorder } = open(peer.url(), { headers: [["Sec-WebSocket-Protocol", "chat, v2"]], subprotocols: ["v1"] });
  await recorder.until("opened");
  assert.equal(recorder.channel.protocol, "v2");
  assert.equal(recorder.channel.extensions, "");
  recorder.channel.destroy();
});

test("frames that come with the 101 are delivered after opened has returned, before later ones, in order", async (t) => {
  const peer = await rawPeer(t, async (socket) => {
    const request = await headOf(socket);
    const rest = wire(text("3"));
    socket.write(Buffer.concat([accepting(request), wire(text("1"), text("2")), rest.subarray(0, 1)]));
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(Buffer.concat([rest.subarray(1), wire(text("4"))]));
  });
  const order: string[] = [];
  const { recorder } = open(peer.url(), {}, (said) => {
    if (said.type === "opened") {
      order.push("opened begins");
      queueMicrotask(() => order.push("microtask"));
      order.push("opened returns");
    }
    if (said.type === "frame" && said.frame.type === "text") order.push(said.frame.data);
  });
  await recorder.until("frame", 4);
  assert.deepEqual(
    order.filter((step) => step !== "microtask"),
    ["opened begins", "opened returns", "1", "2", "3", "4"],
  );
  recorder.channel.destroy();
});

test("a 101 that claims a body has none: what follows are frames (RFC 9110 §8.6)", async (t) => {
  for (const line of ["Content-Length: 5", "Transfer-Encoding: chunked"]) {
    const peer = await rawPeer(t, async (socket) => {
      socket.write(Buffer.concat([accepting(await headOf(socket), line), wire(text("glued"))]));
    });
    const { recorder } = open(peer.url());
    await recorder.until("frame");
    assert.deepEqual(recorder.frames, [text("glued")], line);
    recorder.channel.destroy();
  }
});

test("interim answers before the 101 are passed over", async (t) => {
  const peer = await rawPeer(t, async (socket) => {
    const request = await headOf(socket);
    socket.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n");
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(
      Buffer.concat([
        Buffer.from("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
        accepting(request),
        wire(text("behind")),
      ]),
    );
  });
  const { recorder } = open(peer.url());
  await recorder.until("frame");
  assert.deepEqual(recorder.kinds, ["connected", "opened", "frame"]);
  recorder.channel.destroy();
});

test("an answer that arrives a byte at a time opens the channel", async (t) => {
  const peer = await rawPeer(t, async (socket) => {
    socket.setNoDelay(true);
    for (const byte of Buffer.concat([accepting(await headOf(socket)), wire(text("x"))])) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  const { recorder } = open(peer.url());
  await recorder.until("frame");
  recorder.channel.destroy();
});

test("connected is told when TCP stands and before there is an answer", async (t) => {
  const gate = deferred();
  const peer = await rawPeer(t, async (socket) => {
    const request = await headOf(socket);
    await gate.promise;
    socket.write(accepting(request));
  });
  const { recorder } = open(peer.url());
  await recorder.until("connected");
  assert.deepEqual(recorder.kinds, ["connected"]);
  gate.resolve(undefined);
  await recorder.until("opened");
  recorder.channel.destroy();
});

function deferred() {
  let resolve: (value: unknown) => void = () => undefined;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

test("IPv6 addresses are connected to, with brackets in the Host header", async (t) => {
  const heads: string[] = [];
  const peer = await acceptingPeer(t, (_socket, request) => heads.push(request), { listen: { host: "::1", port: 0 } });
  const { recorder } = open(peer.url());
  await recorder.until("opened");
  assert.equal(headersOf(heads[0] ?? "")[0]?.[1], `[::1]:${peer.port}`);
  recorder.channel.destroy();
});

test("a host name that has several addresses is connected to at the one that listens", async (t) => {
  const peer = await acceptingPeer(t);
  const lookup = (_host: string, options: { all?: boolean }, done: (...result: unknown[]) => void) => {
    const addresses = [
      { address: "::1", family: 6 },
      { address: "127.0.0.1", family: 4 },
    ];
    if (options.all) done(null, addresses);
    else done(null, "127.0.0.1", 4);
  };
  const { recorder } = open(`ws://several.test:${peer.port}/`, { transportOptions: { lookup } });
  await recorder.until("opened");
  recorder.channel.destroy();
});

test("a unix socket is connected to, and the part behind the colon is asked for", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everfresh-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const heads: string[] = [];
  const path = join(folder, "a.sock");
  const peer = await acceptingPeer(t, (_socket, request) => heads.push(request), { listen: { path } });
  const { recorder } = open(peer.url("/request/path?x=1"));
  await recorder.until("opened");
  assert.match(heads[0] ?? "", /^GET \/request\/path\?x=1 HTTP\/1\.1\r\nhost: localhost\r\n/);
  recorder.channel.destroy();
});

test("wss: opens to a server whose certificate an authority given in ca has signed", async (t) => {
  const https = createHttpsServer(certificate("server"));
  const server = await wsServer(t, { server: https, host: undefined, port: undefined } as object);
  await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
  t.after(() => https.close());
  assert.ok(server);
  const { port } = https.address() as AddressInfo;
  for (const host of ["127.0.0.1", "localhost"]) {
    const lookup = (_host: string, options: { all?: boolean }, done: (...result: unknown[]) => void) =>
      options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
    const { recorder } = open(`wss://${host}:${port}/`, { transportOptions: { ca: AUTHORITY, lookup } });
    await recorder.until("opened");
    recorder.channel.send("x");
    await recorder.until("frame");
    recorder.channel.close(1000);
    assert.deepEqual(await recorder.end(), { type: "closed", code: 1000, reason: "" });
  }
});

test("tls: {…} is merged over transportOptions for wss:, and a client certificate is presented", async (t) => {
  const names: string[] = [];
  const peer = await acceptingPeer(
    t,
    (socket) => {
      names.push(
        (socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }).getPeerCertificate().subject.CN,
      );
    },
    { tls: { ...certificate("server"), ca: AUTHORITY, requestCert: true, rejectUnauthorized: true } },
  );
  const { recorder } = open(peer.url(), {
    transportOptions: { ca: "not a certificate", tls: { ca: AUTHORITY, ...certificate("client") } },
  });
  await recorder.until("opened");
  recorder.channel.destroy();
  assert.deepEqual(names, ["client"]);
});

test("connected is told after the TLS handshake, not after TCP", async (t) => {
  const order: string[] = [];
  const peer = await acceptingPeer(t, undefined, { tls: certificate("server") });
  peer.server.on("secureConnection", () => order.push("TLS"));
  const { recorder } = open(
    peer.url(),
    { transportOptions: { ca: AUTHORITY, minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } },
    (said) => order.push(said.type),
  );
  await recorder.until("opened");
  assert.deepEqual(order, ["TLS", "connected", "opened"]);
  recorder.channel.destroy();
});

test("an agent's socket carries the channel, be it new or pooled, and does not go back to the pool", async (t) => {
  const server = createServer((_request, response) => response.end("plain"));
  await wsServer(t, { server, host: undefined, port: undefined } as object);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => {
    agent.destroy();
    server.close();
  });
  const answer = await fetchOver(agent, port);
  assert.equal(answer, "plain");
  assert.equal(Object.values(agent.freeSockets).flat().length, 1, "a ready socket waits in the pool");
  const { recorder } = open(`ws://127.0.0.1:${port}/`, { transportOptions: { agent } });
  await recorder.until("opened");
  assert.equal(Object.values(agent.freeSockets).flat().length, 0, "and is the one that was taken");
  recorder.channel.send("x");
  await recorder.until("frame");
  recorder.channel.close();
  await recorder.until("ended");
  assert.deepEqual(recorder.kinds, ["connected", "opened", "frame", "ended"]);
  assert.equal(Object.values(agent.freeSockets).flat().length, 0);
  assert.equal(Object.values(agent.sockets).flat().length, 0);
});

async function fetchOver(agent: Agent, port: number): Promise<string> {
  const { get } = await import("node:http");
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, agent }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      // In the tick after its end the socket is back in the pool.
      response.on("end", () => setImmediate(() => resolve(body)));
    }).on("error", reject);
  });
}

test("an https agent carries wss:", async (t) => {
  const peer = await acceptingPeer(t, undefined, { tls: certificate("server") });
  const agent = new HttpsAgent({ ca: AUTHORITY });
  t.after(() => agent.destroy());
  const { recorder } = open(peer.url(), { transportOptions: { agent } });
  await recorder.until("opened");
  assert.deepEqual(recorder.kinds, ["connected", "opened"]);
  recorder.channel.destroy();
});

test("after the 101 nobody but the channel listens to the socket's data, and nothing of the opening is left on it", async (t) => {
  const peer = await acceptingPeer(t, (socket) => new FrameReader(socket));
  const agent = new Agent();
  t.after(() => agent.destroy());
  let socket: import("node:net").Socket | undefined;
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (...args: Parameters<typeof create>) => {
    socket = create(...args) as import("node:net").Socket;
    return socket;
  };
  const { recorder } = open(peer.url(), { transportOptions: { agent, timeout: 5000 } });
  await recorder.until("opened");
  assert.ok(socket);
  assert.equal(socket.listenerCount("data"), 1);
  for (const event of ["lookup", "connect", "secureConnect", "timeout", "agentRemove", "free", "readable"]) {
    assert.equal(socket.listenerCount(event), 0, event);
  }
  assert.equal(socket.timeout, 0, "transportOptions.timeout is over with the 101");
  recorder.channel.destroy();
});

test("an attempt without an agent doesn't use Node's global one", async (t) => {
  const { globalAgent } = await import("node:http");
  const peer = await acceptingPeer(t);
  const { recorder } = open(peer.url());
  await recorder.until("connected");
  assert.deepEqual(Object.keys(globalAgent.sockets), []);
  await recorder.until("opened");
  recorder.channel.destroy();
});

test("a listener that throws in opened still gets the frames that came with the 101", async (t) => {
  const peer = await rawPeer(t, async (socket) => {
    socket.write(Buffer.concat([accepting(await headOf(socket)), wire(text("glued"))]));
  });
  const thrown = uncaught(t);
  const { recorder } = open(peer.url(), {}, (said) => {
    if (said.type === "opened") throw new Error("from opened");
  });
  await recorder.until("frame");
  recorder.channel.destroy();
  await recorder.silent();
  assert.equal(thrown.length, 1);
});
