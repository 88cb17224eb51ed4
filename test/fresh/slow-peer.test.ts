/** A peer that stops reading: what becomes of what is sent to it meanwhile; against the `ws` package's server. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Connection, type DropCause, type Options, ok, reply, type SendResult, stop } from "../../src/index.ts";
import { gate, Log, launch, Recorder } from "./fixtures.ts";
import { type WsPeer, WsServer } from "./ws-server.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
/** A small buffer, so that tests are quick: the system's own buffers are the larger part of what it takes to fill it. */
const SMALL = { sendBuffer: 256 * KiB, outbox: { maxMessages: 20, maxBytes: MiB } } as const;
const SIZE = 8 * KiB;

/** The system takes some MiB before a connection feels that its peer doesn't read; more than this it never takes. */
const MOST_SENDS = (64 * MiB) / SIZE;

/** A message that says its number. */
const numbered = (number: number): string => String(number).padEnd(SIZE, ".");

/** A connection whose server has stopped reading. */
async function stalled(server: WsServer, recorder: Recorder<null>, options: Options<null> = {}) {
  const connection = launch(server, recorder, null, { ...SMALL, ...options });
  await connection.opened();
  const peer = await server.peer();
  peer.tcp.pause();
  return { connection, peer };
}

/** Sends numbered messages, in turns of the event loop so that the system can take them, until a send is answered so. */
async function sendUntil(
  wanted: SendResult,
  connection: Connection<null>,
  from = 0,
): Promise<{ readonly answers: readonly SendResult[]; readonly next: number }> {
  const answers: SendResult[] = [];
  while (answers.at(-1) !== wanted) {
    assert.ok(answers.length < MOST_SENDS, `no send was answered "${wanted}"`);
    answers.push(connection.send(numbered(from + answers.length)));
    if (answers.length % 10 === 0) await new Promise(setImmediate);
  }
  return { answers, next: from + answers.length };
}

const file = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url)), "utf8");
const CERTIFICATE = { key: file("server.key"), cert: file("server.crt") };

/** The numbers of the messages that a peer has received. */
const numbersAt = (peer: WsPeer): readonly number[] =>
  peer.received.entries.flatMap((entry) => (entry.type === "text" ? [Number.parseInt(entry.data.toString(), 10)] : []));
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, number) => number);

test('sends to a peer that doesn\'t read are "sent", then "queued", then "dropped"; when it reads, all that was accepted arrives in order', async () => {
  await using server = await WsServer.start();
  const log = new Log();
  const { connection, peer } = await stalled(server, new Recorder<null>(), { logger: log });
  await using _connection = connection;
  const { answers } = await sendUntil("dropped", connection);
  const accepted = answers.length - 1;
  const sent = answers.lastIndexOf("sent") + 1;
  assert.deepEqual(answers, [
    ...Array(sent).fill("sent"),
    ...Array(SMALL.outbox.maxMessages).fill("queued"),
    "dropped",
  ]);
  const bound = SMALL.sendBuffer + SMALL.outbox.maxBytes + SIZE;
  assert.ok(connection.bufferedAmount <= bound, `${connection.bufferedAmount} bytes`);
  for (let more = 0; more < 100; more += 1) assert.equal(connection.send("more"), "dropped");
  assert.equal(connection.stats.dropped.overflow, 101);
  assert.equal(
    log.messages("error").filter((line) => line.includes("dropped (overflow) while the connection is open")).length,
    1,
  );
  const drained = connection.drain();
  peer.tcp.resume();
  await drained;
  assert.equal(connection.bufferedAmount, 0);
  assert.equal(connection.send("again"), "sent");
  await peer.next("text", accepted + 1);
  assert.deepEqual(numbersAt(peer).slice(0, -1), upTo(accepted));
  assert.equal(connection.stats.framesSent, accepted + 1);
});

test("bufferedAmount and what the server received are the two parts of what was accepted", async () => {
  await using server = await WsServer.start();
  const { connection, peer } = await stalled(server, new Recorder<null>());
  await using _connection = connection;
  const before = peer.tcp.bytesRead;
  await sendUntil("dropped", connection);
  const { bytesSent, framesSent } = connection.stats;
  const waiting = SMALL.outbox.maxMessages * SIZE;
  // Eight bytes of header and mask each, for a message of this size.
  assert.equal(connection.bufferedAmount, framesSent * (SIZE + 8) - bytesSent + waiting);
  peer.tcp.resume();
  await connection.drain();
  await peer.next("text", framesSent + SMALL.outbox.maxMessages);
  assert.equal(connection.stats.bytesSent, (framesSent + SMALL.outbox.maxMessages) * (SIZE + 8));
  assert.equal(peer.tcp.bytesRead - before, connection.stats.bytesSent);
});

test("a peer that reads on and off gets everything that was accepted, in order, and nothing else", async () => {
  await using server = await WsServer.start();
  const { connection, peer } = await stalled(server, new Recorder<null>());
  await using _connection = connection;
  const accepted: number[] = [];
  let next = 0;
  for (let turn = 0; turn < 6; turn += 1) {
    const { answers, next: following } = await sendUntil("dropped", connection, next);
    answers.forEach((answer, index) => {
      if (answer !== "dropped") accepted.push(next + index);
    });
    next = following;
    peer.tcp.resume();
    // Some of it, or all of it.
    if (turn % 3 === 0) await connection.drain();
    else await peer.next("text", numbersAt(peer).length + 5);
    peer.tcp.pause();
  }
  peer.tcp.resume();
  await connection.drain();
  await peer.next("text", accepted.length);
  assert.deepEqual(numbersAt(peer), accepted);
});

test("a message longer than sendBuffer goes out on an idle connection", async () => {
  await using server = await WsServer.start();
  await using connection = launch(server, new Recorder<null>(), null, { sendBuffer: KiB });
  await connection.opened();
  assert.equal(connection.send("x".repeat(MiB)), "sent");
  assert.equal((await (await server.peer()).text()).length, MiB);
  await connection.drain();
  assert.equal(connection.send("y"), "sent");
});

test("past sendBuffer pings, the heartbeat and a close still go out", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  const { connection, peer } = await stalled(server, recorder);
  const { answers } = await sendUntil("queued", connection);
  assert.equal(connection.send({ type: "ping", data: new Uint8Array([7]) }), "sent");
  const probe = connection.probe();
  connection.close(4000, "enough");
  peer.tcp.resume();
  await probe;
  await peer.closed;
  assert.deepEqual(peer.lines.slice(-3), ['ping "\\u0007"', 'ping "probe 1"', "close 4000 enough"]);
  assert.equal(numbersAt(peer).length, answers.length - 1);
  await connection.exited;
});

test("replies go where sends go, and one that finds no room is told to onDrop, which no caller would hear of otherwise", async () => {
  await using server = await WsServer.start();
  const told: { readonly data: unknown; readonly cause: DropCause }[] = [];
  const first = gate();
  const recorder = new Recorder<null>({
    handleInfo: (message) => reply(["small", String(message)], null),
    handleIn: () => ok(null),
  });
  const { connection } = await stalled(server, recorder, {
    outbox: { ...SMALL.outbox, maxMessages: 1 },
    onDrop: (frame, cause) => {
      told.push({ data: "data" in frame ? frame.data : undefined, cause });
      first.open();
    },
  });
  await using _connection = connection;
  await sendUntil("dropped", connection);
  assert.deepEqual(told, [], "the caller of send has his answer");
  connection.info("reply");
  await first.promise;
  assert.deepEqual(told, [
    { data: "small", cause: "overflow" },
    { data: "reply", cause: "overflow" },
  ]);
  assert.equal(connection.status, "open");
});

test("what waits for a slow peer survives its connection and goes to the next one, unless it was for this one only", async () => {
  await using server = await WsServer.start();
  const told: string[] = [];
  const { connection, peer } = await stalled(server, new Recorder<null>(), {
    onDrop: (frame, cause) => told.push(`${"data" in frame ? frame.data : ""} ${cause}`),
  });
  await using _connection = connection;
  await sendUntil("queued", connection);
  assert.equal(connection.send("now or never", { whenClosed: "drop" }), "queued");
  assert.equal(connection.send("later"), "queued");
  peer.reset();
  const next = await server.peer(2);
  assert.equal(await next.text(2), "later");
  assert.deepEqual(told, ["now or never closed"]);
  assert.equal(next.lines.length, 2);
});

test("a key's newest frame is the only one that a slow peer gets, in its place in the line", async () => {
  await using server = await WsServer.start();
  const { connection, peer } = await stalled(server, new Recorder<null>());
  await using _connection = connection;
  const { next } = await sendUntil("queued", connection);
  for (let price = 1; price <= 1000; price += 1) {
    assert.equal(connection.send(`price ${price}`, { key: "price" }), "queued");
    if (price === 500) connection.send("an order");
  }
  assert.equal(connection.stats.dropped.replaced, 999);
  peer.tcp.resume();
  await connection.drain();
  await peer.next("text", next + 2);
  const last = peer.received.entries.slice(next).map((entry) => ("data" in entry ? entry.data.toString() : ""));
  assert.deepEqual(last, ["price 1000", "an order"]);
});

test("what waits for a slow peer expires, and is told of at a stop", async () => {
  await using server = await WsServer.start();
  const told: string[] = [];
  const expired = gate();
  const { connection } = await stalled(server, new Recorder<null>(), {
    closeTimeout: 50,
    onDrop: (frame, cause) => {
      told.push(`${"data" in frame ? String(frame.data).slice(0, 5) : ""} ${cause}`);
      if (cause === "expired") expired.open();
    },
  });
  const { next } = await sendUntil("queued", connection);
  connection.send("short", { ttl: 20 });
  await expired.promise;
  assert.deepEqual(told, ["short expired"]);
  const drained = assert.rejects(connection.drain(), { kind: "casting_failed" });
  await connection.stop();
  await drained;
  assert.equal(told.length, 2);
  assert.equal(told[1], `${numbered(next - 1).slice(0, 5)} terminated`);
  assert.equal(connection.bufferedAmount, 0);
  assert.ok(connection.stats.dropped.lost > 0, "what the system hadn't taken is counted too");
  for (let more = 0; more < 3; more += 1) connection.send("after the end");
  assert.equal(connection.bufferedAmount, 0, "and it never rises again");
});

test("outbox: false drops what is sent past sendBuffer", async () => {
  await using server = await WsServer.start();
  const { connection } = await stalled(server, new Recorder<null>(), { outbox: false });
  await using _connection = connection;
  const { answers } = await sendUntil("dropped", connection);
  assert.equal(answers.includes("queued"), false);
  assert.deepEqual([connection.stats.dropped.overflow, connection.stats.dropped.closed], [1, 0]);
});

test("handleConnect's replies go out whole, and before the outbox, however small sendBuffer is", async () => {
  await using server = await WsServer.start();
  const hello = upTo(5).map((number) => `hello ${number}`.padEnd(100_000));
  const recorder = new Recorder<null>({ handleConnect: () => reply(hello, null) });
  await using connection = launch(server, recorder, null, { sendBuffer: 1 });
  for (const data of ["a", "b"]) assert.equal(connection.send(data), "queued");
  const peer = await server.peer();
  await peer.text(7);
  assert.deepEqual(
    peer.received.entries.map((entry) => ("data" in entry ? entry.data.toString().trim() : "")),
    ["hello 0", "hello 1", "hello 2", "hello 3", "hello 4", "a", "b"],
  );
});

test("frames that wait behind a full socket when the peer says goodbye are told of as casting_failed, before its end", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  const { connection, peer } = await stalled(server, recorder);
  await sendUntil("queued", connection);
  const drained = assert.rejects(connection.drain(), { kind: "casting_failed", reason: "closed" });
  // It sends, and doesn't read.
  peer.socket.close(4001, "bye");
  await recorder.call("handleDisconnect");
  await drained;
  assert.deepEqual(recorder.lines.slice(1, 3), ["handleError casting_failed closed", "handleDisconnect 4001 bye"]);
  const { framesSent, dropped } = connection.stats;
  assert.ok(dropped.lost > 0 && dropped.lost <= framesSent, `${dropped.lost} of ${framesSent}`);
  await connection.exited;
});

test("a goodbye while the peer reads loses nothing, over TLS neither", async (t) => {
  for (const tls of [undefined, CERTIFICATE]) {
    await t.test(tls === undefined ? "ws" : "wss", async () => {
      await using server = await WsServer.start(tls === undefined ? {} : { tls });
      const recorder = new Recorder<null>({
        handleIn: () => reply("x".repeat(1000), null),
        handleDisconnect: () => stop(),
      });
      const connection = launch(server, recorder, null, { transportOptions: { rejectUnauthorized: false } });
      await connection.opened();
      const peer = await server.peer();
      peer.tcp.cork();
      peer.socket.send("a question, and in the same packet");
      peer.socket.close(1000, "bye");
      peer.tcp.uncork();
      await connection.exited;
      assert.deepEqual(recorder.lines.slice(1, 3), [
        'handleIn text "a question, and in the same packet"',
        "handleDisconnect 1000 bye",
      ]);
      assert.equal(connection.stats.dropped.lost, 0);
    });
  }
});
