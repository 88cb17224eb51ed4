/** Sending: what becomes of a frame, the outbox and its bounds, drain and bufferedAmount; against the `ws` package's server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  binary,
  type ConnectionOptions,
  type DropCause,
  type Frame,
  type FrameLike,
  Fresh,
  ignore,
  type OutboxOptions,
  ok,
  stop,
  TerminatedError,
  text,
} from "../../src/index.ts";
import { gate, Log, launch, Recorder } from "./fixtures.ts";
import { Ledger } from "./ledger.ts";
import { WsServer } from "./ws-server.ts";

type Dropped = { readonly frame: Frame; readonly cause: DropCause; readonly self: unknown };

/** Keeps what onDrop is told. */
function drops() {
  const ledger = new Ledger<Dropped>(
    ({ frame, cause }) => `${frame.type === "text" ? frame.data : frame.type} ${cause}`,
  );
  const onDrop: NonNullable<ConnectionOptions["onDrop"]> = (frame, cause, self) => ledger.add({ frame, cause, self });
  return { ledger, onDrop, nth: (number: number) => ledger.nth(number, (_): _ is Dropped => true, "a drop") };
}

/** Starts a connection that goes idle at once, so that all it is sent stays in the outbox until reconnect(). */
async function idle(server: WsServer, options: Parameters<typeof launch>[3] = {}) {
  const recorder = new Recorder<unknown>({ handleDisconnect: () => ignore(null) });
  const connection = launch(server, recorder, null as unknown, options);
  connection.close();
  await recorder.call("handleDisconnect");
  connection.info("settled");
  await recorder.call("handleInfo");
  assert.equal(connection.status, "idle");
  return { connection, recorder };
}

/** What the server gets once the connection has come up again. */
async function delivered(server: WsServer, connection: Awaited<ReturnType<typeof idle>>["connection"]) {
  connection.reconnect();
  await connection.opened();
  connection.send("the end");
  // Abandoned attempts may have reached the server too; this is the one that opened.
  const peer = server.peers.entries.at(-1) ?? (await server.peer());
  await peer.received.nth(
    1,
    (entry): entry is typeof entry => entry.type === "text" && entry.data.toString() === "the end",
    "the end",
  );
  return peer.lines.slice(0, -1);
}

test('send answers "sent" while open, and the frame arrives', async () => {
  await using server = await WsServer.start();
  await using connection = launch(server, new Recorder<null>(), null);
  await connection.opened();
  const frames: readonly FrameLike[] = [
    "a",
    text("b"),
    new Uint8Array([1]),
    binary(new Uint8Array(2)),
    { type: "ping", data: new Uint8Array() },
  ];
  for (const frame of frames) assert.equal(connection.send(frame), "sent");
  const peer = await server.peer();
  await peer.next("ping");
  assert.deepEqual(peer.lines, ['text "a"', 'text "b"', "binary 1", "binary 2", 'ping ""']);
  assert.equal(connection.stats.framesSent, 5);
});

test("messages of every length form arrive whole", async () => {
  await using server = await WsServer.start();
  await using connection = launch(server, new Recorder<null>(), null);
  await connection.opened();
  const peer = await server.peer();
  const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 3_000_000];
  for (const length of lengths) connection.send(new Uint8Array(length).fill(length % 251));
  await peer.next("binary", lengths.length);
  const data = peer.received.entries.flatMap((entry) => (entry.type === "binary" ? [entry.data] : []));
  assert.deepEqual(
    data.map(({ length }) => length),
    lengths,
  );
  assert.ok(data.every((bytes) => bytes.every((byte) => byte === bytes.length % 251)));
});

test("the caller may change its bytes as soon as send has returned, and they are never changed for it", async (t) => {
  for (const where of ["sent", "queued"] as const) {
    await t.test(where, async () => {
      await using server = await WsServer.start();
      await using connection = launch(server, new Recorder<null>(), null);
      if (where === "sent") await connection.opened();
      const bytes = new Uint8Array([1, 2, 3, 4, 5]);
      assert.equal(connection.send(bytes), where);
      assert.deepEqual([...bytes], [1, 2, 3, 4, 5]);
      bytes.fill(9);
      const { data } = await (await server.peer()).next("binary");
      assert.deepEqual([...data], [1, 2, 3, 4, 5]);
      assert.deepEqual([...bytes], [9, 9, 9, 9, 9]);
    });
  }
});

test('send answers "queued" while connecting, waiting and idle, and the frames go out at the next open, in order', async () => {
  await using server = await WsServer.start();
  const { connection } = await idle(server);
  await using _connection = connection;
  assert.equal(connection.send("one"), "queued");
  assert.equal(connection.send(new Uint8Array(2)), "queued");
  connection.reconnect();
  assert.equal(connection.status, "connecting");
  assert.equal(connection.send("three"), "queued");
  assert.equal(connection.stats.framesSent, 0);
  assert.deepEqual(await delivered(server, connection), ['text "one"', "binary 2", 'text "three"']);
  // The fourth is the one that says the end.
  assert.equal(connection.stats.framesSent, 4);
});

test("frames that are queued survive failed attempts", async () => {
  await using server = await WsServer.start({ refuse: (number) => (number < 4 ? { status: 503 } : undefined) });
  await using connection = launch(server, new Recorder<null>(), null);
  connection.send("patient");
  assert.equal(await (await server.peer()).text(), "patient");
  assert.equal(connection.stats.attempts, 4);
});

test('send answers "dropped" for { whenClosed: "drop" } while not open, and "sent" while open', async () => {
  await using server = await WsServer.start();
  await using connection = launch(server, new Recorder<null>(), null);
  assert.equal(connection.send("now or never", { whenClosed: "drop" }), "dropped");
  assert.equal(connection.send("later", { whenClosed: "queue" }), "queued");
  assert.equal(connection.stats.dropped.closed, 1);
  await connection.opened();
  assert.equal(connection.send("now", { whenClosed: "drop" }), "sent");
  const peer = await server.peer();
  await peer.text(2);
  assert.deepEqual(peer.lines, ['text "later"', 'text "now"']);
});

test("outbox: false drops everything while not open", async () => {
  await using server = await WsServer.start();
  const { connection } = await idle(server, { outbox: false });
  await using _connection = connection;
  assert.equal(connection.send("lost"), "dropped");
  assert.equal(connection.stats.dropped.closed, 1);
  assert.deepEqual(await delivered(server, connection), []);
});

test("a full outbox rejects what finds no room", async (t) => {
  const bounds: readonly (readonly [string, OutboxOptions])[] = [
    ["maxMessages", { maxMessages: 2 }],
    ["maxBytes", { maxBytes: 7 }],
  ];
  for (const [name, outbox] of bounds) {
    await t.test(name, async () => {
      await using server = await WsServer.start();
      const { ledger, onDrop } = drops();
      const { connection } = await idle(server, { outbox, onDrop });
      await using _connection = connection;
      // "é" is two bytes of UTF-8.
      assert.deepEqual(
        ["éé", "abc", "de"].map((frame) => connection.send(frame)),
        ["queued", "queued", "dropped"],
      );
      assert.equal(connection.bufferedAmount, 7);
      assert.equal(connection.stats.dropped.overflow, 1);
      // The caller was told by the answer.
      assert.deepEqual(ledger.lines, []);
      assert.deepEqual(await delivered(server, connection), ['text "éé"', 'text "abc"']);
    });
  }
});

test('overflow: "drop-oldest" pushes out the oldest and tells onDrop', async () => {
  await using server = await WsServer.start();
  const { ledger, onDrop } = drops();
  const { connection } = await idle(server, {
    outbox: { maxMessages: 2, maxBytes: 10, overflow: "drop-oldest" },
    onDrop,
  });
  await using _connection = connection;
  assert.equal(connection.send("1"), "queued");
  assert.equal(connection.send("2"), "queued");
  assert.equal(connection.send("3"), "queued");
  assert.deepEqual(ledger.lines, ["1 overflow"]);
  assert.equal(connection.send("x".repeat(10)), "queued");
  assert.deepEqual(ledger.lines, ["1 overflow", "2 overflow", "3 overflow"]);
  // What would fit into no empty outbox pushes nothing out.
  assert.equal(connection.send("y".repeat(11)), "dropped");
  assert.equal(ledger.entries.length, 3);
  assert.equal(ledger.entries[0]?.self, connection);
  assert.equal(connection.stats.dropped.overflow, 4);
  assert.deepEqual(await delivered(server, connection), [`text "${"x".repeat(10)}"`]);
});

test("a frame that has waited longer than maxAge, or its own ttl, expires: counted, told to onDrop, never sent", async () => {
  await using server = await WsServer.start();
  const { ledger, onDrop, nth } = drops();
  const { connection } = await idle(server, { outbox: { maxAge: 60 }, onDrop });
  await using _connection = connection;
  const before = performance.now();
  connection.send("by maxAge");
  connection.send("by ttl", { ttl: 10 });
  connection.send("ttl is no longer than maxAge", { ttl: 60_000 });
  assert.equal((await nth(1)).cause, "expired");
  assert.deepEqual(ledger.lines, ["by ttl expired"]);
  await nth(3);
  assert.ok(performance.now() - before >= 59);
  assert.deepEqual(ledger.lines, ["by ttl expired", "by maxAge expired", "ttl is no longer than maxAge expired"]);
  assert.equal(connection.stats.dropped.expired, 3);
  assert.equal(connection.bufferedAmount, 0);
  assert.deepEqual(await delivered(server, connection), []);
});

test("a ttl doesn't concern a frame that is sent at once", async () => {
  await using server = await WsServer.start();
  await using connection = launch(server, new Recorder<null>(), null);
  await connection.opened();
  assert.equal(connection.send("now", { ttl: 0 }), "sent");
  assert.equal(await (await server.peer()).text(), "now");
});

test("what is left in the outbox at the end is told to onDrop as terminated", async () => {
  await using server = await WsServer.start();
  const { ledger, onDrop } = drops();
  const { connection } = await idle(server, { onDrop });
  connection.send("1");
  connection.send("2");
  await connection.stop();
  assert.deepEqual(ledger.lines, ["1 terminated", "2 terminated"]);
  assert.equal(connection.stats.dropped.terminated, 2);
  assert.equal(connection.bufferedAmount, 0);
  assert.equal(connection.send("3"), "dropped");
  assert.equal(connection.stats.dropped.terminated, 3);
});

test("a cause of drops is logged once until the next open, and every drop is counted", async () => {
  await using server = await WsServer.start();
  const log = new Log();
  const { connection } = await idle(server, { outbox: { maxMessages: 1 }, logger: log });
  await using _connection = connection;
  for (let sent = 0; sent < 5; sent += 1) connection.send("x");
  const lines = () => log.messages("error").filter((message) => message.includes("being dropped (overflow)"));
  assert.equal(lines().length, 1);
  assert.equal(connection.stats.dropped.overflow, 4);
  connection.reconnect();
  await connection.opened();
  connection.close();
  connection.send("y");
  connection.send("y");
  assert.equal(lines().length, 2);
});

test("an onDrop that throws is logged and changes nothing", async () => {
  await using server = await WsServer.start();
  const log = new Log();
  const { connection } = await idle(server, {
    outbox: { maxMessages: 1, overflow: "drop-oldest" },
    logger: log,
    onDrop: () => {
      throw new Error("onDrop's own fault");
    },
  });
  await using _connection = connection;
  connection.send("1");
  assert.equal(connection.send("2"), "queued");
  assert.ok(log.messages("error").some((message) => message.includes("onDrop's own fault")));
  assert.deepEqual(await delivered(server, connection), ['text "2"']);
});

test("while closing, sends wait for the next open", async () => {
  await using server = await WsServer.start();
  await using connection = launch(server, new Recorder<null>(), null);
  await connection.opened();
  connection.close();
  assert.equal(connection.send("for the next one"), "queued");
  assert.equal(await (await server.peer(2)).text(), "for the next one");
  assert.deepEqual((await server.peer(1)).lines, ["close 1000"]);
});

test("a close frame given to send closes, as close() does", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  assert.equal(connection.send({ type: "close", code: 4000, reason: "by send" }), "sent");
  assert.equal(connection.status, "closing");
  const peer = await server.peer();
  await peer.closed;
  assert.deepEqual(peer.lines, ["close 4000 by send"]);
  await connection.exited;
  assert.equal(connection.send({ type: "close" }), "dropped");
});

test("bufferedAmount counts what the system hasn't taken, and drain resolves when it has", async () => {
  await using server = await WsServer.start();
  await using connection = launch(server, new Recorder<null>(), null);
  await connection.opened();
  assert.equal(connection.bufferedAmount, 0);
  await connection.drain();
  const peer = await server.peer();
  peer.tcp.pause();
  while (connection.bufferedAmount < 4_000_000) {
    connection.send(new Uint8Array(1_000_000));
    await new Promise(setImmediate);
  }
  let isDrained = false;
  const drained = connection.drain().then(() => {
    isDrained = true;
  });
  await new Promise(setImmediate);
  assert.equal(isDrained, false);
  peer.tcp.resume();
  await drained;
  assert.equal(connection.bufferedAmount, 0);
});

test("drain waits for the outbox too: until it has gone out, or will never go", async (t) => {
  await t.test("gone out", async () => {
    await using server = await WsServer.start();
    const { connection } = await idle(server);
    await using _connection = connection;
    connection.send("x");
    const drained = connection.drain();
    connection.reconnect();
    await drained;
    assert.equal(connection.bufferedAmount, 0);
    assert.equal(await (await server.peer(server.peers.entries.length || 1)).text(), "x");
  });
  await t.test("expired", async () => {
    await using server = await WsServer.start();
    const { connection } = await idle(server, { outbox: { maxAge: 20 } });
    await using _connection = connection;
    connection.send("x");
    await connection.drain();
    assert.equal(connection.stats.dropped.expired, 1);
  });
  await t.test("terminated", async () => {
    await using server = await WsServer.start();
    const { connection } = await idle(server);
    connection.send("x");
    const refused = assert.rejects(connection.drain(), TerminatedError);
    await connection.stop();
    await refused;
  });
  await t.test("its signal aborts", async () => {
    await using server = await WsServer.start();
    const { connection } = await idle(server);
    await using _connection = connection;
    connection.send("x");
    const controller = new AbortController();
    const refused = assert.rejects(connection.drain({ signal: controller.signal }), /enough/);
    controller.abort(new Error("enough"));
    await refused;
    await assert.rejects(connection.drain({ signal: controller.signal }), /enough/);
  });
});

test("drain waits as long as frames do: in an idle connection until somebody reconnects; once terminated there is nothing to wait for", async () => {
  await using server = await WsServer.start();
  const { connection } = await idle(server, { outbox: { maxAge: Number.POSITIVE_INFINITY } });
  connection.send("patient");
  let isDrained = false;
  const drained = connection.drain().then(() => {
    isDrained = true;
  });
  connection.info("and no reconnect");
  await new Promise(setImmediate);
  assert.equal(isDrained, false);
  connection.reconnect();
  await drained;
  connection.close();
  await connection.stop();
  await connection.drain();
});

test("drain rejects with casting_failed when frames that it waits for are lost", async () => {
  await using server = await WsServer.start();
  await using connection = launch(server, new Recorder<null>(), null);
  await connection.opened();
  const peer = await server.peer();
  peer.tcp.pause();
  while (connection.bufferedAmount === 0) {
    connection.send(new Uint8Array(100_000));
    await new Promise(setImmediate);
  }
  const lost = assert.rejects(connection.drain(), { kind: "casting_failed" });
  peer.reset();
  await lost;
  assert.ok(connection.stats.dropped.lost > 0);
});

test("a send within a callback is the connection's own: in order, and answered the same", async () => {
  await using server = await WsServer.start();
  const answers: string[] = [];
  const done = gate();
  const recorder = new Recorder<null>({
    handleConnect: (_status, _headers, _state, self) => {
      answers.push(self.send("from handleConnect"));
      return ok(null);
    },
    handleTerminate: (_reason, _state, self) => {
      answers.push(self.send("from handleTerminate"));
      done.open();
    },
  });
  const connection = launch(server, recorder, null);
  answers.push(connection.send("queued before"));
  const peer = await server.peer();
  await peer.text(2);
  await connection.stop();
  await done.promise;
  assert.deepEqual(answers, ["queued", "sent", "dropped"]);
  assert.deepEqual(peer.lines.slice(0, 2), ['text "from handleConnect"', 'text "queued before"']);
});

test("Fresh.send, close, info and isOpen take a connection or its name", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  await using connection = launch(server, recorder, null, { name: "sending-by-name" });
  assert.equal(Fresh.isOpen("sending-by-name"), false);
  await connection.opened();
  assert.equal(Fresh.isOpen("sending-by-name"), true);
  assert.equal(Fresh.isOpen(connection), true);
  assert.equal(Fresh.send("sending-by-name", "a"), "sent");
  assert.equal(Fresh.send(connection, "b", { whenClosed: "drop" }), "sent");
  Fresh.info("sending-by-name", "message");
  Fresh.close("sending-by-name", 4000, "by name");
  await connection.exited;
  const peer = await server.peer();
  await peer.closed;
  assert.deepEqual(peer.lines, ['text "a"', 'text "b"', "close 4000 by name"]);
  assert.equal(recorder.lines[1], 'handleInfo "message"');
});

test("Fresh.close closes with 1000 and no reason unless told otherwise", async () => {
  await using server = await WsServer.start();
  await using connection = launch(server, new Recorder<null>({ handleDisconnect: () => stop() }), null);
  await connection.opened();
  Fresh.close(connection);
  assert.deepEqual(await (await server.peer()).closed, { type: "close", code: 1000, reason: "" });
});
