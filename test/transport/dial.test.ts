import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { type Address, addressOf } from "../../src/transport/address.ts";
import { dial, serverNameOf } from "../../src/transport/dial.ts";
import { AUTHORITY, certificate, rawPeer } from "./peers.ts";

const addressAt = (url: string) => addressOf(new URL(url)) as Address;

/** Connects, waits until a session could have come, and says whether an older one was resumed. */
async function resumed(url: string, options: Readonly<Record<string, unknown>>, owner: object): Promise<boolean> {
  const socket = dial(addressAt(url), options, owner) as TLSSocket;
  socket.resume();
  await Promise.all([once(socket, "secureConnect"), once(socket, "session")]);
  const reused = socket.isSessionReused();
  socket.destroy();
  return reused;
}

test("a connection's next attempt resumes its TLS session, and no other connection's does", async (t) => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const peer = await rawPeer(t, (socket) => socket.write("x"), { tls: { ...certificate("server"), maxVersion } });
    const mine = { ca: AUTHORITY };
    assert.equal(await resumed(peer.url(), mine, mine), false, maxVersion);
    assert.equal(await resumedAgain(peer.url(), mine, mine), true, maxVersion);
    const other = { ca: AUTHORITY };
    assert.equal(await resumed(peer.url(), other, other), false, "equal options of another connection");
  }
});

/** As `resumed`, for servers that give no new session with a resumed one. */
async function resumedAgain(url: string, options: Readonly<Record<string, unknown>>, owner: object): Promise<boolean> {
  const socket = dial(addressAt(url), options, owner) as TLSSocket;
  await once(socket, "secureConnect");
  const reused = socket.isSessionReused();
  socket.destroy();
  return reused;
}

test("a session made without checks vouches for nobody: another server, or options that check", async (t) => {
  const tls = { ...certificate("other-host"), ticketKeys: Buffer.alloc(48, 7) };
  const one = await rawPeer(t, (socket) => socket.write("x"), { tls });
  const two = await rawPeer(t, (socket) => socket.write("x"), { tls });
  const owner = {};
  assert.equal(await resumed(one.url(), { rejectUnauthorized: false }, owner), false);
  // The servers share their keys, so the second could resume the first one's session if it were offered.
  assert.equal(await resumedAgain(two.url(), { rejectUnauthorized: false }, owner), false);
  const checking = dial(addressAt(one.url()), { ca: AUTHORITY }, {});
  const [error] = await once(checking, "error").catch((caught) => [caught]);
  assert.equal(error.code, "ERR_TLS_CERT_ALTNAME_INVALID");
});

test("a session with which an attempt failed is not tried again", async (t) => {
  const owner = { ca: AUTHORITY };
  const peer = await rawPeer(t, (socket) => socket.write("x"), { tls: certificate("server") });
  assert.equal(await resumed(peer.url(), owner, owner), false);
  const failing = dial(addressAt(peer.url()), owner, owner);
  failing.destroy(new Error("broken"));
  await once(failing, "error").catch(() => undefined);
  assert.equal(await resumedAgain(peer.url(), owner, owner), false);
});

test("HTTP/1.1 is what is offered for TLS, and the caller's ALPNProtocols and servername stand", async (t) => {
  const asked: { readonly alpn: string | false | null; readonly name: string | false | null }[] = [];
  const peer = await rawPeer(t, () => undefined, {
    tls: { ...certificate("server"), ALPNProtocols: ["h2", "http/1.1", "mine"] },
  });
  peer.server.on("secureConnection", (socket: TLSSocket) =>
    asked.push({ alpn: socket.alpnProtocol, name: (socket as TLSSocket & { servername: string | false }).servername }),
  );
  const connect = async (options: Readonly<Record<string, unknown>>) => {
    const socket = dial(addressAt(peer.url()), { ca: AUTHORITY, ...options }, {});
    await Promise.all([once(socket, "secureConnect"), once(peer.server, "secureConnection")]);
    socket.destroy();
  };
  await connect({});
  await connect({ ALPNProtocols: ["mine"], servername: "localhost" });
  assert.deepEqual(asked, [
    { alpn: "http/1.1", name: false },
    { alpn: "mine", name: "localhost" },
  ]);
});

test("SNI names a host, never an address", () => {
  assert.equal(serverNameOf(addressAt("wss://a.test/")), "a.test");
  assert.equal(serverNameOf(addressAt("wss://127.0.0.1/")), "");
  assert.equal(serverNameOf(addressAt("wss://[::1]/")), "");
});

test("small writes don't wait for each other: TCP_NODELAY is on, over TLS too", async (t) => {
  const plain = await rawPeer(t, () => undefined);
  const secure = await rawPeer(t, () => undefined, { tls: certificate("server") });
  for (const peer of [plain, secure]) {
    const socket = dial(addressAt(peer.url()), { ca: AUTHORITY }, {}) as Socket & Record<symbol, unknown>;
    const noDelay = Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === "kSetNoDelay");
    assert.ok(noDelay);
    assert.equal(socket[noDelay], true);
    socket.destroy();
  }
});
