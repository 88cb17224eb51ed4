/**
 * What each part of a plan takes, in one table: it checks a plan, and its words are those of the messages.
 */
import type { Fault, FaultPhase, FaultType, InjectedFrame } from "./fault.ts";

/** A field's value: what it takes, in words, and whether it does. */
export type Field = {
  readonly takes: string;
  readonly accepts: (value: unknown) => boolean;
  readonly required?: true;
};

/** A map from the names of a type's fields. */
type Fields<T> = { readonly [Key in keyof Omit<T, "type">]-?: Field | "nested" };

export const PHASES: readonly FaultPhase[] = ["connect", "clientHello", "request", "answer", "open", "closing"];

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isWhole = (least: number, most: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function oneOf(values: readonly string[]): Field {
  return {
    takes: values.map((value) => JSON.stringify(value)).join(" or "),
    accepts: (value) => values.includes(value as string),
  };
}

function whole(least: number, most: number): Field {
  return { takes: `a whole number from ${least} to ${most}`, accepts: isWhole(least, most) };
}

/** A number or a range; whole numbers only, but for times. */
function amount(what: string, least: number, most = Number.MAX_SAFE_INTEGER, fractions = false): Field {
  const fits = (value: unknown) =>
    isNumber(value) && value >= least && value <= most && (fractions || Number.isInteger(value));
  const bounds = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `from ${least} to ${most}`;
  return {
    takes: `${what}, ${bounds}, or { "from": …, "to": … } to draw it`,
    accepts: (value) =>
      fits(value) ||
      (isObject(value) &&
        Object.keys(value).every((key) => key === "from" || key === "to") &&
        fits(value.from) &&
        fits(value.to) &&
        (value.from as number) <= (value.to as number)),
  };
}

const required = (field: Field): Field => ({ ...field, required: true });
/** What a timer can hold. */
const LONGEST = 2 ** 31 - 1;
const time = amount("a number of ms", 0, LONGEST, true);
const bytes = amount("a number of bytes", 1);
const size = amount("a number of bytes", 0, 256 * 1024 * 1024);
const flag: Field = { takes: "true or false", accepts: (value) => typeof value === "boolean" };
const string: Field = { takes: "a string", accepts: (value) => typeof value === "string" };
const oneWay = oneOf(["toClient", "toServer"]);
const anyWay = oneOf(["toClient", "toServer", "both"]);
const OPCODES = ["continuation", "text", "binary", "close", "ping", "pong"];

const headers: Field = {
  takes: 'a list of headers, such as [["retry-after", "1"]]',
  accepts: (value) =>
    Array.isArray(value) &&
    value.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === "string")),
};

export const FRAME_FIELDS: Fields<InjectedFrame> = {
  opcode: required({
    takes: `one of ${OPCODES.map((name) => `"${name}"`).join(", ")}, or a whole number from 0 to 15`,
    accepts: (value) => OPCODES.includes(value as string) || isWhole(0, 15)(value),
  }),
  fin: flag,
  rsv: whole(0, 7),
  masked: flag,
  payload: string,
  size,
  length: whole(0, Number.MAX_SAFE_INTEGER),
  lengthEncoding: oneOf(["minimal", "16-bit", "64-bit"]),
};

export const FAULT_FIELDS: { readonly [Type in FaultType]: Fields<Extract<Fault, { readonly type: Type }>> } = {
  latency: { ms: required(time), jitter: time, direction: anyWay },
  bandwidth: { bytesPerSecond: required(bytes), direction: anyWay },
  drip: { bytes, every: required(time), direction: anyWay },
  split: { bytes, direction: anyWay },
  glue: { messages: amount("a number of messages", 1), ms: time, direction: anyWay },
  stall: { ms: time, direction: anyWay },
  blackHole: { direction: anyWay },
  reset: { direction: anyWay },
  end: { direction: anyWay },
  close: { code: whole(0, 0xffff), reason: string, fin: flag, direction: oneWay },
  inject: {
    frame: "nested",
    times: amount("a number of frames", 1, 10_000_000),
    every: time,
    direction: oneWay,
  },
  garbage: { bytes: amount("a number of bytes", 1, 16 * 1024 * 1024), direction: oneWay },
  corrupt: { bytes, direction: oneWay },
  refuse: {
    status: required(whole(100, 999)),
    retryAfter: {
      takes: "a number of seconds, or a date as HTTP has it",
      accepts: (value) => typeof value === "string" || (isNumber(value) && value >= 0),
    },
    headers,
    body: string,
    keepOpen: flag,
  },
  tlsAlert: { description: whole(0, 255) },
  down: { ms: time },
  random: { of: "nested" },
};

export const TRIGGER_FIELDS = {
  phase: required(oneOf(PHASES)),
  messages: amount("a number of messages", 1),
  bytes,
  ms: time,
  direction: oneWay,
};

const connectionNumber = whole(1, Number.MAX_SAFE_INTEGER);
export const RANGE_FIELDS = {
  from: connectionNumber,
  to: connectionNumber,
  every: connectionNumber,
  share: {
    takes: "a number from 0 to 1",
    accepts: (value: unknown) => isNumber(value) && value >= 0 && value <= 1,
  },
};

export const CONNECTION_FIELD: Field = {
  takes: 'a whole number from 1 on, a list of them, or { "from", "to", "every", "share" }',
  accepts: (value) =>
    connectionNumber.accepts(value) ||
    (Array.isArray(value) && value.length > 0 && value.every(connectionNumber.accepts)),
};

export const SEED_FIELD: Field = { takes: "a whole number", accepts: Number.isSafeInteger };
