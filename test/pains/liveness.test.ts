/**
 * The field's pains with links that are dead, slow, or thought to be dead: numbers 1, 2, 4, 5, 6 and 29 of the list in docs/resilience.md.
 * Sockets are real. Where a wait would be long, the connection runs on a clock that the test moves.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { Heartbeat } from "../../src/connection/heartbeat.ts";
import { OPTIONS } from "../../src/connection/options.ts";
import { type Connection, ignore, type Options, ok, stop } from "../../src/index.ts";
import { FakeClock, type Peer, seededRandom, TestServer } from "../../src/testing/index.ts";
import { gate, launch, Recorder } from "../fresh/fixtures.ts";
import { accepting, acceptingPeer, FrameReader, headOf, rawPeer, wire } from "../transport/peers.ts";

/** Interval and timeout of the tests on a clock moved by hand, and pings at the interval. */
const INTERVAL = 30_000;
const TIMEOUT = 10_000;
const STEADY = { pingInterval: INTERVAL, pongTimeout: TIMEOUT, random: () => 0 } satisfies Options;

type Life = {
  readonly server: TestServer;
  readonly clock: FakeClock;
  readonly recorder: Recorder<null>;
  readonly connection: Connection<null>;
  readonly peer: Peer;
};

/** An open connection on a clock of its own, and its peer. */
async function alive(t: TestContext, options: Options<null> = {}, recorder = new Recorder<null>()): Promise<Life> {
  const server = await TestServer.start({ script: (peer) => peer.accept().then(() => undefined), timeout: 20_000 });
  const clock = new FakeClock();
  const connection = launch(server, recorder, null, { ...STEADY, clock, ...options });
  t.after(async () => {
    const stopped = connection.stop("normal", { timeout: 0 });
    clock.advance(0);
    await stopped;
    await server.stop();
  });
  await connection.opened();
  return { server, clock, recorder, connection, peer: await server.connection(1) };
}

// ── 1 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("pain 1: half-open socket: a server that has vanished is noticed within one interval and one timeout, and the connection is made anew", async (t) => {
  const { server, clock, recorder, connection, peer } = await alive(t);
  await clock.run(INTERVAL);
  assert.equal((await recorder.call("handleControl")).given[0].type, "pong");
  peer.blackHole();
  await clock.run(INTERVAL + TIMEOUT - 1);
  assert.equal(connection.isOpen, true);
  await clock.run(1);
  const { given } = await recorder.call("handleError");
  assert.deepEqual([given[0].kind, given[0].phase, given[0].reason], ["streaming_failed", "open", "pong_timeout"]);
  assert.match(given[0].message, /no byte came within 10000 ms of a ping, so the link is dead/);
  await clock.run(10);
  await server.connection(2);
  await recorder.call("handleConnect", 2);
  assert.deepEqual(recorder.all("handleDisconnect"), []);
});

test("pain 1: half-open socket: a sender whose messages the system still takes is not fooled by that", async (t) => {
  const { clock, recorder, connection, peer } = await alive(t);
  peer.blackHole();
  for (let second = 0; second < 40; second += 1) {
    assert.equal(connection.send("still there?"), "sent");
    await clock.run(1000);
  }
  assert.equal((await recorder.call("handleError")).given[0].reason, "pong_timeout");
});

test("pain 1: half-open socket: one that takes nothing any more is found too, though no ping can leave", async (t) => {
  const { clock, recorder, connection, peer } = await alive(t);
  peer.blackHole();
  connection.send(new Uint8Array(32 * 1024 * 1024));
  await clock.run(INTERVAL);
  assert.ok(connection.bufferedAmount > 0);
  // The system took some of it after the first look: that look counts, so it may be two timeouts.
  await clock.run(2 * TIMEOUT);
  assert.deepEqual(
    recorder.all("handleError").map(({ given }) => given[0].reason),
    ["given_up", "pong_timeout"],
  );
});

test("pain 1: half-open socket: whatever a link does before it dies, it is found dead in time, and never while it lives", () => {
  const random = seededRandom(1);
  const below = (limit: number) => Math.floor(random() * limit);
  for (let run = 0; run < 300; run += 1) {
    const clock = new FakeClock();
    const pingInterval = 100 + below(50) * 100;
    const pongTimeout = 100 + below(50) * 100;
    const diesAt = below(100_000);
    const roundTrip = Math.min(below(2000), pongTimeout - 1);
    const link = { received: 0, unread: 0, reading: true, foundAt: undefined as number | undefined };
    // Time in which the process stood still, the machine slept or nothing was read can't be used for finding out.
    let lost = 0;
    const read = () => {
      if (link.reading) link.received += link.unread;
      if (link.reading) link.unread = 0;
    };
    const heartbeat: Heartbeat = new Heartbeat({ pingInterval, pongTimeout, ref: true }, clock, {
      sendPing: () => {
        const arrives = clock.now() + roundTrip;
        if (arrives < diesAt)
          clock.after(roundTrip, () => {
            link.unread += 2;
            if (link.reading) queue.push(read);
          });
        return true;
      },
      flushed: (callback) => queue.push(callback),
      afterReading: (callback) => queue.push(read, callback),
      bytesReceived: () => link.received,
      bufferedAmount: () => 0,
      writeProgress: () => 0,
      random,
      dead: () => {
        link.foundAt = clock.now();
      },
    });
    const queue: (() => void)[] = [];
    const turn = () => {
      for (const task of queue.splice(0)) task();
    };
    for (let steps = 0; link.foundAt === undefined && steps < 100_000; steps += 1) {
      const dice = random();
      if (dice < 0.002 && clock.now() < diesAt) {
        const ms = 1000 + below(20_000);
        // The peer answers meanwhile.
        lost += ms;
        if (dice < 0.001) clock.jumpWallClock(ms);
        else clock.stall(ms);
      } else if (dice < 0.004 && link.reading) {
        link.reading = false;
        heartbeat.pause();
        const ms = below(20_000);
        lost += ms;
        clock.after(ms, () => {
          link.reading = true;
          queue.push(read);
          heartbeat.resume();
        });
      }
      clock.advanceToNext();
      turn();
      turn();
      // A pause that began before the death is over some time after it.
      if (clock.now() < diesAt)
        assert.equal(link.foundAt, undefined, `run ${run}: dead at ${clock.now()} of ${diesAt}`);
    }
    assert.ok(link.foundAt !== undefined, `run ${run}: never found`);
    assert.ok(
      link.foundAt - diesAt <= roundTrip + lost + pingInterval + 2 * pongTimeout,
      `run ${run}: ${link.foundAt - diesAt}`,
    );
    assert.equal(clock.pending <= 2, true);
  }
});

// ── 2 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("pain 2: close() on a dead link hangs: closeTimeout bounds it, to the millisecond", async (t) => {
  const { clock, recorder, connection, peer } = await alive(t, { closeTimeout: 3000 });
  peer.blackHole();
  connection.close(1000, "bye");
  await clock.run(2999);
  assert.deepEqual(recorder.lines, ["handleConnect 101"]);
  await clock.run(1);
  assert.deepEqual(recorder.lines, ["handleConnect 101", "handleDisconnect - -"]);
});

test("pain 2: close() on a dead link hangs: stop() takes closeTimeout at most, reconnect() no time at all", async (t) => {
  const first = await alive(t, { closeTimeout: 3000 });
  first.peer.blackHole();
  const stopping = first.connection.stop();
  await first.clock.run(3000);
  assert.equal(await stopping, "normal");
  assert.equal(first.clock.pending, 0);

  const second = await alive(t);
  second.peer.blackHole();
  second.connection.reconnect();
  await second.clock.run(0);
  await second.server.connection(2);
  assert.deepEqual(second.recorder.lines.slice(0, 2), ["handleConnect 101", "handleDisconnect - -"]);
});

test("pain 2: close() on a dead link hangs: a link found dead is torn down with no handshake, and its socket is gone", async (t) => {
  const { clock, recorder, peer } = await alive(
    t,
    { closeTimeout: 60_000 },
    new Recorder({ handleError: () => stop() }),
  );
  // Its way to us is cut, the way from us isn't: it sees what we do.
  peer.automatic = false;
  await clock.run(INTERVAL + TIMEOUT);
  await recorder.call("handleTerminate");
  const end = await peer.ended;
  assert.notEqual(end.type, "closed");
  assert.deepEqual(
    peer.received.filter(({ type }) => type === "close"),
    [],
  );
});

// ── 4 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A server in a thread of its own, which goes on while ours stands still. */
async function threadedServer(t: TestContext): Promise<string> {
  const worker = new Worker(
    `const { WebSocketServer } = require("ws");
     const server = new WebSocketServer({ host: "127.0.0.1", port: 0 }, () => {
       require("node:worker_threads").parentPort.postMessage(server.address().port);
     });`,
    { eval: true },
  );
  t.after(() => worker.terminate());
  const [port] = await once(worker, "message");
  return `ws://127.0.0.1:${port}/`;
}

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

for (const stall of [400, 1600]) {
  test(`pain 4: a stalled event loop kills healthy links: one of ${stall} ms, with a timeout of 200 ms, does not`, async (t) => {
    const url = await threadedServer(t);
    const recorder = new Recorder<null>();
    await using connection = launch(url, recorder, null, { pingInterval: 100, pongTimeout: 200 });
    await connection.opened();
    for (let round = 0; round < 3; round += 1) {
      const before = recorder.all("handleControl").length;
      await recorder.call("handleControl", before + 1);
      standStill(stall);
    }
    await recorder.call("handleControl", recorder.all("handleControl").length + 3);
    assert.deepEqual(recorder.all("handleError"), []);
    assert.equal(connection.stats.opens, 1);
  });
}

test("pain 4: a stalled event loop kills healthy links: not of hundreds at once, whose timers all fire before any socket is read", async (t) => {
  const url = await threadedServer(t);
  const recorder = new Recorder<null>();
  const connections = Array.from({ length: 300 }, () =>
    launch(url, recorder, null, { pingInterval: 60_000, pongTimeout: 150 }),
  );
  t.after(() => Promise.all(connections.map((connection) => connection.stop())));
  await Promise.all(connections.map((connection) => connection.opened()));
  const probes = connections.map((connection) => connection.probe());
  await new Promise((resolve) => setImmediate(resolve));
  standStill(500);
  await Promise.all(probes);
  assert.deepEqual(recorder.all("handleError"), []);
});

test("pain 4: a stalled event loop kills healthy links: a slept machine's timers are right and its wall clock tells, so the link gets a fresh ping", async (t) => {
  const { clock, recorder, connection, peer } = await alive(t);
  peer.automatic = false;
  await clock.run(INTERVAL);
  clock.jumpWallClock(3_600_000);
  await clock.run(TIMEOUT);
  assert.equal(connection.isOpen, true);
  assert.equal(peer.received.filter(({ type }) => type === "ping").length, 2);
  peer.send("awake too");
  await recorder.call("handleIn");
  await clock.run(TIMEOUT);
  assert.equal(connection.isOpen, true);
});

test("pain 4: a stalled event loop kills healthy links: nor does a callback that is pending for minutes, with the inbox full", async (t) => {
  const pending = gate();
  const recorder = new Recorder<null>({
    handleIn: async () => {
      await pending.promise;
      return ok(null);
    },
  });
  const { clock, connection, peer } = await alive(t, { inbox: { maxMessages: 4, maxBytes: 1024 } }, recorder);
  for (let count = 0; count < 100; count += 1) peer.send(`message ${count}`);
  await recorder.call("handleIn");
  await clock.run(10 * 60_000);
  assert.equal(connection.isOpen, true);
  assert.ok(peer.received.filter(({ type }) => type === "ping").length >= 19, "the server hears from us meanwhile");
  pending.open();
  await recorder.call("handleIn", 100);
  await clock.run(TIMEOUT);
  assert.equal(connection.isOpen, true);
  peer.blackHole();
  await clock.run(INTERVAL + TIMEOUT);
  assert.equal((await recorder.call("handleError")).given[0].reason, "pong_timeout");
});

test("pain 4: a stalled event loop kills healthy links: nor is a new link judged while it isn't read, behind the one that it replaces", async (t) => {
  const { server, clock, connection, recorder, peer } = await alive(t, { closeTimeout: 10 * 60_000 });
  // It never answers our close frame, so that the new one waits for closeTimeout.
  peer.automatic = false;
  const replaced = connection.replace();
  const next = await server.connection(2);
  await recorder.call("handleConnect", 2);
  await clock.run(10 * 60_000 - 1);
  assert.equal(connection.isOpen, true);
  assert.ok(next.received.filter(({ type }) => type === "ping").length > 1);
  next.send("at last");
  await clock.run(1);
  await replaced;
  await recorder.call("handleIn");
  await clock.run(INTERVAL + TIMEOUT);
  assert.deepEqual(recorder.all("handleError"), []);
  assert.equal(connection.stats.opens, 2);
});

// ── 5 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("pain 5: pong behind bulk data: bytes of a message that never ends are bytes, and the pong may wait behind it", async (t) => {
  const { clock, connection, recorder, peer } = await alive(t);
  peer.automatic = false;
  // The head of a message of a million bytes, then some of it every now and then.
  peer.sendRaw(Uint8Array.from([0x82, 127, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40]));
  for (let count = 0; count < 60; count += 1) {
    peer.sendRaw(new Uint8Array(100));
    await clock.run(TIMEOUT / 2, { turns: 20 });
  }
  assert.equal(connection.isOpen, true);
  assert.deepEqual(recorder.lines, ["handleConnect 101"]);
});

for (const behaviour of ["takes it slowly", "stops taking it"] as const) {
  test(`pain 5: pong behind bulk data: of our own, to a server that ${behaviour}`, async (t) => {
    const clock = new FakeClock();
    const total = 48 * 1024 * 1024;
    let taken = 0;
    const peer = await acceptingPeer(t, (socket) => {
      const reader = new FrameReader(socket);
      socket.on("data", (chunk: Buffer) => {
        taken += chunk.byteLength;
        reader.chunks.length = 0;
        // Half a second for each MiB, so that all of it takes more than two timeouts.
        clock.advance((chunk.byteLength / (1024 * 1024)) * 500);
        if (behaviour === "stops taking it" && taken > total / 2) socket.pause();
        if (reader.events.some(({ type }) => type === "ping"))
          socket.write(wire({ type: "pong", data: pingOf(reader) }));
      });
    });
    const recorder = new Recorder<null>({
      handleError: (error) => (error.kind === "casting_failed" ? ignore(null) : stop()),
    });
    const connection = launch(peer.url(), recorder, null, { ...STEADY, pingInterval: 0, clock });
    await connection.opened();
    connection.send(new Uint8Array(total));
    const probe = connection.probe();
    if (behaviour === "takes it slowly") {
      assert.ok((await probe) < TIMEOUT, "measured from when the ping left");
      assert.ok(clock.now() > 2 * TIMEOUT);
      assert.deepEqual(recorder.all("handleError"), []);
    } else {
      const rejected = assert.rejects(probe, /dead/);
      await untilStill(() => taken);
      assert.equal(connection.isOpen, true);
      await clock.run(2 * TIMEOUT);
      await rejected;
    }
    void connection.stop("normal", { timeout: 0 });
    clock.advance(0);
    await connection.exited;
  });
}

function pingOf(reader: FrameReader): Uint8Array {
  const found = reader.events.find((event) => event.type === "ping");
  return found?.type === "ping" ? found.data : new Uint8Array(0);
}

/** Resolves when a number has not changed for a while. */
async function untilStill(value: () => number): Promise<void> {
  for (let before = -1; before !== value(); ) {
    before = value();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// ── 6 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("pain 6: interval and deadline welded together: a slow ping with a quick verdict, and the reverse", async (t) => {
  const quick = await alive(t, { pingInterval: 60_000, pongTimeout: 500 });
  quick.peer.blackHole();
  await quick.clock.run(60_499);
  assert.equal(quick.connection.isOpen, true);
  await quick.clock.run(1);
  assert.equal((await quick.recorder.call("handleError")).given[0].reason, "pong_timeout");

  const slow = await alive(t, { pingInterval: 1000, pongTimeout: 20_000 });
  slow.peer.blackHole();
  await slow.clock.run(20_999);
  assert.equal(slow.connection.isOpen, true);
  await slow.clock.run(1);
  assert.equal((await slow.recorder.call("handleError")).given[0].reason, "pong_timeout");
});

test("pain 6: interval and deadline welded together: probe() checks now, whatever the interval is, and as often as it is asked", async (t) => {
  const { clock, connection, recorder, peer } = await alive(t, { pingInterval: 0, pongTimeout: 2000 });
  const trips = await Promise.all([connection.probe(), connection.probe()]);
  assert.deepEqual(trips, [0, 0], "the clock stands");
  peer.blackHole();
  const probes = [connection.probe(), connection.probe()].map((probe) => assert.rejects(probe, /the link is dead/));
  await clock.run(2000);
  await Promise.all(probes);
  assert.equal((await recorder.call("handleError")).given[0].reason, "pong_timeout");
});

test("pain 6: interval and deadline welded together: a probe while closing is refused, one that is under way is answered or told", async (t) => {
  const { clock, connection, peer } = await alive(t, { pingInterval: 0, closeTimeout: 3000 });
  peer.automatic = false;
  const underWay = assert.rejects(connection.probe(), /ended before the probe was answered/);
  connection.close();
  await assert.rejects(connection.probe(), /closing, so there is nothing to probe/);
  await clock.run(3000);
  await underWay;
});

test("pain 6: interval and deadline welded together: pongs that nobody asked for answer no probe, and data keeps the link", async (t) => {
  const { clock, connection, recorder, peer } = await alive(t, { pingInterval: 0 });
  peer.automatic = false;
  const probe = assert.rejects(connection.probe(), /alive but didn't answer the probe's ping within 10000 ms/);
  peer.send({ type: "pong", data: Buffer.from("probe 2") });
  peer.send({ type: "pong", data: new Uint8Array(0) });
  peer.send("data");
  await recorder.call("handleIn");
  await clock.run(TIMEOUT);
  await probe;
  assert.equal(connection.isOpen, true);
});

// ── 29 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A proxy that cuts a connection when one of its ways has carried nothing for so long. */
async function idleProxy(t: TestContext, to: number, idle: number): Promise<string> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to, "127.0.0.1");
    for (const [from, into] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      const cut = () => {
        client.destroy();
        upstream.destroy();
      };
      let timer = setTimeout(cut, idle);
      from.on("data", (chunk) => {
        clearTimeout(timer);
        timer = setTimeout(cut, idle);
        into.write(chunk);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        clearTimeout(timer);
        into.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `ws://127.0.0.1:${(server.address() as { readonly port: number }).port}/`;
}

test("pain 29: idle proxies: a ping well below the proxy's limit keeps both ways up, also while the server does all the talking", async (t) => {
  const talking = await rawPeer(t, async (socket) => {
    socket.write(accepting(await headOf(socket)));
    // It says something all the time and answers no ping: only our pings use the other way.
    const talk = setInterval(() => socket.write(wire("news")), 10);
    socket.on("close", () => clearInterval(talk));
    socket.resume();
  });
  const url = await idleProxy(t, talking.port, 250);
  const silent = new Recorder<null>({ handleError: () => stop() });
  await using cut = launch(url, silent, null, { pingInterval: 0 });
  const kept = new Recorder<null>();
  await using connection = launch(url, kept, null, { pingInterval: 50 });
  assert.equal((await silent.call("handleError")).given[0].reason, "ended", "without pings it is cut");
  await cut.exited;
  await kept.call("handleIn", 60);
  assert.deepEqual(kept.all("handleError"), []);
  assert.equal(connection.stats.opens, 1);
});

test("pain 29: idle proxies: the default interval is well below the usual 60 s, and the first ping comes no later", async (t) => {
  const { clock, peer } = await alive(t);
  assert.equal(OPTIONS.pingInterval.fallback, INTERVAL);
  await clock.run(120_000);
  assert.equal(peer.received.filter(({ type }) => type === "ping").length, 4);
});

test("pain 29: idle proxies: links that opened together spread their pings over the interval", () => {
  const random = seededRandom(29);
  const clock = new FakeClock();
  const buckets = new Array<number>(30).fill(0);
  for (let count = 0; count < 3000; count += 1) {
    new Heartbeat({ pingInterval: 30_000, pongTimeout: 0, ref: true }, clock, {
      sendPing: () => {
        const bucket = Math.floor((clock.now() % 30_000) / 1000);
        buckets[bucket] = (buckets[bucket] ?? 0) + 1;
        return true;
      },
      flushed: (callback) => callback(),
      afterReading: () => undefined,
      bytesReceived: () => 0,
      bufferedAmount: () => 0,
      writeProgress: () => 0,
      random,
      dead: () => assert.fail("no verdict was asked for"),
    });
  }
  clock.advance(60_000);
  // 200 in each second; by chance alone hardly one is off by a third.
  assert.ok(Math.max(...buckets) < 270 && Math.min(...buckets) > 130, String(buckets));
});
