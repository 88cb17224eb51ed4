/** The upgrade that the server refuses: its status, its headers and as much of its body as tells why. */
import assert from "node:assert/strict";
import { Agent, createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";

import { closeOf, headOf, rawPeer } from "./peers.ts";
import { leavesNothing, open } from "./recorder.ts";
import { TunnelAgent } from "./tunnel-agent.ts";

test("a refusal gives status, headers and body, and the sentence says what to do", async (t) => {
  const cases = [
    [302, /points elsewhere/],
    [401, /credentials/],
    [404, /path/],
    [400, /Upgrade header/],
    [426, /Upgrade header/],
    [429, /later/],
    [503, /later/],
    [500, /body/],
    [502, /proxy on the way/],
    [504, /proxy on the way/],
    [200, /serves WebSockets/],
  ] as const;
  for (const [status, advice] of cases) {
    const server = createServer((_request, response) => {
      response.writeHead(status, ["X-Why", "a", "x-why", "b", "Retry-After", "7"]).end(`because of ${status}`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    await leavesNothing(async () => {
      const { recorder } = open(`ws://127.0.0.1:${port}/?token=secret`);
      const failure = await recorder.failure();
      await recorder.silent();
      assert.deepEqual(recorder.kinds, ["connected", "failed"]);
      const { kind, phase, reason, body, headers, message } = failure;
      assert.deepEqual({ kind, phase, reason }, { kind: "establishing_failed", phase: "upgrade", reason: "status" });
      assert.equal(failure.status, status);
      assert.deepEqual(headers?.slice(0, 3), [
        ["x-why", "a"],
        ["x-why", "b"],
        ["retry-after", "7"],
      ]);
      assert.equal(body, `because of ${status}`);
      assert.ok(message.startsWith(`127.0.0.1:${port} refused the upgrade with status ${status}. `));
      assert.match(message, advice);
    });
  }
});

/** A peer that answers with this head, then goes on as the test says; resolves `gone` when the client has left. */
async function refusing(
  t: Parameters<typeof rawPeer>[0],
  head: string,
  go: (socket: Socket) => unknown = () => undefined,
) {
  return rawPeer(t, async (socket) => {
    await headOf(socket);
    socket.write(`HTTP/1.1 403 Forbidden\r\n${head}\r\n`);
    await go(socket);
  });
}

test("of a 200 KB body the first 64 KiB are kept, and the connection is ended at once", async (t) => {
  const peer = await refusing(t, "Content-Length: 200000\r\n", (socket) => socket.write("x".repeat(200000)));
  await leavesNothing(async () => {
    const { recorder } = open(peer.url());
    assert.equal((await recorder.failure()).body, "x".repeat(65536));
    await recorder.silent();
  });
  await closeOf(peer.sockets[0] as Socket);
});

test("an endless body is cut at 64 KiB, and the connection is ended at once", async (t) => {
  const peer = await refusing(t, "Transfer-Encoding: chunked\r\n", async (socket) => {
    while (!socket.destroyed) {
      socket.write(`3e8\r\n${"y".repeat(1000)}\r\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  await leavesNothing(async () => {
    const { recorder } = open(peer.url());
    assert.equal((await recorder.failure()).body?.length, 65536);
    await recorder.silent();
  });
  await closeOf(peer.sockets[0] as Socket);
});

test("a body with no length on a connection that stays open is reported after a second of silence", async (t) => {
  const peer = await refusing(t, "", (socket) => socket.write("no"));
  await leavesNothing(async () => {
    const { recorder } = open(peer.url());
    await recorder.until("connected");
    const started = performance.now();
    const failure = await recorder.failure();
    const waited = performance.now() - started;
    assert.equal(failure.body, "no");
    assert.equal(failure.status, 403);
    assert.ok(waited > 900 && waited < 3000, `${waited} ms`);
    await recorder.silent();
  });
  await closeOf(peer.sockets[0] as Socket);
});

test("a body that ends early, breaks off or turns to garbage is reported as far as it came", async (t) => {
  const cases: readonly (readonly [string, string, (socket: Socket) => unknown])[] = [
    ["Content-Length: 1000\r\n", "half", (socket) => socket.end()],
    ["Content-Length: 1000\r\n", "half", (socket) => socket.resetAndDestroy()],
    ["", "half", (socket) => socket.end()],
    ["Transfer-Encoding: chunked\r\n", "4\r\nhalf\r\n", (socket) => socket.write("garbage\r\n")],
  ];
  for (const [head, body, act] of cases) {
    const peer = await refusing(t, head, async (socket) => {
      socket.write(body);
      await new Promise((resolve) => setTimeout(resolve, 20));
      act(socket);
    });
    await leavesNothing(async () => {
      const { recorder } = open(peer.url());
      const failure = await recorder.failure();
      assert.equal(failure.reason, "status");
      assert.equal(failure.body, "half");
      await recorder.silent();
    });
  }
});

test("a refusal without a body is reported at once", async (t) => {
  for (const head of ["Content-Length: 0\r\n", "Connection: close\r\nContent-Length: 0\r\n"]) {
    const peer = await refusing(t, head);
    const { recorder } = open(peer.url());
    const started = performance.now();
    assert.equal((await recorder.failure()).body, "");
    assert.ok(performance.now() - started < 900);
  }
});

test("a refused socket doesn't go back to a pool", async (t) => {
  const peer = await refusing(t, "Content-Length: 2\r\n", (socket) => socket.write("no"));
  const agent = new Agent({ keepAlive: true });
  const { recorder } = open(peer.url(), { transportOptions: { agent } });
  assert.equal((await recorder.failure()).body, "no");
  await closeOf(peer.sockets[0] as Socket);
  assert.deepEqual(Object.keys(agent.freeSockets), []);
});

test("a refusal behind interim answers is reported with its own status and headers", async (t) => {
  const peer = await rawPeer(t, async (socket) => {
    await headOf(socket);
    socket.write(
      "HTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 2\r\nX-A: 1\r\n\r\nno",
    );
  });
  const { recorder } = open(peer.url());
  const failure = await recorder.failure();
  assert.equal(failure.status, 503);
  assert.deepEqual(failure.headers, [
    ["content-length", "2"],
    ["x-a", "1"],
  ]);
});

test("a proxy that refuses the tunnel is connecting_failed in proxy, and is not taken for the server", async (t) => {
  const proxy = await rawPeer(t, async (socket) => {
    await headOf(socket);
    socket.write("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nwho?");
  });
  const agent = new TunnelAgent(proxy.port);
  const { recorder } = open("ws://far.test:81/", { transportOptions: { agent } });
  const failure = await recorder.failure();
  assert.deepEqual(recorder.kinds, ["failed"]);
  assert.equal(`${failure.kind} ${failure.phase} ${failure.reason}`, "connecting_failed proxy status");
  assert.equal(failure.status, 407);
  assert.equal(failure.body, "who?");
  assert.match(failure.message, /^The proxy on the way to far\.test:81 refused the tunnel with status 407\./);
  agent.destroy();
});

test("a proxy that can't be reached is connecting_failed in proxy", async (t) => {
  const gone = await rawPeer(t, () => undefined);
  await new Promise((resolve) => gone.server.close(resolve));
  const agent = new TunnelAgent(gone.port);
  const { recorder } = open("ws://far.test:81/", { transportOptions: { agent } });
  const failure = await recorder.failure();
  assert.equal(`${failure.kind} ${failure.phase} ${failure.reason}`, "connecting_failed proxy refused");
  assert.match(failure.message, /^The proxy on the way to far\.test:81 refused the connection\./);
  agent.destroy();
});
