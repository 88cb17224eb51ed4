/** What is read while a callback is busy, and how long a message may be, against the `ws` package's server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Connection, type InboxOptions, ok, reconnect, reply, stop } from "../../src/index.ts";
import { gate, launch, Recorder } from "./fixtures.ts";
import { type WsPeer, WsServer } from "./ws-server.ts";

/** Sends numbered messages of a size, all at once: what the client doesn't read waits on the server's side. */
function flood({ socket }: WsPeer, count: number, size: number): void {
  for (let number = 0; number < count; number += 1) socket.send(String(number).padEnd(size, "."));
}

/** Resolves once nothing more is read from the socket. */
async function readingStopped(connection: Pick<Connection, "stats">): Promise<void> {
  for (let before = -1; before !== connection.stats.bytesReceived; ) {
    before = connection.stats.bytesReceived;
    await delay(60);
  }
}

// One read of a socket, and what Node keeps ready behind it.
const READ_AHEAD = 3 * 65_536;

test("a flood meets a bounded inbox: reading pauses, memory doesn't grow, and nothing is lost", async (t) => {
  const size = 10_000;
  const bounds: readonly (readonly [string, InboxOptions | undefined, number])[] = [
    ["by default", undefined, 64 * size],
    ["maxMessages", { maxMessages: 5 }, 5 * size],
    ["maxBytes", { maxMessages: 100_000, maxBytes: 100_000 }, 100_000],
    ["one message", { maxMessages: 1 }, size],
  ];
  for (const [name, inbox, bound] of bounds) {
    await t.test(name, async () => {
      await using server = await WsServer.start();
      const [begin, done] = [gate(), gate()];
      const count = 2000;
      const numbers: number[] = [];
      const recorder = new Recorder<number>({
        handleIn: async ({ data }, state) => {
          if (state === 0) await begin.promise;
          numbers.push(Number.parseInt(String(data), 10));
          if (numbers.length === count) done.open();
          return ok(state + 1);
        },
      });
      await using connection = launch(server, recorder, 0, inbox === undefined ? {} : { inbox });
      await connection.opened();
      const peer = await server.peer();
      flood(peer, count, size);
      await recorder.call("handleIn");
      await readingStopped(connection);
      const { bytesReceived, framesReceived } = connection.stats;
      assert.ok(bytesReceived <= bound + size + READ_AHEAD, `${bytesReceived} bytes were read for a bound of ${bound}`);
      assert.ok(framesReceived * size <= bound + 2 * size, `${framesReceived} frames were taken`);
      assert.ok(peer.socket.bufferedAmount > 0, "the rest waits at the server");
      begin.open();
      await done.promise;
      assert.deepEqual(
        numbers,
        Array.from({ length: count }, (_, number) => number),
      );
    });
  }
});

test("a flood towards a synchronous callback is never paused and arrives whole, in order", async () => {
  await using server = await WsServer.start();
  const done = gate();
  const count = 50_000;
  const recorder = new Recorder<number>({
    handleIn: ({ data }, expected) => {
      assert.equal(Number.parseInt(String(data), 10), expected);
      if (expected === count - 1) done.open();
      return ok(expected + 1);
    },
  });
  await using connection = launch(server, recorder, 0, { inbox: { maxMessages: 1 } });
  await connection.opened();
  flood(await server.peer(), count, 20);
  await done.promise;
  assert.equal(recorder.all("handleIn").length, count);
});

test("pings are answered while the inbox has room, and once it has room again", async () => {
  await using server = await WsServer.start();
  const asked = gate();
  const recorder = new Recorder<null>({
    handleIn: async () => {
      await asked.promise;
      return ok(null);
    },
  });
  await using connection = launch(server, recorder, null, { inbox: { maxMessages: 4 } });
  await connection.opened();
  const peer = await server.peer();
  peer.socket.send("busy from here on");
  peer.socket.ping("there is room");
  await peer.next("pong");
  for (const text of ["2", "3", "4", "5"]) peer.socket.send(text);
  peer.socket.ping("no room");
  await readingStopped(connection);
  assert.deepEqual(peer.lines, ['pong "there is room"']);
  asked.open();
  assert.equal((await peer.next("pong", 2)).data.toString(), "no room");
  await recorder.call("handleControl", 2);
  assert.equal(recorder.all("handleIn").length, 5);
});

test("what was read while paused comes before the end of the connection", async () => {
  await using server = await WsServer.start();
  const asked = gate();
  const recorder = new Recorder<null>({
    handleIn: async () => {
      await asked.promise;
      return ok(null);
    },
    handleDisconnect: () => stop(),
  });
  await using connection = launch(server, recorder, null, { inbox: { maxMessages: 2 } });
  await connection.opened();
  const peer = await server.peer();
  flood(peer, 20, 5);
  peer.socket.close(1000, "end");
  await readingStopped(connection);
  asked.open();
  await connection.exited;
  assert.equal(recorder.all("handleIn").length, 20);
  assert.deepEqual(recorder.lines.slice(-2), ["handleDisconnect 1000 end", "handleTerminate normal"]);
});

test("an inbox that was full when its connection was left bounds the next connection too", async () => {
  const size = 10_000;
  await using server = await WsServer.start({ onConnection: (peer) => flood(peer, 500, size) });
  const [first, second] = [gate(), gate()];
  const recorder = new Recorder<null>({
    handleConnect: () => ok(null),
    handleIn: async (_frame, _state, self) => {
      await (self.stats.opens === 1 ? first : second).promise;
      return self.stats.opens === 1 ? reply("\ud800", null) : ok(null);
    },
    // What waits of the connection that is left is thrown away.
    handleError: () => reconnect(),
  });
  await using connection = launch(server, recorder, null, { inbox: { maxMessages: 4 } });
  await recorder.call("handleIn", 1);
  await readingStopped(connection);
  first.open();
  await recorder.call("handleIn", 2);
  const before = connection.stats.framesReceived;
  await readingStopped(connection);
  assert.ok(
    connection.stats.framesReceived - before <= 6,
    `${connection.stats.framesReceived - before} frames were taken`,
  );
  second.open();
});

test("maxMessageSize and maxFragments take what is just within them; 0 and Infinity take anything", async (t) => {
  const limits = [
    { maxMessageSize: 5000, maxFragments: 5 },
    { maxMessageSize: 0, maxFragments: 0 },
    { maxMessageSize: Number.POSITIVE_INFINITY, maxFragments: Number.POSITIVE_INFINITY },
  ];
  for (const options of limits) {
    await t.test(JSON.stringify(options), async () => {
      await using server = await WsServer.start();
      const recorder = new Recorder<null>();
      await using connection = launch(server, recorder, null, options);
      await connection.opened();
      const { socket } = await server.peer();
      socket.send(Buffer.alloc(5000));
      for (let fragment = 1; fragment <= 5; fragment += 1) socket.send(Buffer.alloc(1000), { fin: fragment === 5 });
      await recorder.call("handleIn", 2);
      const lengths = recorder.all("handleIn").map(({ given }) => given[0].data.length);
      assert.deepEqual(lengths, [5000, 5000]);
    });
  }
});

test("a message longer than maxMessageSize is refused before memory is taken for it", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleError: () => stop() });
  await using connection = launch(server, recorder, null, { maxMessageSize: 1000 });
  await connection.opened();
  const { tcp } = await server.peer();
  // The header alone, of a message of 2⁴⁰ bytes.
  tcp.write(Buffer.from([0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0]));
  await connection.exited;
  assert.equal((await recorder.call("handleError")).given[0].closeCode, 1009);
});
