import assert from "node:assert/strict";
import { test } from "node:test";
import { text } from "../../src/frame.ts";
import { PeerError } from "../../src/testing/errors.ts";
import { type Automatic, FrameStream } from "../../src/testing/frame-stream.ts";
import { Inbox } from "../../src/testing/inbox.ts";
import { Outgoing } from "../../src/testing/outgoing.ts";
import { closePayload, rawFrame } from "../../src/testing/raw-frame.ts";
import type { RawClient } from "./raw-client.ts";
import { withSocketPair } from "./socket-pair.ts";

type Bench = {
  readonly stream: FrameStream;
  readonly inbox: Inbox;
  readonly outgoing: Outgoing;
  readonly client: RawClient;
};

function withStream(automatic: Automatic, use: (bench: Bench) => Promise<void>): Promise<void> {
  return withSocketPair(async ({ server, client }) => {
    const inbox = new Inbox(1000, 100);
    const outgoing = new Outgoing(server, () => new PeerError("ended", "gone"));
    const stream = new FrameStream(inbox, outgoing, { automatic, maxMessageSize: 100, maxFragments: 3 });
    await use({ stream, inbox, outgoing, client });
  });
}

const PING = rawFrame({ opcode: "ping", payload: "p", masked: true });
const PONG = Buffer.from(rawFrame({ opcode: "pong", payload: "p" }));
const CLOSE = rawFrame({ opcode: "close", payload: closePayload(1000), masked: true });
const ECHO = Buffer.from(rawFrame({ opcode: "close", payload: closePayload(1000) }));

test("each of the automatic answers can be had without the other", async () => {
  for (const [automatic, answer, finishes] of [
    [true, Buffer.concat([PONG, ECHO]), true],
    [["pong"], PONG, false],
    [["close"], ECHO, true],
    [false, Buffer.alloc(0), false],
  ] as const) {
    await withStream(automatic, async ({ stream, inbox, outgoing, client }) => {
      stream.push(Buffer.concat([PING, CLOSE]));
      assert.equal(outgoing.isFinishing, finishes);
      outgoing.end();
      assert.deepEqual(await client.all(), answer);
      assert.deepEqual(
        inbox.record.map(({ type }) => type),
        ["ping", "close"],
      );
      assert.deepEqual(stream.closeFrame, { type: "close", code: 1000, reason: "" });
    });
  }
});

test("limits of the client's messages are kept, and a violation is kept with its reason", async () => {
  for (const [frames, reason] of [
    [[rawFrame({ opcode: "binary", masked: true, length: 101 })], "message_too_long"],
    [
      [1, 2, 3, 4].map((n) => rawFrame({ opcode: n === 1 ? "text" : 0, fin: false, masked: true, payload: "x" })),
      "too_many_fragments",
    ],
  ] as const) {
    await withStream(true, async ({ stream, inbox, outgoing, client }) => {
      stream.push(Buffer.concat(frames));
      assert.equal(stream.violation?.reason, reason);
      assert.equal(outgoing.isFinishing, true);
      await assert.rejects(
        inbox.read(() => true, "a frame"),
        { reason: "violated", message: /^The script waited for a frame, and the client broke the protocol: / },
      );
      assert.equal((await client.all()).readUInt16BE(2), 1009);
    });
  }
});

test("nothing that follows a close frame or a violation is delivered", () =>
  withStream(false, async ({ stream, inbox }) => {
    stream.push(Buffer.concat([CLOSE, PING]));
    stream.push(PING);
    assert.deepEqual(
      inbox.record.map(({ type }) => type),
      ["close"],
    );
  }));

test("what a script sends has the same bytes before and after its close frame", () =>
  withStream(true, async ({ stream }) => {
    const hello = Buffer.from(rawFrame({ opcode: "text", payload: "hello" }));
    assert.ok(hello.equals(stream.encode("hello")));
    assert.ok(ECHO.equals(stream.encode({ type: "close", code: 1000 })));
    assert.ok(hello.equals(stream.encode(text("hello"))));
    assert.ok(ECHO.equals(stream.encode({ type: "close", code: 1000 })));
    assert.throws(() => stream.encode({ type: "close", code: 1005 }), { reason: "misused", message: /sendRaw/ });
  }));

test("the client's answer to a close frame of the script is no reason for another", () =>
  withStream(true, async ({ stream, outgoing, client }) => {
    stream.encode({ type: "close", code: 1000 });
    stream.push(CLOSE);
    assert.equal(outgoing.isFinishing, true);
    assert.equal((await client.all()).length, 0);
  }));
