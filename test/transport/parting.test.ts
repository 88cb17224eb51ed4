import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { destroyWhenWritten, lingerUntilPeerEnds } from "../../src/transport/parting.ts";
import { closeOf, rawPeer } from "./peers.ts";
import { eventually, leavesNothing } from "./recorder.ts";

async function pair(
  t: TestContext,
  allowHalfOpen = false,
): Promise<{ readonly ours: Socket; readonly theirs: Socket }> {
  const peer = await rawPeer(t, () => undefined, { halfOpen: true });
  const ours = connect({ host: "127.0.0.1", port: peer.port, allowHalfOpen });
  ours.on("error", () => undefined);
  await once(ours, "connect");
  await eventually(() => peer.sockets.length === 1);
  return { ours, theirs: peer.sockets[0] as Socket };
}

test("a socket lingers until the peer ends it, whichever way it treats half-open connections", async (t) => {
  for (const allowHalfOpen of [false, true]) {
    await leavesNothing(async () => {
      const { ours, theirs } = await pair(t, allowHalfOpen);
      ours.pause();
      lingerUntilPeerEnds(ours, { closeTimeout: 60000, ref: true });
      theirs.resume();
      theirs.end("what nobody reads any more");
      await closeOf(ours);
      await closeOf(theirs);
    });
  }
});

test("a socket that lingers is destroyed at the deadline", async (t) => {
  const { ours, theirs } = await pair(t);
  const started = performance.now();
  lingerUntilPeerEnds(ours, { closeTimeout: 50, ref: true });
  await closeOf(ours);
  assert.ok(performance.now() - started >= 45);
  theirs.destroy();
});

test("a deadline beyond what a timer holds is not one of no time at all", async (t) => {
  for (const closeTimeout of [2 ** 31, Number.POSITIVE_INFINITY]) {
    const { ours, theirs } = await pair(t);
    lingerUntilPeerEnds(ours, { closeTimeout, ref: true });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(ours.destroyed, false);
    theirs.destroy();
    await closeOf(ours);
  }
});

test("a socket with nothing to write is destroyed at once", async (t) => {
  const { ours } = await pair(t);
  destroyWhenWritten(ours, { closeTimeout: 60000, ref: true });
  assert.equal(ours.destroyed, true);
});

test("a socket that is destroyed already gets no timer", async (t) => {
  const { ours } = await pair(t);
  ours.destroy();
  await leavesNothing(async () => {
    destroyWhenWritten(ours, { closeTimeout: 60000, ref: true });
    lingerUntilPeerEnds(ours, { closeTimeout: 60000, ref: true });
  });
});

test("a timer of an unreferenced channel doesn't count as active", async (t) => {
  const { ours, theirs } = await pair(t);
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  lingerUntilPeerEnds(ours, { closeTimeout: 60000, ref: false });
  assert.equal(timers(), before);
  theirs.destroy();
});
