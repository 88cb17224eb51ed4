/**
 * What a plan has in store for one connection: which rules hit it, and every number that is left to chance. Each rule draws from a
 * chance of its own, made of the plan's seed, the connection and the rule, so that no other rule and no order of events changes it.
 */
import type { Drawn, DrawnFault, Fault, FaultedConnections, FaultPhase, FaultPlan, FaultTrigger } from "./fault.ts";
import { seededRandom, seedFor } from "./seeded-random.ts";

const DEFAULT_SEED = 1;

/** A rule as it hits one connection. `random` goes on where the drawing of the rule stopped, for what is drawn while the fault lasts. */
export type DrawnRule = {
  readonly when: Drawn<FaultTrigger>;
  readonly fault: DrawnFault;
  readonly random: () => number;
};

/** The rules that hit the how-manyth connection of a plan, from 1. */
export function rulesFor(plan: FaultPlan, connection: number): readonly DrawnRule[] {
  return plan.connections.flatMap((rule, index) => {
    const random = chanceFor(plan, connection, index);
    if (!isHit(rule.connection, connection, random)) return [];
    const when = drawn(rule.when, random);
    return [{ when, fault: drawFault(rule.fault, rule.when.phase, random), random }];
  });
}

/** A chance for one connection's part of a plan, whichever that is. */
export function chanceFor(plan: FaultPlan, connection: number, part: number): () => number {
  return seededRandom(seedFor(plan.seed ?? DEFAULT_SEED, connection, part));
}

/** A fault with its ranges drawn, and chosen if it is left to chance. */
export function drawFault(fault: Fault, phase: FaultPhase, random: () => number): DrawnFault {
  if (fault.type !== "random") return drawn(fault, random);
  const choices = fault.of ?? CHOICES[phase];
  return drawFault(choices[Math.floor(random() * choices.length)] as Fault, phase, random);
}

function isHit(which: FaultedConnections | undefined, connection: number, random: () => number): boolean {
  if (which === undefined) return true;
  if (typeof which === "number") return which === connection;
  if (isList(which)) return which.includes(connection);
  const { from = 1, to = Number.POSITIVE_INFINITY, every = 1, share = 1 } = which;
  // Drawn in any case, so that the range has no part in what is drawn next.
  const draw = random();
  return connection >= from && connection <= to && (connection - from) % every === 0 && draw < share;
}

function isList(which: FaultedConnections): which is readonly number[] {
  return Array.isArray(which);
}

function drawn<T extends object>(value: T, random: () => number): Drawn<T> {
  const entries = Object.entries(value).map(([key, one]) => [
    key,
    key === "frame" ? drawn(one, random) : amountOf(one, random),
  ]);
  return Object.fromEntries(entries);
}

function amountOf(value: unknown, random: () => number): unknown {
  if (typeof value !== "object" || value === null || !("from" in value && "to" in value)) return value;
  const { from, to } = value as { from: number; to: number };
  const isWhole = Number.isInteger(from) && Number.isInteger(to);
  return isWhole ? from + Math.floor(random() * (to - from + 1)) : from + random() * (to - from);
}

const ENDS: readonly Fault[] = [
  { type: "reset" },
  { type: "end" },
  { type: "blackHole" },
  { type: "reset", direction: "toClient" },
  { type: "end", direction: "toClient" },
];
const LINK: readonly Fault[] = [
  { type: "latency", ms: { from: 1, to: 200 }, jitter: { from: 0, to: 100 } },
  { type: "bandwidth", bytesPerSecond: { from: 1000, to: 100_000 } },
  { type: "drip", bytes: { from: 1, to: 16 }, every: { from: 1, to: 20 } },
  { type: "split", bytes: { from: 1, to: 3 } },
  { type: "glue", ms: { from: 5, to: 50 } },
  { type: "stall", ms: { from: 10, to: 500 } },
];
const BYTES: readonly Fault[] = [
  { type: "garbage", bytes: { from: 1, to: 64 } },
  { type: "corrupt", bytes: { from: 1, to: 8 } },
];
const FRAMES: readonly Fault[] = [
  { type: "close", code: 1001 },
  { type: "close", code: 1012, fin: true },
  { type: "inject", frame: { opcode: "ping", size: { from: 0, to: 125 } }, times: { from: 1, to: 1000 } },
  { type: "inject", frame: { opcode: "binary", length: 2 ** 40, lengthEncoding: "64-bit" } },
  { type: "inject", frame: { opcode: 3 } },
];
const REFUSALS: readonly Fault[] = [
  { type: "refuse", status: 401 },
  { type: "refuse", status: 429, retryAfter: 1 },
  { type: "refuse", status: 503, retryAfter: 1 },
];

/** What "random" chooses from where it isn't told. */
const CHOICES: Readonly<Record<FaultPhase, readonly Fault[]>> = {
  connect: [...ENDS, { type: "stall", ms: { from: 10, to: 500 } }, { type: "latency", ms: { from: 1, to: 200 } }],
  clientHello: [...ENDS, { type: "garbage" }, { type: "tlsAlert" }, { type: "stall", ms: { from: 10, to: 500 } }],
  request: [...ENDS, ...LINK, ...REFUSALS],
  answer: [...ENDS, ...LINK, ...BYTES],
  open: [...ENDS, ...LINK, ...BYTES, ...FRAMES],
  closing: [...ENDS, ...LINK, ...BYTES],
};
