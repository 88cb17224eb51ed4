import assert from "node:assert/strict";
import { test } from "node:test";
import { Heartbeat } from "../../src/connection/heartbeat.ts";
import { FakeClock } from "../../src/testing/index.ts";

/** A heart with a link whose buffer is emptied, and whose socket is read, when the test says so: by itself unless it says otherwise. */
function heart(options: { pingInterval?: number; pongTimeout?: number; random?: () => number } = {}) {
  const clock = new FakeClock();
  const { random = () => 0, ...rest } = options;
  const link = {
    pings: [] as Uint8Array[],
    received: 0,
    progress: 0,
    buffered: 0,
    dead: undefined as number | undefined,
    open: true,
    /** Does the system take what is sent? */
    writable: true,
    waiting: [] as (() => void)[],
    /** What the system has received and nobody has read. */
    unread: 0,
    reading: true,
    looks: [] as (() => void)[],
    flush() {
      for (const callback of link.waiting.splice(0)) callback();
    },
    look() {
      if (link.reading) link.received += link.unread;
      if (link.reading) link.unread = 0;
      for (const callback of link.looks.splice(0)) callback();
    },
    /** Time passes, and what is asked for in it is done. */
    advance(ms: number) {
      const until = clock.now() + ms;
      for (let steps = 0; steps < 10_000 && (clock.nextAt ?? Number.POSITIVE_INFINITY) <= until; steps += 1) {
        clock.advanceToNext();
        link.look();
      }
      clock.advance(Math.max(0, until - clock.now()));
    },
    stall(ms: number) {
      clock.stall(ms);
      link.look();
    },
  };
  const heartbeat = new Heartbeat({ pingInterval: 1000, pongTimeout: 300, ref: true, ...rest }, clock, {
    sendPing: (frame) => {
      if (link.open) link.pings.push(frame.data);
      return link.open;
    },
    flushed: (callback) => {
      link.waiting.push(callback);
      if (link.writable) link.flush();
    },
    afterReading: (callback) => link.looks.push(callback),
    bytesReceived: () => link.received,
    bufferedAmount: () => link.buffered + link.waiting.length,
    writeProgress: () => link.progress,
    random,
    dead: (silence) => {
      assert.equal(link.dead, undefined, "dead is said once");
      link.dead = silence;
    },
  });
  return { clock, link, heartbeat };
}

const EMPTY = new Uint8Array(0);

// ── Pings ────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("an empty ping goes out at each interval", () => {
  const { clock, link } = heart();
  clock.advance(999);
  assert.equal(link.pings.length, 0);
  clock.advance(1);
  assert.deepEqual(link.pings, [EMPTY]);
  link.received += 2;
  clock.advance(1000);
  assert.equal(link.pings.length, 2);
});

test("a ping goes out at the interval however much comes in: the server and what is on the way want to hear of us", () => {
  const { link } = heart();
  for (let turn = 0; turn < 100; turn += 1) {
    link.received += 1;
    link.advance(100);
  }
  assert.equal(link.pings.length, 10);
});

test("the first ping's time is drawn from the whole interval, and the interval holds from there", () => {
  for (const [drawn, first] of [
    [0, 1000],
    [0.25, 750],
    [0.875, 125],
  ] as const) {
    const { clock, link } = heart({ random: () => drawn, pongTimeout: 0 });
    clock.advance(first - 0.5);
    assert.equal(link.pings.length, 0);
    clock.advance(0.5);
    assert.equal(link.pings.length, 1);
    clock.advance(999);
    assert.equal(link.pings.length, 1);
    clock.advance(1);
    assert.equal(link.pings.length, 2);
  }
});

test("0 and Infinity send no ping", () => {
  for (const pingInterval of [0, Number.POSITIVE_INFINITY]) {
    const { clock, link } = heart({ pingInterval });
    clock.advance(1_000_000);
    assert.equal(link.pings.length, 0);
    assert.equal(clock.pending, 0);
  }
});

test("while a ping waits in the buffer no other is put behind it", () => {
  const { link } = heart({ pongTimeout: 0 });
  link.writable = false;
  link.advance(10_000);
  assert.equal(link.pings.length, 1);
  link.flush();
  link.advance(1000);
  assert.equal(link.pings.length, 2);
});

// ── Verdicts ─────────────────────────────────────────────────────────────────────────────────────────────────────────

test("no byte within pongTimeout of a ping: the link is dead, once, and no timer is left", () => {
  const { clock, link } = heart();
  link.advance(1299);
  assert.equal(link.dead, undefined);
  link.advance(1);
  assert.equal(link.dead, 300);
  assert.equal(clock.pending, 0);
});

test("any inbound byte counts, not just a pong", () => {
  const { link } = heart();
  link.advance(1100);
  link.received += 1;
  link.advance(500);
  assert.equal(link.dead, undefined);
});

test("bytes that came before the ping don't count", () => {
  const { link } = heart();
  link.received = 500;
  link.advance(1300);
  assert.equal(link.dead, 300);
});

test("no verdict before what has arrived is read: timers run before sockets are", () => {
  const { clock, link } = heart();
  clock.advance(1300);
  assert.equal(link.dead, undefined);
  link.unread = 1;
  link.look();
  clock.advance(50);
  assert.equal(link.dead, undefined);
});

test("the timeout is counted from when the ping has left the buffer", () => {
  const { link } = heart();
  link.writable = false;
  link.advance(1000);
  // Bulk data goes out before it, for a long time.
  for (let turn = 0; turn < 50; turn += 1) {
    link.advance(100);
    link.progress += 1;
  }
  assert.equal(link.dead, undefined);
  link.flush();
  link.advance(299);
  assert.equal(link.dead, undefined);
  link.advance(1);
  assert.equal(link.dead, 300);
});

test("our own bulk data that goes on behind the ping is a sign of life, too, and its end isn't", () => {
  const { link } = heart();
  link.advance(1000);
  link.buffered = 1;
  link.advance(300);
  assert.equal(link.dead, 300, "nothing had waited when the ping went out");
  const bulk = heart();
  bulk.link.buffered = 1;
  for (let turn = 0; turn < 50; turn += 1) {
    bulk.link.advance(100);
    bulk.link.progress += 1;
  }
  assert.equal(bulk.link.dead, undefined);
  bulk.link.buffered = 0;
  bulk.link.advance(901);
  assert.equal(bulk.link.dead, 300);
});

test("small messages that the system takes at once are no sign of life: it takes them of a peer that has gone", () => {
  const { link } = heart();
  for (let turn = 0; turn < 130; turn += 1) {
    link.progress += 1;
    link.advance(10);
  }
  assert.equal(link.dead, 300);
});

test("a peer that takes nothing and says nothing is dead: a ping that can't leave doesn't wait for ever", () => {
  const { link } = heart();
  link.writable = false;
  link.advance(1300);
  assert.equal(link.dead, 300);
});

test("a peer that takes nothing but says something is alive", () => {
  const { link } = heart();
  link.writable = false;
  for (let turn = 0; turn < 100; turn += 1) {
    link.advance(100);
    link.received += 1;
  }
  assert.equal(link.dead, undefined);
  link.advance(1301);
  assert.equal(link.dead, 300);
});

test("a pong that is read before the platform tells that the ping has left is an answer all the same", () => {
  const { link, heartbeat } = heart();
  link.writable = false;
  link.advance(1000);
  link.received += 2;
  heartbeat.pong(EMPTY);
  link.flush();
  link.advance(999);
  assert.equal(link.dead, undefined);
});

test("an interval shorter than the timeout doesn't put the verdict off", () => {
  const { link } = heart({ pingInterval: 100, pongTimeout: 1000 });
  link.advance(1100);
  assert.equal(link.dead, 1000);
});

test("a link that dies is found within one interval and one timeout, also when the timeout is the longer", () => {
  const { link } = heart({ pingInterval: 500, pongTimeout: 1000 });
  link.advance(500);
  link.received += 2;
  link.advance(500);
  link.received += 2;
  link.advance(10);
  // The last byte came just after the ping at 1000. The next ping, at 1500, is the first that stays unanswered.
  link.advance(1489);
  assert.equal(link.dead, undefined);
  link.advance(1);
  assert.equal(link.dead, 1000);
});

test("pongTimeout 0 and Infinity give no verdict", () => {
  for (const pongTimeout of [0, Number.POSITIVE_INFINITY]) {
    const { link } = heart({ pongTimeout });
    link.advance(100_000);
    assert.equal(link.dead, undefined);
  }
});

// ── Time that doesn't count ──────────────────────────────────────────────────────────────────────────────────────────

test("after a stall what has arrived is read first: an answer that waited there is one, and no ping is needed", () => {
  const { link } = heart({ pingInterval: 100_000 });
  link.advance(100_000);
  link.unread = 2;
  link.stall(60_000);
  link.advance(1000);
  assert.equal(link.dead, undefined);
  assert.equal(link.pings.length, 1);
});

test("a link that stays silent after a stall gets one fresh ping, and its whole time", () => {
  const { link } = heart({ pingInterval: 100_000 });
  link.advance(100_000);
  link.stall(60_000);
  assert.equal(link.pings.length, 2);
  link.advance(299);
  assert.equal(link.dead, undefined);
  link.advance(1);
  assert.equal(link.dead, 300);
});

test("an interval that fires late pings afresh, whatever was suspected", () => {
  const { link } = heart({ pingInterval: 1000, pongTimeout: 1500 });
  link.advance(1200);
  // The ping of 1000 would have had its time at 2500.
  link.stall(1200 + 1000);
  const sent = link.pings.length;
  assert.ok(sent >= 2);
  link.advance(1000);
  assert.equal(link.dead, undefined);
  link.advance(500);
  assert.equal(link.dead, 1500);
});

test("a process that is late every time finds a dead link all the same, with the second verdict", () => {
  const { link } = heart({ pingInterval: 100_000 });
  link.advance(100_000);
  link.stall(5000);
  assert.equal(link.dead, undefined);
  link.stall(5000);
  assert.equal(link.dead, 300);
});

test("a machine that slept between ping and verdict gives a fresh ping: the wall clock tells where timers don't", () => {
  const { clock, link } = heart({ pingInterval: 100_000 });
  link.advance(100_000);
  // Linux: performance.now() and the timers stood, Date.now() didn't.
  clock.jumpWallClock(600_000);
  link.advance(300);
  assert.equal(link.dead, undefined);
  assert.equal(link.pings.length, 2);
  link.advance(299);
  assert.equal(link.dead, undefined);
  link.advance(1);
  assert.equal(link.dead, 300);
});

test("a wall clock that is set back is no sleep", () => {
  const { clock, link } = heart({ pingInterval: 100_000 });
  link.advance(100_000);
  clock.jumpWallClock(-600_000);
  link.advance(300);
  assert.equal(link.dead, 300);
});

test("while reading is paused there is no verdict, and the pings go on", () => {
  const { link, heartbeat } = heart();
  heartbeat.pause();
  link.advance(100_000);
  assert.equal(link.dead, undefined);
  assert.equal(link.pings.length, 100);
});

test("reading that is paused between ping and verdict: after it one fresh ping, and its whole time", () => {
  const { link, heartbeat } = heart({ pingInterval: 100_000 });
  link.advance(100_100);
  heartbeat.pause();
  link.advance(50_000);
  heartbeat.resume();
  assert.equal(link.pings.length, 2);
  link.advance(299);
  assert.equal(link.dead, undefined);
  link.advance(1);
  assert.equal(link.dead, 300);
});

test("a pause shorter than what is left of the timeout costs no ping, and gives the whole time again", () => {
  const { link, heartbeat } = heart({ pingInterval: 100_000 });
  link.advance(100_200);
  heartbeat.pause();
  link.advance(50);
  heartbeat.resume();
  link.advance(299);
  assert.equal(link.dead, undefined);
  link.advance(1);
  assert.equal(link.dead, 300);
  assert.equal(link.pings.length, 1);
});

test("a pause without any suspicion changes nothing", () => {
  const { clock, link, heartbeat } = heart({ pingInterval: 0 });
  heartbeat.pause();
  heartbeat.resume();
  heartbeat.resume();
  assert.equal(link.pings.length, 0);
  assert.equal(clock.pending, 0);
});

test("reading that is paused in the middle of the last look takes the verdict back", () => {
  const { clock, link, heartbeat } = heart({ pingInterval: 100_000 });
  clock.advance(100_300);
  heartbeat.pause();
  link.look();
  link.advance(1000);
  assert.equal(link.dead, undefined);
  heartbeat.resume();
  link.advance(300);
  assert.equal(link.dead, 300);
});

// ── Round trips and probes ───────────────────────────────────────────────────────────────────────────────────────────

test("the newest round trip is measured from when the ping left to its pong", () => {
  const { link, heartbeat } = heart();
  link.writable = false;
  link.advance(1100);
  link.flush();
  link.advance(42);
  link.received += 2;
  heartbeat.pong(EMPTY);
  assert.equal(heartbeat.lastRoundTrip, 42);
});

test("an empty pong that nobody asked for measures nothing", () => {
  const { link, heartbeat } = heart();
  link.advance(500);
  heartbeat.pong(EMPTY);
  assert.equal(heartbeat.lastRoundTrip, undefined);
});

test("a probe resolves with its own pong's round trip, from when its ping left the buffer", async () => {
  const { link, heartbeat } = heart({ pingInterval: 0 });
  link.writable = false;
  const probe = heartbeat.probe();
  link.advance(100);
  link.flush();
  link.advance(7);
  link.received += 10;
  heartbeat.pong(EMPTY);
  heartbeat.pong(Uint8Array.of(1, 2, 3));
  heartbeat.pong(link.pings[0] as Uint8Array);
  assert.equal(await probe, 7);
});

test("a pong to the newest of several probes answers the older ones (RFC 6455 §5.5.3)", async () => {
  const { link, heartbeat } = heart();
  const first = heartbeat.probe();
  link.advance(5);
  const second = heartbeat.probe();
  link.advance(5);
  heartbeat.pong(link.pings[1] as Uint8Array);
  assert.deepEqual(await Promise.all([first, second]), [10, 5]);
});

test("a probe that finds the link dead rejects and tears it down", async () => {
  const { link, heartbeat } = heart({ pingInterval: 0 });
  const rejected = assert.rejects(heartbeat.probe(), /No byte came from the server within 300 ms/);
  link.advance(300);
  await rejected;
  assert.equal(link.dead, 300);
});

test("a probe that a living server doesn't answer rejects after its own time, and the link stays", async () => {
  const { link, heartbeat } = heart({ pingInterval: 0 });
  const rejected = assert.rejects(heartbeat.probe(), /alive but didn't answer/);
  link.advance(200);
  link.received += 5;
  link.advance(100);
  await rejected;
  assert.equal(link.dead, undefined);
});

test("a probe of a server that talks all the time and never answers rejects, whatever else pings", async () => {
  const { link, heartbeat } = heart({ pingInterval: 100, pongTimeout: 300 });
  link.advance(50);
  let over = false;
  const rejected = assert.rejects(heartbeat.probe(), /alive but didn't answer/).then(() => {
    over = true;
  });
  for (let turn = 0; turn < 60; turn += 1) {
    link.received += 1;
    link.advance(10);
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(over, "within twice the timeout");
  await rejected;
  assert.equal(link.dead, undefined);
});

test("a probe on a link that dies after other bytes have come finds that out", async () => {
  const { link, heartbeat } = heart({ pingInterval: 0 });
  link.advance(10);
  const first = assert.rejects(heartbeat.probe(), /alive but didn't answer/);
  link.advance(200);
  link.received += 5;
  const second = assert.rejects(heartbeat.probe(), /No byte came/);
  link.advance(500);
  await Promise.all([first, second]);
  assert.equal(link.dead, 300);
});

test("a probe on a link that takes no ping rejects at once", async () => {
  const { link, heartbeat } = heart();
  link.open = false;
  await assert.rejects(heartbeat.probe(), /isn't open/);
});

test("stop leaves no timer and rejects the probes that wait; what is told later is told to nobody", async () => {
  const { clock, link, heartbeat } = heart();
  link.writable = false;
  clock.advance(1300);
  const rejected = assert.rejects(heartbeat.probe(), /the connection ended/);
  heartbeat.stop(new Error("the connection ended"));
  await rejected;
  link.look();
  link.flush();
  assert.equal(clock.pending, 0);
  assert.equal(link.dead, undefined);
});
