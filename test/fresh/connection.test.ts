/** The members of a connection: what it tells of itself, and what it can be asked to do; against the `ws` package's server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConnectionStatus, Fresh, ignore, ok, reconnect, reply, stop, TerminatedError } from "../../src/index.ts";
import { gate, launch, QUICK, Recorder } from "./fixtures.ts";
import { WsServer } from "./ws-server.ts";

test("status tells each phase of a connection's life, and isOpen is true in one of them", async () => {
  await using server = await WsServer.start();
  const seen: [string, ConnectionStatus, boolean][] = [];
  const recorder = new Recorder<null>({
    handleConnect: (_status, _headers, _state, self) => note("handleConnect", self),
    handleDisconnect: (code, _reason, _state, self) => {
      note("handleDisconnect", self);
      return code === 1001 ? reconnect(null, { after: 60_000 }) : ignore(null);
    },
    handleTerminate: (_reason, _state, self) => {
      note("handleTerminate", self);
    },
  });
  function note(where: string, connection: { readonly status: ConnectionStatus; readonly isOpen: boolean }) {
    seen.push([where, connection.status, connection.isOpen]);
    return ok(null);
  }
  const connection = launch(server, recorder, null);
  note("after start", connection);
  await connection.opened();
  note("after opened()", connection);
  connection.close();
  note("after close()", connection);
  await recorder.call("handleDisconnect", 1);
  note("after ignore()", connection);
  connection.reconnect();
  note("after reconnect()", connection);
  (await server.peer(2)).socket.close(1001);
  await recorder.call("handleDisconnect", 2);
  note("after reconnect(…, { after })", connection);
  await connection.stop();
  note("after stop()", connection);
  assert.deepEqual(seen, [
    ["after start", "connecting", false],
    ["handleConnect", "open", true],
    ["after opened()", "open", true],
    ["after close()", "closing", false],
    ["handleDisconnect", "closing", false],
    ["after ignore()", "idle", false],
    ["after reconnect()", "connecting", false],
    ["handleConnect", "open", true],
    ["handleDisconnect", "closing", false],
    ["after reconnect(…, { after })", "waiting", false],
    ["handleTerminate", "closing", false],
    ["after stop()", "terminated", false],
  ]);
});

test("start returns at once, and calls nothing of the module before it has returned", async () => {
  let isReturned = false;
  const early: string[] = [];
  const note = (name: string) => {
    if (!isReturned) early.push(name);
    return stop();
  };
  const recorder = new Recorder<null>({ handleError: () => note("handleError") });
  const failing = recorder.module.start({
    uri: () => {
      note("provider");
      throw new Error("at once");
    },
    state: null,
    options: QUICK,
  });
  isReturned = true;
  await failing.exited;
  assert.deepEqual(early, []);
});

test("id is unlike any other, name and module are what was given", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using first = launch(server, recorder, null, { name: "first" });
  await using second = launch(server, recorder, null);
  assert.notEqual(first.id, second.id);
  assert.equal(first.name, "first");
  assert.equal(second.name, undefined);
  assert.equal(first.module, recorder.module);
  assert.equal(first.uri, server.url);
});

test("attempt counts the attempts of a series, from 1", async () => {
  await using server = await WsServer.start({ refuse: (number) => (number < 3 ? { status: 500 } : undefined) });
  const recorder = new Recorder<null>({
    handleError: (_error, _state, self) => {
      attempts.push(self.attempt);
      return reconnect();
    },
  });
  const attempts: number[] = [];
  await using connection = launch(server, recorder, null);
  attempts.push(connection.attempt);
  await connection.opened();
  attempts.push(connection.attempt);
  assert.deepEqual(attempts, [1, 1, 2, 3]);
});

test("stats counts frames and bytes each way, attempts, opens and reconnects over the whole life", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleIn: () => reply("answer", null) });
  await using connection = launch(server, recorder, null);
  const { stats: before } = connection;
  assert.deepEqual(
    { ...before, attempts: undefined },
    {
      framesSent: 0,
      framesReceived: 0,
      bytesSent: 0,
      bytesReceived: 0,
      attempts: undefined,
      opens: 0,
      reconnects: 0,
      replacements: 0,
      dropped: { expired: 0, overflow: 0, replaced: 0, closed: 0, terminated: 0, invalid: 0, lost: 0 },
      lastRoundTrip: undefined,
      openSince: undefined,
      lastError: undefined,
    },
  );
  for (const number of [1, 2]) {
    const started = Date.now();
    const peer = await server.peer(number);
    peer.socket.send("question");
    assert.equal(await peer.text(), "answer");
    const { openSince } = connection.stats;
    assert.ok(openSince !== undefined && openSince >= started - 1000 && openSince <= Date.now());
    peer.socket.close(1000);
    await peer.closed;
    await recorder.call("handleDisconnect", number);
  }
  await server.peer(3);
  await connection.opened();
  const { framesSent, framesReceived, attempts, opens, reconnects, bytesSent, bytesReceived } = connection.stats;
  assert.deepEqual(
    { framesSent, framesReceived, attempts, opens, reconnects },
    { framesSent: 2, framesReceived: 2, attempts: 3, opens: 3, reconnects: 2 },
  );
  // Twice "answer" and a close frame's echo, masked; twice "question" and a close frame.
  assert.equal(bytesSent, 2 * (6 + 6 + 6 + 2));
  assert.equal(bytesReceived, 2 * (2 + 8 + 2 + 2));
});

test("opened() resolves while open and at the next open", async () => {
  await using server = await WsServer.start({ refuse: (number) => (number < 3 ? { status: 500 } : undefined) });
  await using connection = launch(server, new Recorder<null>(), null);
  await connection.opened();
  assert.equal(connection.isOpen, true);
  await connection.opened();
  connection.reconnect();
  assert.equal(connection.isOpen, false);
  await connection.opened();
  assert.equal(connection.isOpen, true);
});

test("opened() rejects when the connection terminates first, or its signal aborts", async () => {
  const waiting = { uri: () => new Promise<string>(() => undefined), state: null, options: QUICK };
  const connection = new Recorder<null>().module.start(waiting);
  const controller = new AbortController();
  const aborted = assert.rejects(connection.opened({ signal: controller.signal }), /no patience/);
  controller.abort(new Error("no patience"));
  await aborted;
  await assert.rejects(connection.opened({ signal: controller.signal }), /no patience/);
  const ended = assert.rejects(connection.opened(), (error) => {
    assert.ok(error instanceof TerminatedError);
    assert.equal(error.reason, "enough");
    return true;
  });
  await connection.stop("enough");
  await ended;
  await assert.rejects(connection.opened(), TerminatedError);
});

test("reconnect() leaves the server at once: a disconnect without code and reason, then a new attempt without backoff", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({ handleIn: (_frame, state) => ok(state + 1) });
  await using connection = launch(server, recorder, 0, { backoffInitial: 60_000, backoffMax: 60_000 });
  const first = await server.peer(1);
  first.socket.send("counts");
  await recorder.call("handleIn");
  // A server that doesn't read, let alone answer, isn't waited for.
  first.tcp.pause();
  connection.reconnect();
  assert.equal((await recorder.call("handleConnect", 2)).state, 0);
  first.tcp.resume();
  assert.deepEqual(await first.closed, { type: "close", code: 1000, reason: "" });
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    'handleIn text "counts"',
    "handleDisconnect - -",
    "handleConnect 101",
  ]);
});

test("reconnect() while connecting gives the attempt up for a new one", async () => {
  const asked = [gate(), gate()];
  let at = 0;
  const recorder = new Recorder<null>({ handleDisconnect: () => reconnect() });
  const connection = recorder.module.start({
    uri: ({ attempt }) => {
      assert.equal(attempt, 1);
      asked[at++]?.open();
      return new Promise(() => undefined);
    },
    state: null,
    options: QUICK,
  });
  await asked[0]?.promise;
  connection.reconnect();
  await asked[1]?.promise;
  assert.equal(connection.status, "connecting");
  assert.deepEqual(recorder.lines, ["handleDisconnect - -"]);
  await connection.stop();
});

test("reconnect() while closing doesn't wait for the peer's answer", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { closeTimeout: 60_000 });
  await connection.opened();
  const first = await server.peer(1);
  first.tcp.pause();
  connection.close(4000, "mine");
  connection.reconnect();
  await recorder.call("handleConnect", 2);
  first.tcp.resume();
  assert.equal((await first.closed).code, 4000);
  assert.equal(recorder.all("handleDisconnect").length, 1);
});

test("reconnect() after ignore(state) starts with that state: the module has given it", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({ handleDisconnect: () => ignore(9) });
  await using connection = launch(server, recorder, 1);
  (await server.peer()).socket.close(1000);
  await recorder.call("handleDisconnect");
  assert.equal(connection.status, "idle");
  connection.reconnect();
  assert.equal((await recorder.call("handleConnect", 2)).state, 9);
});

test("stop() as handleDisconnect's answer to reconnect() is final", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop("no more") });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  connection.reconnect();
  assert.equal(await connection.exited, "no more");
});

test("probe() pings now and resolves with the round trip in ms, several at a time too", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { pingInterval: 0 });
  await connection.opened();
  const trips = await Promise.all([connection.probe(), connection.probe(), connection.probe()]);
  for (const trip of trips) assert.ok(trip >= 0 && trip < 5000);
  assert.equal(connection.stats.lastRoundTrip, trips.at(-1));
  const peer = await server.peer();
  assert.equal(peer.received.entries.filter(({ type }) => type === "ping").length, 3);
  // The pongs reach the module as any other.
  assert.equal(recorder.all("handleControl").length, 3);
});

test("probe() finds a dead link at once, whatever the pingInterval: it rejects, and the connection is made anew", async () => {
  await using server = await WsServer.start({ autoPong: false });
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { pingInterval: 0, pongTimeout: 40 });
  await connection.opened();
  await assert.rejects(connection.probe(), /dead/);
  assert.equal((await recorder.call("handleError")).given[0].reason, "pong_timeout");
  await recorder.call("handleConnect", 2);
});

test("probe() rejects when there is nothing to probe, and when the connection ends first", async () => {
  await using server = await WsServer.start({ autoPong: false });
  await using connection = launch(server, new Recorder<null>({ handleDisconnect: () => stop() }), null);
  await assert.rejects(connection.probe(), /connecting, so there is nothing to probe/);
  await connection.opened();
  const ended = assert.rejects(connection.probe(), /ended before the probe was answered/);
  (await server.peer()).socket.close(1000);
  await ended;
  await connection.exited;
  await assert.rejects(connection.probe(), /terminated, so there is nothing to probe/);
});

test("probe() while handleConnect is pending says so: nothing goes out before its replies", async () => {
  await using server = await WsServer.start();
  const held = gate();
  const recorder = new Recorder<null>({
    handleConnect: (_status, _headers, state) => held.promise.then(() => ok(state)),
  });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  await assert.rejects(connection.probe(), /handleConnect hasn't answered yet/);
  held.open();
  await recorder.call("handleConnect");
  await new Promise(setImmediate);
  assert.ok((await connection.probe()) >= 0);
});

test("after its end a connection does nothing and says so", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  const connection = launch(server, recorder, null);
  await connection.opened();
  await connection.stop("done");
  const calls = recorder.lines.length;
  assert.equal(connection.send("x"), "dropped");
  connection.close();
  connection.info("x");
  connection.reconnect();
  assert.equal(await connection.stop("again"), "done");
  assert.equal(await connection.exited, "done");
  assert.equal(connection.status, "terminated");
  assert.equal(Fresh.isOpen(connection), false);
  assert.equal(recorder.lines.length, calls);
  assert.equal(server.requests.entries.length, 1);
});
