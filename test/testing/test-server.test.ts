import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { WebSocket } from "ws";
import { accepting, echo, PeerError, refusing, ScriptError, TestServer } from "../../src/testing/index.ts";
import { CERTIFICATE, KEY } from "./certificate.ts";
import { RawClient } from "./raw-client.ts";

/** Opens, says hello, answers what came back, and closes. */
async function talk(url: string, options: ConstructorParameters<typeof WebSocket>[2] = {}): Promise<string> {
  const client = new WebSocket(url, options);
  client.on("open", () => client.send("hello"));
  const [data] = await once(client, "message");
  client.close();
  await once(client, "close");
  return String(data);
}

/** The code with which a client ends, whatever error comes before it. */
function closed(client: WebSocket): Promise<number> {
  client.on("error", () => {});
  return new Promise((resolve) => client.once("close", resolve));
}

/** How a connection attempt fails. */
async function failure(url: string): Promise<NodeJS.ErrnoException> {
  const [error] = await once(new WebSocket(url), "error");
  return error;
}

test("a server with no options accepts and echoes on a free port of 127.0.0.1", async () => {
  await using server = await TestServer.start();
  assert.match(server.url, /^ws:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(server.url, `ws://127.0.0.1:${server.port}`);
  assert.equal(await talk(server.url), "hello");
});

test("a server listens on IPv6, on a unix socket, and with TLS", async () => {
  await using six = await TestServer.start({ host: "::1" });
  assert.equal(six.url, `ws://[::1]:${six.port}`);
  assert.equal(await talk(six.url), "hello");

  const folder = await mkdtemp(join(tmpdir(), "everfresh-"));
  const path = join(folder, "socket");
  await using unix = await TestServer.start({ path });
  assert.equal(unix.url, `ws+unix:${path}:/`);
  assert.equal(unix.port, 0);
  assert.equal(await talk(unix.url), "hello");
  const client = new WebSocket(unix.url);
  const ended = closed(client);
  (await unix.connection(2)).reset();
  assert.equal(await ended, 1006);

  await using secure = await TestServer.start({ tls: { key: KEY, cert: CERTIFICATE } });
  assert.equal(secure.url, `wss://127.0.0.1:${secure.port}`);
  assert.equal(await talk(secure.url, { ca: CERTIFICATE }), "hello");

  await assert.rejects(TestServer.start({ path, tls: {} }), /a path or tls, not both/);
  await unix.stop().catch(() => {});
  await rm(folder, { recursive: true });
});

test("a client that doesn't trust the certificate is a connection that ended in the TLS handshake", async () => {
  await using server = await TestServer.start({ tls: { key: KEY, cert: CERTIFICATE } });
  const error = await failure(server.url);
  assert.equal(error.code, "DEPTH_ZERO_SELF_SIGNED_CERT");
  const end = await (await server.connection(1)).ended;
  assert.ok(end.type === "reset" || end.type === "fin");
});

test("garbage instead of TLS ends that connection and nothing else", async () => {
  await using server = await TestServer.start({ tls: { key: KEY, cert: CERTIFICATE } });
  const client = await RawClient.connect(server.port);
  client.socket.write("GET / HTTP/1.1\r\n\r\n");
  assert.equal((await (await server.connection(1)).ended).type, "reset");
  client.socket.destroy();
  assert.equal(await talk(server.url, { ca: CERTIFICATE }), "hello");
});

test("a port that is taken is the system's error", async () => {
  await using server = await TestServer.start();
  await assert.rejects(TestServer.start({ port: server.port }), { code: "EADDRINUSE" });
});

test("of an array of scripts each serves one connection, the last all later ones, and each is told its number", async () => {
  const seen: [string, number][] = [];
  await using server = await TestServer.start({
    script: [
      refusing(503),
      accepting((peer, attempt) => {
        seen.push(["second", attempt]);
        peer.close(1001);
      }),
      accepting((peer, attempt) => {
        seen.push(["last", attempt]);
        peer.close(1000);
      }),
    ],
  });
  assert.match((await failure(server.url)).message, /503/);
  for (const code of [1001, 1000, 1000]) {
    assert.equal(await closed(new WebSocket(server.url)), code);
  }
  assert.deepEqual(seen, [
    ["second", 2],
    ["last", 3],
    ["last", 4],
  ]);
  assert.deepEqual(
    server.connections.map(({ number }) => number),
    [1, 2, 3, 4],
  );
});

test("onConnection() changes what happens from the next connection on", async () => {
  await using server = await TestServer.start();
  assert.equal(await talk(server.url), "hello");
  server.onConnection([refusing(403), echo()]);
  assert.match((await failure(server.url)).message, /403/);
  assert.equal(await talk(server.url), "hello");
  assert.throws(() => server.onConnection([]), /at least one script/);
});

test("connection(n) waits for the connection, and rejects when it doesn't come in time", async () => {
  await using server = await TestServer.start();
  const waiting = server.connection(2);
  const first = new WebSocket(server.url);
  const second = new WebSocket(server.url);
  assert.equal((await waiting).number, 2);
  assert.equal((await server.connection(1)).number, 1);
  await assert.rejects(server.connection(3, { timeout: 1 }), {
    reason: "timeout",
    message: "Connection 3 did not come within 1 ms; there were 2.",
  });
  for (const client of [first, second]) {
    client.on("error", () => {});
    client.terminate();
  }
});

test("while a server is down its port refuses; those that stand go on, and it comes back on the same port", async () => {
  await using server = await TestServer.start();
  const { url } = server;
  const standing = new WebSocket(url);
  await once(standing, "open");
  await server.down();
  await server.down();
  assert.equal((await failure(url)).code, "ECONNREFUSED");
  standing.send("still here");
  assert.equal(String((await once(standing, "message"))[0]), "still here");
  await server.up();
  await server.up();
  assert.equal(server.url, url);
  assert.equal(await talk(url), "hello");
  standing.terminate();
});

test("a unix socket goes down and comes up too", async () => {
  const folder = await mkdtemp(join(tmpdir(), "everfresh-"));
  {
    await using server = await TestServer.start({ path: join(folder, "socket") });
    await server.down();
    assert.equal((await failure(server.url)).code, "ENOENT");
    await server.up();
    assert.equal(await talk(server.url), "hello");
  }
  await rm(folder, { recursive: true });
});

test("a script that fails drops its connection, and stop() throws what it threw", async () => {
  const server = await TestServer.start({
    script: accepting(() => {
      throw new Error("not as expected");
    }),
  });
  assert.equal(await closed(new WebSocket(server.url)), 1006);
  assert.equal(server.failures.length, 1);
  const error = await server.stop().then(
    () => assert.fail("stop() should have thrown"),
    (error) => error,
  );
  assert.ok(error instanceof ScriptError);
  assert.equal(error.connection, 1);
  assert.equal(error.message, "The script of connection 1 failed: not as expected");
  assert.equal((error.cause as Error).message, "not as expected");
  await server.stop();
});

test("several failures come as one AggregateError, and a failed expectation is one of them", async () => {
  const server = await TestServer.start({
    script: accepting(async (peer) => {
      assert.equal((await peer.receive("text")).data, "hello");
    }),
  });
  for (const message of ["goodbye", "hello", undefined]) {
    const client = new WebSocket(server.url);
    await once(client, "open");
    if (message === undefined) client.close(1000);
    else client.send(message, () => client.close(1000));
    await once(client, "close");
  }
  const error = await server.stop().catch((error) => error);
  assert.ok(error instanceof AggregateError);
  assert.match(error.message, /^2 scripts of the test server failed:\n- The script of connection 1 failed: .*\n/);
  assert.equal(
    error.errors[1].message,
    "The script of connection 3 failed: The script waited for a text frame, and the client sent a close frame (1000).",
  );
});

test("`await using` throws what went wrong at the end of the scope", async () => {
  await assert.rejects(async () => {
    await using server = await TestServer.start({
      script: () => {
        throw new Error("at once");
      },
    });
    await failure(server.url);
  }, /at once/);
});

test("stop() ends connections and waits of every kind, and none of that is a failure", async () => {
  const ends: string[] = [];
  const server = await TestServer.start({
    timeout: Infinity,
    script: [
      async (peer) => void (await peer.request()),
      accepting(async (peer) => void (await peer.receive())),
      accepting(async (peer) => {
        for await (const _ of peer.frames());
        ends.push("frames");
      }),
      accepting(async (peer) => {
        assert.equal(await peer.delay(100_000), false);
        ends.push("delay");
      }),
      accepting((peer) => peer.sendInPieces("12345", 1, 100_000)),
      accepting(async (peer) => {
        await peer.ended;
        peer.send("too late");
      }),
      accepting(async (peer) => {
        peer.blackHole();
        await peer.ended;
        ends.push("black hole");
      }),
    ],
  });
  const silent = await RawClient.connect(server.port);
  const clients = [];
  for (let number = 2; number <= 7; number++) {
    const client = new WebSocket(server.url);
    clients.push(closed(client));
    await once(client, "open");
  }
  const waiting = server.connection(100);
  const rejected = waiting.catch((error) => error);
  await server.stop();
  const outcome = await rejected;
  assert.ok(outcome instanceof PeerError);
  assert.equal(outcome.reason, "stopped");
  await Promise.all([...clients, silent.all()]);
  silent.socket.destroy();
  assert.deepEqual(ends.sort(), ["black hole", "delay", "frames"]);
  assert.deepEqual(await server.connections[0]?.ended, { type: "destroyed" });
  assert.equal((await server.connection(8).catch((error) => error)).reason, "stopped");
  assert.equal((await failure(server.url)).code, "ECONNREFUSED");
});

test("stop() resolves when every socket has closed, whatever the scripts do", async () => {
  for (const tls of [undefined, { key: KEY, cert: CERTIFICATE }]) {
    const server = await TestServer.start({ script: () => {}, ...(tls && { tls }) });
    const clients = [await RawClient.connect(server.port), await RawClient.connect(server.port)];
    await server.connection(2);
    let closedCount = 0;
    for (const { socket } of server.connections) socket.once("close", () => closedCount++);
    await server.stop();
    assert.equal(closedCount, 2);
    for (const client of clients) client.socket.destroy();
  }
});

test("a script that never ends by itself is named when the server stops", async () => {
  const server = await TestServer.start({ script: accepting(() => new Promise(() => {})) });
  const client = new WebSocket(server.url);
  await once(client, "open");
  await assert.rejects(server.stop(), /The script of connection 1 failed: it still runs 1000 ms after/);
});

test("stop() leaves nothing open: the process ends by itself", async () => {
  const program = fileURLToPath(new URL("./leaves-nothing-open.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, program], { timeout: 20_000 });
  assert.deepEqual(JSON.parse(stdout), []);
});

test("of a thousand and more connections that have ended, the oldest are forgotten", async () => {
  await using server = await TestServer.start({ script: (peer) => peer.drop() });
  for (let round = 0; round < 11; round++) {
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const client = await RawClient.connect(server.port);
        await client.all();
        client.socket.destroy();
        await client.closed;
      }),
    );
  }
  assert.equal(server.connections.length, 1000);
  assert.equal((await server.connection(1).catch((error) => error)).reason, "ended");
  assert.equal((await server.connection(1100)).number, 1100);
});
