import assert from "node:assert/strict";
import { test } from "node:test";
import { DynamicSupervisor, Supervisor, Task } from "../../src/index.ts";

const QUIET = { logger: { error: () => {} } };
const failing = { id: "bad", start: () => Task.start(() => Promise.reject(new Error("no"))) };

test("gaveUp tells a supervisor that gave up from one that ended otherwise; both exit with shutdown", async () => {
  const gaveUp = Supervisor.start([failing], QUIET);
  const significant = { ...Task.childSpec({ run: () => {} }), significant: true };
  const ended = Supervisor.start([significant], { autoShutdown: "any_significant" });
  const told = Supervisor.start([]);
  void told.stop("shutdown");
  assert.deepEqual(await Promise.all([gaveUp.exited, ended.exited, told.exited]), ["shutdown", "shutdown", "shutdown"]);
  assert.deepEqual([gaveUp.gaveUp, ended.gaveUp, told.gaveUp], [true, false, false]);
});

test("gaveUp of a dynamic supervisor says the same", async () => {
  const supervisor = DynamicSupervisor.start(QUIET);
  assert.equal(supervisor.gaveUp, false);
  await supervisor.startChild(failing);
  await supervisor.exited;
  assert.equal(
    [supervisor].every((ended) => ended.gaveUp),
    true,
  );
});
