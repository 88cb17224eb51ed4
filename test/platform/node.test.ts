import assert from "node:assert/strict";
import { test } from "node:test";
import { platform } from "../../src/platform/node.ts";

test("a wait longer than Node's longest timer doesn't fire at once", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let fired = 0;
  platform.clock.after(
    2 ** 31 + 5,
    () => {
      fired += 1;
    },
    true,
  );
  t.mock.timers.tick(2 ** 31 - 1);
  assert.equal(fired, 0);
  t.mock.timers.tick(6);
  assert.equal(fired, 1);
});

test("Infinity never fires and holds nothing", () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const timer = platform.clock.after(Number.POSITIVE_INFINITY, () => assert.fail("it fired"), true);
  assert.equal(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length, before);
  platform.clock.cancel(timer);
});

test("a cancelled wait doesn't fire, also in its second part", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const timer = platform.clock.after(2 ** 32, () => assert.fail("it fired"), true);
  t.mock.timers.tick(2 ** 31);
  platform.clock.cancel(timer);
  t.mock.timers.tick(2 ** 32);
});

test("an unref'd wait keeps no process alive", () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const timer = platform.clock.after(60_000, () => undefined, false);
  assert.equal(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length, before);
  platform.clock.cancel(timer);
});

test("identifiers differ", () => {
  assert.equal(new Set(Array.from({ length: 1000 }, () => platform.identifier())).size, 1000);
});
