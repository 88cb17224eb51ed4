/**
 * What supervisors take, with OTP's names and numbers, and the checks of it.
 */
import { nearestName } from "../nearest.ts";
import type { Clock } from "../platform/platform.ts";
import { SupervisorError } from "./errors.ts";
import type { Name } from "./names.ts";
import type { SupervisorLogger } from "./report.ts";
import type { RestartLimits } from "./restart-intensity.ts";

export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one";
export type AutoShutdown = "never" | "any_significant" | "all_significant";

type SharedOptions = {
  /** More restarts than this within maxSeconds, and the supervisor gives up. Default 3. */
  readonly maxRestarts?: number;
  /** Seconds. Default 5. */
  readonly maxSeconds?: number;
  /** The name under which `whereis` finds it, as long as it runs; one namespace with the connections' names. */
  readonly name?: Name;
  /** Where reports go; default the console. */
  readonly logger?: SupervisorLogger;
  /** By what clock it counts restarts and waits for children; default the machine's. */
  readonly clock?: Clock;
};

export type SupervisorOptions = SharedOptions & {
  /** Who else is restarted with a child: nobody, all, or those that were started after it. Default "one_for_one". */
  readonly strategy?: Strategy;
  /** When the end of significant children ends the supervisor: never (default), when one has ended, when all have. */
  readonly autoShutdown?: AutoShutdown;
};

export type DynamicSupervisorOptions = SharedOptions & {
  /** Default Infinity. */
  readonly maxChildren?: number;
};

const SHARED = ["maxRestarts", "maxSeconds", "name", "logger", "clock"];

/** @throws SupervisorError with the reason "bad_option" */
export function checkSupervisorOptions(options: SupervisorOptions): {
  readonly strategy: Strategy;
  readonly autoShutdown: AutoShutdown;
  readonly limits: RestartLimits;
} {
  checkNames(options, [...SHARED, "strategy", "autoShutdown"]);
  const { strategy = "one_for_one", autoShutdown = "never" } = options;
  checkChoice("strategy", strategy, ["one_for_one", "one_for_all", "rest_for_one"]);
  checkChoice("autoShutdown", autoShutdown, ["never", "any_significant", "all_significant"]);
  return { strategy, autoShutdown, limits: checkLimits(options) };
}

/** @throws SupervisorError with the reason "bad_option" */
export function checkDynamicSupervisorOptions(options: DynamicSupervisorOptions): {
  readonly maxChildren: number;
  readonly limits: RestartLimits;
} {
  checkNames(options, [...SHARED, "maxChildren"]);
  const { maxChildren = Number.POSITIVE_INFINITY } = options;
  checkNumber("maxChildren", maxChildren, maxChildren >= 0, "0 or more");
  return { maxChildren, limits: checkLimits(options) };
}

function checkLimits({ maxRestarts = 3, maxSeconds = 5 }: SharedOptions): RestartLimits {
  checkNumber("maxRestarts", maxRestarts, maxRestarts >= 0, "0 or more");
  checkNumber("maxSeconds", maxSeconds, maxSeconds > 0, "more than 0");
  return { maxRestarts, maxSeconds };
}

function checkNumber(option: string, value: unknown, holds: boolean, range: string): void {
  if (typeof value === "number" && holds) return;
  throw bad(`The option ${option} takes a number, ${range}; it got ${String(value)}.`);
}

function checkChoice(option: string, value: unknown, choices: readonly string[]): void {
  if (choices.includes(value as string)) return;
  const takes = choices.map((choice) => JSON.stringify(choice)).join(", ");
  throw bad(`The option ${option} takes one of ${takes}; it got ${String(value)}.`);
}

function checkNames(options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw bad(`A supervisor's options are an object; it got ${String(options)}.`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const nearest = nearestName(key, known);
    const hint = nearest === undefined ? `There are ${known.join(", ")}.` : `Did you mean ${nearest}?`;
    throw bad(`There is no option ${key}. ${hint}`);
  }
}

function bad(message: string): SupervisorError {
  return new SupervisorError("bad_option", message);
}
