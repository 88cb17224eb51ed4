/** The opening that fails: each failure once, with its kind, phase and reason, and nothing left behind. */
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { ChannelRequest, HeaderPair } from "../../src/transport/channel.ts";
import { AUTHORITY, accepting, certificate, closeOf, headOf, rawPeer } from "./peers.ts";
import { eventually, leavesNothing, open } from "./recorder.ts";

/** Opens, awaits the failure, and sees to it that nothing else is said and nothing is left. */
async function failing(url: string, overrides: Partial<ChannelRequest> = {}, connected = false) {
  const { recorder } = open(url, overrides);
  const failure = await recorder.failure();
  await recorder.silent();
  assert.deepEqual(recorder.kinds, connected ? ["connected", "failed"] : ["failed"]);
  const { kind, phase, reason, message } = failure;
  assert.match(message, /^[^\n]+\.$/, "a sentence");
  for (const word of ["secret", "undefined", "[object"]) assert.ok(!message.includes(word), message);
  return { brief: `${kind} ${phase} ${reason}`, failure };
}

/** A port of 127.0.0.1 where nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A peer that answers every request with these bytes and leaves the connection as it is. */
function answering(t: TestContext, answer: string | ((request: string) => string | Buffer)) {
  return rawPeer(t, async (socket) => {
    const request = await headOf(socket);
    socket.write(typeof answer === "string" ? answer : answer(request));
  });
}

// ── The request ──────────────────────────────────────────────────────────────────────────────────────────────────

test("a request that can't be made is upgrading_failed, after open has returned, and nothing is connected to", async (t) => {
  const peer = await rawPeer(t, () => assert.fail("nobody connects"));
  const cases: readonly (readonly [string, Partial<ChannelRequest>, string])[] = [
    ["reserved_header", { headers: [["Upgrade", "secret"]] }, peer.url()],
    ["reserved_header", { headers: [["Sec-WebSocket-Key", "secret"]] }, peer.url()],
    ["invalid_header", { headers: [["X-Bad", "secret\r\nb: c"]] }, peer.url()],
    ["invalid_header", { headers: [["X Bad", "secret"]] }, peer.url()],
    ["invalid_header", { headers: [["X-Bad", undefined] as unknown as HeaderPair] }, peer.url()],
    ["invalid_header", { subprotocols: ["a b"] }, peer.url()],
    ["invalid_option", { transportOptions: { agent: 7 } }, peer.url()],
    ["invalid_option", { transportOptions: { agent: new Agent() } }, peer.url().replace("ws:", "wss:")],
    ["invalid_option", { transportOptions: { localAddress: "secret" } }, peer.url()],
    ["invalid_option", { transportOptions: { lookup: "secret" } }, "ws://localhost:1/"],
    ["invalid_option", { transportOptions: { maxHeaderSize: -1 } }, peer.url()],
    ["invalid_option", { transportOptions: { ca: 7 } }, "wss://127.0.0.1:1/"],
    ["invalid_option", { transportOptions: { cert: "secret" } }, "wss://127.0.0.1:1/"],
    ["invalid_option", { maxFragments: 0 }, peer.url()],
    ["invalid_uri", {}, "ftp://user:secret@127.0.0.1/"],
    ["invalid_uri", {}, "ws+unix::/secret"],
  ];
  for (const [reason, overrides, url] of cases) {
    const { brief } = await failing(url, overrides);
    assert.equal(brief, `upgrading_failed upgrade ${reason}`, JSON.stringify(overrides));
  }
});

test("a failure that is known at once can still be aborted", async () => {
  const { recorder, opening } = open("ws://127.0.0.1:1/", { headers: [["Upgrade", "x"]] });
  opening.abort();
  await recorder.silent();
  assert.deepEqual(recorder.said, []);
});

// ── DNS and TCP ──────────────────────────────────────────────────────────────────────────────────────────────────

test("a refused connection is connecting_failed in tcp, and the sentence says where and what to check", async () => {
  const port = await closedPort();
  await leavesNothing(async () => {
    const { brief, failure } = await failing(`ws://user:secret@127.0.0.1:${port}/path?token=secret`);
    assert.equal(brief, "connecting_failed tcp refused");
    assert.equal(
      failure.message,
      `127.0.0.1:${port} refused the connection. Check that the server is running, and that host and port are right.`,
    );
    assert.equal((failure.cause as { code: string }).code, "ECONNREFUSED");
  });
});

test("a host of several addresses that all refuse is refused", async () => {
  const port = await closedPort();
  const lookup = (_host: string, _options: unknown, done: (error: null, addresses: object[]) => void) =>
    done(null, [
      { address: "::1", family: 6 },
      { address: "127.0.0.1", family: 4 },
    ]);
  const { brief } = await failing(`ws://several.test:${port}/`, { transportOptions: { lookup } });
  assert.equal(brief, "connecting_failed tcp refused");
});

test("a lookup that fails is connecting_failed in dns, whatever the error is", async () => {
  const cases = [
    ["ENOTFOUND", "not_found"],
    ["EAI_AGAIN", "resolver_unavailable"],
    ["EODD", "eodd"],
    [undefined, "unknown"],
  ] as const;
  for (const [code, reason] of cases) {
    const lookup = (_host: string, _options: unknown, done: (error: Error) => void) =>
      process.nextTick(done, Object.assign(new Error("from the lookup"), code === undefined ? {} : { code }));
    const { brief, failure } = await failing("ws://nowhere.test/", { transportOptions: { lookup } });
    assert.equal(brief, `connecting_failed dns ${reason}`);
    assert.match(failure.message, /^nowhere\.test:80 /);
  }
});

test("a lookup that answers with an address where nobody listens fails in tcp", async () => {
  const port = await closedPort();
  const lookup = (_host: string, options: { all?: boolean }, done: (...result: unknown[]) => void) =>
    options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
  const { brief } = await failing(`ws://here.test:${port}/`, { transportOptions: { lookup } });
  assert.equal(brief, "connecting_failed tcp refused");
});

test("a unix socket that isn't there is connecting_failed in tcp", async () => {
  const { brief, failure } = await failing("ws+unix:/nowhere/a.sock:/path");
  assert.equal(brief, "connecting_failed tcp no_such_socket");
  assert.match(failure.message, /^\/nowhere\/a\.sock is no socket\./);
});

test("a local address that isn't ours is connecting_failed in tcp", async (t) => {
  const peer = await rawPeer(t, () => undefined);
  const { brief } = await failing(peer.url(), { transportOptions: { localAddress: "192.0.2.1" } });
  assert.equal(brief, "connecting_failed tcp address_not_available");
});

// ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────

test("a certificate that doesn't hold is connecting_failed in tls, and the sentence names the fault and the way out", async (t) => {
  const cases = [
    ["server", {}, "unable_to_verify_leaf_signature", /UNABLE_TO_VERIFY_LEAF_SIGNATURE.*transportOptions\.ca\./],
    ["expired", { ca: AUTHORITY }, "cert_has_expired", /CERT_HAS_EXPIRED.*renewed.*clock\./],
    [
      "other-host",
      { ca: AUTHORITY },
      "cert_altname_invalid",
      /ERR_TLS_CERT_ALTNAME_INVALID.*another host.*transportOptions\.servername\./,
    ],
  ] as const;
  for (const [name, options, reason, message] of cases) {
    const peer = await rawPeer(t, () => undefined, { tls: certificate(name) });
    await leavesNothing(async () => {
      const { brief, failure } = await failing(peer.url(), { transportOptions: options });
      assert.equal(brief, `connecting_failed tls ${reason}`);
      assert.match(failure.message, message);
      assert.ok(failure.message.startsWith(`The certificate of 127.0.0.1:${peer.port} was not accepted`));
    });
  }
});

test("rejectUnauthorized given as undefined still verifies", async (t) => {
  const peer = await rawPeer(t, () => undefined, { tls: certificate("server") });
  const { brief } = await failing(peer.url(), { transportOptions: { tls: { rejectUnauthorized: undefined } } });
  assert.equal(brief, "connecting_failed tls unable_to_verify_leaf_signature");
});

test("a server that asks for a client certificate in vain is connecting_failed in tls, in every version of TLS", async (t) => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const peer = await rawPeer(t, () => undefined, {
      tls: {
        ...certificate("server"),
        ca: AUTHORITY,
        requestCert: true,
        rejectUnauthorized: true,
        maxVersion: version,
      },
    });
    const { recorder } = open(peer.url(), { transportOptions: { ca: AUTHORITY } });
    const failure = await recorder.failure();
    await recorder.silent();
    assert.equal(`${failure.kind} ${failure.phase}`, "connecting_failed tls", version);
    assert.match(failure.message, /refused the TLS handshake.*transportOptions\.cert and key/, version);
  }
});

test("a server that speaks no TLS, ends or resets in the handshake is connecting_failed in tls", async (t) => {
  const plain = await rawPeer(t, (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  assert.equal((await failing(plain.url().replace("ws:", "wss:"))).brief, "connecting_failed tls wrong_version_number");
  const ending = await rawPeer(t, (socket) => socket.once("data", () => socket.end()));
  assert.equal((await failing(ending.url().replace("ws:", "wss:"))).brief, "connecting_failed tls ended");
  const resetting = await rawPeer(t, (socket) => socket.once("data", () => socket.resetAndDestroy()));
  assert.equal((await failing(resetting.url().replace("ws:", "wss:"))).brief, "connecting_failed tls reset");
});

// ── The answer ───────────────────────────────────────────────────────────────────────────────────────────────────

test("TCP that ends or resets before the 101 is establishing_failed", async (t) => {
  const cases: readonly (readonly [string, (socket: Socket) => unknown])[] = [
    ["ended", (socket) => socket.end()],
    ["reset", (socket) => socket.resetAndDestroy()],
    ["ended", (socket) => socket.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs")],
    ["ended", (socket) => socket.end("HTTP/1.1 100 Continue\r\n\r\n")],
  ];
  for (const [reason, act] of cases) {
    const peer = await rawPeer(t, async (socket) => {
      await headOf(socket);
      act(socket);
    });
    await leavesNothing(async () => {
      const { brief } = await failing(peer.url(), {}, true);
      assert.equal(brief, `establishing_failed upgrade ${reason}`);
    });
  }
});

test("an answer that is no HTTP is establishing_failed, and what came is not in the error", async (t) => {
  for (const answer of ["secret garbage\r\n\r\n", "HTTP/1.1 secret\r\n\r\n", "\0\0\0\x12\x04\0\0\0\0\0secret-secret"]) {
    const peer = await answering(t, answer);
    await leavesNothing(async () => {
      const { brief, failure } = await failing(peer.url(), {}, true);
      assert.equal(brief, "establishing_failed upgrade malformed_response", answer);
      assert.ok(!("rawPacket" in (failure.cause as object)));
    });
  }
});

test("a header of more than 16 KiB is establishing_failed, or of more than maxHeaderSize", async (t) => {
  const endless = await rawPeer(t, async (socket) => {
    await headOf(socket);
    const line = Buffer.from(`X-Padding: ${"x".repeat(1000)}\r\n`);
    socket.write("HTTP/1.1 101 Switching Protocols\r\n");
    while (!socket.destroyed) {
      socket.write(line);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  assert.equal((await failing(endless.url(), {}, true)).brief, "establishing_failed upgrade headers_too_large");
  const some = await answering(t, (request) => accepting(request, `X-Padding: ${"x".repeat(5000)}`));
  assert.equal(
    (await failing(some.url(), { transportOptions: { maxHeaderSize: 4096 } }, true)).brief,
    "establishing_failed upgrade headers_too_large",
  );
  const { recorder } = open(some.url());
  await recorder.until("opened");
  recorder.channel.destroy();
});

test("128 header fields are taken and 129 are not, be it a 101 or a refusal", async (t) => {
  const lines = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: x`);
  const most = await answering(t, (request) => accepting(request, ...lines(125)));
  const { recorder } = open(most.url());
  assert.equal((await recorder.until("opened")).headers.length, 128);
  recorder.channel.destroy();
  const tooMany = await answering(t, (request) => accepting(request, ...lines(126)));
  const { brief, failure } = await failing(tooMany.url(), {}, true);
  assert.equal(brief, "establishing_failed upgrade too_many_headers");
  assert.equal(failure.status, 101);
  const refusing = await answering(t, `HTTP/1.1 403 Forbidden\r\n${lines(129).join("\r\n")}\r\n\r\n`);
  const refused = await failing(refusing.url(), {}, true);
  assert.equal(refused.brief, "establishing_failed upgrade too_many_headers");
  assert.equal(refused.failure.status, 403);
});

test("a flood of header fields can't make the upgrade's own fields vanish", async (t) => {
  const lines = Array.from({ length: 3000 }, () => "a:");
  const peer = await answering(t, (request) => accepting(request, ...lines));
  assert.equal((await failing(peer.url(), {}, true)).brief, "establishing_failed upgrade too_many_headers");
});

test("interim answers without end are establishing_failed", async (t) => {
  const sixteen = await answering(t, (request) =>
    Buffer.concat([Buffer.from("HTTP/1.1 102 Processing\r\n\r\n".repeat(16)), accepting(request)]),
  );
  const { recorder } = open(sixteen.url());
  await recorder.until("opened");
  recorder.channel.destroy();
  const endless = await rawPeer(t, async (socket) => {
    await headOf(socket);
    while (!socket.destroyed) {
      socket.write("HTTP/1.1 102 Processing\r\n\r\n");
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  await leavesNothing(async () => {
    const { brief } = await failing(endless.url(), {}, true);
    assert.equal(brief, "establishing_failed upgrade too_many_interim_responses");
  });
});

test("a valid 101 behind too many interim answers comes too late, even in the same chunk", async (t) => {
  const peer = await answering(t, (request) =>
    Buffer.concat([Buffer.from("HTTP/1.1 102 Processing\r\n\r\n".repeat(17)), accepting(request)]),
  );
  await leavesNothing(async () => {
    const { brief } = await failing(peer.url(), {}, true);
    assert.equal(brief, "establishing_failed upgrade too_many_interim_responses");
  });
  await closeOf(peer.sockets[0] as Socket);
});

test("a 101 that doesn't keep to the RFC is establishing_failed with its reason, its status and its headers", async (t) => {
  const without = (request: string, line: RegExp) =>
    Buffer.from(accepting(request).toString("latin1").replace(line, ""));
  const cases: readonly (readonly [string, (request: string) => Buffer])[] = [
    ["upgrade", (request) => without(request, /Upgrade: websocket\r\n/)],
    ["connection", (request) => without(request, /Connection: Upgrade\r\n/)],
    ["accept", (request) => without(request, /Sec-WebSocket-Accept: .*\r\n/)],
    ["upgrade", (request) => Buffer.from(accepting(request).toString("latin1").replace("websocket", "h2c"))],
    ["accept", () => accepting("")],
    ["subprotocol", (request) => accepting(request, "Sec-WebSocket-Protocol: unasked")],
    ["extensions", (request) => accepting(request, "Sec-WebSocket-Extensions: permessage-deflate")],
  ];
  for (const [reason, answer] of cases) {
    const peer = await answering(t, answer);
    await leavesNothing(async () => {
      const { brief, failure } = await failing(peer.url(), {}, true);
      assert.equal(brief, `establishing_failed upgrade ${reason}`);
      assert.equal(failure.status, 101);
      assert.ok((failure.headers ?? []).length > 0);
      assert.ok(failure.message.startsWith(`127.0.0.1:${peer.port}: `));
    });
    await closeOf(peer.sockets[0] as Socket);
  }
});

test("a 101 in which Node's parser sees no upgrade doesn't open, though our own reading does", async (t) => {
  const peer = await answering(t, (request) =>
    Buffer.from(accepting(request).toString("latin1").replace(": Upgrade", ": Upgrade\t")),
  );
  const { recorder } = open(peer.url());
  await eventually(() => recorder.said.length === 2);
  // Newer versions of Node see it.
  const [, said] = recorder.said;
  if (said?.type === "opened") recorder.channel.destroy();
  else assert.equal(said?.type === "failed" && said.failure.reason, "upgrade");
});

test("an answer that stays away for transportOptions.timeout is establishing_failed", async (t) => {
  const peer = await rawPeer(t, (socket) => headOf(socket));
  for (const agent of [undefined, new Agent()]) {
    await leavesNothing(async () => {
      const { brief } = await failing(peer.url(), { transportOptions: { timeout: 20, agent } }, true);
      assert.equal(brief, "establishing_failed upgrade timed_out");
    });
  }
});

test("a TLS handshake that stays away for transportOptions.timeout is connecting_failed in tls", async (t) => {
  const peer = await rawPeer(t, (socket) => socket.resume());
  const { brief } = await failing(peer.url().replace("ws:", "wss:"), { transportOptions: { timeout: 20 } });
  assert.equal(brief, "connecting_failed tls timed_out");
});
