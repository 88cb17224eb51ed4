/**
 * What waits for an iterator: in order, bounded, ended once.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EventQueue } from "../../src/rpc/event-queue.ts";

const DONE = { done: true, value: undefined };

test("events are read in their order, whether the reader or the event comes first", async () => {
  const queue = new EventQueue<number>(10, "fail");
  const first = queue.next();
  const second = queue.next();
  for (const event of [1, 2, 3, 4]) queue.push(event);
  assert.deepEqual(
    (await Promise.all([first, second, queue.next(), queue.next()])).map(({ value }) => value),
    [1, 2, 3, 4],
  );
});

test('"fail" takes no more than its limit, and says so', () => {
  const queue = new EventQueue<number>(2, "fail");
  assert.deepEqual([queue.push(1), queue.push(2), queue.push(3)], [true, true, false]);
  assert.equal(queue.length, 2);
  assert.equal(queue.dropped, 0);
});

test('"drop-oldest" keeps the newest and counts the others', async () => {
  const queue = new EventQueue<number>(2, "drop-oldest");
  for (const event of [1, 2, 3, 4]) assert.ok(queue.push(event));
  assert.equal(queue.dropped, 2);
  assert.equal((await queue.next()).value, 3);
});

test("the end comes behind what waits; an error comes once, then the end", async () => {
  const queue = new EventQueue<number>(2, "fail");
  queue.push(1);
  queue.end(new Error("over"));
  queue.end();
  assert.ok(queue.push(2));
  assert.equal((await queue.next()).value, 1);
  await assert.rejects(queue.next(), /over/);
  assert.deepEqual(await queue.next(), DONE);
});

test("the end reaches readers that wait already", async () => {
  const ended = new EventQueue<number>(2, "fail");
  const failed = new EventQueue<number>(2, "fail");
  const waiting = [ended.next(), failed.next()];
  ended.end();
  failed.end(new Error("over"));
  assert.deepEqual(await waiting[0], DONE);
  await assert.rejects(waiting[1] as Promise<unknown>, /over/);
});

test("a reader that has gone leaves nothing waiting", async () => {
  const queue = new EventQueue<number>(2, "fail");
  queue.push(1);
  queue.clear();
  assert.equal(queue.length, 0);
  assert.deepEqual(await queue.next(), DONE);
});

test("however pushes and reads alternate, nothing is lost, doubled or reordered, and the limit holds", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 5000 }), async (steps) => {
      const queue = new EventQueue<number>(1500, "fail");
      const read: Promise<IteratorResult<number, undefined>>[] = [];
      let pushed = 0;
      for (const push of steps) {
        if (!push) read.push(queue.next());
        else if (queue.push(pushed)) pushed += 1;
        assert.ok(queue.length <= 1500);
      }
      queue.end();
      while (queue.length > 0) read.push(queue.next());
      const values = (await Promise.all(read)).filter(({ done }) => !done).map(({ value }) => value);
      assert.deepEqual(
        values,
        Array.from({ length: pushed }, (_, event) => event),
      );
    }),
    { numRuns: 50 },
  );
});
