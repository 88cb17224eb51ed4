/**
 * The figures of a simulated fleet as tables, and their place in docs/resilience.md.
 */
import type { FleetFigures } from "./fleet.ts";
import type { Figures } from "./run.ts";
import { SCENARIOS, type Scenario } from "./scenario.ts";

const BEGIN = "<!-- The tables are written by `npm run fleet`. Don't edit them here. -->";
const END = "<!-- Here the tables end. -->";

type Column = readonly [title: string, cell: (figures: Figures) => string];

const whole = (value: number): string => Math.round(value).toLocaleString("en-GB").replaceAll(",", " ");
const seconds = (value: number | undefined): string => (value === undefined ? "not yet" : `${value.toFixed(1)} s`);

const ALWAYS: readonly Column[] = [
  ["attempts", ({ attempts }) => whole(attempts)],
  ["in the peak second", ({ peakSecond }) => whole(peakSecond)],
  ["peak / mean", ({ peakToMean }) => peakToMean.toFixed(1)],
];
const NEVER_BACK: readonly Column[] = [
  ["of one connection in the last minute", ({ lastMinute }) => lastMinute.toFixed(1)],
];
const BACK: readonly Column[] = [
  ["half are back after", ({ half }) => seconds(half)],
  ["99 % after", ({ most }) => seconds(most)],
];
const ASKED: readonly Column[] = [["before the server wanted it", ({ early }) => whole(early)]];

function columnsOf({ name, back }: Scenario): readonly Column[] {
  const ending = back === Number.POSITIVE_INFINITY ? NEVER_BACK : BACK;
  return [...ALWAYS, ...ending, ...(name === "asks" ? ASKED : [])];
}

function table(scenario: Scenario, figures: Readonly<Record<string, Figures>>): string {
  const columns = columnsOf(scenario);
  const rows = Object.entries(figures).map(
    ([client, one]) => `| ${client} | ${columns.map(([, cell]) => cell(one)).join(" | ")} |`,
  );
  return [
    `| | ${columns.map(([title]) => title).join(" | ")} |`,
    `|---|${columns.map(() => "---:").join("|")}|`,
    ...rows,
  ].join("\n");
}

function chapters({ scenarios }: FleetFigures): string {
  return SCENARIOS.map((scenario) => {
    const { name, title, seconds: length } = scenario;
    const plot = `![Attempts per second over ${length} seconds, a curve for each client](resilience/fleet-${name}.svg)`;
    return `#### ${title}\n\n${table(scenario, scenarios[name] ?? {})}\n\n${plot}\n`;
  }).join("\n");
}

/** The page with these figures. */
export function withTables(page: string, figures: FleetFigures): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin)
    throw new Error(`The page has no place for the tables between "${BEGIN}" and "${END}".`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${chapters(figures)}\n${page.slice(end)}`;
}

/** For a terminal. */
export function inText({ scenarios }: FleetFigures): string {
  return SCENARIOS.map((scenario) => `${scenario.title}\n${table(scenario, scenarios[scenario.name] ?? {})}\n`).join(
    "\n",
  );
}
