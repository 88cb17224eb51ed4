/**
 * How the attempts of a fleet spread: 10,000 connections on a mocked clock, everfresh beside others.
 *
 *     npm run fleet                 three minutes; writes docs/resilience/fleet.json, the plots, and the tables in docs/resilience.md
 *     npm run fleet -- --quick      1,000 connections; prints the tables, writes nothing
 *     npm run fleet -- --seed 7     another seed; prints, writes nothing
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DOCUMENTED, runAll, written } from "../bench/fleet/fleet.ts";
import { plot } from "../bench/fleet/plot.ts";
import { SCENARIOS } from "../bench/fleet/scenario.ts";
import { inText, withTables } from "../bench/fleet/tables.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false }, seed: { type: "string" } } });
const docs = fileURLToPath(new URL("../docs/", import.meta.url));
const connections = values.quick ? 1000 : DOCUMENTED.connections;
const seed = Number(values.seed ?? DOCUMENTED.seed);

const figures = await runAll(connections, seed, (scenario, client) =>
  console.error(`${scenario.name}: ${client.name}`),
);
if (connections === DOCUMENTED.connections && seed === DOCUMENTED.seed) {
  writeFileSync(`${docs}resilience/fleet.json`, written(figures));
  for (const scenario of SCENARIOS) {
    writeFileSync(
      `${docs}resilience/fleet-${scenario.name}.svg`,
      plot(scenario, figures.scenarios[scenario.name] ?? {}),
    );
  }
  const page = `${docs}resilience.md`;
  writeFileSync(page, withTables(readFileSync(page, "utf8"), figures));
}
console.log(inText(figures));
