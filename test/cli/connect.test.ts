/**
 * `everfresh connect` as users have it: the real command in a process of its own, against servers that misbehave on purpose and
 * against the ws package's.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type WebSocket, WebSocketServer } from "ws";
import { parseArguments } from "../../src/cli/arguments.ts";
import { connect } from "../../src/cli/connect.ts";
import { permessageDeflate } from "../../src/index.ts";
import { accepting, echo, refusing, type Script, TestServer } from "../../src/testing/index.ts";
import { FakeHost } from "./fake-host.ts";
import { RunningCommand, runCommand } from "./running-command.ts";

const NOTHING = { input: "nothing" } as const;
const lines = (text: string) => ({ input: { text } });
const TLS = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

async function serve(t: TestContext, script: Script | readonly Script[] = echo()): Promise<TestServer> {
  const server = await TestServer.start({ script });
  t.after(() => server.stop());
  return server;
}

/** The ws package, echoing; it keeps what it got, and how each client closed. */
async function serveWs(t: TestContext) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const received: string[] = [];
  const closed = new Promise<number>((resolve) => {
    server.on("connection", (socket: WebSocket) => {
      socket.on("message", (data, isBinary) => {
        received.push(String(data));
        socket.send(data, { binary: isBinary });
      });
      socket.on("close", resolve);
    });
  });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, received, closed };
}

/** Runs the command inside this process, on a host of the test's. */
function runInside(t: TestContext, host: FakeHost, ...args: readonly string[]): Promise<number> {
  t.after(() => host.interrupt());
  return connect.run(parseArguments(args, connect.options), host);
}

const eventsOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown> & { readonly type: string });

describe("lines in, lines out", { concurrency: 3 }, () => {
  test("a line of a pipe is sent, its answer printed, and the command ends by itself with 0", async (t) => {
    const server = await serveWs(t);
    const { code, stdout, stderr } = await runCommand(t, ["connect", server.url], lines("hello\n"));
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "hello\n" });
    assert.deepEqual(server.received, ["hello"]);
    assert.equal(await server.closed, 1000);
    assert.equal(stderr, `everfresh: connecting to ${server.url}/\neverfresh: open\neverfresh: closing\n`);
  });

  test("each line is a message: either line ending, empty lines, and a last line without one", async (t) => {
    const server = await serveWs(t);
    const { stdout } = await runCommand(t, ["connect", server.url], lines("a\r\n\nb c \nlast"));
    assert.deepEqual(server.received, ["a", "", "b c ", "last"]);
    assert.equal(stdout, "a\n\nb c \nlast\n");
  });

  test("ten thousand lines come back, every one and in order", async (t) => {
    const server = await serveWs(t);
    const text = Array.from({ length: 10_000 }, (_, index) => `line ${index}\n`).join("");
    const { code, stdout } = await runCommand(t, ["connect", "--max-messages", "10000", server.url], lines(text));
    assert.equal(code, 0);
    assert.equal(stdout, text);
  });

  test("ten thousand lines wait while the server is away, and none is lost", async (t) => {
    const received: string[] = [];
    const server = await serve(
      t,
      accepting(async (peer) => {
        for await (const frame of peer.frames()) {
          if (frame.type === "text") received.push(frame.data);
        }
      }),
    );
    await server.down();
    const text = Array.from({ length: 10_000 }, (_, index) => `line ${index}\n`).join("");
    const command = new RunningCommand(t, ["connect", "--linger", "0", server.url], lines(text));
    await command.stderr.line(/refused the connection/);
    await server.up();
    assert.equal((await command.ended).code, 0);
    assert.equal(received.map((line) => `${line}\n`).join(""), text);
  });

  test("a line that is no text is not sent; the others are, and the exit code says so", async (t) => {
    const server = await serveWs(t);
    const input = { text: Buffer.concat([Buffer.from("a\n"), Buffer.of(0xff, 0xfe, 0x0a), Buffer.from("b\n")]) };
    const { code, stdout, stderr } = await runCommand(t, ["connect", server.url], { input });
    assert.equal(stdout, "a\nb\n");
    assert.match(stderr, /1 line was not sent: line 2 is not UTF-8/);
    assert.equal(code, 1);
  });

  test("a binary message is told in hex", async (t) => {
    const server = await serve(
      t,
      accepting((peer) => peer.send(Uint8Array.of(0, 27, 255))),
    );
    const { stdout } = await runCommand(t, ["connect", "--max-messages", "1", server.url]);
    assert.equal(stdout, "binary 3 bytes: 001bff\n");
  });

  test("nothing a peer sends comes out raw: messages, close reason, refusal's body", async (t) => {
    const evil = "a\r\nb\tc\u001b[2J\u001b]0;title\u0007\u009b31m\u2028\u202e\u0000";
    const server = await serve(t, [
      refusing(503, { body: evil, headers: [["retry-after", "0"]] }),
      accepting((peer) => {
        peer.send(evil);
        peer.close(4000, evil);
      }),
      accepting((peer) => peer.send("done")),
    ]);
    for (const mode of [[], ["--json"]]) {
      server.onConnection([
        refusing(503, { body: evil, headers: [["retry-after", "0"]] }),
        accepting((peer) => {
          peer.send(evil);
          peer.close(4000, evil);
        }),
        accepting((peer) => peer.send("done")),
      ]);
      const { stdout, stderr } = await runCommand(t, ["connect", "--max-messages", "2", ...mode, server.url]);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none but the line feeds of the lines may be there.
      assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e]/);
      if (mode.length > 0) continue;
      const escaped = "a\\r\\nb\\tc\\u001b[2J\\u001b]0;title\\u0007\\u009b31m\\u2028\\u202e\\u0000";
      assert.equal(stdout, `${escaped}\ndone\n`);
      assert.ok(stderr.includes(`closed by the server, 4000: ${escaped}\n`));
      assert.ok(stderr.includes(`It says: ${escaped}\n`));
    }
  });

  test("--raw prints what came: text with a line feed, binary data without", async (t) => {
    const server = await serve(
      t,
      accepting((peer) => {
        peer.send("two\nlines\u001b");
        peer.send(Buffer.from("bytes"));
        peer.send("end");
      }),
    );
    const { stdout } = await runCommand(t, ["connect", "--raw", "--max-messages", "3", server.url]);
    assert.equal(stdout, "two\nlines\u001b\nbytesend\n");
  });

  test("--quiet leaves only errors on the standard error", async (t) => {
    const server = await serve(t, [accepting((peer) => peer.reset()), accepting((peer) => peer.send("x"))]);
    const { stdout, stderr } = await runCommand(t, ["connect", "--quiet", "--max-messages", "1", server.url]);
    assert.equal(stdout, "x\n");
    assert.match(stderr, /^everfresh: The connection was lost: .*\n$/);
  });
});

describe("the end of the input", { concurrency: 3 }, () => {
  const answering = (count: number, pause: number): Script =>
    accepting(async (peer) => {
      await peer.receive("text");
      for (let answer = 1; answer <= count && (await peer.delay(pause)); answer += 1) peer.send(`answer ${answer}`);
    });

  test("answers that come one after the other are waited for, each anew", async (t) => {
    const server = await serve(t, answering(3, 600));
    const { code, stdout } = await runCommand(t, ["connect", server.url], lines("ask\n"));
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "answer 1\nanswer 2\nanswer 3\n" });
  });

  test("--linger sets how long: with 0 the command sends and goes", async (t) => {
    const server = await serve(t, answering(1, 5000));
    const { code, stdout } = await runCommand(t, ["connect", "--linger", "0", server.url], lines("ask\n"));
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "" });
    const peer = await server.connection(1);
    assert.deepEqual(await peer.ended, { type: "closed", code: 1000, reason: "" });
    assert.deepEqual(peer.received[0], { type: "text", data: "ask" });
  });

  test("an input without a line ends nothing: the command listens", async (t) => {
    const server = await serve(
      t,
      accepting((peer) => peer.send("news")),
    );
    for (const input of [NOTHING, lines("")]) {
      const command = new RunningCommand(t, ["connect", server.url], input);
      await command.stdout.line(/^news$/);
      command.signal("SIGINT");
      assert.equal((await command.ended).code, 130);
    }
  });

  test("but --linger holds for it too", async (t) => {
    const server = await serve(t);
    const { code, stdout } = await runCommand(t, ["connect", "--linger", "0", server.url], NOTHING);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "" });
  });

  test("the first end of the connection after it ends the command: with 0 if it was a clean one", async (t) => {
    const server = await serve(
      t,
      accepting(async (peer) => {
        await peer.receive("text");
        peer.send("bye");
        // The command reads the end of its input before this.
        if (await peer.delay(300)) peer.close(1000);
      }),
    );
    const { code, stdout } = await runCommand(t, ["connect", "--linger", "20000", server.url], lines("ask\n"));
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "bye\n" });
    assert.equal(server.connections.length, 1);
  });

  test("and with 1 if it was a fault", async (t) => {
    const server = await serve(
      t,
      accepting(async (peer) => {
        await peer.receive("text");
        if (await peer.delay(300)) peer.reset();
      }),
    );
    const { code } = await runCommand(t, ["connect", "--linger", "20000", server.url], lines("ask\n"));
    assert.equal(code, 1);
  });

  test("--max-messages ends it at that message, and what comes with it is not printed", async (t) => {
    const server = await serve(
      t,
      accepting((peer) => peer.sendTogether(["1", Uint8Array.of(2), "3", "4"])),
    );
    const command = new RunningCommand(t, ["connect", "--max-messages", "2", server.url]);
    const { code, stdout } = await command.ended;
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "1\nbinary 1 byte: 02\n" });
    assert.deepEqual(await (await server.connection(1)).ended, { type: "closed", code: 1000, reason: "" });
  });

  test("with --max-messages the input's end ends nothing, unless --linger is given", async (t) => {
    const server = await serve(t, answering(2, 700));
    const args = ["connect", "--max-messages", "2"];
    const patient = await runCommand(t, [...args, server.url], lines("ask\n"));
    assert.deepEqual([patient.code, patient.stdout], [0, "answer 1\nanswer 2\n"]);
    const hasty = await runCommand(t, [...args, "--linger", "100", server.url], lines("ask\n"));
    assert.deepEqual([hasty.code, hasty.stdout], [0, ""]);
  });
});

describe("the life of the connection", { concurrency: 3 }, () => {
  test("a connection that is lost is made anew, and lines go on", async (t) => {
    const server = await serve(t, [accepting((peer) => peer.reset()), echo()]);
    const command = new RunningCommand(t, ["connect", server.url]);
    await command.stderr.line(/^everfresh: next attempt in \d+ ms$/);
    command.stdin.end("still here\n");
    await command.stdout.line(/^still here$/);
    const { code, stderr } = await command.ended;
    assert.equal(code, 0);
    assert.match(
      stderr,
      /connecting to .*\n.*open\n.*The connection was lost: .*\n.*next attempt in .*\n.*attempt 2\n.*open\n/,
    );
  });

  const ends: readonly (readonly [what: string, code: number, script: Script])[] = [
    ["closed with 1000", 0, accepting((peer) => peer.close(1000))],
    ["closed without a code", 0, accepting((peer) => peer.close())],
    ["closed with 1001", 1, accepting((peer) => peer.close(1001, "away"))],
    ["reset", 1, accepting((peer) => peer.reset())],
    ["ended by the peer's fault", 1, accepting((peer) => peer.sendRaw(Uint8Array.of(0x83, 0)))],
    ["refused", 1, refusing(404)],
  ];
  for (const [what, expected, script] of ends) {
    test(`--no-reconnect: a connection ${what} ends the command with ${expected}`, async (t) => {
      const server = await serve(t, script);
      const { code } = await runCommand(t, ["connect", "--no-reconnect", server.url]);
      assert.equal(code, expected);
      assert.equal(server.connections.length, 1);
    });
  }

  test("--no-reconnect: a line that was never sent is told, and makes it 1", async (t) => {
    const server = await serve(t, refusing(503, { body: "busy" }));
    const { code, stderr } = await runCommand(t, ["connect", "--no-reconnect", server.url], lines("a\nb\n"));
    assert.equal(code, 1);
    assert.match(stderr, /refused the upgrade with status 503\..* It says: busy\n/);
    assert.match(stderr, /2 lines were not sent: /);
  });

  test("--connect-timeout ends an attempt that gets no answer, and the error names it", async (t) => {
    const server = await serve(t, () => {});
    const args = ["connect", "--no-reconnect", "--connect-timeout", "200", server.url];
    const { code, stderr } = await runCommand(t, args);
    assert.equal(code, 1);
    assert.match(stderr, /within 200 ms\..* or raise --connect-timeout\./);
  });

  test("--ping-interval pings, and its answers are events", async (t) => {
    const server = await serve(t);
    const command = new RunningCommand(t, ["connect", "--ping-interval", "50", "--json", server.url]);
    await (await server.connection(1)).receive("ping");
    await command.stdout.line(/^\{"type":"pong",/);
  });

  test("--header goes with the request, in order and several times", async (t) => {
    const server = await serve(t);
    const args = ["connect", "-H", "X-One: 1", "--header", "x-two:  a: b ", "--header=X-One: 2", server.url];
    new RunningCommand(t, args);
    const { headers } = await (await server.connection(1)).request();
    assert.deepEqual(
      headers.filter(([name]) => /^x-/i.test(name)),
      [
        ["X-One", "1"],
        ["x-two", "a: b"],
        ["X-One", "2"],
      ],
    );
  });

  test("--subprotocol asks, in order of preference, and the one chosen is told", async (t) => {
    const server = await serve(
      t,
      accepting(() => {}, { protocol: "v1" }),
    );
    const command = new RunningCommand(t, ["connect", "-s", "v2", "--subprotocol", "v1", server.url]);
    await command.stderr.line(/^everfresh: open, subprotocol v1$/);
    const request = await (await server.connection(1)).request();
    assert.equal(request.header("sec-websocket-protocol"), "v2, v1");
  });

  test("--compress offers compression, and what the server agrees to is told and used", async (t) => {
    const server = await TestServer.start({ extensions: [permessageDeflate()] });
    t.after(() => server.stop());
    const command = new RunningCommand(t, ["connect", "--compress", "--max-messages", "1", server.url]);
    await command.stderr.line(/^everfresh: open, permessage-deflate$/);
    command.stdin.write(`${"again and again ".repeat(100)}\n`);
    assert.equal((await command.ended).code, 0);
    assert.equal(command.stdout.all, `${"again and again ".repeat(100)}\n`);
    assert.ok((await server.connection(1)).socket.bytesRead < 600);
  });

  test("--max-redirects follows a redirect", async (t) => {
    const target = await serve(t);
    const server = await serve(t, (peer) => peer.refuse(302, { headers: [["location", target.url]] }).then(() => {}));
    const command = new RunningCommand(t, ["connect", "--max-redirects", "1", "--max-messages", "1", server.url]);
    command.stdin.write("hello\n");
    assert.equal((await command.ended).code, 0);
    assert.equal(command.stdout.all, "hello\n");
  });

  test("no secret is printed: header values, query values, user name and password", async (t) => {
    const server = await serve(t);
    const url = `${server.url.replace("ws://", "ws://joe:hunter2@")}/feed?token=hunter3`;
    for (const mode of [[], ["--json"]]) {
      server.onConnection([
        refusing(401, { headers: [["retry-after", "0"]] }),
        accepting((peer) => peer.reset()),
        accepting((peer) => peer.send("in")),
      ]);
      const secrets = ["-H", "Authorization: Bearer hunter1", "-H", "X-Key: hunter4", url];
      const { code, stdout, stderr } = await runCommand(t, ["connect", ...mode, "--max-messages", "1", ...secrets]);
      assert.equal(code, 0);
      assert.doesNotMatch(stdout + stderr, /hunter|joe/);
      assert.match(stdout + stderr, /\/feed\?token=\*\*\*/);
      assert.match(stderr, /^everfresh: The user name and password in the address are not sent\. Use --header/);
    }
  });
});

describe("--json", { concurrency: 3 }, () => {
  test("everything that happens is an event, in its order", async (t) => {
    const server = await serve(t, [
      refusing(503, { headers: [["retry-after", "0"]], body: "busy" }),
      accepting(
        async (peer) => {
          await peer.receive("text");
          peer.sendTogether([{ type: "ping", data: Buffer.from("p") }, "text", Uint8Array.of(1, 2, 255)]);
          peer.close(4000, "again");
        },
        { protocol: "chat" },
      ),
      accepting((peer) => peer.send("last")),
    ]);
    const args = ["connect", "--json", "-s", "chat", "--max-messages", "3", server.url];
    const { code, stdout, stderr } = await runCommand(t, args, lines("go\n"));
    assert.equal(code, 0);
    assert.equal(stderr, "");
    const events = eventsOf(stdout);
    assert.deepEqual(
      events.map(({ type }) => type),
      [
        ...["connecting", "error", "waiting"],
        ...["connecting", "open", "ping", "message", "binary", "close", "waiting"],
        ...["connecting", "open", "message", "closing", "exit"],
      ],
    );
    for (const { time } of events) assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const [connecting, error, , , open, ping, message, binary, close] = events;
    assert.deepEqual([connecting?.uri, connecting?.attempt], [`${server.url}/`, 1]);
    assert.deepEqual(
      [error?.kind, error?.reason, error?.status, error?.body],
      ["establishing_failed", "status", 503, "busy"],
    );
    assert.deepEqual([open?.protocol, open?.attempt], ["chat", 2]);
    assert.deepEqual([ping?.data, message?.data, binary?.data], ["cA==", "text", "AQL/"]);
    assert.deepEqual([close?.code, close?.reason], [4000, "again"]);
    assert.deepEqual([events.at(-1)?.code, events.at(-1)?.cause], [0, "max_messages"]);
  });

  const causes: readonly (readonly [cause: string, code: number, script: Script, args: readonly string[]])[] = [
    ["closed", 0, accepting((peer) => peer.close(1000)), ["--no-reconnect"]],
    ["failed", 1, accepting((peer) => peer.reset()), ["--no-reconnect"]],
    ["input_ended", 0, echo(), ["--linger", "0"]],
  ];
  for (const [cause, code, script, args] of causes) {
    test(`the last event tells the exit code and its cause: ${cause}`, async (t) => {
      const server = await serve(t, script);
      const ended = await runCommand(t, ["connect", "--json", ...args, server.url]);
      const last = eventsOf(ended.stdout).at(-1);
      assert.deepEqual([last?.type, last?.code, last?.cause, ended.code], ["exit", code, cause, code]);
    });
  }
});

describe("TLS", { concurrency: 3 }, () => {
  /** A server that wants a certificate of our authority from its clients, or none. */
  async function serveTls(t: TestContext, requestCert: boolean): Promise<string> {
    const { readFileSync } = await import("node:fs");
    const https = createServer({
      key: readFileSync(TLS("server.key")),
      cert: readFileSync(TLS("server.crt")),
      ca: readFileSync(TLS("authority.crt")),
      requestCert,
      rejectUnauthorized: requestCert,
    });
    const server = new WebSocketServer({ server: https });
    server.on("connection", (socket) => socket.send("welcome"));
    https.listen(0, "127.0.0.1");
    await once(https, "listening");
    t.after(() => {
      for (const client of server.clients) client.terminate();
      https.closeAllConnections();
      https.close();
    });
    return `wss://localhost:${(https.address() as AddressInfo).port}`;
  }

  test("a certificate that nobody known has signed is refused, and the error tells of --ca", async (t) => {
    const url = await serveTls(t, false);
    const { code, stderr } = await runCommand(t, ["connect", "--no-reconnect", url]);
    assert.equal(code, 1);
    assert.match(stderr, /certificate .* was not accepted.* with --ca\./);
    assert.doesNotMatch(stderr, /WARNING/);
  });

  test("--ca trusts the authority in the file", async (t) => {
    const url = await serveTls(t, false);
    const args = ["connect", "--max-messages", "1", "--ca", TLS("authority.crt"), url];
    const { code, stdout, stderr } = await runCommand(t, args);
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "welcome\n" });
    assert.doesNotMatch(stderr, /WARNING/);
  });

  test("--cert and --key show who we are; without them the error asks for them", async (t) => {
    const url = await serveTls(t, true);
    const args = ["connect", "--no-reconnect", "--max-messages", "1", "--ca", TLS("authority.crt")];
    const anonymous = await runCommand(t, [...args, url]);
    assert.equal(anonymous.code, 1);
    assert.match(anonymous.stderr, /--cert and --key/);
    const known = await runCommand(t, [...args, "--cert", TLS("client.crt"), "--key", TLS("client.key"), url]);
    assert.deepEqual([known.code, known.stdout], [0, "welcome\n"]);
  });

  test("--insecure takes any certificate, and warns loudly, even with --quiet and --json", async (t) => {
    const url = await serveTls(t, false);
    for (const mode of [[], ["--quiet"], ["--json"]]) {
      const { code, stderr } = await runCommand(t, ["connect", "--insecure", ...mode, "--max-messages", "1", url]);
      assert.equal(code, 0);
      assert.equal(stderr.match(/^WARNING: /gm)?.length, 3);
      assert.match(stderr, /certificate is NOT checked/);
    }
  });
});

describe("ends from outside", { concurrency: 3 }, () => {
  for (const [signal, expected] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    test(`${signal} closes with 1001 and ends with ${expected}`, async (t) => {
      const server = await serve(t);
      const command = new RunningCommand(t, ["connect", "--json", server.url]);
      await command.stdout.line(/"open"/);
      command.signal(signal);
      const { code, stdout } = await command.ended;
      assert.equal(code, expected);
      assert.equal(eventsOf(stdout).at(-1)?.cause, "interrupted");
      assert.deepEqual(await (await server.connection(1)).ended, { type: "closed", code: 1001, reason: "" });
    });
  }

  test("SIGINT while it waits for the next attempt ends it at once", async (t) => {
    const server = await serve(t, refusing(503, { headers: [["retry-after", "200"]] }));
    const command = new RunningCommand(t, ["connect", server.url]);
    await command.stderr.line(/next attempt in 2\d{5} ms/);
    command.signal("SIGINT");
    assert.equal((await command.ended).code, 130);
  });

  test("a reader that goes away ends it quietly with 0", async (t) => {
    const server = await serve(
      t,
      accepting(async (peer) => {
        let leaving = false;
        const left = peer.receive("close", { timeout: 20_000 }).then(() => {
          leaving = true;
        });
        for (let tick = 1; (await peer.delay(20)) && !leaving; tick += 1) peer.send(`tick ${tick}`);
        await left;
      }),
    );
    const command = new RunningCommand(t, ["connect", server.url], NOTHING);
    await command.stdout.line(/^tick 1$/);
    command.stdout.close();
    const { code, stderr } = await command.ended;
    assert.equal(code, 0);
    assert.match(stderr, /^everfresh: connecting to .*\neverfresh: open\neverfresh: closing\n$/);
  });

  test("an output that can't be written ends it with 1", async (t) => {
    const server = await serve(t);
    const host = new FakeHost();
    const running = runInside(t, host, server.url);
    await host.until(() => host.stderr.includes("open"));
    host.output.stream.destroy(Object.assign(new Error("no space"), { code: "ENOSPC" }));
    assert.equal(await running, 1);
    assert.match(host.stderr, /The output can't be written \(ENOSPC\)\./);
  });

  test("an input that can't be read ends it with 1", async (t) => {
    const server = await serve(t);
    const host = new FakeHost();
    const running = runInside(t, host, server.url);
    await host.until(() => host.stderr.includes("open"));
    host.input.destroy(Object.assign(new Error("it is a directory"), { code: "EISDIR" }));
    assert.equal(await running, 1);
    assert.match(host.stderr, /The input can't be read \(EISDIR\)\./);
  });
});

describe("in a terminal", () => {
  test("typed lines are sent, answers printed above what is being typed, and Ctrl-D ends it at once", async (t) => {
    const server = await serve(t);
    const host = new FakeHost({ terminal: true });
    const running = runInside(t, host, server.url);
    await host.until(() => host.stderr.includes("open"));
    host.input.write("hello\rhalf a li");
    await host.until(() => /hello\n.*half a li/s.test(host.stdout));
    const peer = await server.connection(1);
    peer.send("news");
    // The line is wiped, the message printed, the line put back.
    await host.until(() => /\[2Knews\n.*half a li/s.test(host.stdout));
    host.input.write("ne\r");
    await host.until(() => host.stdout.includes("half a line\n"));
    host.input.write("\u0004");
    assert.equal(await running, 0);
    assert.deepEqual(peer.received.map((frame) => frame.type === "text" && frame.data).slice(0, 2), [
      "hello",
      "half a line",
    ]);
  });

  test("Ctrl-C closes with 1001", async (t) => {
    const server = await serve(t);
    const host = new FakeHost({ terminal: true });
    const running = runInside(t, host, server.url);
    await host.until(() => host.stderr.includes("open"));
    host.input.write("\u0003");
    assert.equal(await running, 130);
    assert.deepEqual(await (await server.connection(1)).ended, { type: "closed", code: 1001, reason: "" });
  });

  test("states are in colour, unless NO_COLOR is set", async (t) => {
    const server = await serve(t);
    for (const [env, expected] of [
      [{}, "\u001b[2meverfresh: open\u001b[22m\n"],
      [{ NO_COLOR: "1" }, "everfresh: open\n"],
    ] as const) {
      const host = new FakeHost({ terminal: true, env });
      const running = runInside(t, host, server.url);
      await host.until(() => host.stderr.includes("open"));
      host.interrupt();
      await running;
      assert.ok(host.stderr.includes(expected));
    }
  });

  test("--raw is refused: what comes could drive the terminal", async (t) => {
    const host = new FakeHost({ terminal: true });
    await assert.rejects(() => runInside(t, host, "--raw", "ws://127.0.0.1:1"), /--raw doesn't print to a terminal/);
  });
});
