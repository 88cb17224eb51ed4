/** What a soak has measured, as the table in Markdown that docs/resilience.md shows. */
import type { SimulationOptions, SimulationReport } from "./simulation.ts";

export type Row = readonly [what: string, figure: string];

const number = (value: number): string => value.toLocaleString("en");
const counts = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name} ${number(count)}`)
    .join(", ");

export function table(rows: readonly Row[]): string {
  return ["| | |", "|---|---|", ...rows.map(([what, figure]) => `| ${what} | ${figure} |`)].join("\n");
}

export function simulatedTable(
  { seed, hours, connections }: SimulationOptions,
  { figures, heap, seconds }: SimulationReport,
): string {
  const { toServer, toClients, timers, mostAttempts, cuts } = figures;
  return table([
    ["Run", `${connections} connections, ${hours} simulated hours, seed ${seed}; ${seconds.toFixed(0)} s of real time`],
    ["Faults of servers and links", counts(figures.faults)],
    ["Event-loop stalls, sleeps of the machine", `${figures.stalls}, ${figures.sleeps}`],
    [
      "Attempts, opens, replacements, ends told",
      [figures.attempts, figures.opens, figures.replacements, figures.ends].map(number).join(", "),
    ],
    ["Errors told", counts(figures.errors)],
    [
      "Attempts in the busiest hour",
      `${number(mostAttempts.attempts)}; the backoff allows ${number(mostAttempts.bound)}. No hour used more than ${(figures.mostOfBound * 100).toFixed(0)} % of what it allows`,
    ],
    [
      "Messages to the servers",
      `${number(toServer.accepted)} accepted = ${number(toServer.received)} received + ${number(toServer.dropped)} told to onDrop + ${number(toServer.reported)} told as casting_failed + ${number(toServer.lost)} that the system had when their link died; ${number(toServer.refused)} more were answered "dropped"`,
    ],
    [
      "Messages to the clients",
      `${number(toClients.sent)} sent, ${number(toClients.delivered)} arrived, ${number(toClients.handled)} reached handleIn`,
    ],
    ["Links cut after 24 hours", `with replaceAfter ${cuts.replaced}, without ${cuts.others}`],
    [
      "Slowest recovery of everybody, once the network is well",
      `${(figures.slowestRecovery / 1000).toFixed(0)} s of simulated time`,
    ],
    [
      "Heap behind a collection",
      `${heap.first.toFixed(1)} MiB at first, ${heap.last.toFixed(1)} at last; ${heap.growth.toFixed(2)} MiB of growth in the second half`,
    ],
    [
      "Timers",
      `${timers.atRest} at rest, where ${timers.least} to ${timers.most} have a use; ${timers.atEnd} when all had stopped`,
    ],
  ]);
}
