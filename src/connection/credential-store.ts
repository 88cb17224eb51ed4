/**
 * One credential that many ask for: it is fetched once however many ask, kept until it expires or is refused, and renewed before it
 * expires while somebody uses it. Nothing runs while nobody asks: the only timer is the deadline of a fetch that is under way.
 */

import { onAbort } from "../abort.ts";
import type { Clock, Timer } from "../platform/platform.ts";
import { Backoff } from "./backoff.ts";
import { CredentialError } from "./errors.ts";
import { holdsSecret, withoutSecrets } from "./secrets.ts";

/** What a fetch gives. */
export type Credential<T> = {
  readonly value: T;
  /** When it expires, as `Date.now()` has it; without it, it holds until a server refuses it. */
  readonly expiresAt?: number;
};

/** Why a credential is fetched: there is none yet, it has expired, it is about to, or a server has refused it. */
export type CredentialWanted = "first" | "expired" | "renewal" | "refused";

/** `P` is a `T`, apart from it so that a `T` can be told from the answer alone. */
export type FetchCredential<T, P = T> = (context: {
  /** Aborts when nobody waits for it any more, or it has taken too long. */
  readonly signal: AbortSignal;
  /** The credential before, undefined for the first. */
  readonly previous: P | undefined;
  readonly reason: CredentialWanted;
}) => Credential<T> | Promise<Credential<T>>;

export type StoreOptions = {
  readonly renewBefore: number;
  readonly timeout: number;
  readonly backoffInitial: number;
  readonly backoffMax: number;
  readonly clock: Clock;
  readonly random: () => number;
};

/** A credential that was given out. A higher version is a newer one, and never the same. */
export type Given<T> = { readonly value: T; readonly version: number };

type Held<T> = Given<T> & {
  readonly expiresAt: number;
  readonly renewAt: number;
  /** A server has refused it. */
  refused: boolean;
};

type Waiter<T> = { readonly resolve: (given: Given<T>) => void; readonly reject: (reason: unknown) => void };

type Fetching<T> = {
  readonly reason: CredentialWanted;
  readonly abort: AbortController;
  readonly deadline: Timer;
  waiters: Set<Waiter<T>>;
};

/** However long a token service wants to be left alone. */
const LONGEST_ASKED = 300_000;

export class CredentialStore<T> {
  readonly #fetch: FetchCredential<T>;
  readonly #options: StoreOptions;
  readonly #backoff: Backoff;
  #held: Held<T> | undefined;
  #fetching: Fetching<T> | undefined;
  /** The newest fetch has failed, and until then, by the clock's now(), there is no other. */
  #failed: { readonly error: CredentialError; readonly until: number } | undefined;

  constructor(fetch: FetchCredential<T>, options: StoreOptions) {
    this.#fetch = fetch;
    this.#options = options;
    this.#backoff = new Backoff({ ...options, backoffFactor: 2, backoffJitter: "full" }, options.random);
  }

  /** Rejects with a CredentialError, or with the signal's reason. */
  async get(signal: AbortSignal | undefined): Promise<Given<T>> {
    signal?.throwIfAborted();
    const held = this.#held;
    const now = this.#options.clock.wallClock();
    if (held !== undefined && !held.refused && now < held.expiresAt) {
      if (now >= held.renewAt && this.#fetching === undefined && this.#rest() === 0) this.#begin("renewal");
      return held;
    }
    if (this.#fetching === undefined) {
      const rest = this.#rest();
      if (rest > 0 && this.#failed !== undefined) throw afterRest(this.#failed.error, rest);
      this.#begin(held === undefined ? "first" : held.refused ? "refused" : "expired");
    }
    return this.#join(signal);
  }

  /** A server has refused the credential of this version. That of a newer one has settled it already. */
  refuse(version: number): void {
    if (this.#held?.version === version) this.#held.refused = true;
  }

  /** The credential was given to somebody who failed on it: an error in words that don't hold it. */
  unusable(what: string, cause: unknown, value: T): CredentialError {
    return this.#error("unusable", what, cause, [value]);
  }

  /** How long there is to be no fetch, in ms. */
  #rest(): number {
    return this.#failed === undefined ? 0 : Math.max(0, this.#failed.until - this.#options.clock.now());
  }

  #begin(reason: CredentialWanted): void {
    const { clock, timeout } = this.#options;
    const abort = new AbortController();
    const fetching: Fetching<T> = {
      reason,
      abort,
      deadline: clock.after(timeout, () => this.#timedOut(fetching), false),
      waiters: new Set(),
    };
    this.#fetching = fetching;
    const previous = this.#held?.value;
    // In a microtask, so that a fetch that throws at once, too, is heard of by those who have asked for it.
    Promise.resolve()
      .then(() => this.#fetch({ signal: abort.signal, previous, reason }))
      .then(
        (answer) => this.#arrived(fetching, answer),
        (cause) => this.#failedToFetch(fetching, cause),
      );
  }

  #join(signal: AbortSignal | undefined): Promise<Given<T>> {
    return new Promise((resolve, reject) => {
      const forget =
        signal === undefined
          ? () => undefined
          : onAbort(signal, () => {
              this.#leave(waiter);
              reject(signal.reason);
            });
      const waiter: Waiter<T> = {
        resolve: (given) => {
          forget();
          resolve(given);
        },
        reject: (reason) => {
          forget();
          reject(reason);
        },
      };
      this.#fetching?.waiters.add(waiter);
    });
  }

  /** The last one to leave aborts the fetch; a renewal was begun for nobody who waits, and goes on. */
  #leave(waiter: Waiter<T>): void {
    const fetching = this.#fetching;
    if (fetching === undefined || !fetching.waiters.delete(waiter)) return;
    if (fetching.waiters.size > 0 || fetching.reason === "renewal") return;
    this.#end(fetching);
    fetching.abort.abort(new Error("Nobody waits for the credential any more."));
  }

  /** It is over, and what it brings from now on is void. False when it was over before. */
  #end(fetching: Fetching<T>): boolean {
    if (this.#fetching !== fetching) return false;
    this.#fetching = undefined;
    this.#options.clock.cancel(fetching.deadline);
    return true;
  }

  #arrived(fetching: Fetching<T>, answer: Credential<T>): void {
    if (!this.#end(fetching)) return;
    const fault = this.#faultOf(answer);
    if (fault !== undefined) {
      this.#fail(fetching, fault);
      return;
    }
    const held = this.#held;
    const same = held !== undefined && isSame(held.value, answer.value);
    if (same && held.refused && fetching.reason !== "refused") {
      // It was under way before the refusal, so it doesn't say what the token service would give now.
      this.#askAgain(fetching.waiters);
      return;
    }
    if (same && held.refused) {
      const message =
        "A server refused the credential, and asking for another gave the same one again. See to the account, or to what the token service keeps.";
      this.#fail(fetching, this.#error("unchanged", message));
      return;
    }
    const { expiresAt = Number.POSITIVE_INFINITY, value } = answer;
    const renewed: Held<T> = {
      value,
      version: same ? held.version : (held?.version ?? 0) + 1,
      expiresAt,
      renewAt: this.#renewAt(expiresAt),
      refused: false,
    };
    this.#held = renewed;
    this.#failed = undefined;
    this.#backoff.reset();
    for (const waiter of fetching.waiters) waiter.resolve(renewed);
  }

  #askAgain(waiters: Set<Waiter<T>>): void {
    if (waiters.size === 0) return;
    this.#begin("refused");
    if (this.#fetching !== undefined) this.#fetching.waiters = waiters;
  }

  #faultOf(answer: Credential<T>): CredentialError | undefined {
    if (typeof answer !== "object" || answer === null || !("value" in answer) || answer.value === undefined) {
      return this.#error("unusable", "What the function given to refreshable() gave is no { value, expiresAt? }.");
    }
    const { expiresAt } = answer;
    if (expiresAt === undefined) return undefined;
    if (typeof expiresAt !== "number" || Number.isNaN(expiresAt)) {
      return this.#error(
        "unusable",
        "The expiresAt of a credential is a number of milliseconds since 1970, as Date.now() has it.",
      );
    }
    if (expiresAt > this.#options.clock.wallClock()) return undefined;
    return this.#error(
      "expired",
      "The credential had expired when it came. Compare the clocks of this machine and of the token service.",
    );
  }

  // Between once and twice renewBefore ahead, so that many processes that began together don't renew together; but a short life
  // isn't spent on renewing.
  #renewAt(expiresAt: number): number {
    const { renewBefore, random, clock } = this.#options;
    const life = expiresAt - clock.wallClock();
    return expiresAt - Math.min(renewBefore * (1 + random()), life / 2);
  }

  #timedOut(fetching: Fetching<T>): void {
    if (!this.#end(fetching)) return;
    const { timeout } = this.#options;
    const error = this.#error(
      "timed_out",
      `The credential did not come within ${timeout} ms. Raise the timeout of refreshable(), or see to the token service.`,
    );
    fetching.abort.abort(error);
    this.#fail(fetching, error);
  }

  #failedToFetch(fetching: Fetching<T>, cause: unknown): void {
    if (!this.#end(fetching)) return;
    this.#fail(fetching, this.#error("failed", "Fetching the credential failed", cause));
  }

  /** Everybody who waits hears of it, and for a while nobody else asks. */
  #fail(fetching: Fetching<T>, error: CredentialError): void {
    const asked = (error.cause as { readonly retryAfter?: unknown } | undefined)?.retryAfter;
    const wait = this.#backoff.next(typeof asked === "number" && asked > 0 ? Math.min(asked, LONGEST_ASKED) : 0);
    this.#failed = { error, until: this.#options.clock.now() + wait };
    for (const waiter of fetching.waiters) waiter.reject(afterRest(error, wait));
  }

  #error(
    reason: CredentialError["reason"],
    what: string,
    cause?: unknown,
    secrets: readonly unknown[] = [],
  ): CredentialError {
    const hidden = this.#held === undefined ? secrets : [...secrets, this.#held.value];
    const words = cause === undefined ? what : `${what}: ${withoutSecrets(wordsOf(cause), hidden)}`;
    return new CredentialError(reason, words, holdsSecret(cause, hidden) ? {} : { cause });
  }
}

/** The same error for one who comes later, with what is left to wait. */
function afterRest({ reason, message, cause }: CredentialError, rest: number): CredentialError {
  return new CredentialError(reason, message, { cause, retryAfter: rest });
}

function wordsOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return "it threw something that has no words";
  }
}

/** Two credentials are the same when they are equal, or objects with equal members. */
function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const names = Object.keys(one);
  if (names.length === 0 || names.length !== Object.keys(other).length) return false;
  return names.every((name) =>
    Object.is((one as Record<string, unknown>)[name], (other as Record<string, unknown>)[name]),
  );
}
