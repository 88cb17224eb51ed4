/**
 * The simulated fleet: every client in every scenario, and what is kept of it in docs/resilience/fleet.json.
 */
import type { FleetClient } from "./client.ts";
import { everfresh } from "./everfresh-client.ts";
import { OTHER_CLIENTS } from "./other-clients.ts";
import { type Figures, runFleet } from "./run.ts";
import { SCENARIOS, type Scenario } from "./scenario.ts";

export const CLIENTS: readonly FleetClient[] = [
  { name: "everfresh", start: everfresh() },
  { name: "everfresh, backoffInitial: 5000", start: everfresh({ backoffInitial: 5000 }) },
  ...OTHER_CLIENTS,
];

/** Scenario → client → figures. */
export type FleetFigures = {
  readonly connections: number;
  readonly seed: number;
  readonly scenarios: Readonly<Record<string, Readonly<Record<string, Figures>>>>;
};

/** How many connections the documented figures are of, and from which seed. */
export const DOCUMENTED = { connections: 10_000, seed: 1 } as const;

export async function runAll(
  connections: number,
  seed: number,
  told: (scenario: Scenario, client: FleetClient) => void = () => undefined,
): Promise<FleetFigures> {
  const scenarios: Record<string, Record<string, Figures>> = {};
  for (const scenario of SCENARIOS) {
    const figures: Record<string, Figures> = {};
    for (const client of CLIENTS) {
      told(scenario, client);
      figures[client.name] = await runFleet(scenario, client, connections, seed);
    }
    scenarios[scenario.name] = figures;
  }
  return { connections, seed, scenarios };
}

/** As JSON: one line for a client, so that a change shows where it is. */
export function written({ connections, seed, scenarios }: FleetFigures): string {
  const parts = Object.entries(scenarios).map(([scenario, figures]) => {
    const lines = Object.entries(figures).map(
      ([client, one]) => `      ${JSON.stringify(client)}: ${JSON.stringify(one)}`,
    );
    return `    ${JSON.stringify(scenario)}: {\n${lines.join(",\n")}\n    }`;
  });
  return `{\n  "connections": ${connections},\n  "seed": ${seed},\n  "scenarios": {\n${parts.join(",\n")}\n  }\n}\n`;
}
