/**
 * The extensions that a scenario's options ask Mint for, read as Mint 1.0.3 reads them: a module, `{module, parameters}`,
 * `{module, parameters, options}`, or a struct. Mint knows one: permessage-deflate.
 */
import { isAtom, showTerm, type Term } from "./terms.ts";

export const PERMESSAGE_DEFLATE = "permessage-deflate";

export type Parameters = readonly (readonly [name: string, value: string | undefined])[];

/** One offer of permessage-deflate. */
export type Offer = {
  /** As they stand on the wire, in the order of the options. */
  readonly parameters: Parameters;
  readonly level: number;
  readonly memLevel: number;
};

const LEVELS: Readonly<Record<string, number>> = { none: 0, best_speed: 1, default: 6, best_compression: 9 };

/** The offers in `mint_upgrade_opts`. @throws RangeError for an extension that isn't Mint's own */
export function offersOf(upgradeOptions: Term | undefined): readonly Offer[] {
  return itemsOf(valueIn(upgradeOptions, "extensions")).map(offerOf);
}

/** The offers as the value of Sec-WebSocket-Extensions. */
export function offerHeader(offers: readonly Offer[]): string {
  return offers
    .map(({ parameters }) =>
      [
        PERMESSAGE_DEFLATE,
        ...parameters.map(([name, value]) => (value === undefined ? name : `${name}=${value}`)),
      ].join("; "),
    )
    .join(", ");
}

function offerOf(given: Term): Offer {
  const [module, parameters, options] = partsOf(given);
  if (!isAtom(module, "Mint.WebSocket.PerMessageDeflate"))
    throw new RangeError(`No interpretation for the extension ${showTerm(given)}.`);
  const level = valueIn(options, "zlib_level");
  const memLevel = valueIn(options, "zlib_memory_level");
  return {
    parameters: itemsOf(parameters).flatMap(parameterOf),
    level: (level?.kind === "atom" ? LEVELS[level.name] : numberOf(level)) ?? 9,
    memLevel: numberOf(memLevel) ?? 8,
  };
}

function partsOf(given: Term): readonly (Term | undefined)[] {
  if (given.kind === "tuple") return given.items;
  if (given.kind !== "map") return [given];
  return ["module", "params", "opts"].map((name) => given.entries.find(([key]) => isAtom(key, name))?.[1]);
}

/** `a: true`, `:a` and `"a"` name a parameter, `a: false` leaves it out, anything else is its value. */
function parameterOf(given: Term): Parameters {
  const [name, value] = given.kind === "tuple" ? given.items : [given];
  if (isAtom(value, "false")) return [];
  const text = value === undefined ? "true" : wordOf(value);
  return [[wordOf(name), text === "true" ? undefined : text]];
}

function wordOf(term: Term | undefined): string {
  if (term?.kind === "atom") return term.name;
  if (term?.kind === "number") return String(term.value);
  return term?.kind === "binary" ? Buffer.from(term.bytes).toString() : "";
}

function valueIn(keywords: Term | undefined, name: string): Term | undefined {
  const entry = itemsOf(keywords).find((item) => item.kind === "tuple" && isAtom(item.items[0], name));
  return entry?.kind === "tuple" ? entry.items[1] : undefined;
}

const itemsOf = (term: Term | undefined): readonly Term[] => (term?.kind === "list" ? term.items : []);
const numberOf = (term: Term | undefined): number | undefined => (term?.kind === "number" ? term.value : undefined);
