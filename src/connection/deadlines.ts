/**
 * The timers of the lifecycle: one deadline for the state that a connection is in, and one for a stop.
 */
import type { Clock, Timer } from "../platform/platform.ts";
import type { TimerName } from "./lifecycle.ts";

export class Deadlines {
  readonly #clock: Clock;
  readonly #ref: boolean;
  readonly #timedOut: (timer: TimerName) => void;
  #present: Timer | undefined;
  #stop: { readonly timer: Timer; readonly at: number } | undefined;

  /** `ref: false` doesn't keep the process alive. */
  constructor(clock: Clock, ref: boolean, timedOut: (timer: TimerName) => void) {
    this.#clock = clock;
    this.#ref = ref;
    this.#timedOut = timedOut;
  }

  /** Sets the deadline of the present state in place of the one before; Infinity sets none. */
  set(timer: Exclude<TimerName, "stop">, ms: number): void {
    this.clear();
    this.#present = this.#clock.after(
      ms,
      () => {
        this.#present = undefined;
        this.#timedOut(timer);
      },
      this.#ref,
    );
  }

  clear(): void {
    if (this.#present !== undefined) this.#clock.cancel(this.#present);
    this.#present = undefined;
  }

  /** Sets the deadline of a stop. A stop that comes again may bring the end nearer, never put it off. */
  setStop(ms: number): void {
    const at = this.#clock.now() + ms;
    if (this.#stop !== undefined) {
      if (this.#stop.at <= at) return;
      this.#clock.cancel(this.#stop.timer);
    }
    this.#stop = { timer: this.#clock.after(ms, () => this.#timedOut("stop"), this.#ref), at };
  }

  /** No timer runs any more. */
  end(): void {
    this.clear();
    if (this.#stop !== undefined) this.#clock.cancel(this.#stop.timer);
    this.#stop = undefined;
  }
}
