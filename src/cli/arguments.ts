/**
 * The command line of a sub-command, checked against its table of options. What the table doesn't know, what lacks its value and what
 * has one too many is a UsageError; nothing is guessed and nothing passed over.
 */
import { parseArgs } from "node:util";
import { nearestName } from "../nearest.ts";
import { UsageError } from "./exit-code.ts";

export type OptionSpec = {
  /** What the value is called in the help; an option without one takes no value. */
  readonly value?: string;
  readonly short?: string;
  readonly repeatable?: true;
  readonly doc: string;
};

export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** Every command has this one. */
export const HELP: OptionSpec = { short: "h", doc: "Show this help and exit." };

type Range = { readonly least: number; readonly most: number };

export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(positionals: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.positionals = positionals;
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value; of several, the last. */
  value(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  values(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** The value as a whole number within these bounds. @throws UsageError */
  wholeNumber(name: string, { least, most }: Range): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new UsageError(`--${name} takes a whole number from ${least} to ${most}; it got ${JSON.stringify(value)}.`);
  }

  /** The value as milliseconds, at most what a day has of them. @throws UsageError */
  milliseconds(name: string): number | undefined {
    return this.wholeNumber(name, { least: 0, most: 86_400_000 });
  }
}

/** @throws UsageError: with the nearest known option for one that doesn't exist, and never with a value in it that may be secret */
export function parseArguments(args: readonly string[], table: OptionTable): Arguments {
  const options = { ...table, help: HELP };
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries<OptionSpec>(options).map(([name, { value, short }]) => [
        name,
        { type: value === undefined ? "boolean" : "string", ...(short === undefined ? {} : { short }) } as const,
      ]),
    ),
    // The sentences are ours, so the judging is too.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const positionals: string[] = [];
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    const spec = Object.hasOwn(options, name) ? (options as OptionTable)[name] : undefined;
    if (spec === undefined) throw unknownOption(rawName, Object.keys(options));
    if (spec.value === undefined) {
      if (value !== undefined) throw new UsageError(`${rawName} takes no value. Leave out what follows the "=".`);
    } else if (value === undefined) {
      throw new UsageError(`${rawName} takes a value: ${rawName} ${spec.value}.`);
    } else if (!inlineValue && value.length > 1 && value.startsWith("-")) {
      throw new UsageError(
        `${rawName} takes a value, and an option follows it. If that is meant as the value, write --${name}=${spec.value}.`,
      );
    }
    values.set(name, [...(values.get(name) ?? []), value ?? ""]);
  }
  return new Arguments(positionals, values);
}

function unknownOption(rawName: string, known: readonly string[]): UsageError {
  const nearest = rawName.startsWith("--") ? nearestName(rawName.slice(2), known) : undefined;
  return new UsageError(`There is no option ${rawName}.${nearest === undefined ? "" : ` Did you mean --${nearest}?`}`);
}
