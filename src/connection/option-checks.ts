/**
 * The checks of which the table of options is made. Each gives the value to use, or throws an InvalidOptionError that says
 * which option, what it got and what it takes.
 */
import { nearestName } from "../nearest.ts";
import { InvalidOptionError } from "./errors.ts";

export type Check = (option: string, value: unknown) => unknown;

/** A value for a message: short, and without what may be secret in it. */
export function show(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length <= 40 ? JSON.stringify(value) : `a string of ${value.length} characters`;
    case "bigint":
      return `${value}n`;
    case "object":
      return value === null
        ? "null"
        : Array.isArray(value)
          ? "an array"
          : `an object (${value.constructor?.name ?? "no prototype"})`;
    case "function":
      return "a function";
    default:
      return String(value);
  }
}

function refuse(option: string, takes: string, value: unknown): never {
  throw new InvalidOptionError(option, `The option ${option} takes ${takes}; it got ${show(value)}.`);
}

export const flag: Check = (option, value) =>
  typeof value === "boolean" ? value : refuse(option, "true or false", value);

/** A number of milliseconds, 0 and Infinity only where they mean something. */
export function milliseconds({ zero, infinity }: { readonly zero: boolean; readonly infinity: boolean }): Check {
  const takes = `a number of milliseconds, ${zero ? "0 or more" : "more than 0"}${infinity ? ", or Infinity" : ""}`;
  return (option, value) =>
    typeof value === "number" && (zero ? value >= 0 : value > 0) && (infinity || Number.isFinite(value))
      ? value
      : refuse(option, takes, value);
}

export function wholeNumber(least: number, { infinity }: { readonly infinity: boolean }): Check {
  const takes = `a whole number, ${least} or more${infinity ? ", or Infinity" : ""}`;
  return (option, value) =>
    (typeof value === "number" && Number.isSafeInteger(value) && value >= least) ||
    (infinity && value === Number.POSITIVE_INFINITY)
      ? value
      : refuse(option, takes, value);
}

export function numberIn(least: number, most: number): Check {
  return (option, value) =>
    typeof value === "number" && value >= least && value <= most
      ? value
      : refuse(option, `a number from ${least} to ${most}`, value);
}

export function choice(...choices: readonly string[]): Check {
  const takes = choices.map((one) => JSON.stringify(one)).join(" or ");
  return (option, value) => (choices.includes(value as string) ? value : refuse(option, takes, value));
}

export function callable(takes: string): Check {
  return (option, value) => (typeof value === "function" ? value : refuse(option, takes, value));
}

/** An object with these members, each with its own check and default; `false` where that switches the thing off. */
export function shape(
  defaults: Readonly<Record<string, unknown>>,
  members: Readonly<Record<string, Check>>,
  { orFalse = false }: { readonly orFalse?: boolean } = {},
): Check {
  const names = Object.keys(members);
  const takes = `${orFalse ? "false or " : ""}an object with ${names.join(", ")}`;
  return (option, value) => {
    if (orFalse && value === false) return false;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(option, takes, value);
    const given = value as Readonly<Record<string, unknown>>;
    for (const name of Object.keys(given)) rejectUnknown(`${option}.`, name, names);
    return Object.fromEntries(
      Object.entries(members).map(([name, check]) => [
        name,
        given[name] === undefined ? defaults[name] : check(`${option}.${name}`, given[name]),
      ]),
    );
  };
}

/** @throws InvalidOptionError when `name` isn't one of `known`, with the nearest that is. */
export function rejectUnknown(prefix: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const nearest = nearestName(name, known);
  const hint =
    nearest === undefined
      ? `There are ${known.map((one) => prefix + one).join(", ")}.`
      : `Did you mean ${prefix}${nearest}?`;
  throw new InvalidOptionError(`${prefix}${name}`, `There is no option ${prefix}${name}. ${hint}`);
}
