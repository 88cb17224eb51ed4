/**
 * Calls of callbacks as lines that a person reads, and two lists of them side by side.
 */
import { inspect, isDeepStrictEqual } from "node:util";
import type { CallbackName } from "../behaviour.ts";

/** A call that is expected: its name, and as many of its arguments as matter; of objects, the properties that are given. */
export type ExpectedCall = CallbackName | readonly [name: CallbackName, ...values: readonly unknown[]];

type Call = {
  readonly connection: string;
  readonly name: CallbackName;
  readonly arguments: readonly unknown[];
};

/** More calls than this are compared one by one, not as a longest common sequence. */
const MAX_COMPARED = 1000;

/** `handleIn text "hello"`. */
export function describeCall({ name, arguments: values }: Call): string {
  return [name, ...values.map(describe)].filter((part) => part !== "").join(" ");
}

/** What is different, in words and lines; undefined when nothing is. */
export function compareCalls(calls: readonly Call[], expected: readonly ExpectedCall[]): string | undefined {
  if (calls.length === expected.length && calls.every((call, index) => fits(call, expected[index] as ExpectedCall))) {
    return undefined;
  }
  const several = new Set(calls.map(({ connection }) => connection)).size > 1;
  const ran = (call: Call) => (several ? `${describeCall(call)}  (${call.connection})` : describeCall(call));
  const lines = align(calls, expected).map(({ call, wanted }) => {
    if (call !== undefined && wanted !== undefined) return `    ${ran(call)}`;
    return call === undefined ? `  - ${describeExpected(wanted as ExpectedCall)}` : `  + ${ran(call)}`;
  });
  return `Other callbacks ran than were expected. With "-" what was expected and didn't run, with "+" what ran instead:\n${lines.join("\n")}`;
}

function fits(call: Call, expected: ExpectedCall): boolean {
  const [name, ...values] = typeof expected === "string" ? [expected] : expected;
  return name === call.name && values.every((value, index) => contains(call.arguments[index], value));
}

/** Has `actual` everything that `expected` has? Bytes, lists and all that is no plain object are compared as a whole. */
function contains(actual: unknown, expected: unknown): boolean {
  if (!isPlain(expected) || typeof actual !== "object" || actual === null) return isDeepStrictEqual(actual, expected);
  return Object.entries(expected).every(([key, value]) => contains((actual as Record<string, unknown>)[key], value));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

type Pair = { readonly call?: Call; readonly wanted?: ExpectedCall };

// The longest sequence that both have in common, found from the end (Hunt and Szymanski call it the LCS).
function align(calls: readonly Call[], expected: readonly ExpectedCall[]): readonly Pair[] {
  if (Math.max(calls.length, expected.length) > MAX_COMPARED) return beside(calls, expected);
  const width = expected.length + 1;
  const common = new Uint32Array((calls.length + 1) * width);
  const at = (row: number, column: number) => common[row * width + column] as number;
  for (let row = calls.length - 1; row >= 0; row -= 1) {
    for (let column = expected.length - 1; column >= 0; column -= 1) {
      const same = fits(calls[row] as Call, expected[column] as ExpectedCall);
      common[row * width + column] = same
        ? at(row + 1, column + 1) + 1
        : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const pairs: Pair[] = [];
  let row = 0;
  let column = 0;
  while (row < calls.length || column < expected.length) {
    const call = calls[row];
    const wanted = expected[column];
    if (call !== undefined && wanted !== undefined && fits(call, wanted)) {
      pairs.push({ call, wanted });
      row += 1;
      column += 1;
    } else if (wanted !== undefined && (call === undefined || at(row, column + 1) >= at(row + 1, column))) {
      pairs.push({ wanted });
      column += 1;
    } else {
      pairs.push({ call: call as Call });
      row += 1;
    }
  }
  return pairs;
}

function beside(calls: readonly Call[], expected: readonly ExpectedCall[]): readonly Pair[] {
  return Array.from({ length: Math.max(calls.length, expected.length) }).flatMap((_, index): Pair[] => {
    const call = calls[index];
    const wanted = expected[index];
    if (call !== undefined && wanted !== undefined && fits(call, wanted)) return [{ call, wanted }];
    return [...(wanted === undefined ? [] : [{ wanted }]), ...(call === undefined ? [] : [{ call }])];
  });
}

function describeExpected(expected: ExpectedCall): string {
  const [name, ...values] = typeof expected === "string" ? [expected] : expected;
  return [name, ...values.map(describe)].filter((part) => part !== "").join(" ");
}

function describe(value: unknown): string {
  if (value instanceof Headers) return "";
  if (value instanceof Uint8Array) return `<${value.byteLength} bytes>`;
  if (typeof value === "object" && value !== null) {
    if ("kind" in value) return [value.kind, "reason" in value ? value.reason : ""].map(String).join(" ").trim();
    if ("type" in value && "data" in value) return `${String(value.type)} ${describe(value.data)}`;
    if (value instanceof Error) return `${value.name}: ${value.message}`;
  }
  const text = typeof value === "string" ? JSON.stringify(value) : inspect(value, { breakLength: Infinity });
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
