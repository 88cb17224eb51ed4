/** The open channel's reading: delivery, pausing, and what a listener may do in the middle of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { WebSocketServer } from "ws";
import { type FrameLike, ping, pong, text } from "../../src/frame.ts";
import { acceptingPeer, FrameReader, wire } from "./peers.ts";
import { eventually, open, type Recorder, uncaught } from "./recorder.ts";

const turns = async (count = 10) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
const texts = (recorder: Recorder) => recorder.frames.map((frame) => (frame.type === "text" ? frame.data : frame.type));

test("messages, pings and pongs are delivered in order, and a ping has been answered before", async (t) => {
  const received: FrameReader[] = [];
  const peer = await acceptingPeer(t, (socket) => {
    received.push(new FrameReader(socket));
    socket.write(wire(text("a"), ping("p"), pong("q"), new Uint8Array([7])));
  });
  const { recorder } = open(peer.url());
  await recorder.until("frame", 4);
  assert.deepEqual(
    recorder.frames.map(({ type }) => type),
    ["text", "ping", "pong", "binary"],
  );
  await eventually(() => (received[0]?.events.length ?? 0) > 0);
  assert.deepEqual(received[0]?.brief, ["pong p"]);
  recorder.channel.destroy();
});

test("replies given inside frame follow the pong", async (t) => {
  const received: FrameReader[] = [];
  const peer = await acceptingPeer(t, (socket) => {
    received.push(new FrameReader(socket));
    socket.write(wire(ping("1"), text("2"), ping("3")));
  });
  const { recorder } = open(peer.url(), {}, (said, { channel }) => {
    if (said.type === "frame") channel.send(`after ${said.frame.type}`);
  });
  await eventually(() => received[0]?.events.length === 5);
  assert.deepEqual(received[0]?.brief, ["pong 1", "after ping", "after text", "pong 3", "after ping"]);
  recorder.channel.destroy();
});

test("five megabytes pass whole and in order, however often reading is paused", async (t) => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const sizes = Array.from({ length: 2500 }, (_, index) => (index * 7919) % 4000);
  server.on("connection", (socket) => {
    for (const [index, size] of sizes.entries()) socket.send(`${index}:${"x".repeat(size)}`);
    socket.close(1000, "done");
  });
  const random = fc.sample(fc.integer({ min: 0, max: 9 }), { numRuns: sizes.length, seed: 1 });
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  let expected = 0;
  let paused = false;
  const { recorder } = open(url, {}, (said, { channel }) => {
    if (said.type !== "frame" || said.frame.type !== "text") return;
    assert.equal(paused, false, "no frame while paused");
    assert.equal(said.frame.data, `${expected}:${"x".repeat(sizes[expected] as number)}`);
    const choice = random[expected] as number;
    expected += 1;
    if (choice > 5) return;
    channel.pause();
    paused = true;
    const resume = () => {
      paused = false;
      channel.resume();
    };
    if (choice === 0) resume();
    else if (choice === 1) process.nextTick(resume);
    else if (choice === 2) queueMicrotask(resume);
    else setImmediate(resume);
  });
  assert.deepEqual(await recorder.end(), { type: "closed", code: 1000, reason: "done" });
  assert.equal(expected, sizes.length);
  await recorder.silent();
});

test("pause inside frame stops delivery in the middle of a chunk; resume goes on with what is left, not inside itself", async (t) => {
  const peer = await acceptingPeer(t, (socket) => socket.write(wire(...["1", "2", "3", "4"].map(text))));
  const { recorder } = open(peer.url(), {}, (said, { channel }) => {
    if (said.type === "frame" && said.frame.type === "text" && said.frame.data === "2") channel.pause();
  });
  await recorder.until("frame", 2);
  peer.sockets[0]?.write(wire(text("5")));
  await turns();
  assert.deepEqual(texts(recorder), ["1", "2"]);
  recorder.channel.resume();
  assert.deepEqual(texts(recorder), ["1", "2"], "resume itself delivers nothing");
  await recorder.until("frame", 5);
  assert.deepEqual(texts(recorder), ["1", "2", "3", "4", "5"]);
  recorder.channel.destroy();
});

test("pause inside opened holds the frames that come with the 101", async (t) => {
  const peer = await acceptingPeer(t, (socket) => socket.write(wire(text("1"))));
  const { recorder } = open(peer.url(), {}, (said, { channel }) => {
    if (said.type === "opened") channel.pause();
  });
  await recorder.until("opened");
  await turns();
  assert.deepEqual(texts(recorder), []);
  recorder.channel.resume();
  await recorder.until("frame");
  recorder.channel.destroy();
});

test("pause and resume in turn inside every frame cost no stack", async (t) => {
  const count = 50000;
  const chunk = wire(...Array.from({ length: 1000 }, () => text("")));
  const peer = await acceptingPeer(t, (socket) => {
    for (let sent = 0; sent < count; sent += 1000) socket.write(chunk);
  });
  let depth = 0;
  let deepest = 0;
  const { recorder } = open(peer.url(), {}, (said, { channel }) => {
    if (said.type !== "frame") return;
    depth += 1;
    deepest = Math.max(deepest, depth);
    channel.pause();
    channel.resume();
    channel.resume();
    depth -= 1;
  });
  await recorder.until("frame", count);
  assert.equal(deepest, 1);
  recorder.channel.destroy();
});

test("resume, then pause in the same tick delivers nothing", async (t) => {
  const peer = await acceptingPeer(t, (socket) => socket.write(wire(text("1"), text("2"), text("3"))));
  const { recorder } = open(peer.url(), {}, (said, { channel }) => {
    if (said.type === "frame" && recorder.frames.length === 1) channel.pause();
  });
  await recorder.until("frame");
  const { channel } = recorder;
  channel.resume();
  channel.pause();
  await turns();
  assert.deepEqual(texts(recorder), ["1"]);
  channel.resume();
  channel.pause();
  channel.resume();
  await recorder.until("frame", 3);
  assert.deepEqual(texts(recorder), ["1", "2", "3"]);
  channel.destroy();
});

test("while paused TCP pushes back: the peer can't write on for ever", async (t) => {
  const peer = await acceptingPeer(t);
  const { recorder } = open(peer.url(), { maxMessageSize: 2 ** 30 });
  await recorder.until("opened");
  recorder.channel.pause();
  const socket = peer.sockets[0] as Socket;
  const chunk = wire(new Uint8Array(2 ** 20));
  for (let sent = 0; sent < 64; sent += 1) socket.write(chunk);
  await turns(50);
  assert.ok(socket.writableLength > 2 ** 24, "most of 64 MiB are still at the peer");
  assert.ok(recorder.channel.bytesReceived < 2 ** 20, "and were not read here");
  recorder.channel.resume();
  await recorder.until("frame", 64);
  recorder.channel.destroy();
});

test("a close frame that came while paused is told after resume, behind the frames before it", async (t) => {
  const peer = await acceptingPeer(t, (socket) =>
    socket.write(wire(text("1"), text("2"), { type: "close", code: 1001, reason: "away" })),
  );
  const { recorder } = open(peer.url(), {}, (said, { channel }) => {
    if (said.type === "frame" && recorder.frames.length === 1) channel.pause();
  });
  await recorder.until("frame");
  await turns();
  assert.deepEqual(texts(recorder), ["1"]);
  recorder.channel.resume();
  assert.deepEqual(await recorder.end(), { type: "closed", code: 1001, reason: "away" });
  assert.deepEqual(texts(recorder), ["1", "2"]);
  await recorder.silent();
});

test("when TCP ends while paused, what had come is delivered after resume, and only then the end is told", async (t) => {
  for (const end of ["end", "resetAndDestroy"] as const) {
    const peer = await acceptingPeer(t, (socket) => socket.write(wire(text("1"), text("2"))));
    const { recorder } = open(peer.url(), {}, (said, { channel }) => {
      if (said.type === "frame" && recorder.frames.length === 1) channel.pause();
    });
    await recorder.until("frame");
    const socket = peer.sockets[0] as Socket;
    // Read ahead by the socket, and not yet given to the channel.
    await new Promise((resolve) => socket.write(wire(text("3"), text("4")), resolve));
    await turns();
    socket[end]();
    await turns();
    assert.deepEqual(recorder.kinds.slice(1), ["opened", "frame"], end);
    recorder.channel.resume();
    const lost = await recorder.end();
    assert.equal(lost.type === "lost" && lost.reason, end === "end" ? "ended" : "reset");
    assert.deepEqual(texts(recorder), ["1", "2", "3", "4"], end);
    await recorder.silent();
  }
});

test("when TCP ends while paused and nothing is left, the end is told at once", async (t) => {
  for (const end of ["end", "resetAndDestroy"] as const) {
    const peer = await acceptingPeer(t);
    const { recorder } = open(peer.url());
    await recorder.until("opened");
    recorder.channel.pause();
    peer.sockets[0]?.[end]();
    const lost = await recorder.end();
    assert.equal(lost.type === "lost" && lost.reason, end === "end" ? "ended" : "reset");
    await recorder.silent();
  }
});

test("destroy inside frame stops delivery at once, and what was sent before it goes out", async (t) => {
  const received: FrameReader[] = [];
  const peer = await acceptingPeer(t, (socket) => {
    received.push(new FrameReader(socket));
    socket.write(wire(text("1"), text("2"), { type: "close", code: 1000 }));
  });
  const { recorder } = open(peer.url(), {}, (said, { channel }) => {
    if (said.type !== "frame") return;
    channel.send("last words");
    channel.destroy();
  });
  await recorder.until("frame");
  await received[0]?.ended;
  assert.deepEqual(received[0]?.brief, ["last words"]);
  await recorder.silent();
  assert.deepEqual(texts(recorder), ["1"]);
});

test("a listener that throws in frame loses no other frame, and what it sent goes out", async (t) => {
  const thrown = uncaught(t);
  const received: FrameReader[] = [];
  const peer = await acceptingPeer(t, (socket) => {
    received.push(new FrameReader(socket));
    socket.write(wire(text("1"), text("2"), text("3")));
  });
  const { recorder } = open(peer.url(), {}, (said, { channel }) => {
    if (said.type !== "frame" || said.frame.type !== "text") return;
    channel.send(`echo ${said.frame.data}`);
    if (said.frame.data !== "3") throw new Error(said.frame.data);
  });
  await recorder.until("frame", 3);
  assert.deepEqual(texts(recorder), ["1", "2", "3"]);
  assert.deepEqual(
    thrown.map((error) => (error as Error).message),
    ["1", "2"],
  );
  await eventually(() => received[0]?.events.length === 3);
  assert.deepEqual(received[0]?.brief, ["echo 1", "echo 2", "echo 3"]);
  recorder.channel.destroy();
});

test("a channel pauses and resumes at any moment with the same frames in the end", async (t) => {
  const frames = Array.from({ length: 30 }, (_, index): FrameLike => text(`${index}`));
  const bytes = wire(...frames, { type: "close", code: 1000, reason: "" });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 20 }),
      fc.array(fc.constantFrom("pause", "resume", "wait"), { maxLength: 40 }),
      async (cuts, actions) => {
        const peer = await acceptingPeer(t, async (socket) => {
          socket.setNoDelay(true);
          let at = 0;
          for (const cut of cuts) {
            socket.write(bytes.subarray(at, at + cut));
            at += cut;
            await turns(1);
          }
          socket.write(bytes.subarray(at));
          new FrameReader(socket);
        });
        const queue = [...actions];
        const { recorder } = open(peer.url(), {}, (said, { channel }) => {
          const action = said.type === "frame" ? queue.shift() : undefined;
          if (action === "pause") channel.pause();
          if (action === "resume") channel.resume();
        });
        await recorder.until("opened");
        for (const action of actions) {
          if (action === "pause") recorder.channel.pause();
          else if (action === "resume") recorder.channel.resume();
          else await turns(1);
        }
        while (recorder.all("ended").length === 0) {
          recorder.channel.resume();
          await turns(1);
        }
        assert.deepEqual(
          texts(recorder),
          frames.map((frame) => (frame as { data: string }).data),
        );
        await recorder.silent();
        peer.server.close();
      },
    ),
    { numRuns: 60 },
  );
});

test("bytes are counted both ways since the 101, headers of frames included", async (t) => {
  const sent = wire(text("hello"), ping("p"));
  const received: FrameReader[] = [];
  const peer = await acceptingPeer(t, (socket) => {
    received.push(new FrameReader(socket));
    socket.write(sent);
  });
  const { recorder } = open(peer.url());
  await recorder.until("frame", 2);
  recorder.channel.send("four");
  await eventually(() => received[0]?.events.length === 2);
  assert.equal(recorder.channel.bytesReceived, sent.length);
  assert.equal(recorder.channel.bytesSent, Buffer.concat(received[0]?.chunks ?? []).length);
  assert.equal(recorder.channel.bufferedAmount, 0);
  recorder.channel.destroy();
});

test("hibernate changes nothing that can be seen", async (t) => {
  const peer = await acceptingPeer(t, (socket) => socket.write(wire(text("1"), text("2"))));
  const { recorder } = open(peer.url(), {}, (said, { channel }) => {
    if (said.type !== "connected") channel.hibernate();
  });
  await recorder.until("frame", 2);
  recorder.channel.destroy();
});
