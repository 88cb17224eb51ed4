import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Writable } from "node:stream";
import { test } from "node:test";
import { Engine } from "../../src/protocol/index.ts";
import { SocketWriter } from "../../src/transport/socket-writer.ts";

/** A writer over a stream whose writes are done when the test says so, and fail when it says so. */
function writer(done: "later" | "at once" = "later") {
  const engine = new Engine({ role: "server", maxMessageSize: 1000, maxFragments: 10 });
  const underWay: ((error?: Error) => void)[] = [];
  const chunks: string[] = [];
  const socket = new Writable({
    highWaterMark: 100,
    write(chunk: Buffer, _encoding, written) {
      chunks.push(chunk.toString("latin1"));
      if (done === "at once") written();
      else underWay.push(written);
    },
  });
  socket.on("error", () => undefined);
  const made = new SocketWriter(socket as unknown as Socket, engine);
  const send = (text: string) => {
    engine.encode(text);
    made.accepted();
    made.schedule();
  };
  const tick = () => new Promise((resolve) => setImmediate(resolve));
  return { engine, writer: made, socket, chunks, send, tick, done: (error?: Error) => underWay.shift()?.(error) };
}

test("open frames are those of the batch and of the writes that are not done, and of no other", async () => {
  const { writer: made, send, tick, done } = writer();
  send("a");
  send("b");
  assert.equal(made.openFrames, 2);
  await tick();
  assert.equal(made.openFrames, 2);
  send("c");
  await tick();
  assert.equal(made.openFrames, 3);
  done();
  assert.equal(made.openFrames, 1);
  send("d");
  assert.equal(made.openFrames, 2);
  done();
  assert.equal(made.openFrames, 1);
  await tick();
  done();
  assert.equal(made.openFrames, 0);
});

test("under lasting congestion frames that have gone out don't stay open", async () => {
  const { writer: made, send, tick, done } = writer();
  send("x".repeat(200));
  await tick();
  for (let round = 0; round < 20; round += 1) {
    send("y".repeat(200));
    await tick();
    assert.equal(made.openFrames, 2, "one under way, one waiting");
    done();
    await tick();
  }
});

test("the frames of a write that failed stay open", async () => {
  const { writer: made, send, tick, done } = writer();
  send("a");
  send("b");
  await tick();
  done(new Error("write"));
  await tick();
  assert.equal(made.openFrames, 2);
});

test("a full socket gets small batches in one piece, after its drain", async () => {
  const { engine, send, tick, done, chunks } = writer();
  send("x".repeat(120));
  await tick();
  assert.equal(engine.congested, true);
  send("a");
  await tick();
  send("b");
  await tick();
  assert.equal(chunks.length, 1);
  done();
  await tick();
  assert.equal(engine.congested, false);
  assert.equal(chunks[1], "\x81\x01a\x81\x01b");
});

test("a large write that the system takes at once is no congestion", async () => {
  const { engine, writer: made, send, tick, chunks } = writer("at once");
  send("x".repeat(120));
  made.flush();
  assert.equal(engine.congested, false);
  send("a");
  made.flush();
  assert.equal(chunks.length, 2);
  await tick();
});

test("a waiter is called when all before it is done, and in order", async () => {
  const { writer: made, send, tick, done } = writer();
  const order: string[] = [];
  send("a");
  await tick();
  send("b");
  made.whenWritten(() => order.push("b"));
  made.whenWritten(() => order.push("b again"));
  await tick();
  send("c");
  made.whenWritten(() => order.push("c"));
  await tick();
  done();
  assert.equal(order.length, 0);
  done();
  assert.equal(order.join(), "b,b again");
  done();
  assert.equal(order.join(), "b,b again,c");
});

test("bytes are pending until they are done, then sent", async () => {
  const { writer: made, send, tick, done } = writer();
  send("four");
  assert.deepEqual([made.pendingBytes, made.bytesSent], [6, 0]);
  await tick();
  assert.deepEqual([made.pendingBytes, made.bytesSent], [6, 0]);
  done();
  assert.deepEqual([made.pendingBytes, made.bytesSent], [0, 6]);
});

test("after forget no waiter is called and no drain listened to", async () => {
  const { writer: made, socket, send, tick, done } = writer();
  send("x".repeat(120));
  made.whenWritten(() => assert.fail("called"));
  await tick();
  made.forget();
  assert.equal(socket.listenerCount("drain"), 0);
  done();
  await tick();
});

test("nothing is written to a socket that can't be written to any more", async () => {
  const { writer: made, socket, send, tick, chunks } = writer();
  send("a");
  socket.destroy();
  await tick();
  made.flushAll();
  assert.deepEqual(chunks, []);
  assert.equal(made.bytesSent, 0);
  assert.equal(made.openFrames, 1);
});

/** A gauge that keeps what it is told. */
function gauge() {
  const told: string[] = [];
  return { told, full: () => told.push("full"), room: () => told.push("room") };
}

test("the frame that reaches the mark is the one that tells of it, whether its bytes are written, or wait for the tick", () => {
  for (const done of ["at once", "later"] as const) {
    const { engine, writer: made, send } = writer(done);
    const meter = gauge();
    made.watch(50, meter);
    send("x".repeat(20));
    send("y".repeat(20));
    assert.deepEqual(meter.told, []);
    assert.equal(engine.pendingBytes, 44);
    send("z".repeat(4));
    // What the system takes at once doesn't wait, and is not counted.
    assert.deepEqual(meter.told, done === "later" ? ["full"] : []);
    assert.equal(made.pendingBytes, done === "later" ? 50 : 0);
  }
});

test("bytes that wait in the socket count towards the mark, and small batches behind a full socket too", async () => {
  const { writer: made, send, tick, chunks } = writer();
  const meter = gauge();
  made.watch(200, meter);
  send("x".repeat(120));
  await tick();
  for (let sent = 0; sent < 3; sent += 1) send("y".repeat(20));
  assert.deepEqual(meter.told, []);
  send("y".repeat(20));
  assert.deepEqual([meter.told, made.pendingBytes], [["full"], 122 + 4 * 22]);
  assert.equal(chunks.length, 1, "a full socket isn't given small batches for it");
});

test("there is room again at a quarter of the mark; then the next frames are measured anew", async () => {
  const { writer: made, send, tick, done } = writer();
  const meter = gauge();
  made.watch(100, meter);
  send("a".repeat(25));
  await tick();
  send("b".repeat(38));
  await tick();
  send("c".repeat(48));
  assert.deepEqual(meter.told, ["full"]);
  await tick();
  done();
  await tick();
  assert.deepEqual([made.pendingBytes, meter.told], [90, ["full"]]);
  done();
  await tick();
  assert.deepEqual([made.pendingBytes, meter.told], [50, ["full"]]);
  done();
  await tick();
  assert.deepEqual(meter.told, ["full", "room"]);
  send("d".repeat(97));
  assert.equal(made.pendingBytes, 99);
  send("");
  assert.deepEqual(meter.told, ["full", "room", "full"]);
});

test("a quarter that is left is room", async () => {
  const { writer: made, send, tick, done } = writer();
  const meter = gauge();
  made.watch(100, meter);
  send("x".repeat(73));
  await tick();
  send("y".repeat(23));
  await tick();
  assert.deepEqual(meter.told, ["full"]);
  done();
  await tick();
  assert.deepEqual([made.pendingBytes, meter.told], [25, ["full", "room"]]);
});

test("room is told outside of any send, and what is sent on hearing of it goes out in one batch", async () => {
  const { writer: made, send, tick, done, chunks } = writer();
  made.watch(50, {
    full: () => undefined,
    room: () => {
      for (const text of ["a", "b", "c"]) send(text);
    },
  });
  send("x".repeat(60));
  await tick();
  done();
  await tick();
  assert.deepEqual(chunks.slice(1), ["\x81\x01a\x81\x01b\x81\x01c"]);
});

test("past the mark frames still go out in batches, not each by itself", async () => {
  const { engine, writer: made, send, tick, done, chunks } = writer();
  made.watch(30, gauge());
  send("x".repeat(60));
  await tick();
  done();
  send("x".repeat(60));
  for (const text of ["a", "b", "c"]) send(text);
  assert.equal(engine.pendingBytes, 9);
  await tick();
  assert.equal(chunks.length, 3 - 1);
  done();
  await tick();
  assert.equal(chunks.length, 3);
});

test("after forget nobody is told of room, and a watch begins with what waits already", async () => {
  const { writer: made, send, tick, done } = writer();
  const meter = gauge();
  send("x".repeat(60));
  made.watch(50, meter);
  assert.deepEqual(meter.told, ["full"]);
  await tick();
  made.forget();
  done();
  await tick();
  assert.deepEqual(meter.told, ["full"]);
});
