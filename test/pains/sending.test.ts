/** The pains with slow ends and with what waits (11 to 15), each a test; against the `ws` package's server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Connection, type DropCause, ignore, ok, type SendResult } from "../../src/index.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { gate, launch, Recorder } from "../fresh/fixtures.ts";
import { type WsPeer, WsServer } from "../fresh/ws-server.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const SIZE = 8 * KiB;
/** More than any system's socket buffers take. */
const MOST_SENDS = (64 * MiB) / SIZE;

const message = (number: number): string => String(number).padEnd(SIZE, ".");
const numbersAt = (peer: WsPeer): readonly number[] =>
  peer.received.entries.flatMap((entry) => (entry.type === "text" ? [Number.parseInt(entry.data.toString(), 10)] : []));

/** Sends as any loop does that looks at nothing, for as long as there is room, and a little longer. */
async function flood(connection: Connection<null>): Promise<readonly SendResult[]> {
  const answers: SendResult[] = [];
  while (answers.at(-1) !== "dropped" && answers.length < MOST_SENDS) {
    answers.push(connection.send(message(answers.length)));
    if (answers.length % 10 === 0) await new Promise(setImmediate);
  }
  return answers;
}

/** A connection that is down, and stays so until it is told to reconnect. */
async function down(server: WsServer, options: Parameters<typeof launch<null>>[3] = {}) {
  const recorder = new Recorder<null>({ handleDisconnect: () => ignore(null) });
  const connection = launch(server, recorder, null, options);
  await connection.opened();
  connection.close();
  await recorder.call("handleDisconnect");
  connection.info("settled");
  await recorder.call("handleInfo");
  assert.equal(connection.status, "idle");
  return connection;
}

test("pain 11: slow consumer: reading pauses at the inbox's bound, the rest waits at the server, and nothing is lost", async () => {
  const count = 5000;
  await using server = await WsServer.start({
    onConnection: ({ socket }) => {
      for (let number = 0; number < count; number += 1) socket.send(message(number));
    },
  });
  const done = gate();
  const numbers: number[] = [];
  let mostWaiting = 0;
  const recorder = new Recorder<null>({
    async handleIn({ data }, _state, self) {
      mostWaiting = Math.max(mostWaiting, self.stats.framesReceived - numbers.length);
      await new Promise(setImmediate);
      numbers.push(Number.parseInt(String(data), 10));
      if (numbers.length === count) done.open();
      return ok(null);
    },
  });
  await using _connection = launch(server, recorder, null, { inbox: { maxMessages: 16 } });
  await done.promise;
  assert.ok(mostWaiting > 1 && mostWaiting <= 17, `${mostWaiting} messages waited`);
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_, number) => number),
  );
});

test("pain 12: send has no brake: it says queued, then dropped, long before memory is gone, and drain says when to go on", async () => {
  await using server = await WsServer.start();
  await using connection = launch(server, new Recorder<null>(), null, {
    sendBuffer: 256 * KiB,
    outbox: { maxBytes: 256 * KiB },
  });
  await connection.opened();
  const peer = await server.peer();
  peer.tcp.pause();
  const answers = await flood(connection);
  assert.equal(answers.at(-1), "dropped");
  assert.equal(answers.at(-2), "queued");
  assert.ok(connection.bufferedAmount <= 512 * KiB + SIZE + 8, `${connection.bufferedAmount} bytes`);
  assert.equal(connection.status, "open", "a slow peer isn't thrown out for it");
  peer.tcp.resume();
  await connection.drain();
  assert.equal(connection.send("go on"), "sent");
  await peer.next("text", answers.length);
  assert.deepEqual(
    numbersAt(peer).slice(0, -1),
    answers.slice(0, -1).map((_, number) => number),
  );
});

test("pain 13: bufferedAmount lies: it counts bytes, not characters, in every layer, falls to 0, and stays there after the end", async () => {
  await using server = await WsServer.start();
  const connection = await down(server);
  connection.send("€".repeat(10));
  connection.send(new Uint8Array(5));
  assert.equal(connection.bufferedAmount, 35, "in the outbox: UTF-8");
  connection.reconnect();
  await connection.opened();
  await connection.drain();
  assert.equal(connection.bufferedAmount, 0);
  const peer = server.peers.entries.at(-1) as WsPeer;
  await peer.next("binary");
  peer.tcp.pause();
  const [read, written] = [peer.tcp.bytesRead, connection.stats.bytesSent];
  const answers = await flood(connection);
  const sent = answers.filter((answer) => answer === "sent").length;
  const queued = answers.filter((answer) => answer === "queued").length;
  const { bytesSent } = connection.stats;
  // Header and mask are eight bytes for a message of this length.
  assert.equal(connection.bufferedAmount + bytesSent - written, sent * (SIZE + 8) + queued * SIZE);
  peer.tcp.resume();
  await connection.drain();
  await peer.next("text", sent + queued + 1);
  assert.equal(
    peer.tcp.bytesRead - read,
    (sent + queued) * (SIZE + 8),
    "what the server has read is what was accepted",
  );
  await connection.stop();
  for (let more = 0; more < 3; more += 1) {
    connection.send("after the end");
    assert.equal(connection.bufferedAmount, 0);
  }
});

test("pain 14: offline queue: bounded by count, bytes and age, and every message's outcome is told", async () => {
  await using server = await WsServer.start();
  const clock = new FakeClock();
  const told: string[] = [];
  const onDrop = (frame: { readonly type: string }, cause: DropCause): void => {
    told.push(`${"data" in frame ? frame.data : frame.type} ${cause}`);
  };
  const connection = await down(server, { clock, onDrop, outbox: { maxMessages: 4, maxBytes: 20, maxAge: 1000 } });
  const answers = ["1", "22", "333", "x".repeat(20), "4444", "5"].map((data) => connection.send(data));
  assert.deepEqual(answers, ["queued", "queued", "queued", "dropped", "queued", "dropped"]);
  clock.advance(999);
  assert.deepEqual(told, [], "what was refused at once, the caller knows");
  clock.advance(1);
  assert.deepEqual(told, ["1 expired", "22 expired", "333 expired", "4444 expired"]);
  assert.equal(connection.send("fresh"), "queued");
  assert.equal(connection.send("not for later", { whenClosed: "drop" }), "dropped");
  connection.reconnect();
  await connection.opened();
  connection.send("the end");
  const peer = server.peers.entries.at(-1) as WsPeer;
  await peer.text(2);
  assert.deepEqual(peer.lines, ['text "fresh"', 'text "the end"']);
  await connection.stop();
  const { expired, overflow, closed } = connection.stats.dropped;
  assert.deepEqual({ expired, overflow, closed }, { expired: 4, overflow: 2, closed: 1 });
});

test("pain 15: a timed-out message never goes out, and what waits goes out only behind handleConnect's login", async () => {
  await using server = await WsServer.start();
  const clock = new FakeClock();
  const login = gate();
  const told: string[] = [];
  const recorder = new Recorder<null>({
    async handleConnect(_status, _headers, _state, self) {
      if (self.stats.opens === 1) return ok(null);
      await login.promise;
      return { type: "reply", frames: "login", state: null };
    },
    handleDisconnect: () => ignore(null),
  });
  const connection = launch(server, recorder, null, {
    clock,
    onDrop: (frame, cause) => told.push(`${"data" in frame ? frame.data : ""} ${cause}`),
  });
  await connection.opened();
  connection.close();
  await recorder.call("handleDisconnect");
  connection.info("settled");
  await recorder.call("handleInfo");
  connection.send("an order for now", { ttl: 200 });
  connection.send("an order for later");
  connection.reconnect();
  await connection.opened();
  // Open, and the login still being asked for: what expires meanwhile doesn't go out either.
  clock.advance(200);
  assert.deepEqual(told, ["an order for now expired"]);
  connection.send("an order behind it");
  login.open();
  const peer = server.peers.entries.at(-1) as WsPeer;
  await peer.text(3);
  assert.deepEqual(peer.lines, ['text "login"', 'text "an order for later"', 'text "an order behind it"']);
  await connection.stop();
});
