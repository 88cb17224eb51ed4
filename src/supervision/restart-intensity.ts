/**
 * How often children may be restarted: at most `maxRestarts` times within `maxSeconds` (Erlang/OTP, Supervisor Behaviour, "Maximum
 * Restart Intensity"). One more, and the supervisor gives up.
 */

export type IntensityOptions = { readonly maxRestarts: number; readonly maxSeconds: number };

export class RestartIntensity {
  readonly #options: IntensityOptions;
  readonly #now: () => number;
  /** When the restarts were that still count, oldest first. Never more than maxRestarts + 1. */
  #restarts: number[] = [];

  /** `now` in ms. */
  constructor(options: IntensityOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Counts a restart. False: it is one too many. */
  add(): boolean {
    const { maxRestarts, maxSeconds } = this.#options;
    const now = this.#now();
    this.#restarts = this.#restarts.filter((at) => now - at <= maxSeconds * 1000);
    this.#restarts.push(now);
    return this.#restarts.length <= maxRestarts;
  }
}
