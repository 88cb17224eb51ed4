/**
 * How long to wait before the next attempt.
 *
 * The ceiling of the nth wait is min(max, initial · factorⁿ), n from 0. "full" jitter draws evenly from [0, ceiling], the first
 * wait included, so that a fleet whose server went away doesn't come back in the same instant; "none" waits the ceiling,
 * as later versions of Fresh do. The series starts over once a connection has been open for `stableAfter`, not at the 101: a server that
 * accepts and drops at once must not be hammered.
 */

export type BackoffOptions = {
  readonly backoffInitial: number;
  readonly backoffMax: number;
  readonly backoffFactor: number;
  readonly backoffJitter: "full" | "none";
};

export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #waits = 0;

  /** `random` gives numbers in [0, 1). */
  constructor(options: BackoffOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /**
   * The next wait in ms. `asked` is what the server has asked for (Retry-After): the wait is no shorter, and up to a quarter
   * longer by chance, because the server has told everyone the same.
   */
  next(asked = 0): number {
    const { backoffInitial, backoffMax, backoffFactor, backoffJitter } = this.#options;
    // The power overflows to Infinity after some thousand waits, and 0 times that would be no number.
    const growth = Math.min(Number.MAX_VALUE, backoffFactor ** this.#waits);
    const ceiling = Math.min(backoffMax, backoffInitial * growth);
    this.#waits += 1;
    if (backoffJitter === "none") return Math.max(ceiling, asked);
    const wait = this.#random() * ceiling;
    return asked === 0 ? wait : Math.max(wait, asked * (1 + this.#random() / 4));
  }

  /** Starts the series over. */
  reset(): void {
    this.#waits = 0;
  }
}
