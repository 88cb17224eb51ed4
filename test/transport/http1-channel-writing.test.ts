/** The open channel's writing: batches, back-pressure, and what is known to have gone out. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { ping, pong, text } from "../../src/frame.ts";
import type { ChannelRequest } from "../../src/transport/channel.ts";
import { AUTHORITY, acceptingPeer, certificate, FrameReader, wire } from "./peers.ts";
import { eventually, open, type Recorder, type Said } from "./recorder.ts";
import { TappedAgent } from "./tapped-agent.ts";

const turns = async (count = 10) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** An open channel, its own socket, and the peer's. */
async function pair(
  t: TestContext,
  {
    react,
    reads = true,
    overrides = {},
  }: {
    readonly react?: (said: Said, recorder: Recorder) => void;
    readonly reads?: boolean;
    readonly overrides?: Partial<ChannelRequest>;
  } = {},
) {
  let reader: FrameReader | undefined;
  const peer = await acceptingPeer(t, (socket) => {
    if (reads) reader = new FrameReader(socket);
    else socket.pause();
  });
  const agent = new TappedAgent();
  t.after(() => agent.destroy());
  const { recorder } = open(peer.url(), { transportOptions: { agent }, ...overrides }, react);
  await recorder.until("opened");
  const theirs = peer.sockets[0] as Socket;
  return { recorder, channel: recorder.channel, agent, theirs, read: () => (reader ??= new FrameReader(theirs)) };
}

/** Sends until the system takes no more: the peer must not be reading. */
async function fill({
  channel,
}: {
  readonly channel: { send(frame: Uint8Array): unknown; readonly bufferedAmount: number };
}) {
  const piece = new Uint8Array(100000);
  let sent = 0;
  for (let calm = 0; calm < 5; ) {
    channel.send(piece);
    sent += 1;
    await turns(2);
    calm = channel.bufferedAmount >= 100000 ? calm + 1 : 0;
  }
  return sent;
}

test("everything that is sent in one tick goes out in one write, at the tick's end", async (t) => {
  const { recorder, channel, agent, read } = await pair(t);
  const writes = agent.writes();
  for (let index = 0; index < 100; index += 1) channel.send(`message ${index}`);
  assert.equal(writes.length, 0);
  const buffered = channel.bufferedAmount;
  await turns(1);
  assert.deepEqual(writes, [buffered]);
  await eventually(() => read().events.length === 100);
  assert.equal(read().brief[99], "message 99");
  recorder.channel.destroy();
});

test("everything that is sent while a chunk is delivered, pongs included, goes out in one write behind it", async (t) => {
  const { channel, agent, theirs, read } = await pair(t, {
    react: (said, { channel }) => {
      if (said.type === "frame" && said.frame.type === "text") channel.send(`echo ${said.frame.data}`);
    },
  });
  const writes = agent.writes();
  theirs.write(wire(...Array.from({ length: 50 }, (_, index) => [text(`${index}`), ping(`${index}`)]).flat()));
  await eventually(() => read().events.length === 100);
  assert.equal(writes.length, 1);
  assert.deepEqual(read().brief.slice(0, 4), ["echo 0", "pong 0", "echo 1", "pong 1"]);
  channel.destroy();
});

test("a batch of 64 KiB goes out at once", async (t) => {
  const { channel, agent } = await pair(t);
  const writes = agent.writes();
  channel.send(new Uint8Array(40000));
  assert.equal(writes.length, 0);
  channel.send(new Uint8Array(40000));
  assert.equal(writes.length, 1);
  channel.destroy();
});

test("a frame that may not be sent is refused with its fault, and nothing of it goes out", async (t) => {
  const { channel, agent } = await pair(t);
  const writes = agent.writes();
  assert.equal(channel.send("\ud800")?.reason, "lone_surrogate");
  assert.equal(channel.send(ping("x".repeat(126)))?.reason, "control_too_long");
  assert.equal(channel.send(7 as unknown as string)?.reason, "wrong_type");
  assert.equal(channel.close(1005)?.reason, "close_code");
  assert.equal(channel.bufferedAmount, 0);
  await turns();
  assert.deepEqual(writes, []);
  assert.equal(channel.send("good"), undefined);
  channel.destroy();
});

test("what the system doesn't take counts as buffered, and no more when the peer has read", async (t) => {
  const channelPair = await pair(t, { reads: false });
  const { channel, read } = channelPair;
  const sent = await fill(channelPair);
  const total = sent * 100014;
  assert.ok(channel.bufferedAmount > 0);
  assert.equal(channel.bytesSent + channel.bufferedAmount, total);
  read();
  await eventually(() => channel.bufferedAmount === 0);
  assert.equal(channel.bytesSent, total);
  await eventually(() => read().events.length === sent);
  channel.destroy();
});

test("without back-pressure every ping is answered, in order", async (t) => {
  const { channel, theirs, read } = await pair(t);
  theirs.write(wire(...Array.from({ length: 500 }, (_, index) => ping(`${index}`))));
  await eventually(() => read().events.length === 500);
  assert.equal(read().brief[499], "pong 499");
  channel.destroy();
});

test("under back-pressure only the newest pong is kept, and small batches wait for the drain in one piece", async (t) => {
  const channelPair = await pair(t, { reads: false });
  const { recorder, channel, agent, theirs, read } = channelPair;
  const sent = await fill(channelPair);
  const writes = agent.writes();
  const buffered = channel.bufferedAmount;
  for (let index = 0; index < 1000; index += 1) theirs.write(wire(ping(`${index}`)));
  await recorder.until("frame", 1000);
  channel.send("one");
  await turns();
  channel.send("two");
  await turns();
  assert.deepEqual(writes, [], "nothing is written on top of what waits");
  assert.ok(channel.bufferedAmount < buffered + 100, "and a thousand pings have cost nothing");
  const reader = read();
  await eventually(() => reader.events.length >= sent + 3);
  assert.deepEqual(reader.brief.slice(sent), ["one", "two", "pong 999"]);
  assert.equal(writes.length, 1);
  theirs.write(wire(ping("after"), ping("wards")));
  await eventually(() => reader.events.length === sent + 5);
  assert.deepEqual(reader.brief.slice(sent + 3), ["pong after", "pong wards"]);
  channel.destroy();
});

test("under back-pressure a batch of 64 KiB is handed to the socket, so that it isn't gathered for ever in one piece", async (t) => {
  const channelPair = await pair(t, { reads: false });
  await fill(channelPair);
  const writes = channelPair.agent.writes();
  channelPair.channel.send(new Uint8Array(70000));
  assert.equal(writes.length, 1);
  channelPair.channel.destroy();
});

test("flushed calls back once for each call, when what was sent before has been given to the system", async (t) => {
  const channelPair = await pair(t, { reads: false });
  const { channel, read } = channelPair;
  const order: string[] = [];
  channel.flushed(() => order.push("empty"));
  assert.equal(order.length, 0, "never inside the call");
  await turns();
  assert.equal(order.join(), "empty");
  await fill(channelPair);
  channel.flushed(() => order.push("first"));
  channel.send("x");
  channel.flushed(() => order.push("second"));
  await turns();
  assert.equal(order.join(), "empty");
  read();
  await eventually(() => order.length === 3);
  assert.equal(order.join(), "empty,first,second");
  assert.equal(channel.bufferedAmount, 0);
  channel.destroy();
});

test("flushed never calls back after the end", async (t) => {
  const channelPair = await pair(t, { reads: false });
  const { recorder, channel, theirs } = channelPair;
  await fill(channelPair);
  channel.flushed(() => assert.fail("called back"));
  theirs.resetAndDestroy();
  await recorder.until("ended");
  channel.flushed(() => assert.fail("called back"));
  await recorder.silent();
  const destroyed = await pair(t);
  destroyed.channel.flushed(() => assert.fail("called back"));
  destroyed.channel.destroy();
  await destroyed.recorder.silent();
});

test("over TLS the same holds: one write, flushed, nothing buffered in the end", async (t) => {
  let reader: FrameReader | undefined;
  const peer = await acceptingPeer(
    t,
    (socket) => {
      reader = new FrameReader(socket);
    },
    { tls: certificate("server") },
  );
  const { recorder } = open(peer.url(), { transportOptions: { ca: AUTHORITY } });
  await recorder.until("opened");
  const { channel } = recorder;
  for (let index = 0; index < 10; index += 1) channel.send(`${index}`);
  await new Promise<void>((resolve) => channel.flushed(resolve));
  assert.equal(channel.bufferedAmount, 0);
  await eventually(() => reader?.events.length === 10);
  channel.close(1000);
  await eventually(() => reader?.events.length === 11);
  peer.sockets[0]?.end(wire({ type: "close", code: 1000 }));
  assert.equal((await recorder.end()).type, "closed");
  await recorder.silent();
});

test("a pong can be sent unasked", async (t) => {
  const { channel, read } = await pair(t);
  channel.send(pong("here"));
  await eventually(() => read().events.length === 1);
  assert.deepEqual(read().brief, ["pong here"]);
  channel.destroy();
});

for (const secure of [false, true]) {
  test(`progress shows in the middle of one large message${secure ? ", over TLS too" : ""}: while the peer reads it changes, while it doesn't it stands still`, async (t) => {
    const peer = await acceptingPeer(t, (socket) => socket.pause(), secure ? { tls: certificate("server") } : {});
    const { recorder } = open(peer.url(), { transportOptions: secure ? { ca: AUTHORITY } : {} });
    await recorder.until("opened");
    const { channel } = recorder;
    channel.send(new Uint8Array(48 * 1024 * 1024));
    let before = Number.NaN;
    // The system fills its own buffers first.
    while (channel.writeProgress !== before) {
      before = channel.writeProgress;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { bytesSent } = channel;
    // Nothing is seen in what is sent and read meanwhile.
    channel.send("more");
    assert.equal(channel.writeProgress, before);
    const theirs = peer.sockets[0] as Socket;
    let taken = 0;
    theirs.on("data", (chunk: Buffer) => {
      taken += chunk.byteLength;
      if (taken > 24 * 1024 * 1024) theirs.pause();
    });
    theirs.resume();
    await eventually(() => taken > 24 * 1024 * 1024);
    await turns();
    assert.notEqual(channel.writeProgress, before);
    assert.equal(channel.bytesSent, bytesSent, "no write is done yet");
    channel.destroy();
    theirs.destroy();
  });
}

test("afterReading calls back when what had arrived has been delivered, and not after the end", async (t) => {
  const { recorder, theirs } = await pair(t);
  let told = false;
  await new Promise<void>((resolve) => {
    theirs.write(wire("before"), () => {
      // It has arrived, and nobody can have read it: this process stands still.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      assert.ok(!recorder.kinds.includes("frame"));
      recorder.channel.afterReading(() => {
        assert.ok(recorder.kinds.includes("frame"));
        resolve();
      });
    });
  });
  recorder.channel.afterReading(() => {
    told = true;
  });
  recorder.channel.destroy();
  await turns();
  assert.equal(told, false);
});
