import assert from "node:assert/strict";
import { test } from "node:test";
import { Link } from "../../src/connection/link.ts";
import type { FrameLike } from "../../src/frame.ts";
import { FakeClock } from "../../src/testing/index.ts";
import type { Channel } from "../../src/transport/channel.ts";

function link(options: { pingInterval?: number; hibernateAfter?: number; mayPing?: boolean } = {}) {
  const clock = new FakeClock();
  const seen = { sent: [] as FrameLike[], hibernated: 0, dead: 0, reading: [] as string[] };
  const channel = {
    bytesReceived: 0,
    bytesSent: 0,
    bufferedAmount: 0,
    writeProgress: 0,
    send: (frame: FrameLike) => {
      seen.sent.push(frame);
      return undefined;
    },
    flushed: (callback: () => void) => callback(),
    afterReading: (callback: () => void) => callback(),
    pause: () => seen.reading.push("paused"),
    resume: () => seen.reading.push("resumed"),
    hibernate: () => {
      seen.hibernated += 1;
    },
  };
  const { mayPing = true, ...rest } = options;
  const made = new Link(
    channel as unknown as Channel,
    { pingInterval: 1000, pongTimeout: 100, hibernateAfter: Number.POSITIVE_INFINITY, ref: true, ...rest },
    clock,
    {
      mayPing: () => mayPing,
      random: () => 0,
      dead: () => {
        seen.dead += 1;
      },
    },
  );
  return { clock, seen, channel, link: made };
}

test("pings go out only when they may, and silence after one is death", () => {
  const barred = link({ mayPing: false });
  barred.clock.advance(5000);
  assert.deepEqual([barred.seen.sent.length, barred.seen.dead], [0, 0]);
  const free = link();
  free.clock.advance(1100);
  assert.deepEqual([free.seen.sent.length, free.seen.dead], [1, 1]);
});

test("a paused link reads nothing, and no silence is held against its server until it is resumed", () => {
  const { clock, seen, link: made } = link();
  made.pause();
  clock.advance(5000);
  assert.equal(seen.dead, 0);
  made.resume();
  assert.deepEqual(seen.reading, ["paused", "resumed"]);
  clock.advance(99);
  assert.equal(seen.dead, 0);
  clock.advance(1);
  assert.equal(seen.dead, 1);
});

test("a link that carried nothing for hibernateAfter gives its memory back; one that did, doesn't", () => {
  const { clock, seen, channel } = link({ pingInterval: 0, hibernateAfter: 500 });
  channel.bytesReceived += 1;
  clock.advance(500);
  assert.equal(seen.hibernated, 0);
  clock.advance(500);
  assert.equal(seen.hibernated, 1);
});

test("its age is measured, and its end leaves no timer", () => {
  const { clock, link: made } = link({ hibernateAfter: 500 });
  clock.advance(400);
  assert.equal(made.age, 400);
  assert.equal(made.openSince, 1_700_000_000_000);
  made.end();
  assert.equal(clock.pending, 0);
});

test("a link that ends as its channel hibernates leaves no timer", () => {
  const { clock, channel, link: made } = link({ pingInterval: 0, hibernateAfter: 500 });
  channel.hibernate = () => made.end();
  clock.advance(500);
  assert.equal(clock.pending, 0);
});
