import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { platform } from "../../src/platform/node.ts";
import { headOf, rawPeer } from "../transport/peers.ts";
import { Recorder, requestTo } from "../transport/recorder.ts";

const { clock } = platform;
const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

/** Catches what is asked of setTimeout, and lets a test ring. */
function catchTimeouts(t: TestContext) {
  const asked: { readonly ms: number; readonly ring: () => void }[] = [];
  t.mock.method(globalThis, "setTimeout", ((ring: () => void, ms: number) => {
    asked.push({ ms, ring });
    return { unref: () => undefined };
  }) as unknown as typeof setTimeout);
  return asked;
}

test("channels are opened over HTTP/1.1, and redirects are followed where they are asked for", async (t) => {
  const heads: string[] = [];
  const peer = await rawPeer(t, async (socket) => {
    heads.push(await headOf(socket));
    socket.write("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
  });
  for (const [maxRedirects, reason] of [
    [0, "status"],
    [1, "too_many_redirects"],
  ] as const) {
    const recorder = new Recorder();
    platform.openChannel(requestTo(peer.url("/a"), { maxRedirects }), recorder);
    assert.equal((await recorder.failure()).reason, reason);
  }
  assert.deepEqual(
    heads.map((head) => head.split("\r\n")[0]),
    ["GET /a HTTP/1.1", "GET /a HTTP/1.1", "GET /b HTTP/1.1"],
  );
});

test("a timer calls back once after its time", async () => {
  const started = clock.now();
  await new Promise<void>((resolve) => clock.after(30, resolve, true));
  assert.ok(clock.now() - started >= 29);
});

test("a cancelled timer never calls back and keeps nothing", async () => {
  const before = timers();
  const timer = clock.after(1, () => assert.fail("called back"), true);
  assert.equal(timers(), before + 1);
  clock.cancel(timer);
  clock.cancel(timer);
  assert.equal(timers(), before);
  await new Promise((resolve) => setTimeout(resolve, 10));
});

test("a timer with ref: false doesn't keep the process", () => {
  const before = timers();
  const timer = clock.after(60000, () => undefined, false);
  assert.equal(timers(), before);
  clock.cancel(timer);
});

test("Infinity never rings and holds no timer", () => {
  const before = timers();
  const timer = clock.after(Number.POSITIVE_INFINITY, () => assert.fail("called back"), true);
  assert.equal(timers(), before);
  clock.cancel(timer);
});

test("a wait of more than a timeout holds is made of several, and rings once at its end", (t) => {
  const longest = 2 ** 31 - 1;
  const asked = catchTimeouts(t);
  let rings = 0;
  clock.after(
    longest * 2 + 5,
    () => {
      rings += 1;
    },
    false,
  );
  for (let step = 0; step < 3; step += 1) {
    assert.equal(rings, 0);
    asked[step]?.ring();
  }
  assert.equal(rings, 1);
  assert.deepEqual(
    asked.map(({ ms }) => ms),
    [longest, longest, 5],
  );
});

test("a long wait can be cancelled in its later parts", (t) => {
  const asked = catchTimeouts(t);
  const cleared: unknown[] = [];
  t.mock.method(globalThis, "clearTimeout", (timer: unknown) => cleared.push(timer));
  const timer = clock.after(2 ** 32, () => assert.fail("called back"), true);
  const first = timer.timer;
  asked[0]?.ring();
  clock.cancel(timer);
  assert.notEqual(timer.timer, first);
  assert.deepEqual(cleared, [timer.timer]);
});

test("the clocks are the monotonic one and the calendar's", () => {
  const monotonic = clock.now();
  assert.ok(clock.now() >= monotonic);
  assert.ok(Math.abs(clock.wallClock() - Date.now()) < 1000);
});

test("random numbers are in [0, 1), identifiers differ", () => {
  for (let draw = 0; draw < 1000; draw += 1) {
    const number = platform.random();
    assert.ok(number >= 0 && number < 1);
  }
  const identifiers = new Set(Array.from({ length: 1000 }, () => platform.identifier()));
  assert.equal(identifiers.size, 1000);
  for (const identifier of identifiers) assert.match(identifier, /^[0-9a-z]+-[0-9a-f]{8}$/);
});

test("errors go to the console's error stream, the rest to its other", (t) => {
  const error = t.mock.method(console, "error", () => undefined);
  const info = t.mock.method(console, "info", () => undefined);
  platform.logError("an error");
  platform.logInfo("a fact");
  assert.deepEqual(
    error.mock.calls.map(({ arguments: [line] }) => line),
    ["an error"],
  );
  assert.deepEqual(
    info.mock.calls.map(({ arguments: [line] }) => line),
    ["a fact"],
  );
});
