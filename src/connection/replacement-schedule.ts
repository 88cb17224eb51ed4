/**
 * When a connection is replaced by itself: at the age of `replaceAfter`, a little earlier by chance, so that a fleet that opened
 * together isn't replaced together; and after a replacement that failed again, as the backoff has it, for as long as the one that
 * is to be replaced still lives.
 */
import type { Clock, Timer } from "../platform/platform.ts";
import { Backoff, type BackoffOptions } from "./backoff.ts";

export type ReplacementScheduleOptions = BackoffOptions & {
  /** ms; Infinity: never by itself. */
  readonly replaceAfter: number;
  readonly ref: boolean;
};

/** By how much of `replaceAfter` chance may bring a replacement forward. */
const JITTER = 0.1;

export class ReplacementSchedule {
  readonly #options: ReplacementScheduleOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #due: () => void;
  #timer: Timer | undefined;

  constructor(options: ReplacementScheduleOptions, clock: Clock, random: () => number, due: () => void) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#backoff = new Backoff(options, random);
    this.#due = due;
  }

  /** Is a replacement asked for by age, whether or not anybody waits for it? */
  get wanted(): boolean {
    return this.#options.replaceAfter !== Number.POSITIVE_INFINITY && this.#timer === undefined;
  }

  /** A connection has opened: its age counts from now. */
  opened(): void {
    this.#backoff.reset();
    const { replaceAfter } = this.#options;
    this.#set(replaceAfter * (1 - JITTER * this.#random()));
  }

  /** A replacement has failed, and the connection still lives. `asked`: what a Retry-After has asked for, in ms. */
  failed(asked: number): void {
    // One that was asked for by hand before its time leaves the schedule as it is.
    if (this.wanted) this.#set(this.#backoff.next(asked));
  }

  /** The connection has ended. */
  end(): void {
    if (this.#timer !== undefined) this.#clock.cancel(this.#timer);
    this.#timer = undefined;
  }

  #set(wait: number): void {
    this.end();
    if (wait === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.after(
      wait,
      () => {
        this.#timer = undefined;
        this.#due();
      },
      this.#options.ref,
    );
  }
}
