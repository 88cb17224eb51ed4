/** The demo's client counts honestly: gaps at an open are outages, all others are nobody's plan. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FeedMessage } from "../../../src/cli/demo/feed.ts";
import { priceWatch, WATCH, type Watch } from "../../../src/cli/demo/price-watch.ts";
import { type Connection, FreshError } from "../../../src/index.ts";

function watching(pending = 0) {
  const calls: string[] = [];
  const note = (what: string) => void calls.push(what);
  const { callbacks } = priceWatch({
    story: {
      opened: () => note("opened"),
      saw: (what) => note(`saw ${what}`),
      missed: (ticks) => note(`missed ${ticks}`),
    },
    orders: {
      opened: () => note("orders opened"),
      broken: () => note("orders broken"),
      acknowledged: (order) => note(`acknowledged ${order}`),
      stop: () => note("orders stop"),
      count: { made: 0, acknowledged: [], inDoubt: [], pending, queued: 0, dropped: 0 },
    },
    onTick: () => {},
    onEnd: () => note("end"),
  });
  const self = {} as Connection<Watch>;
  return {
    calls,
    connect: (watch: Watch) => callbacks.handleConnect?.(101, new Headers(), watch, self),
    receive: (message: FeedMessage, watch: Watch) =>
      callbacks.handleIn?.({ type: "text", data: JSON.stringify(message) }, watch, self),
    disconnect: (watch: Watch) => callbacks.handleDisconnect?.(1012, "restart", watch, self),
    fail: (error: FreshError, watch: Watch) => callbacks.handleError?.(error, watch, self),
  };
}

const tick = (number: number): FeedMessage => ({ type: "tick", number, symbol: "EVER", price: 1 });
const stateOf = (response: unknown) => (response as { readonly state: Watch }).state;

test("it subscribes at each open, and goes on with what it knows", () => {
  const { connect, calls } = watching();
  const watch = { ...WATCH, received: 3, newest: 3, warm: true };
  assert.deepEqual(connect(watch), {
    type: "reply",
    frames: { type: "text", data: "subscribe EVER LEAF PINE" },
    state: { ...watch, warm: false },
  });
  assert.deepEqual(calls, ["opened", "orders opened"]);
});

test("numbers passed over at the first tick of a connection were missed in the outage", () => {
  const { receive, calls } = watching();
  const before = { ...WATCH, received: 3, newest: 3 };
  assert.deepEqual(stateOf(receive(tick(6), before)), {
    ...before,
    newest: 6,
    received: 4,
    missed: 2,
    gaps: 1,
    warm: true,
  });
  assert.deepEqual(calls, ["missed 2"]);
  assert.deepEqual(stateOf(receive(tick(4), before)), { ...before, newest: 4, received: 4, warm: true });
});

test("numbers passed over later, twice or backwards are unexplained", () => {
  const { receive } = watching();
  const warm = { ...WATCH, received: 3, newest: 3, warm: true };
  assert.equal(stateOf(receive(tick(4), warm)).unexplained, 0);
  assert.equal(stateOf(receive(tick(6), warm)).unexplained, 2);
  assert.equal(stateOf(receive(tick(3), warm)).unexplained, 1);
  assert.equal(stateOf(receive(tick(2), { ...warm, warm: false })).unexplained, 2);
});

test("it comes back after a close and after an error, with its state", () => {
  const { disconnect, fail, calls } = watching();
  const watch = { ...WATCH, received: 3 };
  const again = { type: "reconnect", state: { value: watch }, after: undefined };
  assert.deepEqual(disconnect(watch), again);
  const lost = new FreshError({ kind: "streaming_failed", phase: "open", reason: "reset", detail: "gone." });
  assert.deepEqual(fail(lost, watch), again);
  const refused = new FreshError({
    kind: "establishing_failed",
    phase: "upgrade",
    reason: "status",
    detail: "no.",
    status: 503,
  });
  assert.deepEqual(fail(refused, watch), again);
  assert.deepEqual(calls, [
    ...["saw closed: 1012 restart", "orders broken"],
    ...["saw streaming_failed: reset", "orders broken"],
    ...["saw establishing_failed: status 503", "orders broken"],
  ]);
});

test("frames lost on their way are no end of their own", () => {
  const { fail, calls } = watching();
  const lost = new FreshError({ kind: "casting_failed", phase: "open", reason: "reset", detail: "gone." });
  assert.deepEqual(fail(lost, WATCH), { type: "ignore", state: WATCH });
  assert.deepEqual(calls, []);
});

test("after the bell it closes once every order is answered, and then stops", () => {
  const waiting = watching(1);
  const bell = stateOf(waiting.receive({ type: "bell" }, WATCH));
  assert.equal(bell.bell, true);
  assert.equal((waiting.receive({ type: "taken", order: 1 }, bell) as { type: string }).type, "ok");
  const done = watching(0);
  assert.deepEqual(done.receive({ type: "taken", order: 1 }, bell), {
    type: "close",
    code: 1000,
    reason: "good night",
    state: bell,
  });
  assert.deepEqual(done.disconnect(bell), { type: "stop", reason: "normal" });
});
