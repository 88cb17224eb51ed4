import assert from "node:assert/strict";
import { test } from "node:test";
import { type Child, DynamicSupervisor, Supervisor } from "../../src/index.ts";
import { RestartBurst } from "../../src/supervision/restart-burst.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { SILENT } from "./plain-child.ts";

test("every hundredth restart waits for a turn of the event loop, the others go on at once", async () => {
  const clock = new FakeClock();
  const burst = new RestartBurst(clock);
  for (let restart = 1; restart < 100; restart += 1) assert.equal(burst.add(), undefined);
  const wait = burst.add();
  assert.equal(clock.pending, 1);
  clock.advance(0);
  await wait;
  assert.equal(burst.add(), undefined);
});

/** It has ended before anybody could look. */
const gone: Child = { exited: Promise.resolve("boom"), stop: async () => undefined };

test("children that end at once under no limit keep no supervisor from being stopped", {
  timeout: 10_000,
}, async () => {
  const spec = { id: "gone", start: () => gone };
  const options = { maxRestarts: Number.POSITIVE_INFINITY, logger: SILENT };
  const supervisors = [Supervisor.start([spec], options), DynamicSupervisor.start(options)];
  await supervisors[1]?.startChild(spec);
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (const supervisor of supervisors) assert.equal(await supervisor.stop("shutdown"), "shutdown");
});
