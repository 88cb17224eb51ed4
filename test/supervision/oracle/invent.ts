/**
 * Invents sequences from a seed, over all strategies, restart values, ways to shut down and to end.
 */
import { seededRandom } from "../../../src/testing/seeded-random.ts";
import type { ChildPlan, Command, Reason, Sequence } from "./sequence.ts";

const STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"] as const;
const RESTARTS = ["permanent", "transient", "temporary"] as const;
const AUTO_SHUTDOWNS = ["never", "never", "any_significant", "all_significant"] as const;
const REASONS: readonly Reason[] = ["normal", "shutdown", "shutdown_x", "killed", "boom", "boom"];
const STOPS: readonly Reason[] = ["normal", "shutdown", "shutdown_x", "boom"];
const STARTS = ["ok", "ok", "ok", "ok", "ignore", "error", "error", "raise"] as const;
const ON_STOP = ["obey", "obey", "obey", "normal", "shutdown_x", "boom", "never"] as const;
const SHUTDOWNS = [1000, "brutal_kill", "infinity"] as const;
/** ms: what a child that never ends is given, since the recording waits for it. */
const SHORT = 15;

export function inventSequences(seed: number, count: number): readonly Sequence[] {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const chance = (probability: number): boolean => random() < probability;
  const upTo = (most: number): number => Math.floor(random() * (most + 1));

  const child = (id: string, significance: boolean): ChildPlan => {
    const restart = pick(RESTARTS);
    const onStop = pick(ON_STOP);
    const starts = chance(0.4) ? Array.from({ length: 1 + upTo(4) }, () => pick(STARTS)) : [];
    // Most trees come up: what fails at the very start has nothing more to show.
    if (starts[0] !== undefined && starts[0] !== "ignore" && chance(0.85)) starts[0] = "ok";
    return [
      id,
      restart,
      onStop === "never" ? pick([SHORT, "brutal_kill"] as const) : pick(SHUTDOWNS),
      significance && restart !== "permanent" && chance(0.6),
      chance(0.15) ? "supervisor" : "worker",
      starts,
      onStop,
    ];
  };

  const sequence = (number: number): Sequence => {
    const kind = number % 4 === 3 ? "dynamic" : "supervisor";
    const strategy = kind === "dynamic" ? "one_for_one" : (STRATEGIES[number % 3] as (typeof STRATEGIES)[number]);
    const autoShutdown = kind === "dynamic" ? "never" : pick(AUTO_SHUTDOWNS);
    const significance = autoShutdown !== "never";
    const ids = ["a", "b", "c", "d", "e"];
    const children = ids.slice(0, kind === "dynamic" ? 0 : upTo(4)).map((id) => child(id, significance));
    const command = (): Command => {
      const draw = random();
      if (draw < 0.4) return ["exit", pick(ids), pick(REASONS)];
      if (draw < 0.5) return ["exit_together", [...new Set([pick(ids), pick(ids)])], pick(REASONS)];
      if (draw < (kind === "dynamic" ? 0.8 : 0.64)) return ["start", child(pick(ids), significance)];
      if (draw < 0.8) return ["terminate", pick(ids)];
      if (kind === "dynamic") return chance(0.5) ? ["which"] : ["count"];
      if (draw < 0.88) return ["restart", pick(ids)];
      if (draw < 0.93) return ["delete", pick(ids)];
      return chance(0.6) ? ["which"] : ["count"];
    };
    const commands = Array.from({ length: 3 + upTo(7) }, command);
    const last: readonly Command[] = [["which"], ["count"]];
    const maxChildren = kind === "dynamic" && chance(0.3) ? 1 + upTo(2) : 0;
    return [
      kind,
      strategy,
      pick([0, 1, 2, 3, 10]),
      autoShutdown,
      maxChildren,
      children,
      [...commands, ...last],
      pick(STOPS),
    ];
  };

  return Array.from({ length: count }, (_, number) => sequence(number));
}
