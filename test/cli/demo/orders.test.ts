/** Every order is accounted for: acknowledged, in doubt, still under way, or dropped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Orders } from "../../../src/cli/demo/orders.ts";

const sending = (result: "sent" | "queued" | "dropped") => ({ send: () => result });

test("an order that is answered is acknowledged, once", () => {
  const orders = new Orders();
  orders.send(sending("sent"));
  orders.acknowledged(1);
  orders.acknowledged(1);
  orders.acknowledged(7);
  assert.deepEqual(orders.count, { made: 1, acknowledged: [1], inDoubt: [], pending: 0, queued: 0, dropped: 0 });
});

test("what was handed to a connection that breaks is in doubt; what is queued is not", () => {
  const orders = new Orders();
  orders.send(sending("sent"));
  orders.send(sending("queued"));
  orders.broken();
  assert.deepEqual(orders.count, { made: 2, acknowledged: [], inDoubt: [1], pending: 1, queued: 1, dropped: 0 });
});

test("what was queued is handed over at the next open, and in doubt if that breaks too", () => {
  const orders = new Orders();
  orders.send(sending("queued"));
  orders.opened();
  orders.broken();
  assert.deepEqual(orders.count.inDoubt, [1]);
  assert.equal(orders.count.pending, 0);
});

test("an answer that comes after all ends no doubt: it was told already", () => {
  const orders = new Orders();
  orders.send(sending("sent"));
  orders.broken();
  orders.acknowledged(1);
  assert.deepEqual([orders.count.inDoubt, orders.count.acknowledged], [[1], []]);
});

test("a dropped order is neither under way nor in doubt", () => {
  const orders = new Orders();
  orders.send(sending("dropped"));
  orders.broken();
  assert.deepEqual(orders.count, { made: 1, acknowledged: [], inDoubt: [], pending: 0, queued: 0, dropped: 1 });
});

test("they go out at their pace until stop, in their order", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const sent: unknown[] = [];
  const orders = new Orders();
  const connection = {
    send: (frame: unknown) => {
      sent.push(frame);
      return "sent" as const;
    },
  };
  orders.sendOver(connection, 100);
  t.mock.timers.tick(250);
  orders.stop();
  t.mock.timers.tick(1000);
  assert.deepEqual(sent, ["order 1", "order 2"]);
});
