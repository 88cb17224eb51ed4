/**
 * Lets the rest of the program have its turn: a child that ends as soon as it is started, under a limit that hardly is one, would be
 * restarted for ever in microtasks, and no timer or socket, nor a stop, would be heard of again. An Erlang process is preempted; this isn't.
 */
import type { Clock } from "../platform/platform.ts";

/** So many restarts follow on each other before the others' turn. */
const MOST_AT_ONCE = 100;

export class RestartBurst {
  readonly #clock: Clock;
  #restarts = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a restart. Undefined: it may go on at once; else a promise of when. */
  add(): Promise<void> | undefined {
    this.#restarts += 1;
    if (this.#restarts < MOST_AT_ONCE) return undefined;
    this.#restarts = 0;
    return new Promise((resolve) => {
      this.#clock.after(0, resolve, true);
    });
  }
}
