/**
 * The simulated fleet: what docs/resilience.md says of it holds, its tables and plots are those of the kept figures, and the figures are the script's.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { CLIENTS, DOCUMENTED, type FleetFigures, written } from "../../bench/fleet/fleet.ts";
import { plot } from "../../bench/fleet/plot.ts";
import { type Figures, runFleet } from "../../bench/fleet/run.ts";
import { SCENARIOS } from "../../bench/fleet/scenario.ts";
import { withTables } from "../../bench/fleet/tables.ts";
import { ROOT } from "./pages.ts";

const FEW = 300;
const FOLDER = `${ROOT}docs/resilience`;
const kept: FleetFigures = JSON.parse(readFileSync(`${FOLDER}/fleet.json`, "utf8"));

/** A few connections of a client in a scenario; each is run once. */
const runs = new Map<string, Promise<Figures>>();
function few(scenarioName: string, clientName: string): Promise<Figures> {
  const key = `${scenarioName}: ${clientName}`;
  const run = runs.get(key) ?? runOf(scenarioName, clientName, FEW, 1);
  runs.set(key, run);
  return run;
}

function runOf(scenarioName: string, clientName: string, connections: number, seed: number): Promise<Figures> {
  const scenario = SCENARIOS.find(({ name }) => name === scenarioName);
  const client = CLIENTS.find(({ name }) => name === clientName);
  assert.ok(scenario !== undefined && client !== undefined);
  return runFleet(scenario, client, connections, seed);
}

const sum = (series: readonly number[], from: number, to: number): number =>
  series.slice(from, to).reduce((all, one) => all + one, 0);

test("the tables and plots are those of the kept figures: if not, run npm run fleet", () => {
  const page = readFileSync(`${ROOT}docs/resilience.md`, "utf8");
  assert.equal(withTables(page, kept), page);
  assert.equal(written(kept), readFileSync(`${FOLDER}/fleet.json`, "utf8"));
  for (const scenario of SCENARIOS) {
    assert.equal(
      plot(scenario, kept.scenarios[scenario.name] ?? {}),
      readFileSync(`${FOLDER}/fleet-${scenario.name}.svg`, "utf8"),
      scenario.name,
    );
  }
});

test("the kept figures are of every client in every scenario, with as many connections as the page says", () => {
  assert.deepEqual(
    Object.entries(kept.scenarios).map(([scenario, figures]) => [scenario, Object.keys(figures)]),
    SCENARIOS.map(({ name }) => [name, CLIENTS.map((client) => client.name)]),
  );
  assert.deepEqual({ connections: kept.connections, seed: kept.seed }, DOCUMENTED);
});

describe("the kept figures are what the script counts", () => {
  const AGAIN = ["everfresh", "ws, again after 5 s (a model)"];
  const again = new Map<string, unknown>();
  before(async () => {
    const { connections, seed } = DOCUMENTED;
    for (const client of AGAIN)
      again.set(client, JSON.parse(JSON.stringify(await runOf("refuses", client, connections, seed))));
  });
  for (const client of AGAIN) {
    test(`${client}, run again with all connections, has the same figures: if not, run npm run fleet`, () => {
      assert.deepEqual(again.get(client), kept.scenarios.refuses?.[client]);
    });
  }
});

test("the same seed gives the same figures, another one others", async () => {
  const figures = await runOf("dies", "everfresh", 50, 5);
  assert.deepEqual(await runOf("dies", "everfresh", 50, 5), figures);
  assert.notDeepEqual((await runOf("dies", "everfresh", 50, 6)).series, figures.series);
});

test("while a server is away, everfresh asks ever less often; a fixed wait asks as often as ever", async () => {
  const ours = (await few("dies", "everfresh")).series;
  assert.ok(sum(ours, 0, 10) > 4 * sum(ours, 40, 50), `${sum(ours, 0, 10)} and ${sum(ours, 40, 50)}`);
  assert.ok(sum(ours, 40, 50) < 1.2 * FEW);
  const fixed = (await few("dies", "ws, again after 1 s (a model)")).series;
  assert.ok(sum(fixed, 40, 50) > 9 * FEW);
});

test("a server that accepts and drops is asked about four times a minute by each, once the waits have grown; without a backoff, hundreds of times", async () => {
  const ours = await few("drops", "everfresh");
  assert.ok(ours.lastMinute > 3 && ours.lastMinute < 5, String(ours.lastMinute));
  assert.ok((await few("drops", "ws, again after 1 s (a model)")).lastMinute > 45);
  assert.ok((await few("drops", "Fresh 0.3.0 (a model)")).lastMinute > 200);
});

test("with backoffInitial at 250 a fleet's first seconds are a storm, with 5000 they are the calmest of all", async () => {
  const quick = await few("dies", "everfresh");
  assert.ok(quick.peakSecond > 2.5 * FEW && quick.series[0] === quick.peakSecond);
  const spread = await few("dies", "everfresh, backoffInitial: 5000");
  assert.ok(spread.peakSecond < 0.5 * FEW, String(spread.peakSecond));
  const peaks = Object.entries(kept.scenarios.dies ?? {}).sort(
    ([, one], [, other]) => one.peakSecond - other.peakSecond,
  );
  assert.equal(peaks[0]?.[0], "everfresh, backoffInitial: 5000");
});

test("everybody is back within half a minute of the server's return", async () => {
  for (const client of ["everfresh", "everfresh, backoffInitial: 5000"]) {
    const { most } = await few("dies", client);
    assert.ok(most !== undefined && most < 35, `${client}: ${most}`);
  }
});

test("nobody of everfresh's comes before the Retry-After is over, and those that don't see the header all do", async () => {
  for (const { name } of CLIENTS) {
    const { early } = await few("asks", name);
    if (name.startsWith("everfresh")) assert.equal(early, 0, name);
    else assert.ok(early > 0.3 * FEW, `${name}: ${early}`);
  }
});
