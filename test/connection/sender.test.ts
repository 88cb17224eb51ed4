import assert from "node:assert/strict";
import { test } from "node:test";
import { Counters } from "../../src/connection/counters.ts";
import { InvalidOptionError } from "../../src/connection/errors.ts";
import type { OutboxLimits } from "../../src/connection/outbox.ts";
import { Sender } from "../../src/connection/sender.ts";
import { binary, type FrameLike, faultOf, text } from "../../src/frame.ts";
import { FakeClock } from "../../src/testing/index.ts";
import type { Channel } from "../../src/transport/channel.ts";

const LIMITS = { maxMessages: 2, maxBytes: 100, maxAge: 1000, overflow: "reject" } as const;

function sender(outbox: OutboxLimits | false = LIMITS, sendBuffer = 0) {
  const clock = new FakeClock();
  const counters = new Counters();
  const seen = {
    sent: [] as FrameLike[],
    dropped: [] as string[],
    dropping: [] as string[],
    flushed: [] as (() => void)[],
    refused: [] as string[],
  };
  const channel = {
    bufferedAmount: 0,
    send: (frame: FrameLike) => {
      const fault = faultOf(frame);
      if (fault === undefined) seen.sent.push(frame);
      return fault;
    },
    flushed: (callback: () => void) => seen.flushed.push(callback),
  };
  const made = new Sender({ outbox, sendBuffer }, clock, counters, {
    dropped: (_frame, cause) => seen.dropped.push(cause),
    dropping: (cause) => seen.dropping.push(cause),
    refused: ({ reason }) => seen.refused.push(reason),
  });
  const open = (): void => {
    made.attach(channel as unknown as Channel);
    made.open();
  };
  const drops = () => counters.snapshot([], { lastRoundTrip: undefined, openSince: undefined }).dropped;
  return { clock, counters, seen, channel, sender: made, open, drops };
}

test("a frame is queued until the channel is opened to it, and then goes out before any later one", () => {
  const { sender: made, seen, open } = sender();
  assert.equal(made.cast("first").result, "queued");
  open();
  made.flush();
  assert.equal(made.cast("second").result, "sent");
  assert.deepEqual(seen.sent, [text("first"), "second"]);
});

test("a channel that is attached but not open takes nothing yet", () => {
  const { sender: made, seen, channel } = sender();
  made.attach(channel as unknown as Channel);
  assert.equal(made.cast("waits").result, "queued");
  made.flush();
  assert.deepEqual(seen.sent, []);
});

test("a frame that may not be sent is dropped with its fault, open or not, and takes no room", () => {
  const { sender: made, open, drops } = sender();
  assert.equal(made.cast("\ud800").fault?.reason, "lone_surrogate");
  assert.equal(made.bufferedAmount, 0);
  open();
  assert.equal(made.cast("\ud800").result, "dropped");
  assert.equal(drops().invalid, 2);
});

test("bytes that wait are the sender's own: the caller may change his", () => {
  const { sender: made, seen, open } = sender();
  const bytes = new Uint8Array([1, 2]);
  made.cast(bytes);
  made.cast(binary(bytes));
  bytes.fill(9);
  open();
  made.flush();
  assert.deepEqual(seen.sent, [binary(new Uint8Array([1, 2])), binary(new Uint8Array([1, 2]))]);
});

test("what finds no room, no queue or no connection any more is dropped and counted by its cause", () => {
  const full = sender();
  full.sender.cast("1");
  full.sender.cast("2");
  assert.equal(full.sender.cast("3").result, "dropped");
  assert.equal(full.drops().overflow, 1);
  assert.equal(full.sender.cast("4", { whenClosed: "drop" }).result, "dropped");
  assert.equal(full.drops().closed, 1);
  full.sender.close();
  assert.equal(full.sender.cast("5").result, "dropped");
  assert.equal(full.drops().terminated, 1);
  assert.equal(sender(false).sender.cast("6").result, "dropped");
});

test("each cause is told of once until the next open, and each queued frame's drop each time", () => {
  const { sender: made, clock, seen, open } = sender();
  made.cast("1", { ttl: 10 });
  made.cast("2", { ttl: 10 });
  clock.advance(10);
  assert.deepEqual([seen.dropped, seen.dropping], [["expired", "expired"], ["expired"]]);
  open();
  made.detach();
  made.cast("3", { ttl: 10 });
  clock.advance(10);
  assert.deepEqual(seen.dropping, ["expired", "expired"]);
});

test("a ttl that is no time is refused at once", () => {
  const { sender: made } = sender();
  assert.throws(() => made.cast("x", { ttl: -1 }), InvalidOptionError);
  assert.throws(() => made.cast("x", { ttl: Number.NaN }), /ttl takes a number of milliseconds/);
});

test("drain resolves when nothing waits in the outbox or in the channel", async () => {
  const { sender: made, channel, seen, open } = sender();
  await made.drain(undefined);
  made.cast("x");
  let drained = false;
  const waiting = made.drain(undefined).then(() => {
    drained = true;
  });
  open();
  channel.bufferedAmount = 7;
  made.flush();
  await Promise.resolve();
  assert.equal(drained, false);
  channel.bufferedAmount = 0;
  for (const callback of seen.flushed.splice(0)) callback();
  await waiting;
});

test("an empty message that waits has no bytes, but drain waits for it", async () => {
  const { sender: made, open } = sender();
  made.cast("");
  assert.equal(made.bufferedAmount, 0);
  let drained = false;
  const waiting = made.drain(undefined).then(() => {
    drained = true;
  });
  await Promise.resolve();
  assert.equal(drained, false);
  open();
  made.flush();
  await waiting;
});

test("while frames wait for the open, drain asks the channel nothing: that would go round for ever", () => {
  const { sender: made, channel, seen } = sender();
  made.attach(channel as unknown as Channel);
  made.cast("x");
  made.drain(undefined);
  assert.equal(seen.flushed.length, 0);
});

test("drain rejects when frames are lost, and when the connection terminates with frames in the outbox", async () => {
  const { sender: made, drops } = sender();
  made.cast("x");
  const lost = assert.rejects(made.drain(undefined), /written/);
  made.lost(3, new Error("3 frames were not written"));
  await lost;
  assert.equal(drops().lost, 3);
  const ended = assert.rejects(made.drain(undefined), /terminated/);
  made.end(new Error("terminated"));
  await ended;
  assert.equal(drops().terminated, 1);
});

test("a queued frame that the channel's extensions fail on is told of and not counted as sent, and the next one goes", () => {
  const { sender: made, channel, counters, seen, open, drops } = sender();
  made.cast("bad");
  made.cast("good");
  const { send } = channel;
  channel.send = (frame) =>
    typeof frame === "object" && "data" in frame && frame.data === "bad"
      ? ({ reason: "extension_failed", message: "x" } as never)
      : send(frame);
  open();
  made.flush();
  assert.deepEqual(seen.refused, ["extension_failed"]);
  assert.deepEqual(seen.sent, [text("good")]);
  assert.equal(drops().invalid, 1);
  assert.equal(counters.framesSent, 1);
  made.shut();
  made.cast("later");
  made.open();
  made.flush();
  assert.equal(counters.framesSent, 2);
});

test("who closes the connection on hearing of an expired frame keeps the others waiting", () => {
  const { sender: made, clock, seen, open } = sender();
  seen.dropped.push = () => {
    made.shut();
    return 1;
  };
  made.cast("old", { ttl: 10 });
  made.cast("young");
  open();
  // The timer is late.
  clock.now = () => 10;
  made.flush();
  assert.deepEqual(seen.sent, []);
  made.open();
  made.flush();
  assert.deepEqual(seen.sent, [text("young")]);
});
