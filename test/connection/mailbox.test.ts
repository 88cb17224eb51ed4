import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Mailbox } from "../../src/connection/mailbox.ts";

test("an item that finds the mailbox idle is processed before put returns", () => {
  const seen: number[] = [];
  const mailbox = new Mailbox<number>((item) => {
    seen.push(item);
    return undefined;
  });
  mailbox.put(1);
  assert.deepEqual(seen, [1]);
  assert.equal(mailbox.busy, false);
});

test("items put while one is being processed wait, and are processed before the outer put returns", () => {
  const seen: string[] = [];
  const mailbox = new Mailbox<string>((item) => {
    seen.push(`begin ${item}`);
    if (item === "a") {
      mailbox.put("b");
      mailbox.put("c");
    }
    seen.push(`end ${item}`);
    return undefined;
  });
  mailbox.put("a");
  assert.deepEqual(seen, ["begin a", "end a", "begin b", "end b", "begin c", "end c"]);
});

test("while a promise is pending the rest waits, in the order of arrival", async () => {
  const seen: string[] = [];
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const mailbox = new Mailbox<string>((item) => {
    seen.push(item);
    return item === "slow" ? gate : undefined;
  });
  mailbox.put("slow");
  mailbox.put("one");
  mailbox.put("two");
  assert.deepEqual(seen, ["slow"]);
  assert.equal(mailbox.length, 2);
  assert.equal(mailbox.busy, true);
  release();
  await gate;
  await Promise.resolve();
  assert.deepEqual(seen, ["slow", "one", "two"]);
  assert.equal(mailbox.busy, false);
});

test("remove takes out what waits and matches, and leaves the rest in order", async () => {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const seen: number[] = [];
  const mailbox = new Mailbox<number>((item) => {
    seen.push(item);
    return item === 0 ? gate : undefined;
  });
  for (const item of [0, 1, 2, 3, 4]) mailbox.put(item);
  assert.deepEqual(
    mailbox.remove((item) => item % 2 === 0),
    [2, 4],
  );
  release();
  await gate;
  await Promise.resolve();
  assert.deepEqual(seen, [0, 1, 3]);
});

test("any mix of synchronous and asynchronous items, put at any moment, is processed once each, one at a time, in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ async: fc.boolean(), puts: fc.integer({ min: 0, max: 2 }) }), { maxLength: 40 }),
      async (plan) => {
        const started: number[] = [];
        let running = 0;
        let next = 0;
        const put = (): void => {
          if (next < plan.length) mailbox.put(next++);
        };
        const mailbox = new Mailbox<number>((item) => {
          running += 1;
          assert.equal(running, 1);
          started.push(item);
          const { async, puts } = plan[item] as { async: boolean; puts: number };
          for (let count = 0; count < puts; count += 1) put();
          if (!async) {
            running -= 1;
            return undefined;
          }
          return Promise.resolve().then(() => {
            running -= 1;
          });
        });
        while (next < plan.length) {
          put();
          if (next % 3 === 0) await Promise.resolve();
        }
        while (mailbox.busy) await Promise.resolve();
        assert.deepEqual(
          started,
          plan.map((_, index) => index),
        );
      },
    ),
  );
});

test("a queue that never runs empty doesn't keep what it has handed out", async () => {
  let processed = 0;
  const mailbox = new Mailbox<number>((item) => {
    processed += 1;
    if (item < 5000) mailbox.put(item + 1);
    return undefined;
  });
  mailbox.put(0);
  assert.equal(processed, 5001);
  assert.equal(mailbox.length, 0);
});
