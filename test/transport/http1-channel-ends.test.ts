/** How an open channel ends: once, with the reason, and without a socket or a timer left. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { text } from "../../src/frame.ts";
import type { ChannelRequest } from "../../src/transport/channel.ts";
import { AUTHORITY, acceptingPeer, certificate, closeOf, FrameReader, headOf, rawPeer, wire } from "./peers.ts";
import { eventually, leavesNothing, open, type Recorder, type Said } from "./recorder.ts";
import { TappedAgent } from "./tapped-agent.ts";

const turns = async (count = 10) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** An open channel, and the peer's side of it. */
async function pair(
  t: TestContext,
  overrides: Partial<ChannelRequest> = {},
  react: (said: Said, recorder: Recorder) => void = () => undefined,
  tls = false,
) {
  let socket: Socket | undefined;
  const peer = await acceptingPeer(
    t,
    (accepted) => {
      socket = accepted;
    },
    tls ? { tls: { ...certificate("server"), allowHalfOpen: true } as object } : { halfOpen: true },
  );
  const { recorder } = open(
    peer.url(),
    { ...(tls ? { transportOptions: { ca: AUTHORITY } } : {}), ...overrides },
    react,
  );
  await recorder.until("opened");
  await eventually(() => socket !== undefined);
  return { recorder, channel: recorder.channel, theirs: socket as unknown as Socket };
}

// ── The peer closes ──────────────────────────────────────────────────────────────────────────────────────────────

test("a peer's close frame is echoed before the listener hears of it, an empty one with an empty one", async (t) => {
  const cases = [
    [{ type: "close", code: 1001, reason: "away" }, { type: "closed", code: 1001, reason: "away" }, "close 1001 away"],
    [{ type: "close", code: 4000 }, { type: "closed", code: 4000, reason: "" }, "close 4000 "],
    [{ type: "close" }, { type: "closed" }, "close"],
  ] as const;
  for (const [frame, end, echo] of cases) {
    let sentAtEnd = 0;
    const { recorder, theirs } = await pair(t, {}, (said, { channel }) => {
      if (said.type === "ended") sentAtEnd = channel.bytesSent;
    });
    const reader = new FrameReader(theirs);
    theirs.write(wire(frame, text("ignored")));
    assert.deepEqual(await recorder.end(), end);
    assert.ok(sentAtEnd >= 6, "the echo had been written");
    await eventually(() => reader.events.length > 0);
    assert.deepEqual(reader.brief, [echo]);
    theirs.end();
    await closeOf(theirs);
    await recorder.silent();
    assert.deepEqual(recorder.kinds, ["connected", "opened", "ended"]);
  }
});

test("after a clean close the peer ends TCP first", async (t) => {
  await leavesNothing(async () => {
    const { recorder, theirs } = await pair(t);
    const reader = new FrameReader(theirs);
    let finished = false;
    reader.ended.then(() => {
      finished = true;
    });
    theirs.write(wire({ type: "close", code: 1000 }));
    await recorder.end();
    await eventually(() => reader.events.length === 1);
    await turns(30);
    assert.equal(finished, false, "no FIN from here while the peer may still end it");
    theirs.end();
    await reader.ended;
    await closeOf(theirs);
  });
});

test("a peer that doesn't end TCP after the close frames is left after closeTimeout", async (t) => {
  for (const tls of [false, true]) {
    await leavesNothing(async () => {
      const { recorder, theirs } = await pair(t, { closeTimeout: 60 }, undefined, tls);
      const reader = new FrameReader(theirs);
      theirs.write(wire({ type: "close", code: 1000 }));
      await recorder.end();
      const started = performance.now();
      await reader.ended;
      const waited = performance.now() - started;
      assert.ok(waited > 40 && waited < 1500, `${waited} ms`);
      theirs.destroy();
    });
  }
});

test("destroy after the end cuts the wait for the peer's FIN short", async (t) => {
  await leavesNothing(async () => {
    const { recorder, channel, theirs } = await pair(t, { closeTimeout: 60000 });
    const reader = new FrameReader(theirs);
    theirs.write(wire({ type: "close", code: 1000 }));
    await recorder.end();
    channel.destroy();
    await reader.ended;
    assert.deepEqual(reader.brief, ["close 1000 "]);
    theirs.destroy();
    await recorder.silent();
  });
});

test("destroy inside ended is the same", async (t) => {
  await leavesNothing(async () => {
    const { recorder, theirs } = await pair(t, { closeTimeout: 60000 }, (said, { channel }) => {
      if (said.type === "ended") channel.destroy();
    });
    const reader = new FrameReader(theirs);
    theirs.write(wire({ type: "close", code: 1000 }));
    await reader.ended;
    assert.deepEqual(reader.brief, ["close 1000 "]);
    theirs.destroy();
    await recorder.silent();
  });
});

test("what still comes after the end is dropped, be it ever so much", async (t) => {
  const { recorder, theirs } = await pair(t, { closeTimeout: 100 });
  theirs.write(wire({ type: "close", code: 1000 }));
  await recorder.end();
  const chunk = wire(new Uint8Array(2 ** 20));
  let drained = 0;
  while (!theirs.destroyed && drained < 50) {
    await new Promise<void>((resolve) => {
      theirs.write(chunk, () => resolve());
    });
    drained += 1;
  }
  await recorder.silent();
  assert.equal(recorder.frames.length, 0);
  theirs.destroy();
});

// ── We close ─────────────────────────────────────────────────────────────────────────────────────────────────────

test("after our close frame data is still delivered until the peer's answer, and nothing more can be sent", async (t) => {
  const { recorder, channel, theirs } = await pair(t);
  const reader = new FrameReader(theirs);
  assert.equal(channel.send("before"), undefined);
  assert.equal(channel.close(4001, "bye"), undefined);
  assert.equal(channel.send("after")?.reason, "close_sent");
  assert.equal(channel.close(4002)?.reason, "close_sent");
  await eventually(() => reader.events.length === 2);
  assert.deepEqual(reader.brief, ["before", "close 4001 bye"]);
  theirs.write(wire(text("late"), { type: "close", code: 4001, reason: "bye" }));
  assert.deepEqual(await recorder.end(), { type: "closed", code: 4001, reason: "bye" });
  assert.equal(recorder.frames.length, 1);
  assert.equal(reader.events.length, 2, "the peer's answer is not answered");
  assert.equal(channel.send("after")?.reason, "ended");
  assert.equal(channel.close()?.reason, "ended");
  theirs.end();
  await recorder.silent();
});

test("close without a code sends an empty close frame", async (t) => {
  const { recorder, channel, theirs } = await pair(t);
  const reader = new FrameReader(theirs);
  channel.close();
  await eventually(() => reader.events.length === 1);
  assert.deepEqual(reader.brief, ["close"]);
  theirs.end(wire({ type: "close" }));
  assert.deepEqual(await recorder.end(), { type: "closed" });
});

test("TCP that ends or resets after our close frame is lost, with its reason", async (t) => {
  for (const [act, reason] of [
    ["end", "ended"],
    ["resetAndDestroy", "reset"],
  ] as const) {
    const { recorder, channel, theirs } = await pair(t);
    const reader = new FrameReader(theirs);
    channel.close(1000);
    await eventually(() => reader.events.length === 1);
    theirs[act]();
    const end = await recorder.end();
    assert.equal(end.type === "lost" && end.reason, reason);
    await recorder.silent();
  }
});

// ── The peer breaks the protocol ─────────────────────────────────────────────────────────────────────────────────

test("a violation ends the channel after the frames before it; the peer gets the close frame, then FIN", async (t) => {
  const cases = [
    [Uint8Array.of(0x83, 0), 1002],
    [Uint8Array.of(0x81, 1, 0xff), 1007],
    [Uint8Array.of(0x82, 127, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff), 1009],
  ] as const;
  for (const [bytes, code] of cases) {
    await leavesNothing(async () => {
      const { recorder, theirs } = await pair(t);
      const reader = new FrameReader(theirs);
      theirs.write(Buffer.concat([wire(text("good")), bytes, wire(text("ignored"))]));
      const end = await recorder.end();
      assert.equal(end.type === "violated" && end.violation.closeCode, code);
      await reader.ended;
      assert.match(reader.brief[0] ?? "", new RegExp(`^close ${code} `));
      theirs.end();
      await closeOf(theirs);
      await recorder.silent();
      assert.deepEqual(recorder.kinds, ["connected", "opened", "frame", "ended"]);
    });
  }
});

test("a peer that goes on after a violation is left after closeTimeout", async (t) => {
  await leavesNothing(async () => {
    const { recorder, theirs } = await pair(t, { closeTimeout: 60 });
    theirs.write(Uint8Array.of(0x83, 0));
    await recorder.end();
    const chunk = wire(text("x".repeat(1000)));
    const flood = setInterval(() => theirs.write(chunk), 1);
    await closeOf(theirs);
    clearInterval(flood);
    await recorder.silent();
  });
});

// ── The transport ends ───────────────────────────────────────────────────────────────────────────────────────────

test("TCP that ends without a close frame is lost: ended without a cause, or reset with one", async (t) => {
  for (const tls of [false, true]) {
    await leavesNothing(async () => {
      const ended = await pair(t, {}, undefined, tls);
      ended.theirs.end(wire(text("last")));
      const { message, ...end } = (await ended.recorder.end()) as { readonly message: string };
      assert.deepEqual(end, { type: "lost", reason: "ended" });
      assert.match(message, /^127\.0\.0\.1:\d+ ended the connection without a close frame\.$/);
      assert.deepEqual(ended.recorder.kinds, ["connected", "opened", "frame", "ended"]);
      ended.theirs.destroy();
      await ended.recorder.silent();
    });
  }
  const reset = await pair(t);
  reset.theirs.resetAndDestroy();
  const end = await reset.recorder.end();
  assert.equal(end.type === "lost" && end.reason, "reset");
  assert.equal(end.type === "lost" && (end.cause as { code: string }).code, "ECONNRESET");
  await reset.recorder.silent();
});

test("a FIN ends a socket too that would stay half open", async (t) => {
  const agent = new TappedAgent();
  const { recorder, theirs } = await pair(t, { transportOptions: { agent, allowHalfOpen: true } });
  assert.equal(agent.socket.allowHalfOpen, true);
  theirs.end();
  await recorder.end();
  await closeOf(agent.socket);
  await recorder.silent();
});

test("a frame that TCP's end cuts off is not delivered", async (t) => {
  const { recorder, theirs } = await pair(t);
  theirs.end(wire(text("whole"), text("cut off")).subarray(0, -1));
  await recorder.end();
  assert.equal(recorder.frames.length, 1);
});

test("frames that the system had not taken when the transport failed are told once, before the end", async (t) => {
  const { recorder, channel, theirs } = await pair(t);
  theirs.pause();
  // Far more than any socket buffers: some of it must wait here.
  for (let index = 0; index < 300; index += 1) channel.send(new Uint8Array(100000));
  await turns(50);
  const waiting = Math.ceil(channel.bufferedAmount / 100014);
  assert.ok(waiting > 0);
  theirs.resetAndDestroy();
  const { failure } = await recorder.until("castFailed");
  const end = await recorder.end();
  assert.equal(end.type === "lost" && end.reason, "reset");
  assert.ok(failure.frames >= waiting && failure.frames <= 300, `${failure.frames} frames, of which ${waiting} waited`);
  assert.equal(failure.reason, "reset");
  assert.match(
    failure.message,
    /^\d+ frames to 127\.0\.0\.1:\d+ could not be written: .*\. Send again what matters\.$/,
  );
  assert.ok(failure.cause instanceof Error);
  await recorder.silent();
  assert.deepEqual(recorder.kinds, ["connected", "opened", "castFailed", "ended"]);
});

test("frames that wait for the end of the tick are among them", async (t) => {
  const agent = new TappedAgent();
  const { recorder, channel } = await pair(t, { transportOptions: { agent } });
  channel.send("gone out");
  await new Promise<void>((resolve) => channel.flushed(resolve));
  agent.socket.once("close", () => undefined);
  agent.socket.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE", syscall: "write" }));
  channel.send("one");
  channel.send("two");
  const { failure } = await recorder.until("castFailed");
  assert.equal(failure.frames, 2);
  assert.equal(failure.reason, "broken_pipe");
  await recorder.end();
  await recorder.silent();
});

test("no frame is told lost when all had been given to the system", async (t) => {
  for (const act of ["end", "resetAndDestroy"] as const) {
    const { recorder, channel, theirs } = await pair(t);
    for (let index = 0; index < 100; index += 1) channel.send("x");
    await new Promise<void>((resolve) => channel.flushed(resolve));
    theirs[act]();
    await recorder.end();
    assert.equal(recorder.all("castFailed").length, 0, act);
  }
});

test("destroy inside castFailed keeps the end from being told", async (t) => {
  const { recorder, channel, theirs } = await pair(t, {}, (said, { channel }) => {
    if (said.type === "castFailed") channel.destroy();
  });
  theirs.pause();
  for (let index = 0; index < 300; index += 1) channel.send(new Uint8Array(100000));
  await turns(20);
  theirs.resetAndDestroy();
  await recorder.until("castFailed");
  await recorder.silent();
  assert.deepEqual(recorder.kinds, ["connected", "opened", "castFailed"]);
});

test("an agent's socket that somebody else destroys is a lost channel", async (t) => {
  const agent = new TappedAgent();
  const { recorder } = await pair(t, { transportOptions: { agent } });
  agent.socket.destroy();
  const end = await recorder.end();
  assert.equal(end.type === "lost" && end.reason, "ended");
  await recorder.silent();
});

// ── destroy ──────────────────────────────────────────────────────────────────────────────────────────────────────

test("destroy is silent, and what was sent before it is still given to the system", async (t) => {
  for (const tls of [false, true]) {
    await leavesNothing(async () => {
      const { recorder, channel, theirs } = await pair(t, {}, undefined, tls);
      const reader = new FrameReader(theirs);
      channel.send("last words");
      channel.close(1001, "going");
      channel.destroy();
      channel.destroy();
      await reader.ended;
      assert.deepEqual(reader.brief, ["last words", "close 1001 going"]);
      theirs.write(wire(text("too late")));
      theirs.destroy();
      await recorder.silent();
      assert.deepEqual(recorder.kinds, ["connected", "opened"]);
    });
  }
});

test("destroy waits for a peer that reads slowly, and gives up on one that doesn't read after closeTimeout", async (t) => {
  const send = (channel: { send(frame: Uint8Array): unknown }) => {
    for (let index = 0; index < 200; index += 1) channel.send(new Uint8Array(100000));
  };
  await leavesNothing(async () => {
    const { channel, theirs } = await pair(t);
    theirs.pause();
    send(channel);
    await turns();
    channel.destroy();
    await turns();
    const reader = new FrameReader(theirs);
    await reader.ended;
    assert.equal(reader.events.length, 200);
    theirs.destroy();
  });
  await leavesNothing(async () => {
    const agent = new TappedAgent();
    const { channel, theirs } = await pair(t, { closeTimeout: 60, transportOptions: { agent } });
    theirs.pause();
    send(channel);
    channel.destroy();
    const started = performance.now();
    assert.equal(agent.socket.destroyed, false);
    await closeOf(agent.socket);
    const waited = performance.now() - started;
    assert.ok(waited > 40 && waited < 1500, `${waited} ms`);
    theirs.destroy();
  });
});

test("pause, resume, flushed and hibernate after the end do nothing", async (t) => {
  const { recorder, channel, theirs } = await pair(t);
  theirs.end();
  await recorder.end();
  channel.pause();
  channel.resume();
  channel.hibernate();
  channel.flushed(() => assert.fail("called back"));
  await recorder.silent();
  channel.destroy();
  channel.flushed(() => assert.fail("called back"));
  await recorder.silent();
});

test("errors of the socket after the end reach nobody, the process least of all", async (t) => {
  const agent = new TappedAgent();
  const { recorder, channel, theirs } = await pair(t, { transportOptions: { agent }, closeTimeout: 60000 });
  theirs.write(wire({ type: "close", code: 1000 }));
  await recorder.end();
  theirs.resetAndDestroy();
  await closeOf(agent.socket);
  channel.destroy();
  agent.socket.emit("error", new Error("late"));
  await recorder.silent();
});

// ── ref ──────────────────────────────────────────────────────────────────────────────────────────────────────────

test("with ref: false neither an attempt, a channel, a refusal's body nor the wait for a FIN keeps the process", async (t) => {
  const peer = await rawPeer(t, async (socket) => {
    const request = await headOf(socket);
    const scene = /^GET \/(\w+)/.exec(request)?.[1];
    if (scene === "silent") return;
    if (scene === "refused") {
      socket.write("HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\nhalf");
      return;
    }
    const { accepting } = await import("./peers.ts");
    socket.write(accepting(request));
    if (scene === "lingering") socket.write(wire({ type: "close", code: 1000 }));
  });
  const child = fileURLToPath(new URL("./unreferenced-child.ts", import.meta.url));
  for (const [scene, until] of [
    ["silent", "connected"],
    ["refused", "connected"],
    ["open", "opened"],
    ["lingering", "ended"],
  ] as const) {
    const running = spawn(
      process.execPath,
      ["--conditions=everfresh-source", "--import", "tsx", child, peer.url(`/${scene}`), until],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let output = "";
    running.stdout.on("data", (chunk) => {
      output += chunk;
    });
    const code = await new Promise((resolve) => running.once("close", resolve));
    assert.equal(code, 0, scene);
    assert.ok(output.includes(until), `${scene}: ${output}`);
    assert.ok(!output.includes("failed"), `${scene}: ${output}`);
  }
});
