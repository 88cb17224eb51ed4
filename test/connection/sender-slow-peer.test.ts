/** The sender and a peer that doesn't read: the mark, what waits behind it, and what may pass by. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Counters } from "../../src/connection/counters.ts";
import { InvalidOptionError } from "../../src/connection/errors.ts";
import type { OutboxLimits } from "../../src/connection/outbox.ts";
import { Sender } from "../../src/connection/sender.ts";
import { binary, type Frame, ping, pong } from "../../src/frame.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { SlowChannel } from "./slow-channel.ts";

const LIMITS: OutboxLimits = { maxMessages: 3, maxBytes: 1000, maxAge: 1000, overflow: "reject" };
const MARK = 10;

const dataOf = (frame: Frame): string => (frame.type === "text" ? frame.data : frame.type);

/** A sender with an open channel, and what it says. */
function slow({ outbox = LIMITS, mark = MARK }: { outbox?: OutboxLimits | false; mark?: number } = {}) {
  const clock = new FakeClock();
  const counters = new Counters();
  const drops: string[] = [];
  const dropping: string[] = [];
  let told: (frame: Frame) => void = () => undefined;
  const sender = new Sender({ outbox, sendBuffer: mark }, clock, counters, {
    dropped: (frame, cause) => {
      drops.push(`${dataOf(frame)} ${cause}`);
      told(frame);
    },
    dropping: (cause) => dropping.push(cause),
    refused: () => assert.fail("nothing was refused"),
  });
  const channel = new SlowChannel();
  const open = (next: SlowChannel): void => {
    sender.attach(next.channel);
    sender.open();
    sender.flush();
  };
  open(channel);
  return {
    sender,
    channel,
    clock,
    drops,
    dropping,
    open,
    send: (...given: Parameters<Sender["cast"]>) => sender.cast(...given).result,
    counted: () => counters.snapshot([], { lastRoundTrip: undefined, openSince: undefined }).dropped,
    whenTold: (callback: typeof told) => {
      told = callback;
    },
    wire: () => channel.wire.map(dataOf),
  };
}

test("past the mark frames wait in the outbox, and then find no room; when a quarter is left they go out, in order", () => {
  const { send, channel, wire, dropping, counted } = slow();
  assert.deepEqual(
    ["12345", "67890", "a", "b", "c", "d", "e"].map((data) => send(data)),
    ["sent", "sent", "queued", "queued", "queued", "dropped", "dropped"],
  );
  assert.deepEqual([counted().overflow, dropping], [2, ["overflow"]]);
  channel.read(1);
  assert.equal(channel.held.length, 1, "half of it is no room yet");
  assert.equal(send("f"), "dropped");
  channel.read(1);
  assert.deepEqual(channel.held.map(dataOf), ["a", "b", "c"], "all at once");
  assert.equal(send("g"), "sent");
  channel.read();
  assert.deepEqual(wire(), ["12345", "67890", "a", "b", "c", "g"]);
});

test("while anything waits, what fits waits too, so that the order holds", () => {
  const { send, channel, wire } = slow();
  send("x".repeat(10));
  send("long enough to wait".padEnd(30));
  assert.equal(send("s"), "queued");
  for (let turn = 0; turn < 3; turn += 1) channel.read();
  assert.deepEqual(
    wire().map((data) => data[0]),
    ["x", "l", "s"],
  );
});

test("a frame longer than the mark goes out on an idle channel, and the next one waits", () => {
  const { send } = slow();
  assert.deepEqual([send("x".repeat(500)), send("y")], ["sent", "queued"]);
});

test("0 and Infinity: no limit", () => {
  for (const mark of [0, Number.POSITIVE_INFINITY]) {
    const { send } = slow({ mark });
    for (let sent = 0; sent < 100; sent += 1) assert.equal(send("x".repeat(100)), "sent");
  }
});

test("a flush stops at the mark, and what is left goes on waiting", () => {
  const { send, channel, sender } = slow({ outbox: { ...LIMITS, maxMessages: 9 } });
  for (const data of ["x".repeat(10), "aaaaa", "bbbbb", "ccccc", "d"]) send(data);
  channel.read(1);
  assert.deepEqual(channel.held.map(dataOf), ["aaaaa", "bbbbb"]);
  assert.equal(sender.bufferedAmount, 16);
});

test("without an outbox a frame past the mark is dropped for want of room", () => {
  const { send, counted } = slow({ outbox: false });
  assert.deepEqual([send("x".repeat(10)), send("y")], ["sent", "dropped"]);
  assert.deepEqual([counted().overflow, counted().closed], [1, 0]);
});

test('whenClosed: "drop" is about closed connections: past the mark the frame waits, but not for another connection', () => {
  const { send, sender, channel, drops, open, counted } = slow();
  send("x".repeat(10));
  assert.deepEqual([send("now", { whenClosed: "drop" }), send("whenever")], ["queued", "queued"]);
  channel.end();
  sender.detach();
  assert.deepEqual([drops, counted().closed], [["now closed"], 1]);
  const next = new SlowChannel();
  open(next);
  assert.deepEqual(next.held.map(dataOf), ["whenever"]);
});

test("pings and pongs pass by what waits for a slow peer, a hundred of them; the next ones wait like all else", () => {
  const { send, channel } = slow();
  send("x".repeat(10));
  send("waits");
  for (let sent = 0; sent < 100; sent += 1) assert.equal(send(sent % 2 === 0 ? ping() : pong()), "sent");
  assert.equal(send(ping()), "queued");
  assert.equal(channel.held.length, 101);
  channel.read();
  send("x".repeat(10));
  assert.equal(send(ping()), "sent", "counted anew each time");
});

test("before handleConnect has answered, a ping waits as everything does", () => {
  const { send, sender } = slow();
  sender.shut();
  assert.equal(send(ping()), "queued");
});

test("what handleConnect says goes out whatever waits and however long it is; the others come behind it, as far as there is room", () => {
  const { sender, channel, open, send } = slow();
  channel.end();
  sender.detach();
  send("waits");
  const next = new SlowChannel();
  sender.attach(next.channel);
  sender.open();
  for (let said = 0; said < 5; said += 1) assert.equal(send("hello hello"), "sent");
  sender.flush();
  assert.equal(next.held.length, 5);
  assert.equal(sender.ready, true);
  next.read();
  assert.equal(dataOf(next.held[0] as Frame), "waits");
  assert.ok(open);
});

test("a new channel has room, whatever the one before had; and what that one says late is not about the new one", () => {
  const { sender, channel, open, send } = slow();
  send("x".repeat(10));
  sender.detach();
  const next = new SlowChannel();
  open(next);
  assert.equal(send("y".repeat(10)), "sent");
  channel.read();
  assert.equal(send("z"), "queued");
});

test("a reply that finds no room is told of, with its cause; one that is sent or waits is not", () => {
  const { sender, drops, counted } = slow();
  for (const data of ["x".repeat(10), "a", "b", "c", "d"]) assert.equal(sender.reply(data), undefined);
  assert.deepEqual([drops, counted().overflow], [["d overflow"], 1]);
  assert.equal(sender.reply("\ud800")?.reason, "lone_surrogate");
  assert.equal(drops.length, 1);
  const none = slow({ outbox: false });
  none.sender.detach();
  none.sender.reply("e");
  none.sender.close();
  none.sender.reply(binary(new Uint8Array(1)));
  assert.deepEqual(none.drops, ["e closed", "binary terminated"]);
});

test("a key's newer frame takes the place of the one that waits, which is told of as replaced and not complained about", () => {
  const { send, channel, drops, dropping, counted, wire } = slow();
  send("x".repeat(10));
  send("price 1", { key: "price" });
  send("between");
  assert.equal(send("price 2", { key: "price" }), "queued");
  assert.deepEqual([drops, dropping, counted().replaced], [["price 1 replaced"], [], 1]);
  channel.read();
  channel.read();
  assert.deepEqual(wire().slice(1), ["price 2", "between"]);
  assert.equal(send("price 3", { key: "price" }), "sent");
  assert.equal(counted().replaced, 1, "what has gone out is replaced by nothing");
});

test("a key that is no string is refused", () => {
  const { send } = slow();
  send("x".repeat(10));
  assert.throws(() => send("y", { key: 7 as unknown as string }), InvalidOptionError);
  assert.throws(() => send("y", { key: 7 as unknown as string }), /The option key takes a string; it got 7/);
});

test("who sends on hearing of an expired frame comes behind what still waits", () => {
  const { send, sender, clock, channel, whenTold } = slow();
  send("x".repeat(10));
  send("old", { ttl: 10 });
  send("young");
  whenTold(() => send("newest"));
  // The timer is late: the flush finds it.
  clock.now = () => 10;
  channel.read();
  assert.deepEqual(channel.held.map(dataOf), ["young", "newest"]);
  assert.equal(sender.bufferedAmount, 11);
});

test("a ping that is sent on hearing of a drop within a flush comes behind what still waits, too", () => {
  const { send, clock, channel, whenTold } = slow();
  send("x".repeat(10));
  send("old", { ttl: 10 });
  send("young");
  whenTold(() => send(ping()));
  // The timer is late: the flush finds it, when there is room again.
  clock.now = () => 10;
  channel.read();
  assert.deepEqual(channel.held.map(dataOf), ["young", "ping"]);
});

test("drain past the mark: resolves when the outbox and the channel are empty, and asks the channel once", async () => {
  const { send, sender, channel, clock } = slow();
  send("x".repeat(10));
  send("a", { ttl: 10 });
  send("b");
  let drained = false;
  const waiting = sender.drain(undefined).then(() => {
    drained = true;
  });
  clock.advance(10);
  assert.equal(channel.watchers, 1, "also when more has happened");
  channel.read(1);
  await Promise.resolve();
  assert.equal(drained, false);
  channel.read();
  channel.read();
  await waiting;
});

test("while closing, drain still hears of it when the channel is empty", async () => {
  const { send, sender, channel } = slow();
  send("x");
  sender.shut();
  const waiting = sender.drain(undefined);
  assert.equal(channel.watchers, 1);
  channel.read();
  await waiting;
});
