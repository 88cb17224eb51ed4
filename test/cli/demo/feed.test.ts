/** The feed breaks as planned, in order, and its client stays on it: the whole demo at a faster pace. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { FAULTS, type Fault } from "../../../src/cli/demo/faults.ts";
import { PriceFeed } from "../../../src/cli/demo/feed.ts";
import { Orders } from "../../../src/cli/demo/orders.ts";
import { doubtsOf } from "../../../src/cli/demo/outcome.ts";
import { priceWatch, WATCH } from "../../../src/cli/demo/price-watch.ts";
import { Story } from "../../../src/cli/demo/story.ts";
import { Fresh, ok, stop } from "../../../src/index.ts";

async function play(t: TestContext, faults: readonly Fault[]) {
  const story = new Story(() => {});
  const feed = await PriceFeed.start(story, { faults, tickInterval: 5, ticksPerConnection: 5 });
  const orders = new Orders();
  t.after(() => orders.stop());
  let watch = WATCH;
  const ticks: string[] = [];
  const connection = priceWatch({
    story,
    orders,
    onTick: (symbol, price) => ticks.push(`${symbol} ${price}`),
    onEnd: (last) => {
      watch = last;
    },
  }).start({
    uri: feed.url,
    state: WATCH,
    options: {
      pingInterval: 100,
      pongTimeout: 500,
      backoffInitial: 20,
      stableAfter: 0,
      errorLogging: false,
      infoLogging: false,
    },
  });
  orders.sendOver(connection, 10);
  const exitReason = await connection.exited;
  await feed.stop();
  const { chapters, surprises } = story;
  const { taken, goodbye } = feed;
  const outcome = {
    chapters,
    surprises,
    planned: faults.length,
    watch,
    orders: orders.count,
    exitReason,
    ticks: feed.ticks,
    taken,
    goodbye,
  };
  return { outcome, ticks };
}

test("all faults in their order, and nothing to be doubted", async (t) => {
  const { outcome, ticks } = await play(t, FAULTS);
  assert.deepEqual(
    outcome.chapters.map(({ deed }) => deed),
    FAULTS.map(({ deed }) => deed),
  );
  assert.deepEqual(doubtsOf(outcome), []);
  assert.equal(ticks.length, outcome.watch.received);
});

test("each fault by itself, too", async (t) => {
  for (const fault of FAULTS.filter(({ on }) => on === "connection")) {
    assert.deepEqual(doubtsOf((await play(t, [fault])).outcome), [], fault.deed);
  }
});

test("without faults nothing is missed and no order is in doubt", async (t) => {
  const { outcome } = await play(t, []);
  assert.deepEqual(doubtsOf(outcome), []);
  assert.deepEqual([outcome.watch.missed, outcome.watch.gaps, outcome.orders.inDoubt], [0, 0, []]);
});

test("a fault that the client sees as another one is doubted", async (t) => {
  const [reset] = FAULTS;
  const { outcome } = await play(t, [{ ...(reset as Fault), expected: ["closed: 1000"] }]);
  assert.match(doubtsOf(outcome).join(), /was to see closed: 1000, and saw streaming_failed/);
});

test("a client that doesn't subscribe first is the server's complaint", async () => {
  const feed = await PriceFeed.start(new Story(() => {}), { faults: [] });
  const client = Fresh.start(feed.url, { handleConnect: () => ok(0), handleError: () => stop() }, 0, {
    errorLogging: false,
    infoLogging: false,
  });
  client.send("order 1");
  await client.exited;
  await assert.rejects(feed.stop(), /The client's first message is not its subscription\./);
});
