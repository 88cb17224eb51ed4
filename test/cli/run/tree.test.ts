import assert from "node:assert/strict";
import { test } from "node:test";
import { RateMeter } from "../../../src/cli/run/rates.ts";
import { treeOf } from "../../../src/cli/run/tree.ts";
import { Supervisor, Task } from "../../../src/index.ts";

test("a child that doesn't run is down, and its fault is told", async () => {
  const fails = {
    ...Task.childSpec({ id: "failed", run: () => Promise.reject(new Error("no")) }),
    restart: "transient",
  };
  const app = Supervisor.start(
    [{ ...fails, restart: "transient" }, Supervisor.childSpec({ id: "inner", children: [] })],
    {
      maxRestarts: 0,
      logger: { error: () => {} },
    },
  );
  await app.exited;
  const { children = [] } = treeOf(app, { meter: new RateMeter(), now: 2000, startedAt: 500 });
  assert.deepEqual(
    children.map(({ id, state, up }) => [id, state, up]),
    [
      ["failed", "down", undefined],
      ["inner", "down", undefined],
    ],
  );
  assert.equal(children[0]?.lastError?.text, "task failed: Error: no");
});
