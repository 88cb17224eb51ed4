/**
 * Headers, both ways: what can't be put into a request, and what of an answer's head is refused: characters that HTTP
 * doesn't know, fields that are doubled or missing, other versions, and heads without an end.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { HeaderPair } from "../../src/transport/channel.ts";
import { accepting, acceptingPeer, closeOf, headersOf, headOf, rawPeer } from "./peers.ts";
import { leavesNothing, open } from "./recorder.ts";

/** All of C0 and DEL. */
const CONTROLS = [...Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)), "\x7f"];

/** What is asked for with an address that tries to end its line. */
const REQUEST_LINE = /^GET \/a[!-~]*X-Evil:%20b\?c[!-~]*d=e%20HTTP\/1\.0[!-~]* HTTP\/1\.1\r\nhost: /;

/** A peer that answers every request with these bytes and leaves the connection as it is. */
function answering(t: TestContext, answer: (request: string) => string | Buffer) {
  return rawPeer(t, async (socket) => {
    const said = answer(await headOf(socket));
    socket.write(typeof said === "string" ? Buffer.from(said, "latin1") : said);
  });
}

/** A 101, taken apart and put together again. */
const rewritten = (request: string, rewrite: (head: string) => string) =>
  Buffer.from(rewrite(accepting(request).toString("latin1")), "latin1");

/** The attempt's failure, once nothing is left of it; what the peer said is not in its sentence. */
async function failureOf(url: string) {
  const { recorder } = open(url);
  const failure = await recorder.failure();
  await recorder.silent();
  assert.deepEqual(recorder.kinds, ["connected", "failed"]);
  assert.match(failure.message, /^[\x20-\x7e\u00a7]+\.$/, "a sentence");
  assert.ok(!failure.message.includes("secret"), failure.message);
  return { ...failure, brief: `${failure.kind} ${failure.phase} ${failure.reason}` };
}

async function assertFails(t: TestContext, reason: string, what: string, answer: (request: string) => string | Buffer) {
  const peer = await answering(t, answer);
  await leavesNothing(async () => {
    const { brief } = await failureOf(peer.url());
    assert.equal(brief, `establishing_failed upgrade ${reason}`, JSON.stringify(what));
  });
  await closeOf(peer.sockets[0] as Socket);
}

async function assertOpens(t: TestContext, what: string, answer: (request: string) => string | Buffer) {
  const peer = await answering(t, answer);
  const { recorder } = open(peer.url());
  await recorder.until("opened").catch((error) => assert.fail(`${JSON.stringify(what)}: ${error.message}`));
  recorder.channel.destroy();
}

// ── The request ──────────────────────────────────────────────────────────────────────────────────────────────────

test("no control character comes through an address: path, query and host can't end or add a line of the request", async (t) => {
  const heads: string[] = [];
  const peer = await acceptingPeer(t, (_socket, request) => heads.push(request));
  for (const control of CONTROLS) {
    const { recorder } = open(new URL(`/a${control}X-Evil: b?c${control}d=e HTTP/1.0${control}${control}`, peer.url()));
    await recorder.until("opened");
    recorder.channel.destroy();
  }
  assert.equal(heads.length, CONTROLS.length);
  for (const head of heads) {
    assert.match(head, REQUEST_LINE);
    assert.equal(headersOf(head).length, 6);
  }
  for (const host of ["a\r\nb", "a\0b", "a b", "a%0d%0ab"]) {
    assert.throws(() => new URL(`ws://${host}%/`), TypeError);
  }
});

test("nor does one come through a unix socket's address", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everfresh-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const heads: string[] = [];
  const path = join(folder, "a.sock");
  const peer = await acceptingPeer(t, (_socket, request) => heads.push(request), { listen: { path } });
  for (const control of CONTROLS) {
    // What an address ends in is taken off by whoever reads it.
    const { recorder } = open(peer.url(`/a${control}X-Evil: b?c${control}d=e HTTP/1.0${control}.`));
    await recorder.until("opened");
    recorder.channel.destroy();
    const nowhere = open(`ws+unix:${folder}/${encodeURIComponent(control)}.sock:/`);
    const { reason, message } = await nowhere.recorder.failure();
    assert.equal(reason, control === "\0" ? "invalid_uri" : "no_such_socket");
    assert.match(message, /^[ -~]+$/);
  }
  for (const head of heads) {
    assert.match(head, REQUEST_LINE);
    assert.equal(headersOf(head).length, 6);
  }
});

test("every control character but a tab is refused in a header's value, and every one in a name, before anything is sent", async (t) => {
  const peer = await rawPeer(t, () => assert.fail("nobody connects"));
  for (const control of CONTROLS) {
    const cases: (readonly [reason: RegExp, headers: readonly HeaderPair[], subprotocols: readonly string[]])[] = [
      [/^A header is named /, [[`X-Bad${control}`, "secret"]], []],
      [/^The subprotocol at place 1 /, [], [`secret${control}`]],
      [/^The header Sec-WebSocket-Protocol /, [["Sec-WebSocket-Protocol", `a${control}b`]], []],
    ];
    if (control !== "\t")
      cases.push([/^The header X-Bad holds a control character/, [["X-Bad", `secret${control}x`]], []]);
    for (const [sentence, headers, subprotocols] of cases) {
      const { recorder } = open(peer.url(), { headers, subprotocols });
      const { kind, reason, message } = await recorder.failure();
      assert.equal(`${kind} ${reason}`, "upgrading_failed invalid_header", JSON.stringify(control));
      assert.match(message, sentence);
      assert.equal(message.split(/[\r\n]/).length, 1);
      assert.ok(!message.includes("secret"));
    }
  }
});

test("an extension's name and parameters can't end a line of the request", async (t) => {
  const peer = await rawPeer(t, () => assert.fail("nobody connects"));
  const accept = () => ({ refused: "it is never asked" });
  for (const control of CONTROLS.filter((one) => one !== "\t")) {
    const word = `a${control}X-Evil: secret`;
    for (const [name, offer] of [
      [word, []],
      ["x", [[word]]],
      ["x", [["a", word]]],
    ] as const) {
      const { recorder } = open(peer.url(), { extensions: [{ name, offers: [offer], accept }] });
      const { kind, message } = await recorder.failure();
      assert.equal(kind, "upgrading_failed");
      assert.ok(!message.includes("secret"));
    }
  }
});

test("transportOptions can't say anything in the request: neither method nor path, nor headers, also within tls", async (t) => {
  const heads: string[] = [];
  const peer = await acceptingPeer(t, (_socket, request) => heads.push(request));
  const smuggled = {
    auth: "user:secret",
    headers: { "X-Evil": "a\r\nX-Worse: b" },
    method: "POST",
    path: "/evil\r\nX-Evil: c",
    setHost: true,
  };
  const { recorder } = open(peer.url("/good"), { transportOptions: { ...smuggled, tls: smuggled } });
  await recorder.until("opened");
  recorder.channel.destroy();
  assert.match(heads[0] ?? "", /^GET \/good HTTP\/1\.1\r\n/);
  assert.equal(headersOf(heads[0] ?? "").length, 6);
});

// ── The answer: what is no HTTP ──────────────────────────────────────────────────────────────────────────────────

test("a control character in a field's name or value, or in the reason phrase, is malformed_response, be it a 101 or not", async (t) => {
  for (const control of CONTROLS.filter((one) => !"\t\n\r".includes(one))) {
    const lines = [`X-A: secret${control}x`, `X-A: ${control}`, `X-A${control}: secret`, `${control}X-A: secret`];
    for (const line of lines) {
      await assertFails(t, "malformed_response", line, (request) => accepting(request, line));
    }
    await assertFails(t, "malformed_response", `reason ${control}`, (request) =>
      rewritten(request, (head) => head.replace("Switching", `secret${control}`)),
    );
  }
  for (const line of ["X-A: secret\0", "X\x01: secret", "X-A: \x1b[31m"]) {
    await assertFails(t, "malformed_response", line, () => `HTTP/1.1 403 No\r\n${line}\r\nContent-Length: 0\r\n\r\n`);
  }
});

test("a line that is no field is malformed_response, wherever it stands", async (t) => {
  const lines = [
    "secret",
    "X-A",
    ": secret",
    " : secret",
    "X-A : secret",
    "X-A\t: secret",
    "X A: secret",
    "X(A): secret",
    "X@A: secret",
    '"X-A": secret',
    "X-\xe9: secret",
    " X-A: secret",
    "\tX-A: secret",
    "X-A: secret\rX-B: y",
    "X-A: secret\nX-B: y",
    "X-A: secret\r",
    "X-A: secret\r\r",
  ];
  for (const line of lines) {
    for (const before of ["Upgrade: ", "Connection: ", "Sec-WebSocket-Accept: "]) {
      await assertFails(t, "malformed_response", line, (request) =>
        rewritten(request, (head) => head.replace(before, `${line}\r\n${before}`)),
      );
    }
    await assertFails(t, "malformed_response", line, (request) => accepting(request, line));
  }
});

test("a continued line (obs-fold) is malformed_response, in any field: a sender must not make one (RFC 9112 §5.2)", async (t) => {
  for (const fold of ["\r\n ", "\r\n\t", "\r\n \r\n ", "\r\n    "]) {
    for (const name of ["Upgrade", "Connection", "Sec-WebSocket-Accept"]) {
      for (const [from, to] of [
        [`${name}: `, `${name}:${fold}`],
        [new RegExp(`(${name}: .*?)\r\n`), `$1${fold}\r\n`],
      ] as const) {
        await assertFails(t, "malformed_response", `${name} ${fold}`, (request) =>
          rewritten(request, (head) => head.replace(from, to)),
        );
      }
    }
    for (const line of [
      `X-A: a${fold}b`,
      `X-A:${fold}`,
      `Sec-WebSocket-Protocol:${fold}chat`,
      `Sec-WebSocket-Extensions:${fold}x`,
    ]) {
      await assertFails(t, "malformed_response", line, (request) => accepting(request, line));
    }
  }
});

test("an answer whose lines end in a bare LF or CR doesn't open", async (t) => {
  for (const end of ["\n", "\r", "\n\r", "\r\r\n"]) {
    const peer = await answering(t, (request) => rewritten(request, (head) => head.replaceAll("\r\n", end)));
    // Node before 20.20 finds no fields in some of these.
    assert.match((await failureOf(peer.url())).reason, /^(malformed_response|upgrade)$/, JSON.stringify(end));
  }
});

test("a status line that is none is malformed_response", async (t) => {
  const lines = [
    "HTTP/1.1 0101 Switching Protocols",
    "HTTP/1.1 1010 Switching Protocols",
    "HTTP/1.1 10 Switching",
    "HTTP/1.1 1x1 Switching",
    "HTTP/1.1 -101 Switching",
    "HTTP/1.1  101 Switching",
    "HTTP/1.1\t101 Switching",
    "HTTP/1.1101 Switching",
    "HTTP/1.1",
    "HTTP 101 Switching",
    "HTTP/11 101 Switching",
    "HTTP/1. 101 Switching",
    "HTTP/.1 101 Switching",
    "http/1.1 101 Switching",
    " HTTP/1.1 101 Switching",
    "101 Switching Protocols",
    "GET / HTTP/1.1",
    "secret",
  ];
  for (const line of lines) {
    await assertFails(t, "malformed_response", line, (request) =>
      rewritten(request, (head) => head.replace(/^.*/, line)),
    );
  }
});

test("answers of other protocols are malformed_response: HTTP/0.9, HTTP/2, TLS, SSH, SMTP", async (t) => {
  const answers = [
    "<html>secret</html>\r\n\r\n",
    "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\0\xff\xff",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\x15\x03\x01\0\x02\x02\x46",
    "SSH-2.0-OpenSSH_9.0\r\n",
    "220 mail.secret ESMTP\r\n",
    "\x81\x05hello",
  ];
  for (const answer of answers) await assertFails(t, "malformed_response", answer, () => answer);
});

test("a 101 in another version than HTTP/1.1 doesn't open: 1.0 has none, and neither has 2", async (t) => {
  for (const version of ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0"]) {
    await assertFails(t, "http_version", version, (request) =>
      rewritten(request, (head) => head.replace("HTTP/1.1", version)),
    );
  }
  for (const version of ["HTTP/2", "HTTP/3.0", "HTTP/1.10", "HTTP/9.9"]) {
    await assertFails(t, "malformed_response", version, (request) =>
      rewritten(request, (head) => head.replace("HTTP/1.1", version)),
    );
  }
  // Some parsers take these for HTTP of the same version.
  for (const version of ["RTSP/1.0", "ICE/1.0"]) {
    const peer = await answering(t, (request) => rewritten(request, (head) => head.replace("HTTP/1.1", version)));
    assert.match((await failureOf(peer.url())).reason, /^(http_version|malformed_response)$/);
  }
});

test("the parser is strict though the process was started with --insecure-http-parser", async (t) => {
  const lines = ["X-A: a\r\n b", "X-A: a\0b", "X-A: a\x7f", "X-A: a\nX-B: b"];
  const peers = await Promise.all(lines.map((line) => answering(t, (request) => accepting(request, line))));
  const good = await acceptingPeer(t);
  const child = fileURLToPath(new URL("./attempt-child.ts", import.meta.url));
  const running = spawn(
    process.execPath,
    [
      "--insecure-http-parser",
      "--conditions=everfresh-source",
      "--import",
      import.meta.resolve("tsx"),
      child,
      ...[...peers, good].map((peer) => peer.url()),
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  const printed = await textOf(running.stdout);
  assert.deepEqual(printed.trim().split("\n"), [...lines.map(() => "malformed_response"), "opened"]);
});

// ── The answer: fields of the handshake that are doubled or missing ──────────────────────────────────────────────

test("Upgrade stands once in a 101 and says websocket alone; Connection is a list, in one field or several", async (t) => {
  const cases: readonly (readonly [opens: boolean, from: string, to: string])[] = [
    [true, "Upgrade: websocket", "uPGRADE: \t WebSocket \t"],
    [false, "Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: websocket"],
    [false, "Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: h2c"],
    [false, "Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket"],
    [false, "Upgrade: websocket", "Upgrade: websocket, h2c"],
    [false, "Upgrade: websocket", "Upgrade: websocket,"],
    [false, "Upgrade: websocket", "Upgrade: websocket\xa0"],
    [false, "Upgrade: websocket", "Upgrade: websocket/13"],
    [true, "Connection: Upgrade", "Connection: keep-alive, Upgrade"],
    [true, "Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade"],
    [true, "Connection: Upgrade", "Connection: Upgrade\r\nConnection: Upgrade"],
    [true, "Connection: Upgrade", "Connection: Upgrade\r\nConnection: close"],
  ];
  for (const [opens, from, to] of cases) {
    const answer = (request: string) => rewritten(request, (head) => head.replace(from, to));
    if (opens) await assertOpens(t, to, answer);
    else await assertFails(t, "upgrade", to, answer);
  }
  await assertFails(t, "connection", "no-break space", (request) =>
    rewritten(request, (head) => head.replace("Connection: Upgrade", "Connection: Upgrade\xa0")),
  );
});

test("Sec-WebSocket-Accept stands once, and nothing but spaces and tabs may stand around it", async (t) => {
  const accept = /Sec-WebSocket-Accept: (.*)\r\n/;
  const cases: readonly (readonly [opens: boolean, to: string])[] = [
    [true, "Sec-WebSocket-Accept: \t $1 \t\r\n"],
    [false, "Sec-WebSocket-Accept: $1\r\nSec-WebSocket-Accept: $1\r\n"],
    [false, "Sec-WebSocket-Accept: $1\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"],
    [false, "Sec-WebSocket-Accept: $1, $1\r\n"],
    [false, "Sec-WebSocket-Accept: $1\xa0\r\n"],
    [false, 'Sec-WebSocket-Accept: "$1"\r\n'],
    [false, "Sec-WebSocket-Accept:\r\n"],
  ];
  for (const [opens, to] of cases) {
    const answer = (request: string) => rewritten(request, (head) => head.replace(accept, to));
    if (opens) await assertOpens(t, to, answer);
    else await assertFails(t, "accept", to, answer);
  }
});

test("a subprotocol is chosen in one field, and not chosen in an empty one", async (t) => {
  for (const lines of [
    ["Sec-WebSocket-Protocol: v1", "Sec-WebSocket-Protocol: v1"],
    ["Sec-WebSocket-Protocol: v1", "Sec-WebSocket-Protocol: v2"],
    ["Sec-WebSocket-Protocol: v1, v2"],
    ["Sec-WebSocket-Protocol: v1,"],
    ["Sec-WebSocket-Protocol: v1\xa0"],
    ["Sec-WebSocket-Protocol:"],
  ]) {
    const peer = await answering(t, (request) => accepting(request, ...lines));
    const { recorder } = open(peer.url(), { subprotocols: ["v1", "v2"] });
    assert.equal((await recorder.failure()).reason, "subprotocol", lines.join());
  }
});

// ── The answer: heads without an end ─────────────────────────────────────────────────────────────────────────────

test("a head that never ends is cut off by its size, whichever part of it is endless", async (t) => {
  const padding = Buffer.alloc(1000, "x");
  const beginnings = [
    "HTTP/1.1 101 ",
    "HTTP/1.1 403 No\r\n",
    "HTTP/1.1 403 No\r\nX-A: ",
    "HTTP/1.1 403 No\r\nX-A: a\r\nX-B",
  ];
  for (const beginning of beginnings) {
    let sent = 0;
    const peer = await rawPeer(t, async (socket) => {
      await headOf(socket);
      socket.write(beginning);
      while (!socket.destroyed) {
        socket.write(padding);
        sent += padding.length;
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    await leavesNothing(async () => {
      assert.equal((await failureOf(peer.url())).brief, "establishing_failed upgrade headers_too_large", beginning);
    });
    assert.ok(sent > 15_000, `${sent} bytes`);
    await closeOf(peer.sockets[0] as Socket);
  }
});

test("interim answers have the same bounds, each of them", async (t) => {
  const large = `HTTP/1.1 103 Early Hints\r\nX-A: ${"x".repeat(17_000)}\r\n\r\n`;
  await assertFails(t, "headers_too_large", "103", (request) =>
    Buffer.concat([Buffer.from(large), accepting(request)]),
  );
  const wrong = "HTTP/1.1 103 Early Hints\r\nX-A: a\x01\r\n\r\n";
  await assertFails(t, "malformed_response", "103", (request) =>
    Buffer.concat([Buffer.from(wrong), accepting(request)]),
  );
});
