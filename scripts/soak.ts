/**
 * Soaks everfresh under random faults: `npm run soak`.
 *
 *     npm run soak -- --minutes 10 --connections 1000      real connections, servers behind fault proxies in another process
 *     npm run soak -- --simulated --hours 72               real connections on a simulated network and clock, in about a minute
 *
 * Options: `--seed N` (default 1), which decides all figures of a simulated soak; `--connections N` (1000, or 200 simulated); `--write`, which keeps the figures
 * in test/soak/results/ and puts them into docs/resilience.md. The exit code is 1 when a rule was broken, 2 for wrong arguments.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { soak } from "../test/soak/real.ts";
import { RESULTS, writeSoakSection } from "../test/soak/results.ts";
import { simulate } from "../test/soak/simulation.ts";
import { simulatedTable, soakTable } from "../test/soak/tables.ts";

const { values } = parseArgs({
  options: {
    simulated: { type: "boolean", default: false },
    minutes: { type: "string", default: "10" },
    hours: { type: "string", default: "72" },
    connections: { type: "string" },
    seed: { type: "string", default: "1" },
    write: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed)) refuse(`--seed takes a whole number; it got ${values.seed}.`);

if (values.simulated) {
  const hours = above0("hours", values.hours);
  const report = await simulate({ seed, hours, connections: above0("connections", values.connections ?? "200") });
  finish("simulated", report, simulatedTable(report));
} else {
  const seconds = Math.round(above0("minutes", values.minutes) * 60);
  const report = await soak({ seed, seconds, connections: above0("connections", values.connections ?? "1000") });
  finish("real", report, soakTable(report));
}

function finish(name: keyof typeof RESULTS, report: { readonly violations: readonly string[] }, table: string): void {
  console.log(table);
  for (const violation of report.violations) console.log(`broken: ${violation}`);
  const { length } = report.violations;
  console.log(length === 0 ? "No rule was broken." : `${length} rules were broken.`);
  process.exitCode = length === 0 ? 0 : 1;
  if (!values.write) return;
  mkdirSync(new URL(".", RESULTS[name]), { recursive: true });
  writeFileSync(RESULTS[name], `${JSON.stringify(report, null, 2)}\n`);
  writeSoakSection();
}

function above0(name: string, value: string): number {
  const number = Number(value);
  if (!(number > 0)) refuse(`--${name} takes a number above 0; it got ${value}.`);
  return number;
}

function refuse(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}
