import assert from "node:assert/strict";
import { test } from "node:test";
import { Lane } from "../../src/testing/lane.ts";
import { withSocketPair } from "./socket-pair.ts";

const bytes = (text: string) => Buffer.from(text);

test("an event happens behind everything that was pushed before it, and before anything behind it", async () => {
  await withSocketPair(async ({ server, client }) => {
    const lane = new Lane();
    lane.push(bytes("a"), "inside");
    lane.event(() => lane.interject(bytes("-")));
    lane.push(bytes("b"), "inside");
    lane.sink = server;
    assert.equal(String(await client.bytes(3)), "a-b");
    assert.equal(lane.bytes, 3);
  });
});

test("events at the front happen before there is a sink, and bytes wait for one", () => {
  const lane = new Lane();
  const seen: string[] = [];
  lane.event(() => seen.push("first"));
  lane.push(bytes("x"), "inside");
  lane.event(() => seen.push("behind bytes"));
  assert.deepEqual(seen, ["first"]);
  lane.close();
});

test("what is swallowed takes its events along, and an end comes as a hidden one", () => {
  const lane = new Lane();
  const seen: string[] = [];
  lane.push(bytes("x"), "inside");
  lane.event(() => seen.push("event"));
  lane.swallow();
  lane.event(() => seen.push("later event"));
  lane.end(
    () => seen.push("carried"),
    () => seen.push("hidden"),
  );
  assert.deepEqual(seen, ["hidden"]);
});

test("nothing can be injected into what is lost", async () => {
  await withSocketPair(async ({ server, client }) => {
    const lane = new Lane();
    lane.sink = server;
    lane.push(bytes("x"), "message");
    await client.bytes(1);
    lane.swallow();
    lane.inject({ between: "frames", chunks: [bytes("y")].values(), every: 0 });
    server.end();
    assert.equal(String(await client.all()), "x");
  });
});

test("an end that is to be hidden passes everything before it, and is hidden", async () => {
  await withSocketPair(async ({ server, client }) => {
    const lane = new Lane();
    lane.sink = server;
    lane.hideEnd();
    lane.push(bytes("x"), "inside");
    const seen: string[] = [];
    lane.end(
      () => seen.push("carried"),
      () => seen.push("hidden"),
    );
    await client.bytes(1);
    assert.deepEqual(seen, ["hidden"]);
  });
});

test("order is kept whatever latency is drawn", async () => {
  await withSocketPair(async ({ server, client }) => {
    const lane = new Lane();
    lane.sink = server;
    const draws = [20, 1, 10, 0];
    lane.latency = () => draws.shift() ?? 0;
    for (const letter of "abcd") lane.push(bytes(letter), "inside");
    assert.equal(String(await client.bytes(4)), "abcd");
  });
});

test("with much in the queue the source isn't read, and it is again when that has gone", async () => {
  await withSocketPair(async ({ server, client }) => {
    const lane = new Lane();
    // The two ends of one connection, as if they were two connections: only its pausing counts.
    lane.source = client.socket;
    lane.push(new Uint8Array(2 * 1024 * 1024), "inside");
    assert.equal(client.socket.isPaused(), true);
    lane.sink = server;
    lane.swallow();
    assert.equal(client.socket.isPaused(), false);
  });
});

test("close leaves no timer, whatever was waiting", () => {
  const timers = () =>
    process.getActiveResourcesInfo().filter((kind) => kind === "Timeout" || kind === "Immediate").length;
  const before = timers();
  const late = new Lane();
  late.latency = () => 100_000;
  late.push(bytes("x"), "inside");
  const slow = new Lane();
  slow.pace = { bytes: 1, every: 100_000 };
  slow.push(bytes("xyz"), "inside");
  assert.ok(timers() > before);
  for (const lane of [late, slow]) lane.close();
  assert.equal(timers(), before);
});
