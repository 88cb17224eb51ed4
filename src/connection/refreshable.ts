/**
 * `refreshable()`: a credential that many connections share, as providers for their headers and addresses, and as a guard around their
 * callbacks that has it refreshed when a server refuses it, once, and stops where that doesn't help.
 */
import { platform } from "#platform";
import type { Callbacks, ConnectionResponse } from "../behaviour.ts";
import { stop } from "../behaviour.ts";
import type { Clock } from "../platform/platform.ts";
import { CredentialStore, type FetchCredential } from "./credential-store.ts";
import { CredentialError, ERROR_KINDS, type FreshError, InvalidOptionError } from "./errors.ts";
import { type Check, callable, milliseconds, rejectUnknown, show, wholeNumber } from "./option-checks.ts";
import type { Asking, HeadersInput, Provider } from "./option-types.ts";
import { checkClock } from "./options.ts";
import { isThenable, resolveCallbacks } from "./responses.ts";

export type RefreshableOptions = {
  /**
   * A credential in use is renewed between once and twice this long, in ms, before it expires, while the old one is still given out; the moment
   * is drawn at random. Default 60 000; at most half of its life.
   */
  readonly renewBefore?: number;
  /** Which answers of a server mean that it refuses the credential. Default: statuses [401], closeCodes [4401]. */
  readonly refreshOn?: { readonly statuses?: readonly number[]; readonly closeCodes?: readonly number[] };
  /** How many credentials in a row a server may refuse one connection before that stops; default 2, which is one refresh. */
  readonly maxRefusals?: number;
  /** How long one fetch may take, in ms; default 8000, a little less than `providerTimeout`. */
  readonly timeout?: number;
  /** After a failed fetch nobody is asked for a while: drawn from 0 to a ceiling that begins here and doubles up to `backoffMax`. Default 250 ms. */
  readonly backoffInitial?: number;
  /** Default 30 000 ms. */
  readonly backoffMax?: number;
  /** For tests, as the options of a connection of the same names. */
  readonly clock?: Clock;
  readonly random?: () => number;
};

type Context = Parameters<Provider<unknown>>[0];

/** A credential shared by any number of connections. It tells nobody its value but those that are to use it. */
export interface Refreshable<T> {
  /** A provider for the option `headers`: made anew of the credential for each attempt. */
  headers(map: (value: T, context: Context) => HeadersInput | Promise<HeadersInput>): Provider<HeadersInput>;
  /** A provider for the address: made anew of the credential for each attempt. Prefer headers: servers and proxies log addresses. */
  uri(map: (value: T, context: Context) => string | URL | Promise<string | URL>): Provider<string | URL>;
  /**
   * The callbacks, guarded: when the server refuses the credential, the next attempt has a new one. They are called as ever, and their answer
   * stands, but for `reconnect()` where that is of no use: then the connection stops with a CredentialError, "unchanged" or "refused".
   */
  protect<S>(callbacks: Partial<Callbacks<S>>): Partial<Callbacks<S>>;
  /** The credential itself, for a request of your own. Rejects with a CredentialError, or with the signal's reason. */
  get(options?: { readonly signal?: AbortSignal }): Promise<T>;
  /** By hand what `protect` does: the server has refused the credential that this connection used last. The next one to ask gets another. */
  refused(self: Asking): void;
}

const DEFAULTS = {
  renewBefore: 60_000,
  maxRefusals: 2,
  timeout: 8000,
  backoffInitial: 250,
  backoffMax: 30_000,
} as const;
const STATUSES: readonly number[] = [401];
const CLOSE_CODES: readonly number[] = [4401];
/** A credential with which a connection was open this long was accepted: the next refusal is the first of its row. In ms. */
const ACCEPTED_AFTER = 10_000;

const CHECKS: Readonly<Record<keyof RefreshableOptions, Check>> = {
  renewBefore: milliseconds({ zero: true, infinity: false }),
  refreshOn: checkRefreshOn,
  maxRefusals: wholeNumber(1, { infinity: true }),
  timeout: milliseconds({ zero: false, infinity: true }),
  backoffInitial: milliseconds({ zero: true, infinity: false }),
  backoffMax: milliseconds({ zero: true, infinity: false }),
  clock: checkClock,
  random: callable("a function () => number that gives numbers in [0, 1)"),
};

/** How one connection fares with the credentials that it is given. */
type History = { refusals: number; openedAt: number | undefined };

class SharedCredential<T> implements Refreshable<T> {
  readonly #store: CredentialStore<T>;
  readonly #clock: Clock;
  readonly #statuses: readonly number[];
  readonly #closeCodes: readonly number[];
  readonly #maxRefusals: number;
  /** The version that each connection was given last. Connections that are gone are forgotten with them. */
  readonly #used = new WeakMap<Asking, number>();
  readonly #histories = new WeakMap<Asking, History>();

  constructor(fetch: FetchCredential<T>, given: RefreshableOptions) {
    const options = { ...DEFAULTS, ...given };
    this.#clock = options.clock ?? platform.clock;
    this.#store = new CredentialStore(fetch, {
      ...options,
      clock: this.#clock,
      random: options.random ?? platform.random,
    });
    this.#statuses = options.refreshOn?.statuses ?? STATUSES;
    this.#closeCodes = options.refreshOn?.closeCodes ?? CLOSE_CODES;
    this.#maxRefusals = options.maxRefusals;
  }

  headers(map: (value: T, context: Context) => HeadersInput | Promise<HeadersInput>): Provider<HeadersInput> {
    return this.#provider("headers", map);
  }

  uri(map: (value: T, context: Context) => string | URL | Promise<string | URL>): Provider<string | URL> {
    return this.#provider("uri", map);
  }

  async get(options?: { readonly signal?: AbortSignal }): Promise<T> {
    return (await this.#store.get(options?.signal)).value;
  }

  refused(self: Asking): void {
    const version = this.#used.get(self);
    if (version !== undefined) this.#store.refuse(version);
  }

  protect<S>(callbacks: Partial<Callbacks<S>>): Partial<Callbacks<S>> {
    const own = resolveCallbacks(callbacks);
    return {
      ...own,
      handleConnect: (status, headers, state, self) => {
        this.#historyOf(self).openedAt = this.#clock.now();
        return own.handleConnect(status, headers, state, self);
      },
      handleDisconnect: (code, reason, state, self) => {
        const refused = code !== undefined && this.#closeCodes.includes(code);
        const verdict = this.#ended(self, refused ? `close code ${code}` : undefined);
        return overruled(own.handleDisconnect(code, reason, state, self), verdict);
      },
      handleError: (error, state, self) => {
        const verdict = ERROR_KINDS[error.kind].terminal ? this.#failed(self, error) : undefined;
        return overruled(own.handleError(error, state, self), verdict);
      },
    };
  }

  toString(): string {
    return "Refreshable [redacted]";
  }

  toJSON(): string {
    return "[redacted]";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  #provider<R>(option: string, map: (value: T, context: Context) => R | Promise<R>): Provider<R> {
    if (typeof map !== "function") {
      throw new TypeError(`token.${option}() takes a function that makes ${option} of the credential.`);
    }
    return async (context) => {
      const { value, version } = await this.#store.get(context.signal);
      this.#used.set(context.self, version);
      try {
        return await map(value, context);
      } catch (cause) {
        throw this.#store.unusable(`the function given to ${option}() of a refreshable failed`, cause, value);
      }
    };
  }

  #failed(self: Asking, error: FreshError): CredentialError | undefined {
    const { kind, status, cause } = error;
    if (cause instanceof CredentialError && cause.reason === "unchanged") return cause;
    const refused = kind === "establishing_failed" && status !== undefined && this.#statuses.includes(status);
    return this.#ended(self, refused ? `status ${status}` : undefined);
  }

  /** An attempt has ended. Answers an error when there is no use in another one. */
  #ended(self: Asking, refusal: string | undefined): CredentialError | undefined {
    const history = this.#historyOf(self);
    const { openedAt } = history;
    history.openedAt = undefined;
    if (openedAt !== undefined && this.#clock.now() - openedAt >= ACCEPTED_AFTER) history.refusals = 0;
    if (refusal === undefined) return undefined;
    this.refused(self);
    history.refusals += 1;
    if (history.refusals < this.#maxRefusals) return undefined;
    return new CredentialError(
      "refused",
      `The server refused ${history.refusals} credentials in a row, the last with ${refusal}. See to the account and its rights; maxRefusals allows more.`,
    );
  }

  #historyOf(self: Asking): History {
    const known = this.#histories.get(self);
    if (known !== undefined) return known;
    const history: History = { refusals: 0, openedAt: undefined };
    this.#histories.set(self, history);
    return history;
  }
}

type Answer<S> = ConnectionResponse<S> | Promise<ConnectionResponse<S>>;

/** A reconnect that is of no use becomes a stop; what else a module answers stands. */
function overruled<S>(answer: Answer<S>, verdict: CredentialError | undefined): Answer<S> {
  if (verdict === undefined) return answer;
  if (isThenable(answer)) return Promise.resolve(answer).then((settled) => overruled(settled, verdict));
  return answer?.type === "reconnect" ? stop(verdict) : answer;
}

/**
 * A credential that is fetched when it is first needed, once however many connections need it, and again when it expires or is refused.
 * @example
 * const token = refreshable(async ({ signal }) => {
 *   const { access_token, expires_in } = await askTokenService({ signal });
 *   return { value: access_token, expiresAt: Date.now() + expires_in * 1000 };
 * });
 * const Feed = Fresh.define<null>("Feed", token.protect({ handleIn: (frame, state) => ok(state) }));
 * Fresh.start(uri, Feed, null, { headers: token.headers((value) => ({ authorization: `Bearer ${value}` })) });
 * @throws InvalidOptionError, TypeError
 */
export function refreshable<T, P = T>(
  fetchCredential: FetchCredential<T, P>,
  options: RefreshableOptions = {},
): Refreshable<T> {
  if (typeof fetchCredential !== "function") {
    throw new TypeError(
      "refreshable() takes a function that fetches a credential: async () => ({ value, expiresAt? }).",
    );
  }
  const known = Object.keys(CHECKS) as (keyof RefreshableOptions)[];
  for (const name of Object.keys(options)) rejectUnknown("", name, known);
  const given = known.flatMap((name) =>
    options[name] === undefined ? [] : [[name, CHECKS[name](name, options[name])]],
  );
  return new SharedCredential(fetchCredential as unknown as FetchCredential<T>, Object.fromEntries(given));
}

function checkRefreshOn(option: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(
      option,
      `The option ${option} takes an object with statuses and closeCodes; it got ${show(value)}.`,
    );
  }
  for (const [name, list] of Object.entries(value)) {
    rejectUnknown(`${option}.`, name, ["statuses", "closeCodes"]);
    if (list !== undefined && !(Array.isArray(list) && list.every(Number.isInteger))) {
      throw new InvalidOptionError(
        `${option}.${name}`,
        `The option ${option}.${name} takes a list of numbers; it got ${show(list)}.`,
      );
    }
  }
  return value;
}
