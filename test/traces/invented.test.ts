import assert from "node:assert/strict";
import { test } from "node:test";
import { compareTraces } from "./compare.ts";
import { inventScenarios } from "./invented.ts";
import { predict } from "./model.ts";
import { captureLinkedExits, replay, useReplayTime } from "./replay.ts";

/** EVERFRESH_SEED gives other scenarios, and one that failed again. */
const SEED = Number(process.env.EVERFRESH_SEED ?? 1);
const COUNT = 120;

test("scenarios that nobody recorded go as the design says", async () => {
  const undo = [captureLinkedExits(), useReplayTime()];
  const failed: string[] = [];
  await Promise.all(
    inventScenarios(SEED, COUNT).map(async (scenario) => {
      const { trace } = await replay(scenario);
      const deviations = [...compareTraces(scenario, predict(scenario).trace, trace).values()];
      if (deviations.length > 0) failed.push(`${scenario.id}\n${deviations.join("\n")}\n${JSON.stringify(scenario)}`);
    }),
  );
  for (const one of undo) one();
  assert.deepEqual(failed, []);
});
