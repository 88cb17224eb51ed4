/** The figures of the soaks that are kept, and the tables of docs/resilience.md, which are written from them. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { SoakReport } from "./real.ts";
import type { SimulationReport } from "./simulation.ts";
import { simulatedTable, soakTable } from "./tables.ts";

export const RESULTS = {
  real: new URL("results/real.json", import.meta.url),
  simulated: new URL("results/simulated.json", import.meta.url),
} as const;
const PAGE = new URL("../../docs/resilience.md", import.meta.url);

type Name = keyof typeof RESULTS;

const begin = (name: Name): string => `<!-- Written by \`npm run soak -- --write\`: ${name} -->`;
const end = (name: Name): string => `<!-- End of ${name} -->`;

/** The table of a soak whose figures are kept; undefined when there are none. */
export function tableOf(name: Name): string | undefined {
  if (!existsSync(RESULTS[name])) return undefined;
  const report: unknown = JSON.parse(readFileSync(RESULTS[name], "utf8"));
  return name === "real" ? soakTable(report as SoakReport) : simulatedTable(report as SimulationReport);
}

/** The table as it stands in docs/resilience.md. */
export function tableInPage(name: Name): string {
  const page = readFileSync(PAGE, "utf8");
  const from = page.indexOf(begin(name));
  const to = page.indexOf(end(name));
  if (from === -1 || to === -1) throw new Error(`docs/resilience.md has no place for the soak "${name}".`);
  return page.slice(from + begin(name).length, to).trim();
}

/** Puts the tables into docs/resilience.md. */
export function writeSoakSection(): void {
  for (const name of Object.keys(RESULTS) as Name[]) {
    const table = tableOf(name);
    if (table === undefined || tableInPage(name) === table) continue;
    const page = readFileSync(PAGE, "utf8");
    const before = page.slice(0, page.indexOf(begin(name)) + begin(name).length);
    writeFileSync(PAGE, `${before}\n\n${table}\n\n${page.slice(page.indexOf(end(name)))}`);
  }
}
