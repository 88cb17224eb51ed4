import assert from "node:assert/strict";
import { test } from "node:test";
import { Heartbeat } from "../../src/connection/heartbeat.ts";
import { FakeClock } from "../../src/testing/index.ts";

function heart(options: { pingInterval?: number; pongTimeout?: number } = {}) {
  const clock = new FakeClock();
  const link = { pings: [] as Uint8Array[], received: 0, dead: undefined as number | undefined, open: true };
  const heartbeat = new Heartbeat({ pingInterval: 1000, pongTimeout: 300, ref: true, ...options }, clock, {
    sendPing: (frame) => {
      if (link.open) link.pings.push(frame.data);
      return link.open;
    },
    bytesReceived: () => link.received,
    dead: (silence) => {
      link.dead = silence;
    },
  });
  return { clock, link, heartbeat };
}

const EMPTY = new Uint8Array(0);

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

test("0 and Infinity send no ping", () => {
  for (const pingInterval of [0, Number.POSITIVE_INFINITY]) {
    const { clock, link } = heart({ pingInterval });
    clock.advance(1_000_000);
    assert.equal(link.pings.length, 0);
    assert.equal(clock.pending, 0);
  }
});

test("no byte within pongTimeout of a ping: the link is dead, once, and no timer is left", () => {
  const { clock, link } = heart();
  clock.advance(1300);
  clock.advance(1);
  assert.equal(link.dead, 300);
  assert.equal(clock.pending, 0);
  link.dead = undefined;
  clock.advance(100_000);
  assert.equal(link.dead, undefined);
});

test("any inbound byte counts, not just a pong", () => {
  const { clock, link } = heart();
  clock.advance(1100);
  link.received += 1;
  clock.advance(500);
  assert.equal(link.dead, undefined);
});

test("bytes that came before the ping don't count", () => {
  const { clock, link } = heart();
  link.received = 500;
  clock.advance(1301);
  assert.equal(link.dead, 300);
});

test("a byte that is read in the turn after the deadline still counts: timers run before sockets are read", () => {
  const { clock, link } = heart();
  clock.advance(1300);
  link.received += 1;
  clock.advance(50);
  assert.equal(link.dead, undefined);
});

test("time in which the process stood still is not counted: a late verdict gives one fresh ping first", () => {
  const { clock, link } = heart({ pingInterval: 1000 });
  clock.advance(1000);
  assert.equal(link.pings.length, 1);
  clock.stall(60_000);
  assert.equal(link.dead, undefined);
  assert.ok(link.pings.length >= 2, "a fresh ping");
  link.received += 2;
  clock.advance(310);
  assert.equal(link.dead, undefined);
});

test("a link that stays silent after a stall is found dead by the fresh ping", () => {
  const { clock, link } = heart();
  clock.advance(1000);
  clock.stall(60_000);
  clock.advance(302);
  assert.equal(link.dead, 300);
});

test("an interval shorter than the timeout doesn't put the verdict off", () => {
  const { clock, link } = heart({ pingInterval: 100, pongTimeout: 1000 });
  clock.advance(1102);
  assert.equal(link.dead, 1000);
});

test("a link that dies is found within one interval and one timeout, also when the timeout is the longer", () => {
  const { clock, link } = heart({ pingInterval: 500, pongTimeout: 1000 });
  clock.advance(500);
  link.received += 2;
  clock.advance(500);
  link.received += 2;
  clock.advance(10);
  // The last byte came just after the ping at 1000. The next ping, at 1500, is the first that stays unanswered.
  clock.advance(1488);
  assert.equal(link.dead, undefined);
  clock.advance(4);
  assert.equal(link.dead, 1000);
});

test("pongTimeout 0 gives no verdict", () => {
  const { clock, link } = heart({ pongTimeout: 0 });
  clock.advance(100_000);
  assert.equal(link.dead, undefined);
});

test("the newest round trip is measured from ping to pong", () => {
  const { clock, link, heartbeat } = heart();
  clock.advance(1042);
  link.received += 2;
  heartbeat.pong(EMPTY);
  assert.equal(heartbeat.lastRoundTrip, 42);
});

test("a probe resolves with its own pong's round trip", async () => {
  const { clock, link, heartbeat } = heart();
  const probe = heartbeat.probe();
  clock.advance(7);
  link.received += 10;
  heartbeat.pong(EMPTY);
  heartbeat.pong(link.pings[0] as Uint8Array);
  assert.equal(await probe, 7);
});

test("a pong to the newest of several probes answers the older ones (RFC 6455 §5.5.3)", async () => {
  const { clock, link, heartbeat } = heart();
  const first = heartbeat.probe();
  clock.advance(5);
  const second = heartbeat.probe();
  clock.advance(5);
  heartbeat.pong(link.pings[1] as Uint8Array);
  assert.deepEqual(await Promise.all([first, second]), [10, 5]);
});

test("a probe that finds the link dead rejects and tears it down", async () => {
  const { clock, link, heartbeat } = heart({ pingInterval: 0 });
  const probe = heartbeat.probe();
  const rejected = assert.rejects(probe, /No byte came from the server within 300 ms/);
  clock.advance(302);
  await rejected;
  assert.equal(link.dead, 300);
});

test("a probe that a living server doesn't answer rejects, and the link stays", async () => {
  const { clock, link, heartbeat } = heart({ pingInterval: 0 });
  const rejected = assert.rejects(heartbeat.probe(), /alive but didn't answer/);
  clock.advance(200);
  link.received += 5;
  clock.advance(200);
  await rejected;
  assert.equal(link.dead, undefined);
});

test("a probe on a link that takes no ping rejects at once", async () => {
  const { link, heartbeat } = heart();
  link.open = false;
  await assert.rejects(heartbeat.probe(), /isn't open/);
});

test("stop leaves no timer and rejects the probes that wait", async () => {
  const { clock, heartbeat } = heart();
  clock.advance(1000);
  const rejected = assert.rejects(heartbeat.probe(), /the connection ended/);
  heartbeat.stop(new Error("the connection ended"));
  await rejected;
  assert.equal(clock.pending, 0);
});
