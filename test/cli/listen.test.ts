/** `everfresh listen` as users have it: the real command, and the ws package as its client. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { parseArguments } from "../../src/cli/arguments.ts";
import { listen } from "../../src/cli/listen.ts";
import { TestServer } from "../../src/testing/index.ts";
import { FakeHost } from "./fake-host.ts";
import { RunningCommand, runCommand } from "./running-command.ts";

async function listening(t: TestContext, ...args: readonly string[]) {
  const command = new RunningCommand(t, ["listen", "--port", "0", ...args]);
  const url = await command.stdout.line(/./);
  return { command, url };
}

async function client(t: TestContext, url: string, protocols: readonly string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(url, [...protocols]);
  t.after(() => socket.terminate());
  await once(socket, "open");
  return socket;
}

async function exchange(socket: WebSocket, data: string | Uint8Array): Promise<string> {
  socket.send(data);
  const [answer] = await once(socket, "message");
  return String(answer);
}

describe("everfresh listen", { concurrency: 3 }, () => {
  test("the address comes first; messages are printed with the client's number, escaped, and sent back", async (t) => {
    const { command, url } = await listening(t);
    assert.match(url, /^ws:\/\/127\.0\.0\.1:\d+$/);
    const first = await client(t, url);
    const second = await client(t, `${url}/chat?room=1`);
    assert.equal(await exchange(first, "hello"), "hello");
    assert.equal(await exchange(second, "two\nlines\u001b[2J\u202e"), "two\nlines\u001b[2J\u202e");
    assert.equal(await exchange(first, Uint8Array.of(1, 2)), "\u0001\u0002");
    second.close(4000, "bye\u001b[2J");
    await command.stderr.line(/^everfresh: client 2 closed, 4000: bye\\u001b\[2J$/);
    await command.stderr.line(/^everfresh: client 2 connected from 127\.0\.0\.1, asking for \/chat\?room=1$/);
    assert.equal(command.stdout.all, `${url}\n1: hello\n2: two\\nlines\\u001b[2J\\u202e\n1: binary 2 bytes: 0102\n`);
  });

  test("the first subprotocol that is asked for is chosen", async (t) => {
    const { command, url } = await listening(t);
    assert.equal((await client(t, url, ["v2", "v1"])).protocol, "v2");
    await command.stderr.line(/subprotocol v2$/);
  });

  test("compression is agreed to when a client offers it", async (t) => {
    const { url } = await listening(t);
    const socket = await client(t, url);
    assert.equal(socket.extensions, "permessage-deflate");
    assert.equal(
      await exchange(socket, "again and again and again ".repeat(20)),
      "again and again and again ".repeat(20),
    );
  });

  test("a request that is no WebSocket handshake gets an answer that says so", async (t) => {
    const { url } = await listening(t);
    const answer = await fetch(url.replace("ws:", "http:"));
    assert.equal(answer.status, 426);
    assert.match(await answer.text(), /upgrade/);
  });

  test("Ctrl-C closes every connection with 1001 and ends it with 130", async (t) => {
    const { command, url } = await listening(t);
    const clients = [await client(t, url), await client(t, url)];
    const closes = clients.map((socket) => once(socket, "close"));
    command.signal("SIGINT");
    for (const [code, reason] of await Promise.all(closes))
      assert.deepEqual([code, String(reason)], [1001, "the server ends"]);
    assert.equal((await command.ended).code, 130);
  });

  test("a client that doesn't answer, and one that never asked, hold its end up only for a while", async (t) => {
    const { command, url } = await listening(t);
    const socket = await client(t, url);
    socket.pause();
    const silent = connectTcp(Number(new URL(url).port), "127.0.0.1");
    t.after(() => silent.destroy());
    await once(silent, "connect");
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 143);
  });

  test("--no-echo prints and sends nothing back", async (t) => {
    const { command, url } = await listening(t, "--no-echo");
    const socket = await client(t, url);
    socket.on("message", () => assert.fail("it answered"));
    socket.send("hello");
    await command.stdout.line(/^1: hello$/);
    socket.ping();
    await once(socket, "pong");
  });

  test("--quiet prints the address and nothing else, and echoes all the same", async (t) => {
    const { command, url } = await listening(t, "--quiet");
    assert.equal(await exchange(await client(t, url), "hello"), "hello");
    command.signal("SIGINT");
    const { stdout, stderr } = await command.ended;
    assert.deepEqual({ stdout, stderr }, { stdout: `${url}\n`, stderr: "" });
  });

  test("a request that is none, and a client that breaks the protocol, are told and hurt nobody else", async (t) => {
    const { command, url } = await listening(t);
    const answer = await fetch(url.replace("ws:", "http:"));
    assert.equal(answer.status, 426);
    await command.stderr.line(/^everfresh: client 1: .*no WebSocket handshake/);
    const rude = await client(t, url);
    const socket = (rude as unknown as { readonly _socket: { write(bytes: Uint8Array): void } })._socket;
    socket.write(Uint8Array.of(0x81, 0x01, 0x41));
    const [code] = await once(rude, "close");
    assert.equal(code, 1002);
    await command.stderr.line(/^everfresh: client 2: .*broke the protocol/);
    assert.equal(await exchange(await client(t, url), "still here"), "still here");
  });

  test("a port that is taken is said in a sentence, with 1", async (t) => {
    const server = await TestServer.start();
    t.after(() => server.stop());
    const { code, stdout, stderr } = await runCommand(t, ["listen", "--port", String(server.port)]);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
    assert.equal(
      stderr,
      `everfresh: 127.0.0.1:${server.port} is taken by another program. Choose another port with --port, or 0 for a free one.\n`,
    );
  });

  test("an address that isn't this machine's is said in a sentence, with 1", async (t) => {
    const { code, stderr } = await runCommand(t, ["listen", "--port", "0", "--host", "192.0.2.1"]);
    assert.equal(code, 1);
    assert.match(stderr, /^everfresh: 192\.0\.2\.1 is no address of this machine\./);
  });

  test("it listens on IPv6 too", async (t) => {
    const { url } = await listening(t, "--host", "::1");
    assert.match(url, /^ws:\/\/\[::1\]:\d+$/);
    assert.equal(await exchange(await client(t, url), "hello"), "hello");
  });

  test("a reader that goes away ends it with 0", async (t) => {
    const { command, url } = await listening(t);
    const socket = await client(t, url);
    await command.stderr.line(/connected/);
    command.stdout.close();
    const closed = once(socket, "close");
    const talking = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send("anybody?"), 20);
    t.after(() => clearInterval(talking));
    await closed;
    assert.equal((await command.ended).code, 0);
  });
});

test("an echo waits for a client that doesn't read, and for whoever reads the output", async (t) => {
  const host = new FakeHost();
  const running = listen.run(parseArguments(["--port", "0"], listen.options), host);
  t.after(() => host.interrupt());
  await host.until(() => host.stdout.includes("\n"));
  const socket = await client(t, host.stdout.trimEnd());
  const message = "x".repeat(100_000);
  let echoed = 0;
  const all = new Promise<void>((resolve) => {
    socket.on("message", () => {
      echoed += 1;
      if (echoed === 100) resolve();
    });
  });
  socket.pause();
  for (let index = 0; index < 100; index += 1) socket.send(message);
  // It has taken some, and stopped with the rest of it in the system's hands or the client's.
  await host.until(() => host.stdout.includes("1: x"));
  socket.resume();
  await all;
  host.interrupt();
  assert.equal(await running, 130);
});
