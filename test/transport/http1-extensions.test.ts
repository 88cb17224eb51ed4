/** Extensions on an open channel: every end is one for their sessions too, and what they do wrong stays on the channel. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { text } from "../../src/frame.ts";
import { rawFrame } from "../../src/testing/index.ts";
import { prefix } from "../protocol/toy-extensions.ts";
import { accepting, FrameReader, headOf, rawPeer, wire } from "./peers.ts";
import { eventually, open, uncaught } from "./recorder.ts";

/** A peer that agrees to these extensions, whatever was offered. */
function agreeing(t: TestContext, extensions: string, then: (socket: Socket) => unknown = () => undefined) {
  return rawPeer(t, async (socket) => {
    const request = await headOf(socket);
    socket.write(accepting(request, `Sec-WebSocket-Extensions: ${extensions}`));
    await then(socket);
  });
}

test("a session is closed once, however its channel ends, also when it fails at that", async (t) => {
  const thrown = uncaught(t);
  const ends: readonly (readonly [how: string, (socket: Socket) => unknown])[] = [
    ["closed", (socket) => socket.write(wire({ type: "close", code: 1000 }))],
    ["violated", (socket) => socket.write(rawFrame({ opcode: 3 }))],
    ["violated", (socket) => socket.write(wire(text("no A")))],
    ["lost", (socket) => socket.end()],
    ["lost", (socket) => socket.resetAndDestroy()],
    ["destroyed", () => undefined],
  ];
  for (const [how, end] of ends) {
    let closed = 0;
    const extension = prefix("x-a", "A", {
      close: () => {
        closed += 1;
        throw new Error("unheard");
      },
    });
    const peer = await agreeing(t, "x-a", end);
    const { recorder } = open(peer.url(), { extensions: [extension] });
    await recorder.until("opened");
    if (how !== "destroyed") assert.equal((await recorder.end()).type, how);
    recorder.channel.destroy();
    await recorder.silent();
    assert.equal(closed, 1, how);
  }
  assert.deepEqual(thrown, []);
});

test("an answer that one extension refuses closes the sessions of the others", async (t) => {
  let closed = 0;
  const first = prefix("x-a", "A", { close: () => closed++ });
  const second = { ...prefix("x-b", "B"), accept: () => ({ refused: "not like this." }) };
  const peer = await agreeing(t, "x-a, x-b");
  const { recorder } = open(peer.url(), { extensions: [first, second] });
  const failure = await recorder.failure();
  assert.equal(failure.reason, "extensions");
  assert.match(failure.message, /x-b can't be agreed to: not like this/);
  assert.equal(closed, 1);
});

test("an extension that fails when the channel hibernates ends it, and the server hears 1011", async (t) => {
  const cause = new Error("no sleep");
  const extension = prefix("x-a", "A", {
    hibernate: () => {
      throw cause;
    },
  });
  const received: FrameReader[] = [];
  const peer = await agreeing(t, "x-a", (socket) => received.push(new FrameReader(socket)));
  const { recorder } = open(peer.url(), { extensions: [extension], hibernates: true });
  await recorder.until("opened");
  recorder.channel.hibernate();
  const end = await recorder.end();
  assert.deepEqual(end, {
    type: "unprocessed",
    reason: "extension_failed",
    message: "The extension x-a failed when the connection was idle: no sleep",
    cause,
  });
  recorder.channel.hibernate();
  await recorder.silent();
  await eventually(() => (received[0]?.events.length ?? 0) > 0);
  assert.deepEqual(received[0]?.brief, ["close 1011 an extension failed"]);
  recorder.channel.destroy();
});

test("a channel that has something left to deliver is not idle", async (t) => {
  let hibernated = 0;
  const extension = prefix("x-a", "A", { hibernate: () => hibernated++ });
  const peer = await agreeing(t, "x-a", (socket) => socket.write(wire(text("A1"), text("A2"))));
  const { recorder } = open(peer.url(), { extensions: [extension], hibernates: true }, (said, { channel }) => {
    if (said.type === "frame") channel.pause();
  });
  await recorder.until("frame");
  recorder.channel.hibernate();
  assert.equal(hibernated, 0);
  recorder.channel.resume();
  await recorder.until("frame", 2);
  recorder.channel.resume();
  await eventually(() => {
    recorder.channel.hibernate();
    return hibernated > 0;
  });
  recorder.channel.destroy();
});

test("an extension that ends the channel while it decodes has the last word: nothing is delivered", async (t) => {
  const extension = prefix("x-a", "A", {
    decode: (data, _frame, output) => {
      recorder.channel.destroy();
      output.write(data);
      return undefined;
    },
  });
  const peer = await agreeing(t, "x-a", (socket) => socket.write(wire(text("A1"), text("A2"))));
  const { recorder } = open(peer.url(), { extensions: [extension] });
  await recorder.until("opened");
  await eventually(() => peer.sockets[0]?.destroyed === true);
  await recorder.silent();
  assert.deepEqual(recorder.frames, []);
});

test("an extension that fails when it is asked for its offers fails the attempt, as everything that a request holds", async (t) => {
  const cause = new Error("no offers today");
  const extension = {
    ...prefix("x-a", "A"),
    get offers(): never {
      throw cause;
    },
  };
  const peer = await agreeing(t, "x-a");
  const { recorder } = open(peer.url(), { extensions: [extension] });
  const failure = await recorder.failure();
  assert.deepEqual([failure.kind, failure.reason, failure.cause], ["upgrading_failed", "invalid_option", cause]);
  assert.equal(peer.sockets.length, 0);
});
