/**
 * How often children may be restarted: at most `maxRestarts` times within `maxSeconds` (Erlang/OTP, Supervisor Behaviour, "Maximum
 * Restart Intensity"). One more, and the supervisor gives up.
 */

export type RestartLimits = { readonly maxRestarts: number; readonly maxSeconds: number };

export class RestartIntensity {
  readonly #maxRestarts: number;
  readonly #period: number;
  readonly #now: () => number;
  /** When the restarts were, oldest first; those before `#oldest` don't count any more. */
  #restarts: number[] = [];
  #oldest = 0;

  /** `now` in ms. */
  constructor({ maxRestarts, maxSeconds }: RestartLimits, now: () => number) {
    this.#maxRestarts = maxRestarts;
    this.#period = maxSeconds * 1000;
    this.#now = now;
  }

  /** Counts a restart. False: it is one too many. */
  add(): boolean {
    if (this.#maxRestarts === Number.POSITIVE_INFINITY) return true;
    const now = this.#now();
    this.#restarts.push(now);
    while (now - (this.#restarts[this.#oldest] as number) > this.#period) this.#oldest += 1;
    // Each restart is moved at most once for each time it is passed over, so a limit of many thousands costs no more than one of three.
    if (this.#oldest * 2 > this.#restarts.length) {
      this.#restarts = this.#restarts.slice(this.#oldest);
      this.#oldest = 0;
    }
    return this.#restarts.length - this.#oldest <= this.#maxRestarts;
  }
}
