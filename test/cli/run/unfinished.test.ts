import assert from "node:assert/strict";
import { test } from "node:test";
import { watchEnds } from "../../../src/cli/run/unfinished.ts";
import { Supervisor, Task } from "../../../src/index.ts";

test("those that haven't ended are named by their way from the root, ten at the most", async () => {
  const untilTold = (signal: AbortSignal) => new Promise<void>((end) => signal.addEventListener("abort", () => end()));
  const children = Array.from({ length: 12 }, (_, index) => Task.childSpec({ id: `t${index}`, run: untilTold }));
  const root = Supervisor.start([Supervisor.childSpec({ id: "inner", children }), Task.childSpec({ run: () => {} })]);
  const unfinished = watchEnds(root);
  await new Promise(setImmediate);
  assert.equal(unfinished(), `${[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `inner/t${n}`).join(", ")} and 2 more`);
  await root.stop();
  assert.equal(unfinished(), "the app itself");
});
