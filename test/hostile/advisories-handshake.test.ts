/**
 * Published advisories about the opening handshake, replayed against our client and, where they were about servers, against the scripted one.
 * Each test is named after those that it replays.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidOptionError, type Options, permessageDeflate } from "../../src/index.ts";
import { validateRequest, validateResponse } from "../../src/protocol/index.ts";
import { accepting, type Peer, TestServer } from "../../src/testing/index.ts";
import { RequestHeadReader } from "../../src/testing/request-head.ts";
import { launch, QUICK, Recorder } from "../fresh/fixtures.ts";
import { assertLinear } from "../support/growth.ts";
import { RawClient, REQUEST } from "../testing/raw-client.ts";
import { attack } from "./attack.ts";

const DEFLATE: Options<null> = { upgradeOptions: { extensions: [permessageDeflate()] } };
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const GOOD = [
  ["upgrade", "websocket"],
  ["connection", "Upgrade"],
  ["sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
] as const;

/** The reason for which a client refuses this answer; undefined when it doesn't. */
async function refusalOf(answer: (peer: Peer) => Promise<unknown>, options: Options<null> = {}) {
  const { error } = await attack(async (peer) => {
    await answer(peer);
  }, options);
  assert.equal(error.kind, "establishing_failed");
  return error.reason;
}

/** The first line of what the scripted server says to this request. */
async function answerTo(request: string, server: TestServer): Promise<string> {
  const client = await RawClient.connect(server.port);
  client.socket.write(request, "latin1");
  const answer = await client.bytes(12);
  client.socket.destroy();
  return answer.toString("latin1").split("\r\n")[0] as string;
}

const withHeaders = (...lines: readonly string[]): string => REQUEST.replace(/\r\n$/, `${lines.join("\r\n")}\r\n\r\n`);

test("CVE-2026-2229: window bits outside 8 to 15 are refused, and nothing is thrown", async () => {
  for (const bits of ["0", "7", "16", "99", "256", "4294967304", "-9", "1e1", "0x9", "08", "9.5", '""', ""]) {
    for (const side of ["server", "client"]) {
      const parameter = `${side}_max_window_bits${bits === "" ? "" : `=${bits}`}`;
      const answer = (peer: Peer) => peer.accept({ extensions: `permessage-deflate; ${parameter}` });
      assert.equal(await refusalOf(answer, DEFLATE), "extensions", parameter);
    }
  }
  await using server = await TestServer.start({ script: accepting(), extensions: [permessageDeflate()] });
  for (const bits of ["0", "7", "16", "4294967304", "1e1", "08"]) {
    const offer = `Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=${bits}`;
    // What can't be read is declined, not agreed to.
    const client = await RawClient.connect(server.port);
    client.socket.write(withHeaders(offer));
    const answer = (await client.bytes(120)).toString();
    assert.match(answer, /^HTTP\/1\.1 101 /);
    assert.doesNotMatch(answer, /deflate/);
    client.socket.destroy();
  }
});

test("CVE-2026-1527: no name or value that the caller gives can end a line of the request", async () => {
  await using server = await TestServer.start();
  const ends = ["\r\nX-Injected: 1", "\nX-Injected: 1", "\rX-Injected: 1", "\0", "\u010d\u010aX-Injected: 1"];
  const recorder = new Recorder<null>();
  const start = (options: object) => launch(server, recorder, null, options as Options<null>);
  for (const end of ends) {
    for (const headers of [{ authorization: `a${end}` }, { [`x-a${end}`]: "a" }, [["host", `a${end}`]]]) {
      assert.throws(() => start({ headers }), InvalidOptionError);
      const { error } = await attack((peer) => peer.drop(), { headers: () => headers as never });
      assert.deepEqual([error.kind, error.reason], ["upgrading_failed", "invalid_header"]);
      assert.doesNotMatch(error.message, /X-Injected: 1$/);
    }
    assert.throws(() => start({ upgradeOptions: { subprotocols: [`chat${end}`] } }), InvalidOptionError);
    for (const name of ["method", "path", "host", "headers", "auth"]) {
      assert.throws(() => start({ transportOptions: { [name]: `a${end}` } }), InvalidOptionError);
    }
    const extension = { ...permessageDeflate(), offers: [[[`a${end}`]]] };
    assert.throws(() => start({ upgradeOptions: { extensions: [extension] } }), InvalidOptionError);
  }
  // An address can't either: whatever it holds is part of it, or it is none.
  const path = new Recorder<null>();
  await using connection = launch(`${server.url}/a\r\nX-Injected: 1\r\n?b=c\r\nd`, path, null);
  await connection.opened();
  const request = await (await server.connection(1)).request();
  assert.equal(request.header("x-injected"), undefined);
});

test("CVE-2024-37890: header fields without end, or without those that are needed, are refused on either side", async () => {
  const many = Array.from({ length: 2000 }, (_, index) => [`x-${index}`, "1"] as const);
  const answer = (headers: readonly (readonly [string, string])[]) => (peer: Peer) =>
    peer.accept({
      rewrite: (head) => head.replace("\r\n", `\r\n${headers.map(([n, v]) => `${n}: ${v}\r\n`).join("")}`),
    });
  assert.equal(await refusalOf(answer(many), { transportOptions: { maxHeaderSize: 1 << 20 } }), "too_many_headers");
  for (const [name, reason] of [
    ["upgrade", "upgrade"],
    ["connection", "connection"],
    ["sec-websocket-accept", "accept"],
  ] as const) {
    assert.equal(await refusalOf((peer) => peer.accept({ omit: [name] })), reason);
  }
  await using server = await TestServer.start({ script: accepting() });
  const lines = (count: number) => Array.from({ length: count }, (_, index) => `x-${index}: 1`);
  assert.match(await answerTo(withHeaders(...lines(120)), server), /^HTTP\/1\.1 101 /);
  assert.match(await answerTo(withHeaders(...lines(2000)), server), /^HTTP\/1\.1 431 /);
  for (const name of ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"]) {
    const without = REQUEST.replace(new RegExp(`${name}: .*\r\n`), "");
    assert.match(await answerTo(without, server), /^HTTP\/1\.1 4\d\d /, name);
  }
  // Each of those scripts has failed for what came, which is what it says; the server lives.
  assert.equal(server.failures.length, 5);
  await server.stop().catch(() => undefined);
});

test("CVE-2021-32640, GHSA-g78m-2chm-r7qv: header fields are read in time that grows with their length", () => {
  const patterns = [
    (size: number) => `a${" ".repeat(size)}a`,
    (size: number) => `a; b="${'\\"'.repeat(size / 2)}`,
    (size: number) => `a; b="${"\\c".repeat(size / 2)}`,
    (size: number) => `a${"; a".repeat(size / 3)};`,
    (size: number) => `${"a,".repeat(size / 2)}"`,
    (size: number) => `${", ".repeat(size / 2)}`,
    (size: number) => "\t".repeat(size),
  ];
  for (const pattern of patterns) {
    for (const name of ["sec-websocket-extensions", "sec-websocket-protocol", "upgrade", "connection"]) {
      assertLinear((size) => {
        const field = [name, pattern(size)] as const;
        const others = GOOD.filter(([other]) => other !== name);
        const asked = { key: KEY, subprotocols: ["a"], offeredExtensions: ["a; b=c"] };
        validateResponse({ status: 101, headers: [...others, field] }, asked);
        const request = [["sec-websocket-version", "13"], ["sec-websocket-key", KEY], ...others, field] as const;
        validateRequest({ method: "GET", headers: request });
      }, 16_384);
    }
  }
});

test("ws 3.3.1 (November 2017): names that every object has are no extensions and no parameters", async () => {
  const names = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf", "prototype"];
  for (const name of names) {
    for (const extensions of [name, `permessage-deflate; ${name}`, `permessage-deflate; ${name}=1`, `x, ${name}`]) {
      assert.equal(await refusalOf((peer) => peer.accept({ extensions }), DEFLATE), "extensions", extensions);
    }
    assert.equal(await refusalOf((peer) => peer.accept({ protocol: name })), "subprotocol");
  }
  await using server = await TestServer.start({ script: accepting(), extensions: [permessageDeflate()] });
  for (const name of names) {
    const offer = `Sec-WebSocket-Extensions: ${name}, permessage-deflate; ${name}=1, permessage-deflate; ${name}`;
    assert.match(await answerTo(withHeaders(offer, `Sec-WebSocket-Protocol: ${name}`), server), /^HTTP\/1\.1 101 /);
  }
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test("CVE-2023-43669: a head that drips is read once, and one that never ends is refused, on either side", async () => {
  const head = (size: number) => Buffer.from(REQUEST.replace(/\r\n$/, `X: ${"a".repeat(size)}\r\n\r\n`));
  assertLinear((size) => {
    const reader = new RequestHeadReader();
    for (const byte of head(size)) reader.push(Uint8Array.of(byte));
  }, 3500);
  await using server = await TestServer.start({ script: accepting() });
  assert.match(await answerTo(head(20_000).toString(), server), /^HTTP\/1\.1 431 /);
  await server.stop().catch(() => undefined);

  const { error } = await attack(
    async (peer) => {
      await peer.request();
      peer.sendRaw("HTTP/1.1 101 Switching Protocols\r\n");
      // As long as anybody listens.
      while (!peer.isFinishing) {
        peer.sendRaw(`x: ${"a".repeat(1000)}\r\n`);
        if (!(await peer.delay(0))) return;
      }
    },
    { ...QUICK, upgradeTimeout: 5000 },
  );
  assert.equal(error.kind, "establishing_failed");
  assert.notEqual(error.reason, "timed_out");
});
