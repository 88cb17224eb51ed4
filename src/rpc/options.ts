/**
 * The options of `createRpc`: their defaults, and what they take.
 */
import { type Clock, InvalidOptionError } from "../index.ts";
import { nearestName } from "../nearest.ts";
import type { Handlers } from "./protocol.ts";
import { realClock } from "./real-clock.ts";

export type RpcOptions = {
  /** How long a call may take, waiting for a connection included, in ms; a call may have its own. Default 30000; Infinity: no limit. */
  readonly timeout?: number;
  /** Calls of one connection that may be pending, waiting ones included. Default 1000. */
  readonly maxPending?: number;
  /** How many times an idempotent call is sent again over lost connections. Default 3. */
  readonly maxReplays?: number;
  /**
   * When calls and subscriptions may go out: "connect" (default), once handleConnect has answered; "told", once the module has called
   * `rpc.ready(connection)` on the present connection: after an answer in which the server says who we are, say.
   */
  readonly ready?: "connect" | "told";
  /** What becomes of an answer to a call that has timed out or was aborted: dropped and counted (default), or given to handleIn. */
  readonly lateAnswers?: "drop" | "deliver";
  /** Answers to what the server asks, by method; notifications go there too. What has no handler goes to handleIn. */
  readonly handlers?: Handlers;
  /** Where time comes from. Default: this machine's clock. */
  readonly clock?: Clock;
};

export type ResolvedRpcOptions = Required<RpcOptions>;

const DEFAULTS: ResolvedRpcOptions = {
  timeout: 30_000,
  maxPending: 1000,
  maxReplays: 3,
  ready: "connect",
  lateAnswers: "drop",
  handlers: {},
  clock: realClock,
};

const CHECKS: Readonly<Record<keyof RpcOptions, readonly [takes: string, check: (value: unknown) => boolean]>> = {
  timeout: ["a number of milliseconds, more than 0, or Infinity", isTimeout],
  maxPending: ["a whole number, 1 or more", (value) => isCount(value) && value > 0],
  maxReplays: ["a whole number, 0 or more", isCount],
  ready: ['"connect" or "told"', (value) => value === "connect" || value === "told"],
  lateAnswers: ['"drop" or "deliver"', (value) => value === "drop" || value === "deliver"],
  handlers: ["an object of functions", (value) => isObject(value) && Object.values(value).every(isFunction)],
  clock: ["an object with now, wallClock, after and cancel", isClock],
};

/** @throws InvalidOptionError */
export function resolveRpcOptions(given: RpcOptions = {}): ResolvedRpcOptions {
  const names = Object.keys(CHECKS) as (keyof RpcOptions)[];
  for (const name of Object.keys(given)) {
    if ((names as string[]).includes(name)) continue;
    const nearest = nearestName(name, names);
    const hint = nearest === undefined ? `There are ${names.join(", ")}.` : `Did you mean ${nearest}?`;
    throw new InvalidOptionError(name, `createRpc() has no option ${name}. ${hint}`);
  }
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name, value] of set) {
    const [takes, check] = CHECKS[name as keyof RpcOptions];
    if (!check(value)) throw invalid(name, takes, value);
  }
  return { ...DEFAULTS, ...Object.fromEntries(set) };
}

/** The timeout to use for one call or subscription. @throws InvalidOptionError */
export function timeoutOf(given: number | undefined, fallback: number): number {
  if (given === undefined) return fallback;
  if (!isTimeout(given)) throw invalid("timeout", CHECKS.timeout[0], given);
  return given;
}

/** How many events an iterator of a subscription may leave waiting. @throws InvalidOptionError */
export function bufferOf(given: number | undefined): number {
  if (given === undefined) return 1000;
  const [takes, check] = CHECKS.maxPending;
  if (!check(given)) throw invalid("buffer", takes, given);
  return given;
}

function invalid(name: string, takes: string, value: unknown): InvalidOptionError {
  const got =
    typeof value === "object" && value !== null
      ? "an object"
      : typeof value === "string"
        ? JSON.stringify(value.slice(0, 40))
        : String(value);
  return new InvalidOptionError(name, `The option ${name} takes ${takes}; it got ${got}.`);
}

function isTimeout(value: unknown): value is number {
  return typeof value === "number" && value > 0;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

function isClock(value: unknown): boolean {
  return (
    isObject(value) &&
    ["now", "wallClock", "after", "cancel"].every((name) => isFunction((value as Record<string, unknown>)[name]))
  );
}
