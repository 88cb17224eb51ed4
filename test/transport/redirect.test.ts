/** Redirects on the wire: what each server gets, what the listener is told, and that nothing is left behind. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { text } from "../../src/frame.ts";
import type { ChannelRequest } from "../../src/transport/channel.ts";
import { AUTHORITY, accepting, certificate, closeOf, headersOf, headOf, type RawPeer, rawPeer, wire } from "./peers.ts";
import { eventually, leavesNothing, open, type Said } from "./recorder.ts";
import { TunnelAgent } from "./tunnel-agent.ts";

type Server = RawPeer & {
  /** The heads of the requests that came. */
  readonly heads: string[];
};

/** Sends its clients to where `location` says, by the path that they ask for; undefined: it accepts, and says hello. */
async function server(
  t: TestContext,
  location: (path: string) => string | undefined = () => undefined,
  {
    status = 302,
    ending = "Content-Length: 0\r\n\r\n",
    ...options
  }: { readonly status?: number; readonly ending?: string } & Parameters<typeof rawPeer>[2] = {},
): Promise<Server> {
  const heads: string[] = [];
  const peer = await rawPeer(
    t,
    async (socket) => {
      const head = await headOf(socket);
      heads.push(head);
      const to = location(head.split(" ")[1] as string);
      socket.write(
        to === undefined
          ? Buffer.concat([accepting(head), wire(text("hello"))])
          : `HTTP/1.1 ${status} Elsewhere\r\nLocation: ${to}\r\n${ending}`,
      );
    },
    options,
  );
  return { ...peer, heads };
}

const pathsOf = ({ heads }: Server) => heads.map((head) => head.split(" ")[1]);
const valuesOf = (head: string | undefined, name: string) =>
  headersOf(head ?? "")
    .filter(([one]) => one.toLowerCase() === name)
    .map(([, value]) => value);

/** Opens, waits for the first frame, and ends. */
async function opening(url: string, overrides: Partial<ChannelRequest>) {
  const { recorder } = open(url, { maxRedirects: 5, ...overrides });
  await recorder.until("frame");
  recorder.channel.destroy();
  await recorder.silent();
  return recorder;
}

/** Opens, waits for the failure, and sees to it that nothing else is said. */
async function failing(url: string, overrides: Partial<ChannelRequest> = {}) {
  const { recorder } = open(url, { maxRedirects: 5, ...overrides });
  const failure = await recorder.failure();
  await recorder.silent();
  for (const word of ["secret", "undefined", "[object"]) assert.ok(!failure.message.includes(word), failure.message);
  return { recorder, failure, brief: `${failure.kind} ${failure.phase} ${failure.reason}` };
}

// ── Following ────────────────────────────────────────────────────────────────────────────────────────────────────

test("each of the redirecting statuses is followed, with connected once and a new key, and the socket before is closed", async (t) => {
  for (const status of [301, 302, 303, 307, 308]) {
    const peer = await server(t, (path) => (path === "/a" ? "/b?x=1" : undefined), { status });
    await leavesNothing(async () => {
      const recorder = await opening(peer.url("/a"), {});
      assert.deepEqual(recorder.kinds, ["connected", "redirected", "opened", "frame"]);
      const [said] = recorder.all("redirected");
      assert.deepEqual(said?.redirect, { status, url: new URL(peer.url("/b?x=1")), credentials: "kept" });
      assert.deepEqual(recorder.frames, [text("hello")]);
    });
    assert.deepEqual(pathsOf(peer), ["/a", "/b?x=1"]);
    const keys = peer.heads.flatMap((head) => valuesOf(head, "sec-websocket-key"));
    assert.equal(new Set(keys).size, 2);
    await Promise.all(peer.sockets.map(closeOf));
  }
});

test("no other status is followed, whatever location it has", async (t) => {
  for (const status of [200, 201, 300, 304, 305, 306, 401, 426, 503]) {
    const peer = await server(t, () => "/b", { status });
    const { brief, failure, recorder } = await failing(peer.url("/a"));
    assert.equal(brief, "establishing_failed upgrade status", `${status}`);
    assert.equal(failure.status, status);
    assert.deepEqual(recorder.kinds, ["connected", "failed"]);
    assert.deepEqual(pathsOf(peer), ["/a"]);
  }
});

test("a redirect's body is not waited for, and its socket is closed though the server would go on", async (t) => {
  const target = await server(t);
  const first = await server(t, () => target.url("/"), { ending: "\r\nthis body never ends" });
  const started = performance.now();
  await leavesNothing(async () => {
    await opening(first.url(), {});
  });
  assert.ok(performance.now() - started < 900, "a body that says no length is read for a second");
  await Promise.all(first.sockets.map(closeOf));
});

test("redirects are followed from hop to hop, over hosts, and a relative one counts from where it came from", async (t) => {
  const last = await server(t, (path) => (path === "/c/1" ? "2" : undefined));
  const middle = await server(t, () => last.url("/c/1").replace("ws:", "http:"), { listen: { host: "::1", port: 0 } });
  const first = await server(t, () => middle.url("/b"));
  const recorder = await opening(first.url("/a"), {});
  assert.deepEqual(
    recorder.all("redirected").map(({ redirect: { url, credentials } }) => [url.href, credentials]),
    [
      [middle.url("/b"), "dropped"],
      [last.url("/c/1"), "dropped"],
      [last.url("/c/2"), "dropped"],
    ],
  );
  assert.deepEqual([first, middle, last].map(pathsOf), [["/a"], ["/b"], ["/c/1", "/c/2"]]);
});

test("with maxRedirects 0 a redirect is a refusal, and the sentence says where it points, without its query, and what to do", async (t) => {
  const peer = await server(t, () => "https://user:secret@other.test:8443/b?token=secret#secret");
  const { failure, brief, recorder } = await failing(peer.url(), { maxRedirects: 0 });
  assert.equal(brief, "establishing_failed upgrade status");
  assert.equal(
    failure.message,
    `127.0.0.1:${peer.port} refused the upgrade with status 302. It points to wss://other.test:8443/b: connect there, or have redirects followed with the option maxRedirects.`,
  );
  assert.deepEqual(recorder.kinds, ["connected", "failed"]);
  const lost = await server(t, () => "ftp://other.test/");
  assert.match(
    (await failing(lost.url(), { maxRedirects: 0 })).failure.message,
    /status 302\. It points elsewhere, but could not be followed: the answer points to an address that isn't ws:/,
  );
});

// ── Where it ends ────────────────────────────────────────────────────────────────────────────────────────────────

test("as many redirects as maxRedirects are followed, and one more is too_many_redirects with what it said", async (t) => {
  const next = (path: string) => (path === "/3" ? undefined : `/${Number(path.slice(1)) + 1}`);
  const peer = await server(t, next);
  await opening(peer.url("/0"), { maxRedirects: 3 });
  const other = await server(t, next, { ending: "X-Why: circle\r\nContent-Length: 3\r\n\r\nwhy" });
  await leavesNothing(async () => {
    const { brief, failure, recorder } = await failing(other.url("/0"), { maxRedirects: 2 });
    assert.equal(brief, "establishing_failed upgrade too_many_redirects");
    assert.equal(failure.status, 302);
    assert.equal(failure.body, "why");
    assert.deepEqual(failure.headers?.slice(0, 2), [
      ["location", "/3"],
      ["x-why", "circle"],
    ]);
    assert.deepEqual(recorder.kinds, ["connected", "redirected", "redirected", "failed"]);
    assert.match(failure.message, /redirected once more after 2 redirects\./);
  });
  assert.deepEqual(pathsOf(other), ["/0", "/1", "/2"]);
  await Promise.all(other.sockets.map(closeOf));
});

test("servers that send each other's clients in a circle are left after maxRedirects", async (t) => {
  const two = await server(t, () => one.url());
  const one = await server(t, () => two.url());
  const { brief } = await failing(one.url(), { maxRedirects: 5 });
  assert.equal(brief, "establishing_failed upgrade too_many_redirects");
  assert.equal(one.heads.length + two.heads.length, 6);
  const itself = await server(t, (path) => path);
  assert.equal((await failing(itself.url("/"), { maxRedirects: 1 })).brief, brief);
  assert.equal(itself.heads.length, 2);
});

test("a redirect without a location that can be followed is invalid_redirect, with its status and headers", async (t) => {
  for (const lines of ["", "Location:\r\n", "Location: /a\r\nLocation: /a\r\n", "Location: ftp://h/secret\r\n"]) {
    const peer = await rawPeer(t, async (socket) => {
      await headOf(socket);
      socket.write(`HTTP/1.1 307 Elsewhere\r\n${lines}\r\n`);
    });
    await leavesNothing(async () => {
      const { brief, failure, recorder } = await failing(peer.url());
      assert.equal(brief, "establishing_failed upgrade invalid_redirect", lines);
      assert.equal(failure.status, 307);
      assert.equal(failure.headers?.length, lines.split("\r\n").length - 1);
      assert.match(
        failure.message,
        /^127\.0\.0\.1:\d+ answered with a redirect \(status 307\) that .*\. It was not followed\.$/,
      );
      assert.deepEqual(recorder.kinds, ["connected", "failed"]);
    });
    await closeOf(peer.sockets[0] as Socket);
  }
});

test("a failure behind a redirect says where it failed and who led there", async (t) => {
  const gone = await rawPeer(t, () => undefined);
  await new Promise((resolve) => gone.server.close(resolve));
  const peer = await server(t, () => gone.url("/?secret"));
  const { brief, failure, recorder } = await failing(peer.url());
  assert.equal(brief, "connecting_failed tcp refused");
  assert.deepEqual(recorder.kinds, ["connected", "redirected", "failed"]);
  assert.equal(
    failure.message,
    `127.0.0.1:${gone.port} refused the connection. Check that the server is running, and that host and port are right. A redirect from 127.0.0.1:${peer.port} led there.`,
  );
});

test("a redirect with too many header fields is refused as such, and not followed", async (t) => {
  const peer = await server(t, () => "/b", { ending: `${"X: x\r\n".repeat(128)}\r\n` });
  assert.equal((await failing(peer.url())).brief, "establishing_failed upgrade too_many_headers");
  assert.equal(peer.heads.length, 1);
});

test("a proxy's redirect is the proxy's refusal, and not followed", async (t) => {
  const proxy = await server(t, () => "http://127.0.0.1:1/");
  const agent = new TunnelAgent(proxy.port);
  const { brief, failure, recorder } = await failing("ws://far.test:81/", { transportOptions: { agent } });
  assert.equal(brief, "connecting_failed proxy status");
  assert.equal(failure.status, 302);
  assert.deepEqual(recorder.kinds, ["failed"]);
  agent.destroy();
});

// ── What goes along ──────────────────────────────────────────────────────────────────────────────────────────────

const CALLERS = [
  ["Authorization", "Bearer secret"],
  ["Cookie", "session=secret"],
  ["X-Api-Key", "secret"],
  ["User-Agent", "secret/1"],
  ["Host", "virtual.test"],
  ["Sec-WebSocket-Protocol", "secret"],
] as const;

test("on the same origin the caller's headers go along", async (t) => {
  const peer = await server(t, (path) => (path === "/a" ? "/b" : undefined));
  await opening(peer.url("/a"), { headers: CALLERS, subprotocols: ["chat"] });
  assert.equal(peer.heads.length, 2);
  for (const head of peer.heads) {
    for (const [name, value] of CALLERS.slice(0, -1)) assert.deepEqual(valuesOf(head, name.toLowerCase()), [value]);
    assert.deepEqual(valuesOf(head, "sec-websocket-protocol"), ["chat, secret"]);
  }
});

test("on another origin none of the caller's headers go along, and they don't come back with the way back", async (t) => {
  const plain = await server(t, (path) => (path === "/a" ? other.url("/b") : undefined));
  const other = await server(t, () => plain.url("/c"));
  const accept = () => ({ refused: "it is never asked" });
  const extensions = [{ name: "x-test", offers: [[["level", "9"]]], accept }] as const;
  const recorder = await opening(plain.url("/a"), { headers: CALLERS, subprotocols: ["chat"], extensions });
  assert.deepEqual(pathsOf(plain), ["/a", "/c"]);
  assert.ok(plain.heads[0]?.includes("secret"));
  for (const [peer, head] of [
    [other, other.heads[0]],
    [plain, plain.heads[1]],
  ] as const) {
    assert.ok(head !== undefined && !head.includes("secret"), head);
    assert.deepEqual(
      headersOf(head).map(([name]) => name),
      [
        "host",
        "user-agent",
        "upgrade",
        "connection",
        "sec-websocket-version",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
      ],
    );
    assert.deepEqual(valuesOf(head, "host"), [`127.0.0.1:${peer.port}`]);
    assert.deepEqual(valuesOf(head, "sec-websocket-protocol"), ["chat"], "subprotocols are asked for anew");
    assert.deepEqual(valuesOf(head, "sec-websocket-extensions"), ["x-test; level=9"], "and so are extensions");
  }
  assert.deepEqual(
    recorder.all("redirected").map(({ redirect }) => redirect.credentials),
    ["dropped", "dropped"],
  );
});

test("another port, another host and another scheme are other origins", async (t) => {
  const headers = [["X-Api-Key", "secret"]] as const;
  const transportOptions = { ca: AUTHORITY };
  const secure = await server(t, undefined, { tls: certificate("server") });
  const port = await server(t);
  const byName = await server(t);
  for (const [target, url] of [
    [secure, secure.url()],
    [port, port.url()],
    [byName, byName.url().replace("127.0.0.1", "localhost")],
  ] as const) {
    const first = await server(t, () => url);
    await opening(first.url(), { headers, transportOptions });
    assert.ok(first.heads[0]?.includes("secret"));
    assert.equal(target.heads.length, 1);
    assert.ok(!target.heads[0]?.includes("secret"), url);
  }
});

test("userinfo of a location never becomes a header, on the same origin or another", async (t) => {
  const withUser = (url: string) => url.replace("//", "//user:secret@");
  const other = await server(t);
  const peer = await server(t, (path) => withUser(path === "/a" ? peer.url("/b") : other.url("/c")));
  const recorder = await opening(peer.url("/a"), {});
  assert.deepEqual([...pathsOf(peer), ...pathsOf(other)], ["/a", "/b", "/c"]);
  for (const head of [...peer.heads, ...other.heads]) {
    assert.deepEqual(valuesOf(head, "authorization"), []);
    assert.ok(!head.includes("secret"));
  }
  for (const { redirect } of recorder.all("redirected")) assert.ok(!redirect.url.href.includes("secret"));
});

test("the client's certificate is shown to the first origin, and to no other", async (t) => {
  const shown: [string, unknown][] = [];
  const tls = { ...certificate("server"), ca: AUTHORITY, requestCert: true, rejectUnauthorized: false };
  const see = (who: string) => (socket: TLSSocket) => {
    shown.push([who, socket.getPeerCertificate().subject?.CN]);
  };
  const other = await server(t, (path) => (path === "/b" ? first.url("/c") : undefined), { tls });
  const first = await server(t, (path) => (path === "/a" ? "/a2" : path === "/a2" ? other.url("/b") : undefined), {
    tls,
  });
  first.server.on("secureConnection", see("first"));
  other.server.on("secureConnection", see("other"));
  const { cert, key } = certificate("client");
  for (const transportOptions of [
    { ca: AUTHORITY, cert, key },
    { ca: AUTHORITY, tls: { cert, key } },
  ]) {
    shown.length = 0;
    await opening(first.url("/a"), { transportOptions });
    assert.deepEqual(shown, [
      ["first", "client"],
      ["first", "client"],
      ["other", undefined],
      ["first", undefined],
    ]);
  }
});

test("servername is for the first origin: another one is asked for, and checked, by its own name", async (t) => {
  const names: (string | false)[] = [];
  const see = (socket: TLSSocket) => names.push((socket as TLSSocket & { servername: string | false }).servername);
  const target = await server(t, undefined, { tls: certificate("server") });
  const first = await server(t, () => target.url().replace("127.0.0.1", "localhost"), {
    tls: certificate("other-host"),
  });
  first.server.on("secureConnection", see);
  target.server.on("secureConnection", see);
  const lookup = (_host: string, options: { all?: boolean }, done: (...result: unknown[]) => void) =>
    options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
  const servername = "other.test";
  const { failure } = await failing(target.url(), { transportOptions: { ca: AUTHORITY, servername } });
  assert.equal(failure.reason, "cert_altname_invalid", "the target has not that name");
  names.length = 0;
  await opening(first.url(), {
    transportOptions: { ca: AUTHORITY, lookup, servername, checkServerIdentity: () => undefined },
  });
  assert.deepEqual(names, [servername, "localhost"]);
});

test("a TLS session is taken up again on the same origin, and on no other", async (t) => {
  const tls = { ...certificate("server"), ticketKeys: Buffer.alloc(48, 7) };
  const resumed: [string, boolean][] = [];
  const other = await server(t, undefined, { tls });
  const first = await server(t, (path) => (path === "/b" ? other.url() : "/b"), {
    tls: { ...tls, maxVersion: "TLSv1.2" },
  });
  first.server.on("secureConnection", (socket: TLSSocket) => resumed.push(["first", socket.isSessionReused()]));
  other.server.on("secureConnection", (socket: TLSSocket) => resumed.push(["other", socket.isSessionReused()]));
  const transportOptions = { ca: AUTHORITY };
  await opening(first.url("/a"), { transportOptions });
  await opening(first.url("/a"), { transportOptions });
  assert.deepEqual(resumed, [
    ["first", false],
    ["first", true],
    ["other", false],
    ["first", true],
    ["first", true],
    ["other", false],
  ]);
});

test("an agent with a client certificate of its own is not taken to another origin: insecure_redirect", async (t) => {
  const target = await rawPeer(t, () => assert.fail("nobody connects"), { tls: certificate("server") });
  const first = await server(t, (path) => (path === "/a" ? "/b" : target.url()), { tls: certificate("server") });
  const agent = new HttpsAgent({ ca: AUTHORITY, ...certificate("client") });
  t.after(() => agent.destroy());
  const { brief, failure } = await failing(first.url("/a"), { transportOptions: { agent } });
  assert.equal(brief, "establishing_failed upgrade insecure_redirect");
  assert.match(failure.message, /the agent in transportOptions shows credentials of its own/);
  assert.deepEqual(pathsOf(first), ["/a", "/b"], "on the same origin it is");
});

test("the caller's agent carries every hop, and keeps none of their sockets", async (t) => {
  const other = await server(t);
  const first = await server(t, (path) => (path === "/a" ? "/b" : other.url("/c")));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  await leavesNothing(async () => {
    await opening(first.url("/a"), { transportOptions: { agent } });
  });
  assert.deepEqual([...pathsOf(first), ...pathsOf(other)], ["/a", "/b", "/c"]);
  await Promise.all(first.sockets.map(closeOf));
  assert.equal(Object.values(agent.freeSockets).flat().length, 0);
  assert.equal(Object.values(agent.sockets).flat().length, 0);
});

// ── Where no redirect leads ──────────────────────────────────────────────────────────────────────────────────────

test("from wss: a redirect never leads to ws:, and from ws: it may lead to wss:", async (t) => {
  const plain = await rawPeer(t, () => assert.fail("nobody connects"));
  const secure = await server(t, (path) => (path === "/down" ? plain.url() : undefined), {
    tls: certificate("server"),
  });
  const transportOptions = { ca: AUTHORITY };
  const up = await server(t, (path) => secure.url(path));
  const recorder = await opening(up.url("/"), { transportOptions });
  assert.deepEqual(recorder.kinds, ["connected", "redirected", "opened", "frame"]);
  for (const url of [secure.url("/down"), up.url("/down")]) {
    await leavesNothing(async () => {
      const { brief, failure } = await failing(url, { transportOptions });
      assert.equal(brief, "establishing_failed upgrade insecure_redirect");
      assert.match(failure.message, /points from wss: to ws:, which would give up encryption\. It was not followed\./);
    });
  }
});

test("from the network no redirect leads to a unix socket, and from a unix socket none to the network", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everfresh-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "a.sock");
  const locations: Record<string, () => string> = {
    "/a": () => "/b",
    "/b": () => "http://localhost/c",
    "/out": () => far.url(),
  };
  const local = await server(t, (asked) => locations[asked]?.(), { listen: { path } });
  const far = await server(t, () => local.url("/c"));
  assert.equal((await failing(far.url())).brief, "establishing_failed upgrade insecure_redirect");
  assert.equal(local.heads.length, 0);
  const recorder = await opening(local.url("/a"), { headers: [["X-Api-Key", "secret"]] });
  assert.deepEqual(pathsOf(local), ["/a", "/b", "/c"]);
  assert.ok(local.heads.every((head) => head.includes("secret")));
  assert.deepEqual(recorder.all("redirected").at(-1)?.redirect.url.href, local.url("/c"));
  assert.equal((await failing(local.url("/out"))).brief, "establishing_failed upgrade insecure_redirect");
  assert.equal(far.heads.length, 1);
});

// ── Leaving in between ───────────────────────────────────────────────────────────────────────────────────────────

test("abort leaves the second hop in every phase, silently, and leaves nothing behind", async (t) => {
  const silent = await rawPeer(t, (socket) => socket.resume());
  const cases: readonly (readonly [phase: string, url: string, transportOptions: Readonly<Record<string, unknown>>])[] =
    [
      // A lookup that never answers.
      ["dns", "ws://never.test/", { lookup: () => undefined }],
      ["tls", silent.url().replace("ws:", "wss:"), {}],
      ["upgrade", silent.url(), {}],
    ];
  for (const [phase, url, transportOptions] of cases) {
    const first = await server(t, () => url);
    await leavesNothing(async () => {
      const { recorder, opening } = open(first.url(), { maxRedirects: 1, transportOptions });
      assert.equal(opening.phase, "tcp");
      await recorder.until("redirected");
      await eventually(() => opening.phase === phase);
      opening.abort();
      opening.abort();
      await recorder.silent();
      assert.deepEqual(recorder.kinds, ["connected", "redirected"], phase);
    });
    await Promise.all([...first.sockets, ...silent.sockets].map(closeOf));
  }
});

test("abort within connected or redirected means that no further hop is made", async (t) => {
  const target = await rawPeer(t, () => assert.fail("nobody connects"));
  const first = await server(t, () => target.url());
  for (const moment of ["connected", "redirected"] as const) {
    await leavesNothing(async () => {
      let abort = () => {};
      const react = (said: Said) => {
        if (said.type === moment) abort();
      };
      const { recorder, opening } = open(first.url(), { maxRedirects: 1 }, react);
      abort = () => opening.abort();
      await recorder.until(moment);
      await recorder.silent();
      assert.equal(recorder.kinds.at(-1), moment);
    });
  }
});

test("after opened abort does nothing, and the channel works as any other", async (t) => {
  const first = await server(t, (path) => (path === "/a" ? "/b" : undefined));
  const { recorder, opening } = open(first.url("/a"), { maxRedirects: 1 });
  await recorder.until("frame");
  opening.abort();
  assert.equal(recorder.channel.send("x"), undefined);
  (first.sockets[1] as Socket).end(wire({ type: "close", code: 1000 }));
  assert.deepEqual(await recorder.end(), { type: "closed", code: 1000, reason: "" });
  await recorder.silent();
});

test("a request that can't be made fails once behind a redirect, too", async (t) => {
  const first = await server(t, () => "wss://127.0.0.1:1/");
  const agent = new Agent();
  const { brief, recorder } = await failing(first.url(), { transportOptions: { agent } });
  assert.equal(brief, "upgrading_failed upgrade invalid_option", "an agent for http: carries no wss:");
  assert.deepEqual(recorder.kinds, ["connected", "redirected", "failed"]);
});
