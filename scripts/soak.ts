/**
 * Soaks everfresh: `npm run soak`.
 *
 *     npm run soak -- --simulated                          72 hours on a simulated network, 200 connections, in about a minute
 *     npm run soak -- --simulated --hours 6 --seed 7
 *
 * The same seed gives the same figures of a simulated soak. The exit code is 1 when a rule was broken, 2 for wrong arguments.
 */
import { parseArgs } from "node:util";
import { simulate } from "../test/soak/simulation.ts";
import { simulatedTable } from "../test/soak/tables.ts";

const { values } = parseArgs({
  options: {
    simulated: { type: "boolean", default: false },
    hours: { type: "string", default: "72" },
    connections: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed)) refuse(`--seed takes a whole number; it got ${values.seed}.`);

if (values.simulated) {
  const options = {
    seed,
    hours: above0("hours", values.hours),
    connections: above0("connections", values.connections ?? "200"),
  };
  const report = await simulate(options);
  console.log(simulatedTable(options, report));
  finish(report.violations);
}

function finish(violations: readonly string[]): void {
  for (const violation of violations) console.log(`broken: ${violation}`);
  console.log(violations.length === 0 ? "No rule was broken." : `${violations.length} rules were broken.`);
  process.exitCode = violations.length === 0 ? 0 : 1;
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
