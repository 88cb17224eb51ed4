/**
 * Runs one scenario with a fleet of one kind: on a mocked clock, from a seed, the same on every machine.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { FakeClock, seededRandom } from "../../src/testing/index.ts";
import type { FleetClient } from "./client.ts";
import type { Scenario } from "./scenario.ts";
import { SimulatedServer } from "./simulated-server.ts";

export type Figures = {
  readonly attempts: number;
  readonly peakSecond: number;
  /** Peak second to mean second, over the seconds of the scenario. */
  readonly peakToMean: number;
  /** Attempts of one connection in the last minute of the scenario. */
  readonly lastMinute: number;
  /** Seconds from the server's return until so many are open; undefined when they never were. */
  readonly half: number | undefined;
  readonly most: number | undefined;
  /** Attempts made before the server wanted them. */
  readonly early: number;
  /** Attempts in each second. */
  readonly series: readonly number[];
};

/** Long enough for everybody to have been open for a while before the drop. */
const BEFORE = 30_000;
/** Round trips are drawn evenly from here to there, in ms. */
const ROUND_TRIP = { least: 30, most: 130 };

export async function runFleet(
  scenario: Scenario,
  client: FleetClient,
  connections: number,
  seed: number,
): Promise<Figures> {
  const { share = 1, start, global } = client;
  const count = Math.round(connections / share);
  const clock = new FakeClock();
  const random = seededRandom(seed);
  const accepts = { perSecond: scenario.accepts.perSecond / share, waiting: scenario.accepts.waiting / share };
  const returned = BEFORE + scenario.back * 1000;
  const back: { half: number | undefined; most: number | undefined } = { half: undefined, most: undefined };
  const server = new SimulatedServer(clock, { ...scenario, accepts }, random, (open) => {
    const now = clock.now();
    if (now < Math.max(returned, BEFORE + 1)) return;
    if (open >= count * 0.5) back.half ??= (now - returned) / 1000;
    if (open >= count * 0.99) back.most ??= (now - returned) / 1000;
  });
  const restore = global ? standIn(clock, random) : () => undefined;
  const { stackTraceLimit } = Error;
  // Nobody reads where a simulated failure came from, and finding out takes most of the time.
  Error.stackTraceLimit = 0;
  try {
    for (let id = 0; id < count; id += 1) {
      const roundTrip = ROUND_TRIP.least + random() * (ROUND_TRIP.most - ROUND_TRIP.least);
      start({ id, clock, server, random: seededRandom(seed + 1 + id), roundTrip });
    }
    await advance(clock, BEFORE, global ?? false);
    server.drop();
    await advance(clock, scenario.seconds * 1000, global ?? false);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    restore();
  }
  return figuresOf(server, scenario, back, { connections, share });
}

/** To the moment itself, through every timer; for those that go through promises, the event loop turns after each moment. */
async function advance(clock: FakeClock, ms: number, turns: boolean): Promise<void> {
  const until = clock.now() + ms;
  if (turns) {
    await nextTurn();
    while ((clock.nextAt ?? Number.POSITIVE_INFINITY) <= until) {
      clock.advanceToNext();
      await nextTurn();
    }
  }
  clock.advance(until - clock.now());
}

/** Puts the clock and the chance in the place of the global ones. Answers how to put those back. */
function standIn(clock: FakeClock, random: () => number): () => void {
  const { setTimeout, clearTimeout } = globalThis;
  const { random: ownRandom } = Math;
  const { now } = Date;
  type Handle = ReturnType<FakeClock["after"]> | undefined;
  Object.assign(globalThis, {
    setTimeout: (callback: () => void, ms = 0) => clock.after(ms, callback),
    clearTimeout: (handle: Handle) => handle !== undefined && clock.cancel(handle),
  });
  Math.random = random;
  Date.now = () => clock.wallClock();
  return () => {
    Object.assign(globalThis, { setTimeout, clearTimeout });
    Math.random = ownRandom;
    Date.now = now;
  };
}

function figuresOf(
  server: SimulatedServer,
  { seconds }: Scenario,
  { half, most }: Pick<Figures, "half" | "most">,
  { connections, share }: { readonly connections: number; readonly share: number },
): Figures {
  const series = Array.from({ length: seconds }, (_, second) => (server.attempts[second] ?? 0) * share);
  const attempts = series.reduce((sum, one) => sum + one, 0);
  const peakSecond = Math.max(...series);
  const lastMinute = series.slice(-60).reduce((sum, one) => sum + one, 0) / connections;
  return {
    attempts,
    peakSecond,
    peakToMean: rounded(peakSecond / (attempts / seconds)),
    lastMinute: rounded(lastMinute),
    half: half === undefined ? undefined : rounded(half),
    most: most === undefined ? undefined : rounded(most),
    early: server.early * share,
    series,
  };
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
