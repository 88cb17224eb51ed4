/** The opening that is given up: silent at every moment, and nothing is left, here or at the server. */
import assert from "node:assert/strict";
import { Agent } from "node:http";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { AUTHORITY, accepting, certificate, closeOf, headOf, rawPeer } from "./peers.ts";
import { eventually, leavesNothing, open, type Recorder } from "./recorder.ts";
import { TunnelAgent } from "./tunnel-agent.ts";

/** Aborts once `reached` holds, and sees to it that nothing follows. */
async function abortsAt(
  url: string,
  transportOptions: Readonly<Record<string, unknown>>,
  reached: (recorder: Recorder) => boolean,
): Promise<void> {
  await leavesNothing(async () => {
    const { recorder, opening } = open(url, { transportOptions });
    await eventually(() => reached(recorder));
    const before = recorder.said.length;
    opening.abort();
    opening.abort();
    await recorder.silent();
    assert.deepEqual(recorder.kinds.slice(before), []);
    assert.ok(!recorder.kinds.includes("failed"));
  });
}

async function leftBy(sockets: readonly Socket[]): Promise<void> {
  await eventually(() => sockets.length > 0);
  for (const socket of sockets) await closeOf(socket);
}

test("in the tick of open", async (t) => {
  const peer = await rawPeer(t, () => undefined);
  await abortsAt(peer.url(), {}, () => true);
  await abortsAt(peer.url().replace("ws:", "wss:"), {}, () => true);
});

test("in the same turn, before anything could begin", async (t) => {
  const peer = await rawPeer(t, (socket) => socket.resume());
  const { recorder, opening } = open(peer.url());
  opening.abort();
  await recorder.silent();
  assert.deepEqual(recorder.said, []);
});

test("while the name is looked up, and when the lookup answers after all", async (t) => {
  const peer = await rawPeer(t, () => assert.fail("nobody connects"));
  let answer: (() => void) | undefined;
  const lookup = (_host: string, _options: unknown, done: (error: null, addresses: object[]) => void) => {
    answer = () => done(null, [{ address: "127.0.0.1", family: 4 }]);
  };
  await abortsAt(`ws://slow.test:${peer.port}/`, { lookup }, () => answer !== undefined);
  answer?.();
  await new Promise((resolve) => setImmediate(resolve));
});

test("while TCP is being connected", async (t) => {
  const peer = await rawPeer(t, (socket) => socket.resume());
  await abortsAt(peer.url(), {}, () => true);
});

test("in the TLS handshake", async (t) => {
  const peer = await rawPeer(t, (socket) => socket.resume());
  await abortsAt(peer.url().replace("ws:", "wss:"), {}, () => peer.sockets.length > 0);
  await leftBy(peer.sockets);
});

test("when the request has gone out", async (t) => {
  let request = "";
  const peer = await rawPeer(t, async (socket) => {
    request = await headOf(socket);
    socket.resume();
  });
  await abortsAt(peer.url(), {}, () => request !== "");
  await leftBy(peer.sockets);
});

test("when the request has gone out over TLS", async (t) => {
  let request = "";
  const peer = await rawPeer(
    t,
    async (socket) => {
      request = await headOf(socket);
      socket.resume();
    },
    { tls: certificate("server") },
  );
  await abortsAt(peer.url(), { ca: AUTHORITY }, () => request !== "");
  await leftBy(peer.sockets);
});

test("in the middle of the answer's header, and between interim answers", async (t) => {
  for (const part of ["HTTP/1.1 101 Switching", "HTTP/1.1 103 Early Hints\r\n\r\n"]) {
    const peer = await half(t, part);
    await abortsAt(peer.url(), {}, () => peer.written());
    await leftBy(peer.sockets);
  }
});

test("while the body of a refusal is read", async (t) => {
  const peer = await half(t, "HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\nhalf");
  await abortsAt(peer.url(), {}, () => peer.written());
  await leftBy(peer.sockets);
});

test("while the body of a refusal is read: its timers are gone at once", async (t) => {
  const peer = await half(t, "HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\nhalf");
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const { opening } = open(peer.url());
  await eventually(() => timers() === before + 2);
  opening.abort();
  assert.equal(timers(), before);
});

/** A peer that says part of an answer; `written` tells, some turns later, that the client has it. */
async function half(t: TestContext, part: string) {
  let turns = Number.POSITIVE_INFINITY;
  const peer = await rawPeer(t, async (socket) => {
    await headOf(socket);
    socket.write(part, () => {
      turns = 10;
    });
    socket.resume();
  });
  return {
    ...peer,
    written: () => {
      turns -= 1;
      return turns < 0;
    },
  };
}

test("inside connected", async (t) => {
  const peer = await rawPeer(t, (socket) => socket.resume());
  await leavesNothing(async () => {
    const opened = open(peer.url(), {}, (said) => {
      if (said.type === "connected") opened.opening.abort();
    });
    await opened.recorder.until("connected");
    await opened.recorder.silent();
    assert.deepEqual(opened.recorder.kinds, ["connected"]);
  });
  await leftBy(peer.sockets);
});

test("while an agent has no socket to give, and when it gives one after all", async (t) => {
  const first = await rawPeer(t, (socket) => headOf(socket));
  const agent = new Agent({ maxSockets: 1 });
  const holder = open(first.url(), { transportOptions: { agent } });
  await holder.recorder.until("connected");
  const { recorder, opening } = open(first.url(), { transportOptions: { agent } });
  await new Promise((resolve) => setImmediate(resolve));
  opening.abort();
  holder.opening.abort();
  await leftBy(first.sockets);
  await recorder.silent();
  assert.deepEqual(recorder.said, []);
  await eventually(() => Object.keys(agent.sockets).length + Object.keys(agent.requests).length === 0);
});

test("while a proxy is asked for a tunnel: the socket that comes of it is closed", async (t) => {
  let answer: (() => void) | undefined;
  const proxy = await rawPeer(t, async (socket) => {
    await headOf(socket);
    answer = () => socket.write("HTTP/1.1 200 OK\r\n\r\n");
  });
  const agent = new TunnelAgent(proxy.port);
  const { recorder, opening } = open("ws://far.test/", { transportOptions: { agent } });
  await eventually(() => answer !== undefined);
  opening.abort();
  answer?.();
  for (const socket of proxy.sockets) socket.resume();
  await leftBy(proxy.sockets);
  await recorder.silent();
  assert.deepEqual(recorder.said, []);
});

test("after opened it does nothing", async (t) => {
  const peer = await rawPeer(t, async (socket) => {
    socket.write(accepting(await headOf(socket)));
    socket.resume();
  });
  const { recorder, opening } = open(peer.url());
  await recorder.until("opened");
  opening.abort();
  await recorder.silent();
  assert.equal(recorder.channel.send("x"), undefined);
  assert.equal(peer.sockets[0]?.destroyed, false);
  recorder.channel.destroy();
});

test("after failed it does nothing", async (t) => {
  const peer = await rawPeer(t, (socket) => socket.end("HTTP/1.1 404 Not Found\r\n\r\n"));
  const { recorder, opening } = open(peer.url());
  await recorder.failure();
  opening.abort();
  await recorder.silent();
  assert.deepEqual(recorder.kinds, ["connected", "failed"]);
});

test("at every moment the attempt tells what it waits for", async (t) => {
  const silent = await rawPeer(t, (socket) => socket.resume());
  const phases: string[] = [];
  const see = async (url: string, transportOptions: Readonly<Record<string, unknown>>, reached: () => boolean) => {
    const { opening } = open(url, { transportOptions });
    await eventually(reached);
    phases.push(opening.phase);
    opening.abort();
  };
  let asked = false;
  const lookup = () => {
    asked = true;
  };
  await see("ws://slow.test/", { lookup }, () => asked);
  await see(silent.url(), {}, () => true);
  await see(silent.url().replace("ws:", "wss:"), {}, () => silent.sockets.length === 1);
  const agent = new TunnelAgent(silent.port);
  await see("ws://far.test/", { agent }, () => silent.sockets.length === 2);
  await see("ws://far.test/", { agent: Object.assign(new Agent(), { addRequest: () => undefined }) }, () => true);
  assert.deepEqual(phases, ["dns", "tcp", "tls", "proxy", "tcp"]);
  const { recorder, opening } = open(silent.url());
  await recorder.until("connected");
  assert.equal(opening.phase, "upgrade");
  opening.abort();
});
