/** What a soak has measured, as the table in Markdown that docs/resilience.md shows. */
import type { Slope } from "./memory.ts";
import type { SoakReport } from "./real.ts";
import type { SimulationReport } from "./simulation.ts";

type Row = readonly [what: string, figure: string];

const number = (value: number): string => value.toLocaleString("en");
const counts = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name} ${number(count)}`)
    .join(", ");

function table(rows: readonly Row[]): string {
  return ["| | |", "|---|---|", ...rows.map(([what, figure]) => `| ${what} | ${figure} |`)].join("\n");
}

export function simulatedTable({ options, figures, heap, seconds }: SimulationReport): string {
  const { toServer, toClients, timers, mostAttempts, cuts } = figures;
  return table([
    [
      "Run",
      `${options.connections} connections, ${options.hours} simulated hours, seed ${options.seed}; ${seconds.toFixed(0)} s of this process's time`,
    ],
    ["Faults of servers and links", counts(figures.faults)],
    ["Event-loop stalls, sleeps of the machine", `${figures.stalls}, ${figures.sleeps}`],
    [
      "Attempts, opens, replacements, ends told",
      [figures.attempts, figures.opens, figures.replacements, figures.ends].map(number).join(", "),
    ],
    ["Errors told", counts(figures.errors)],
    [
      "Attempts in the busiest hour",
      `${number(mostAttempts.attempts)}; the backoff allows ${number(mostAttempts.bound)}. No server's clients used more than ${(figures.mostOfBound * 100).toFixed(0)} % of what it allows them in an hour`,
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

export function soakTable({ options, node, figures, heap, resident }: SoakReport): string {
  const { toServers, toClients, calls, attemptsPerSecond } = figures;
  const accepted = toServers.received + toServers.dropped + toServers.missing;
  return table([
    ["Run", `${number(options.connections)} connections, ${options.seconds} s, seed ${options.seed}, Node ${node}`],
    ["Faults of the proxies", counts(figures.faults)],
    [
      "Attempts, opens, replacements, ends told",
      [figures.attempts, figures.opens, figures.replacements, figures.ends].map(number).join(", "),
    ],
    ["Errors told", counts(figures.errors)],
    [
      "Attempts a second, behind the first five",
      `${attemptsPerSecond.mean.toFixed(1)} on average, ${attemptsPerSecond.most} at the most. No minute used more than ${(figures.mostOfBound * 100).toFixed(0)} % of what the backoff allows`,
    ],
    [
      "Messages to the servers",
      `${number(accepted)} accepted = ${number(toServers.received)} received + ${number(toServers.dropped)} told to onDrop + ${number(toServers.missing)} handed to links that then died; ${number(toServers.refused)} more were answered "dropped"`,
    ],
    [
      "Of those on links that died",
      `they were the last on ${number(toServers.ends)} ends of links, at most ${number(toServers.mostAtAnEnd)} on one; ${number(toServers.reported)} frames were told as casting_failed, and the rest the system had taken`,
    ],
    [
      "Calls of everfresh/rpc",
      `${number(calls.answered)} answered; lost with sent "no" ${number(calls.no)}, of which the servers saw ${calls.noSeen}; "yes" ${number(calls.yes)}, seen ${calls.yesSeen}; "unknown" ${number(calls.unknown)}, seen ${calls.unknownSeen}`,
    ],
    [
      "Messages to the clients",
      `${number(toClients.sent)} sent, ${number(toClients.received)} reached handleIn, in order, none twice; ${number(toClients.foreign)} injected or damaged ones besides`,
    ],
    ["Everybody open and answered, once nothing goes wrong", `after ${(figures.recovery / 1000).toFixed(1)} s`],
    ["Heap behind a collection", slopeLine(heap)],
    ["Resident size of the process", slopeLine(resident)],
    ["Sockets and timers left at the end", figures.handlesLeft.length === 0 ? "none" : figures.handlesLeft.join(", ")],
  ]);
}

function slopeLine({ first, last, most, growth }: Slope): string {
  return `${first.toFixed(1)} MiB at first, ${last.toFixed(1)} at last, ${most.toFixed(1)} at the most; ${growth.toFixed(1)} MiB of growth in the second half`;
}
