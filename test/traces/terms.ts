/**
 * Elixir terms: what they are, their printed form, and the little arithmetic of callback answers. term-reader.ts reads them.
 *
 * `showTerm` prints one form for each term, so that two terms are equal when their printed forms are.
 */
import { createHash } from "node:crypto";

export type Term =
  | { readonly kind: "atom"; readonly name: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "binary"; readonly bytes: Uint8Array }
  | { readonly kind: "bits"; readonly text: string }
  | { readonly kind: "charlist"; readonly text: string }
  | { readonly kind: "tuple"; readonly items: readonly Term[] }
  | { readonly kind: "list"; readonly items: readonly Term[] }
  | { readonly kind: "map"; readonly struct: string | undefined; readonly entries: readonly (readonly [Term, Term])[] }
  | { readonly kind: "placeholder"; readonly text: string }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "operation"; readonly operator: Operator; readonly left: Term; readonly right: Term };

export type Operator = "+" | "-" | "*" | "<>" | "++";

export const atom = (name: string): Term => ({ kind: "atom", name });
export const number = (value: number): Term => ({ kind: "number", value });
export const string = (text: string): Term => ({ kind: "binary", bytes: new TextEncoder().encode(text) });
export const binary = (bytes: Uint8Array): Term => ({ kind: "binary", bytes });
export const tuple = (...items: readonly Term[]): Term => ({ kind: "tuple", items });
export const list = (items: readonly Term[]): Term => ({ kind: "list", items });

/** `nil`, `true`, `false` and module names are atoms that are written without a colon. */
export const isAtom = (term: Term | undefined, name: string): boolean => term?.kind === "atom" && term.name === name;

/** The bytes of a binary as text, or undefined when it is none or not UTF-8. */
export function textOf(term: Term | undefined): string | undefined {
  if (term?.kind !== "binary") return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(term.bytes);
  } catch {
    return undefined;
  }
}

// ── Bytes the data doesn't hold ──────────────────────────────────────────────────────────────────────────────────

const standIns = new Map<string, Uint8Array>();

/**
 * Bytes for a long binary of which the data gives only length, UTF-8-ness and digest: others of the same sort, always the same
 * for one digest, and printed as the data prints them.
 */
export function standIn(length: number, utf8: boolean, digest: string): Uint8Array {
  const name = `<binary bytes=${length} utf8=${utf8} sha256=${digest}>`;
  const known = standIns.get(name);
  if (known !== undefined) return known;
  const bytes = new TextEncoder()
    .encode(digest.padEnd(1, "0").repeat(Math.ceil(length / Math.max(1, digest.length))))
    .slice(0, length);
  if (!utf8) bytes[0] = 0xff;
  standIns.set(name, bytes);
  return bytes;
}

/** The longest binary that the data writes out; longer ones it names by their digest. */
const LONGEST_WRITTEN = 126;

function nameOfLong(bytes: Uint8Array): string {
  for (const [name, known] of standIns) {
    if (known.byteLength === bytes.byteLength && Buffer.compare(known, bytes) === 0) return name;
  }
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  return `<binary bytes=${bytes.byteLength} utf8=${textOf(binary(bytes)) !== undefined} sha256=${digest}>`;
}

// ── Printing ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** One printed form for each term, close to Elixir's `inspect`. */
export function showTerm(term: Term): string {
  switch (term.kind) {
    case "atom":
      if (/^(\p{Lu}|nil$|true$|false$)/u.test(term.name)) return term.name;
      return /^[\p{L}_][\p{L}\d_@.]*[?!]?$/u.test(term.name) ? `:${term.name}` : `:${JSON.stringify(term.name)}`;
    case "number":
      return String(term.value);
    case "binary":
      return showBinary(term.bytes);
    case "bits":
      return `<<${term.text}>>`;
    case "charlist":
      return `'${term.text.replaceAll("\n", "\\n")}'`;
    case "tuple":
      return `{${term.items.map(showTerm).join(", ")}}`;
    case "list":
      return `[${term.items.map(showTerm).join(", ")}]`;
    case "map":
      return `%${term.struct ?? ""}{${term.entries.map(([key, value]) => `${showTerm(key)} => ${showTerm(value)}`).join(", ")}}`;
    case "placeholder":
      return term.text;
    case "variable":
      return term.name;
    case "operation":
      return `${showTerm(term.left)} ${term.operator} ${showTerm(term.right)}`;
  }
}

function showBinary(bytes: Uint8Array): string {
  if (bytes.byteLength > LONGEST_WRITTEN) return nameOfLong(bytes);
  const text = textOf(binary(bytes));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what makes a string unprintable is just these.
  if (text === undefined || /[\u0000-\u0006\u000e-\u001a\u001c-\u001f]/.test(text))
    return `<<${[...bytes].join(", ")}>>`;
  return JSON.stringify(text);
}

const sameTerm = (left: Term, right: Term): boolean => showTerm(left) === showTerm(right);

/** Does a term fit a pattern? The variable `_`, and any other, fits everything. */
export function matchesTerm(pattern: Term, term: Term): boolean {
  if (pattern.kind === "variable") return true;
  if ((pattern.kind === "tuple" && term.kind === "tuple") || (pattern.kind === "list" && term.kind === "list")) {
    const { items } = pattern;
    return items.length === term.items.length && items.every((item, at) => matchesTerm(item, term.items[at] as Term));
  }
  return sameTerm(pattern, term);
}

/** Puts values in the place of variables and works the operations out. @throws RangeError for an unknown variable */
export function evaluateTerm(term: Term, variables: Readonly<Record<string, Term>>): Term {
  const inner = (part: Term): Term => evaluateTerm(part, variables);
  switch (term.kind) {
    case "variable": {
      const value = variables[term.name];
      if (value === undefined) throw new RangeError(`No variable ${term.name} here.`);
      return value;
    }
    case "operation":
      return operate(term.operator, inner(term.left), inner(term.right));
    case "tuple":
      return tuple(...term.items.map(inner));
    case "list":
      return list(term.items.map(inner));
    case "map":
      return { ...term, entries: term.entries.map(([key, value]) => [inner(key), inner(value)] as const) };
    default:
      return term;
  }
}

function operate(operator: Operator, left: Term, right: Term): Term {
  if (left.kind === "number" && right.kind === "number") {
    if (operator === "+") return number(left.value + right.value);
    if (operator === "-") return number(left.value - right.value);
    if (operator === "*") return number(left.value * right.value);
  }
  if (operator === "<>" && left.kind === "binary" && right.kind === "binary") {
    return binary(Uint8Array.from([...left.bytes, ...right.bytes]));
  }
  if (operator === "++" && left.kind === "list" && right.kind === "list") return list([...left.items, ...right.items]);
  throw new RangeError(`Can't work out ${showTerm(left)} ${operator} ${showTerm(right)}.`);
}
