/**
 * Every recorded scenario of Fresh 0.3.0, replayed against everfresh. Each either agrees with the recording or shows
 * named differences, and then does exactly what the model of the design says. There is no third kind.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { compareTraces, cutLike, withoutErrorNames } from "./compare.ts";
import { type Aspect, DIFFERENCE_NAMES, DIFFERENCES, type DifferenceName } from "./differences.ts";
import { predict } from "./model.ts";
import { captureLinkedExits, type Replayed, replay, useReplayTime } from "./replay.ts";
import { readScenarios, type Scenario } from "./scenario.ts";
import { recordedTrace, type Trace } from "./trace.ts";

const scenarios = readScenarios();
const DOCUMENT = new URL("../../docs/decisions/fresh-differences.md", import.meta.url);

describe("a recorded scenario of Fresh", () => {
  const replayed = new Map<string, Replayed>();
  const undo: (() => void)[] = [];

  before(async () => {
    undo.push(captureLinkedExits(), useReplayTime());
    // All at once: they share one time, which passes only while none of them does anything.
    await Promise.all(scenarios.map(async (scenario) => replayed.set(scenario.id, await replay(scenario))));
  });

  after(() => {
    for (const one of undo) one();
  });

  const replayOf = (scenario: Scenario): Replayed => {
    const found = replayed.get(scenario.id);
    assert.ok(found !== undefined);
    return found;
  };

  for (const scenario of scenarios) {
    test(`${scenario.id}: ${scenario.title}`, () => {
      const { trace } = replayOf(scenario);
      const { trace: predicted, differences } = predict(scenario);
      assert.deepEqual(deviations(compareTraces(scenario, predicted, trace)), [], "not what the design says");
      const found = deviationsFromFresh(scenario, trace);
      const explained = explanations(found, differences).flatMap((name): readonly Aspect[] => DIFFERENCES[name].shows);
      const unexplained = [...found].filter(([aspect]) => !explained.includes(aspect));
      assert.deepEqual(deviations(new Map(unexplained)), [], "differs from Fresh, and no named difference says why");
    });
  }

  test("the document lists each difference with its rule and just the scenarios that show it", () => {
    const covered = new Map<string, string[]>(DIFFERENCE_NAMES.map((name) => [name, []]));
    for (const scenario of scenarios) {
      const found = deviationsFromFresh(scenario, replayOf(scenario).trace);
      for (const name of explanations(found, predict(scenario).differences)) covered.get(name)?.push(scenario.id);
    }
    const rows = DIFFERENCE_NAMES.map((name) => [name, DIFFERENCES[name].rule, covered.get(name)?.toSorted()]);
    assert.deepEqual(tableOf(readFileSync(DOCUMENT, "utf8")), rows);
  });

  test("what is logged follows the callbacks, and the two switches turn it off", () => {
    for (const scenario of scenarios) {
      const { trace, logged } = replayOf(scenario);
      const calls = (...names: readonly string[]): number =>
        trace.callbacks.filter(({ name }) => names.includes(name)).length;
      const { options } = scenario.client;
      const info = options.includes("info_logging: false") ? 0 : calls("handle_connect", "handle_disconnect");
      const crashes = trace.exit.class === "crash" ? 1 : 0;
      assert.equal(logged.info, info, `${scenario.id}: info`);
      if (options.includes("error_logging: false")) assert.equal(logged.error, crashes, `${scenario.id}: error`);
      // Frames that are dropped are an error line too.
      else assert.ok(logged.error >= calls("handle_error") + crashes, `${scenario.id}: error ${logged.error}`);
    }
  });
});

/** In what a replay departs from the recording. */
function deviationsFromFresh(scenario: Scenario, trace: Trace): ReadonlyMap<Aspect, string> {
  const recorded = recordedTrace(scenario);
  return compareTraces(scenario, withoutErrorNames(recorded), withoutErrorNames(cutLike(scenario, recorded, trace)));
}

/** Those of the differences that the model named which can be seen in what was found. */
function explanations(
  found: ReadonlyMap<Aspect, string>,
  named: ReadonlySet<DifferenceName>,
): readonly DifferenceName[] {
  return [...named].filter((name) => DIFFERENCES[name].shows.some((aspect) => found.has(aspect)));
}

const deviations = (found: ReadonlyMap<Aspect, string>): readonly string[] => [...found.values()];

/** The document's table of differences: name, rule, scenarios. Its other tables have fewer columns. */
function tableOf(document: string): readonly unknown[] {
  return [...document.matchAll(/^\| `([^`]+)` \|(.*)\|$/gm)].flatMap(([, name, rest = ""]) => {
    const cells = rest.split(" | ").map((cell) => cell.trim());
    const [, , rule, ids] = cells;
    return ids === undefined ? [] : [[name, rule, [...ids.matchAll(/`([^`]+)`/g)].map(([, id]) => id).toSorted()]];
  });
}
