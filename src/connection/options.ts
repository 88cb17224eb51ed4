/**
 * The options of a connection as one table: it validates, fills in the defaults, and docs/options.md is written from it.
 */

import type { Frame } from "../frame.ts";
import { isName, type Name } from "../supervision/names.ts";
import type { Extension } from "../transport/channel.ts";
import { RESERVED_TRANSPORT_OPTIONS, type TransportOptions } from "../transport/transport-options.ts";
import { InvalidOptionError } from "./errors.ts";
import { parseHeaders } from "./headers.ts";
import {
  type Check,
  callable,
  choice,
  flag,
  milliseconds,
  numberIn,
  rejectUnknown,
  shape,
  show,
  wholeNumber,
} from "./option-checks.ts";
import type { Clock, ConnectionOptions, DropCause, HeadersInput, Logger, Provider } from "./option-types.ts";
import type { OutboxLimits } from "./outbox.ts";

/** Options after validation: complete, and never changed. */
export type ResolvedOptions<C = unknown> = {
  readonly name: Name | undefined;
  readonly headers: readonly (readonly [string, string])[] | Provider<HeadersInput>;
  readonly transportOptions: TransportOptions;
  readonly upgradeOptions: { readonly extensions: readonly Extension[]; readonly subprotocols: readonly string[] };
  readonly pingInterval: number;
  readonly pongTimeout: number;
  readonly errorLogging: boolean;
  readonly infoLogging: boolean;
  readonly logger: Logger | undefined;
  readonly backoffInitial: number;
  readonly backoffMax: number;
  readonly backoffFactor: number;
  readonly backoffJitter: "full" | "none";
  readonly stableAfter: number;
  readonly retryAfter: false | { readonly max: number };
  readonly providerTimeout: number;
  readonly connectTimeout: number;
  readonly upgradeTimeout: number;
  readonly closeTimeout: number;
  readonly outbox: false | OutboxLimits;
  readonly sendBuffer: number;
  readonly onDrop: ((frame: Frame, cause: DropCause, self: C) => void) | undefined;
  readonly inbox: { readonly maxMessages: number; readonly maxBytes: number };
  readonly maxMessageSize: number;
  readonly maxFragments: number;
  readonly maxRedirects: number;
  readonly replaceAfter: number;
  readonly hibernateAfter: number;
  readonly ref: boolean;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock | undefined;
  readonly random: (() => number) | undefined;
};

/** One option: what docs/options.md says of it, and how it is checked. */
export type OptionEntry = {
  readonly type: string;
  readonly unit?: string;
  /** As the documentation shows it. */
  readonly default: string;
  readonly doc: string;
  /** The value when none is given. */
  readonly fallback: unknown;
  /** Gives the value to use. @throws InvalidOptionError */
  readonly check: Check;
};

const MiB = 1024 * 1024;
// RFC 9110 §5.6.2; a subprotocol is a token (RFC 6455 §4.1).
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const OUTBOX_DEFAULT = { maxMessages: 1000, maxBytes: MiB, maxAge: 30_000, overflow: "reject" } as const;
const INBOX_DEFAULT = { maxMessages: 64, maxBytes: MiB } as const;
const RETRY_AFTER_DEFAULT = { max: 300_000 } as const;

/** The table. Its order is that of the documentation. */
export const OPTIONS: Readonly<Record<keyof ConnectionOptions, OptionEntry>> = {
  name: {
    type: "string | symbol | { global } | { via, name }",
    default: "–",
    doc: "The name under which `Fresh.send` and its siblings find the connection, from start to termination. `{ global }` is one of its own kind, which a cluster can take over; `{ via: registry, name }` stands in a `Registry`, or in whatever has its methods.",
    fallback: undefined,
    check: checkName,
  },
  headers: {
    type: "object | [name, value][] | Headers | function",
    default: "none",
    doc: "Headers of the upgrade request, in their order. A function is asked anew for each attempt: `({ attempt, signal }) => headers`, or a promise of them.",
    fallback: [],
    check: checkHeaders,
  },
  transportOptions: {
    type: "object",
    default: "{}",
    doc: "What `node:http(s).request` takes, names unchanged: `agent`, `ca`, `cert`, `key`, `rejectUnauthorized`, `servername`, `localAddress`, `family`, `lookup`, `maxHeaderSize` …; `tls` is an object of the same, merged over them for wss.",
    fallback: {},
    check: checkTransportOptions,
  },
  upgradeOptions: {
    type: "{ extensions, subprotocols }",
    default: "none of either",
    doc: "Extensions to offer, in order of preference, such as `permessageDeflate()` (RFC 6455 §9), and subprotocols to ask for, likewise (RFC 6455 §1.9).",
    fallback: { extensions: [], subprotocols: [] },
    check: checkUpgradeOptions,
  },
  pingInterval: {
    type: "number",
    unit: "ms",
    default: "30000",
    doc: "An empty ping goes out this often while the connection is open, whatever else is sent; the first one after a part of it that is drawn, so that connections which opened together don't ping together. 0 or Infinity: never.",
    fallback: 30_000,
    check: milliseconds({ zero: true, infinity: true }),
  },
  pongTimeout: {
    type: "number",
    unit: "ms",
    default: "10000",
    doc: "If no byte at all has come this long after a ping has left our buffer, the connection is dead: streaming_failed. Time in which this process stood still, the machine slept, or reading was paused is not counted. 0 or Infinity: no verdict.",
    fallback: 10_000,
    check: milliseconds({ zero: true, infinity: true }),
  },
  errorLogging: {
    type: "boolean",
    default: "true",
    doc: "Log a line for each error that handleError is told. A callback's own fault is logged in any case.",
    fallback: true,
    check: flag,
  },
  infoLogging: {
    type: "boolean",
    default: "true",
    doc: "Log a line when a connection is established, when it is closed, and for each redirect that is followed.",
    fallback: true,
    check: flag,
  },
  logger: {
    type: "{ error, info, debug? }",
    default: "console",
    doc: "Where lines go: `(fields, message)`, as pino has it. Credentials are redacted before they get there.",
    fallback: undefined,
    check: checkLogger,
  },
  backoffInitial: {
    type: "number",
    unit: "ms",
    default: "250",
    doc: "The ceiling of the first wait before a new attempt. Where thousands of connections may lose the same server, 5000 or more: [how attempts spread](resilience.md#the-first-wait-of-a-fleet).",
    fallback: 250,
    check: milliseconds({ zero: true, infinity: false }),
  },
  backoffMax: {
    type: "number",
    unit: "ms",
    default: "30000",
    doc: "The ceiling of every wait.",
    fallback: 30_000,
    check: milliseconds({ zero: true, infinity: false }),
  },
  backoffFactor: {
    type: "number",
    default: "1.5",
    doc: "By how much the ceiling grows from wait to wait; 1 or more.",
    fallback: 1.5,
    check: numberIn(1, 100),
  },
  backoffJitter: {
    type: '"full" | "none"',
    default: '"full"',
    doc: '"full" draws each wait evenly from 0 to the ceiling; "none" waits the ceiling, as later versions of Fresh do.',
    fallback: "full",
    check: choice("full", "none"),
  },
  stableAfter: {
    type: "number",
    unit: "ms",
    default: "10000",
    doc: "The backoff starts over only after a connection has been open this long.",
    fallback: 10_000,
    check: milliseconds({ zero: true, infinity: true }),
  },
  retryAfter: {
    type: "false | { max }",
    unit: "ms",
    default: "{ max: 300000 }",
    doc: "A Retry-After on a refused upgrade sets the wait, at most `max`, jittered upwards. `false` ignores it.",
    fallback: RETRY_AFTER_DEFAULT,
    check: shape(RETRY_AFTER_DEFAULT, { max: milliseconds({ zero: true, infinity: false }) }, { orFalse: true }),
  },
  providerTimeout: {
    type: "number",
    unit: "ms",
    default: "10000",
    doc: "How long functions given for `uri` and `headers` may take. 0 or Infinity: no limit.",
    fallback: 10_000,
    check: milliseconds({ zero: true, infinity: true }),
  },
  connectTimeout: {
    type: "number",
    unit: "ms",
    default: "10000",
    doc: "From when the address is known until TCP (and TLS) stands: connecting_failed after that. Where redirects are followed, that is the first server. 0 or Infinity: no limit.",
    fallback: 10_000,
    check: milliseconds({ zero: true, infinity: true }),
  },
  upgradeTimeout: {
    type: "number",
    unit: "ms",
    default: "10000",
    doc: "From the upgrade request to its answer, redirects and all that they need included: establishing_failed after that. 0 or Infinity: no limit.",
    fallback: 10_000,
    check: milliseconds({ zero: true, infinity: true }),
  },
  closeTimeout: {
    type: "number",
    unit: "ms",
    default: "3000",
    doc: "How long the peer may take to answer our close frame; then the transport is destroyed. 0: not at all.",
    fallback: 3000,
    check: milliseconds({ zero: true, infinity: false }),
  },
  outbox: {
    type: "false | { maxMessages, maxBytes, maxAge, overflow }",
    unit: "frames, bytes, ms",
    default: '{ maxMessages: 1000, maxBytes: 1 MiB, maxAge: 30000, overflow: "reject" }',
    doc: 'Where frames wait while nothing is open, and past `sendBuffer` while something is, within these bounds. A frame that finds no room is dropped ("reject"), or pushes out the oldest ("drop-oldest"). `false`: what can\'t go out at once is dropped.',
    fallback: OUTBOX_DEFAULT,
    check: shape(
      OUTBOX_DEFAULT,
      {
        maxMessages: wholeNumber(0, { infinity: true }),
        maxBytes: wholeNumber(0, { infinity: true }),
        maxAge: milliseconds({ zero: true, infinity: true }),
        overflow: choice("reject", "drop-oldest"),
      },
      { orFalse: true },
    ),
  },
  sendBuffer: {
    type: "number",
    unit: "bytes",
    default: "16 MiB",
    doc: "What an open connection may hold for a peer that doesn't read. Once that is reached, frames wait in the outbox, until a quarter of it or less is left. A single frame may be longer. 0 or Infinity: no limit.",
    fallback: 16 * MiB,
    check: wholeNumber(0, { infinity: true }),
  },
  onDrop: {
    type: "(frame, cause, self) => void",
    default: "–",
    doc: 'Told of each frame that waited in the outbox and was never sent, and of each frame of a reply that was not taken; `cause` is "expired", "overflow", "replaced", "closed" or "terminated".',
    fallback: undefined,
    check: callable("a function (frame, cause, self) => void"),
  },
  inbox: {
    type: "{ maxMessages, maxBytes }",
    unit: "frames, bytes",
    default: "{ maxMessages: 64, maxBytes: 1 MiB }",
    doc: "What may have been read while an async callback is pending; past it, reading pauses, so that TCP pushes back.",
    fallback: INBOX_DEFAULT,
    check: shape(INBOX_DEFAULT, {
      maxMessages: wholeNumber(1, { infinity: true }),
      maxBytes: wholeNumber(1, { infinity: true }),
    }),
  },
  maxMessageSize: {
    type: "number",
    unit: "bytes",
    default: "16 MiB",
    doc: "The longest message taken, all its fragments together; checked before memory is taken. More: decoding_failed, 1009. 0 or Infinity: the platform's own maximum.",
    fallback: 16 * MiB,
    check: wholeNumber(0, { infinity: true }),
  },
  maxFragments: {
    type: "number",
    default: "1024",
    doc: "The most fragments one message may come in. More: decoding_failed, 1009. 0 or Infinity: no limit.",
    fallback: 1024,
    check: wholeNumber(0, { infinity: true }),
  },
  maxRedirects: {
    type: "number",
    default: "0",
    doc: 'How many redirects (301, 302, 303, 307, 308) an attempt follows; one more is establishing_failed, reason "too_many_redirects". On another origin the caller\'s headers and client certificate stay behind, and wss: never becomes ws:; [the guide](guide.md#redirects) has the rules.',
    fallback: 0,
    check: wholeNumber(0, { infinity: false }),
  },
  replaceAfter: {
    type: "number",
    unit: "ms",
    default: "Infinity",
    doc: "The age at which a connection is replaced, make before break, as by `replace()`: for servers that cut every connection after a day. Up to a tenth earlier by chance; a replacement that fails is tried again by the backoff while the old connection lives.",
    fallback: Number.POSITIVE_INFINITY,
    check: milliseconds({ zero: false, infinity: true }),
  },
  hibernateAfter: {
    type: "number",
    unit: "ms",
    default: "Infinity",
    doc: "After this long without a byte either way, the connection gives back what it can do without: compression contexts, of which only the windows are kept. Without compression it holds nothing while it is idle anyway.",
    fallback: Number.POSITIVE_INFINITY,
    check: milliseconds({ zero: false, infinity: true }),
  },
  ref: {
    type: "boolean",
    default: "true",
    doc: "`false`: this connection alone does not keep the process running.",
    fallback: true,
    check: flag,
  },
  signal: {
    type: "AbortSignal",
    default: "–",
    doc: 'When it aborts, that is `stop("shutdown")`.',
    fallback: undefined,
    check: checkSignal,
  },
  clock: {
    type: "{ now, wallClock, after, cancel }",
    default: "–",
    doc: "By what clock this connection waits, the machine's by default: every deadline, backoff and heartbeat of it. For tests, `FakeClock` of [everfresh/testing](testing.md); what sockets do themselves stays on the machine's clock.",
    fallback: undefined,
    check: checkClock,
  },
  random: {
    type: "() => number",
    default: "–",
    doc: "Where jitter comes from: numbers in [0, 1), by default of `Math.random`. For tests, `seededRandom` of [everfresh/testing](testing.md). Masks and keys are not drawn from it.",
    fallback: undefined,
    check: callable("a function () => number that gives numbers in [0, 1)"),
  },
};

const NAMES = Object.keys(OPTIONS) as readonly (keyof ConnectionOptions)[];

/**
 * Checks what a user gave and fills in the rest.
 * @throws InvalidOptionError: which option, what it got, what it takes; of an unknown one, the nearest that there is.
 */
export function resolveOptions<C>(given: ConnectionOptions<C> | undefined): ResolvedOptions<C> {
  if (given !== undefined && (typeof given !== "object" || given === null || Array.isArray(given))) {
    throw new InvalidOptionError(
      "options",
      "The options are no object. Give an object such as { pingInterval: 20000 }.",
    );
  }
  const options = given ?? {};
  for (const name of Object.keys(options)) rejectUnknown("", name, NAMES);
  const resolved: Record<string, unknown> = {};
  for (const name of NAMES) {
    const { check, fallback } = OPTIONS[name];
    // An undefined value is none at all, as with any options object in JavaScript.
    resolved[name] = options[name] === undefined ? fallback : check(name, options[name]);
  }
  // The table's checks give each value its type; the test of the table holds the two together.
  return resolved as ResolvedOptions<C>;
}

function checkName(option: string, value: unknown): unknown {
  if (isName(value)) return value;
  throw new InvalidOptionError(
    option,
    `The option name takes a string that isn't empty, a symbol, { global: "…" }, or { via: registry, name }; it got ${show(value)}.`,
  );
}

function checkHeaders(option: string, value: unknown): unknown {
  if (typeof value === "function") return value;
  if (typeof value !== "object" || value === null) {
    throw new InvalidOptionError(
      option,
      `The option headers takes an object, [name, value] pairs, a Headers, or a function that gives one of them; it got ${show(value)}.`,
    );
  }
  const parsed = parseHeaders(value as HeadersInput);
  if ("fault" in parsed) throw new InvalidOptionError(option, `The option headers ${parsed.fault}.`);
  return parsed;
}

function checkTransportOptions(option: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(option, `The option transportOptions takes an object; it got ${show(value)}.`);
  }
  rejectReserved(option, value);
  const { tls } = value as { tls?: unknown };
  if (tls !== undefined && (typeof tls !== "object" || tls === null)) {
    throw new InvalidOptionError(
      `${option}.tls`,
      `The option transportOptions.tls takes an object; it got ${show(tls)}.`,
    );
  }
  if (tls !== undefined) rejectReserved(`${option}.tls`, tls);
  return { ...value };
}

function rejectReserved(option: string, value: object): void {
  for (const name of RESERVED_TRANSPORT_OPTIONS) {
    if (!(name in value)) continue;
    const instead =
      name === "headers"
        ? "use the option headers"
        : name === "signal"
          ? "use the option signal"
          : "the uri decides it";
    throw new InvalidOptionError(`${option}.${name}`, `The option ${option} may not contain ${name}: ${instead}.`);
  }
}

function checkUpgradeOptions(option: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(option, `The option upgradeOptions takes an object; it got ${show(value)}.`);
  }
  for (const name of Object.keys(value)) rejectUnknown(`${option}.`, name, ["extensions", "subprotocols"]);
  const { extensions = [], subprotocols = [] } = value as { extensions?: unknown; subprotocols?: unknown };
  checkExtensions(`${option}.extensions`, extensions);
  const list = typeof subprotocols === "string" ? [subprotocols] : subprotocols;
  // Spread, because every() passes over the holes of a sparse array.
  if (!Array.isArray(list) || ![...list].every(isToken)) {
    throw new InvalidOptionError(
      `${option}.subprotocols`,
      'The option upgradeOptions.subprotocols takes a list of tokens, such as ["chat", "mqtt"] (RFC 6455 §4.1).',
    );
  }
  if (new Set(list).size !== list.length) {
    throw new InvalidOptionError(
      `${option}.subprotocols`,
      "The option upgradeOptions.subprotocols names one twice (RFC 6455 §4.1).",
    );
  }
  return { extensions: [...(extensions as readonly Extension[])], subprotocols: [...list] };
}

function checkExtensions(option: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new InvalidOptionError(
      option,
      `The option ${option} takes a list of extensions, such as [permessageDeflate()]; it got ${show(value)}.`,
    );
  }
  for (const [index, one] of value.entries()) {
    const fault = extensionFault(one);
    if (fault === undefined) continue;
    throw new InvalidOptionError(
      option,
      `The option ${option} takes extensions, such as permessageDeflate(); its entry ${index}, ${show(one)}, ${fault}.`,
    );
  }
}

/** What keeps it from being an extension that can be offered (RFC 6455 §9.1), as the end of a sentence. */
function extensionFault(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return "is no object";
  const { name, offers, accept, answer } = value as Record<string, unknown>;
  if (!isToken(name)) return "has no name that is a token";
  if (!Array.isArray(offers) || offers.length === 0) return "has no list of offers";
  if (!offers.every(isOffer)) return "has an offer that is no list of parameters: [name] or [name, value], tokens both";
  if (typeof accept !== "function") return "has no method accept";
  return answer === undefined || typeof answer === "function" ? undefined : "has an answer that is no method";
}

function isOffer(offer: unknown): boolean {
  return (
    Array.isArray(offer) &&
    offer.every(
      (parameter) =>
        Array.isArray(parameter) &&
        isToken(parameter[0]) &&
        (parameter[1] === undefined || isToken(parameter[1])) &&
        parameter.length <= 2,
    )
  );
}

function isToken(value: unknown): boolean {
  return typeof value === "string" && TOKEN.test(value);
}

function checkLogger(option: string, value: unknown): unknown {
  const { error, info, debug } = (value ?? {}) as Record<string, unknown>;
  if (
    typeof error === "function" &&
    typeof info === "function" &&
    (debug === undefined || typeof debug === "function")
  ) {
    return value;
  }
  throw new InvalidOptionError(
    option,
    `The option logger takes an object with the methods error and info, and debug if it likes, each (fields, message) => void; it got ${show(value)}.`,
  );
}

export function checkClock(option: string, value: unknown): unknown {
  const methods = ["now", "wallClock", "after", "cancel"] as const;
  const lacks = (name: string): boolean => typeof (value as Record<string, unknown>)[name] !== "function";
  if (typeof value === "object" && value !== null && !methods.some(lacks)) return value;
  throw new InvalidOptionError(
    option,
    `The option clock takes an object with the functions ${methods.join(", ")}, such as a FakeClock of everfresh/testing; it got ${show(value)}.`,
  );
}

function checkSignal(option: string, value: unknown): unknown {
  if (value instanceof AbortSignal) return value;
  throw new InvalidOptionError(option, `The option signal takes an AbortSignal; it got ${show(value)}.`);
}
