/**
 * A clock moved by hand: the `clock` of a connection whose timeouts, pings and backoff a test wants to see at once.
 *
 *     const clock = new FakeClock();
 *     const client = Fresh.start(uri, module, state, { clock });
 *     clock.advance(30_000);          // fires what falls due within half a minute, in order
 *     clock.advanceToNext();          // on to the next timer, whenever it is due
 *     await clock.run(30_000);        // as advance(), and promises and I/O go on between the timers
 *     clock.stall(60_000);            // the process stood still: everything that fell due fires late
 *     clock.jumpWallClock(3_600_000); // the machine slept, or somebody set its clock: the wall clock alone moves
 *
 * Only everfresh's own timers stand on it. Sockets, DNS and other real things go on in real time, while the clock stands: so wait
 * for them (`await client.opened()`, `await server.connection(1)`), and then move it. A hundred thousand timers are no burden.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock, Timer } from "../platform/platform.ts";
import { type TimerEntry, TimerHeap } from "./timer-heap.ts";

export type FakeClockOptions = {
  /** What `wallClock()` says at first, in ms since 1970. Default 1 700 000 000 000, in November of 2023. */
  readonly wallClock?: number;
};

export type RunOptions = {
  /**
   * How many turns the event loop takes before each timer and at the end. One lets every promise settle that waits for nothing but
   * promises; a message over the loopback interface and its answer take some more. Default 10.
   */
  readonly turns?: number;
};

const NOVEMBER_2023 = 1_700_000_000_000;
/** So many timers at one moment are a callback that sets itself anew, with no wait. */
const MOST_AT_ONCE = 1_000_000;

export class FakeClock implements Clock {
  readonly #timers = new TimerHeap();
  #now = 0;
  #wallClockAtZero: number;
  #order = 0;
  #firedAtOnce = 0;

  constructor({ wallClock = NOVEMBER_2023 }: FakeClockOptions = {}) {
    this.#wallClockAtZero = wallClock;
  }

  /** How many timers are set and haven't fired; those with a wait of Infinity never will, and don't count. */
  get pending(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, in ms on `now()`'s scale; undefined when none is set. */
  get nextAt(): number | undefined {
    return this.#timers.first?.at;
  }

  /** Milliseconds since the clock was made. */
  now(): number {
    return this.#now;
  }

  wallClock(): number {
    return this.#wallClockAtZero + this.#now;
  }

  after(ms: number, callback: () => void): Timer {
    if (Number.isNaN(ms)) throw new RangeError("A timer waits for a number of milliseconds; it got NaN.");
    const entry: TimerEntry = { at: this.#now + Math.max(0, ms), order: this.#order, callback, index: -1 };
    this.#order += 1;
    if (ms !== Number.POSITIVE_INFINITY) this.#timers.add(entry);
    return { timer: entry };
  }

  cancel({ timer }: Timer): void {
    this.#timers.remove(timer as TimerEntry);
  }

  /**
   * Moves on by `ms` and fires what falls due on the way: in order of time, then of setting, timers that were set meanwhile included. What
   * a callback throws is thrown on, with the clock at its time.
   */
  advance(ms: number): void {
    const until = this.#later(ms);
    while (this.#fireNext(until)) {}
    this.#moveTo(until);
  }

  /** Moves on to the next timer and fires all that are due at its time. False when none is set. */
  advanceToNext(): boolean {
    const next = this.nextAt;
    if (next === undefined) return false;
    this.advance(Math.max(0, next - this.#now));
    return true;
  }

  /**
   * As advance(), but before each timer and at the end the event loop takes some turns, so that promises settle, and I/O that is ready is
   * done. Timers that are set by these fire, too, if they fall due in time.
   */
  async run(ms: number, { turns = 10 }: RunOptions = {}): Promise<void> {
    const until = this.#later(ms);
    do {
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    } while (this.#fireNext(until));
    this.#moveTo(until);
  }

  /** As if the process had stood still: time passes, and what fell due meanwhile fires only now, all of it late. */
  stall(ms: number): void {
    this.#moveTo(this.#later(ms));
    this.advance(0);
  }

  /**
   * Moves the wall clock alone, back with a negative number: the machine slept (Linux counts no time asleep on the other clock; where the
   * system does count it, that is stall()), or its clock was set.
   */
  jumpWallClock(ms: number): void {
    this.#wallClockAtZero += ms;
  }

  #later(ms: number): number {
    if (ms >= 0 && ms < Number.POSITIVE_INFINITY) return this.#now + ms;
    throw new RangeError(`A clock goes forward by a number of milliseconds; it got ${ms}.`);
  }

  #moveTo(time: number): void {
    if (time <= this.#now) return;
    this.#now = time;
    this.#firedAtOnce = 0;
  }

  #fireNext(until: number): boolean {
    const next = this.#timers.first;
    if (next === undefined || next.at > until) return false;
    this.#moveTo(next.at);
    this.#timers.remove(next);
    this.#firedAtOnce += 1;
    if (this.#firedAtOnce > MOST_AT_ONCE) {
      throw new Error(
        `${MOST_AT_ONCE} timers have fired and it is still ${this.#now} ms: some callback sets a timer of 0 ms again and again.`,
      );
    }
    next.callback();
    return true;
  }
}
