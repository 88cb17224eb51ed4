/**
 * The machine's own clock, out of what every JavaScript runtime has: this layer is a user of the library and has no platform.
 */
import type { Clock, Timer } from "../index.ts";

/** What setTimeout can hold; more would fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

class RealTimer implements Timer {
  timer: ReturnType<typeof setTimeout> | undefined;

  wait(ms: number, callback: () => void, ref: boolean): void {
    const step = Math.min(ms, LONGEST_TIMEOUT);
    this.timer = setTimeout(() => (step === ms ? callback() : this.wait(ms - step, callback, ref)), step);
    // In browsers a timer is a number.
    if (!ref && typeof this.timer === "object") this.timer.unref();
  }
}

export const realClock: Clock = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  after(ms, callback, ref) {
    const timer = new RealTimer();
    if (ms !== Number.POSITIVE_INFINITY) timer.wait(ms, callback, ref);
    return timer;
  },
  cancel(timer) {
    clearTimeout((timer as RealTimer).timer);
  },
};
