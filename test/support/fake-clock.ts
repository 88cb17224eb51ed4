/**
 * A clock moved by hand. `advance(ms)` fires what falls due on the way, in order of time, and then of setting.
 */
import type { Clock, Timer } from "../../src/platform/platform.ts";

type Entry = { readonly at: number; readonly order: number; readonly callback: () => void };

export class FakeClock implements Clock {
  #now = 0;
  #order = 0;
  #entries = new Set<Entry>();

  /** Timers that are set and haven't fired. */
  get pending(): number {
    return this.#entries.size;
  }

  now(): number {
    return this.#now;
  }

  wallClock(): number {
    return 1_700_000_000_000 + this.#now;
  }

  after(ms: number, callback: () => void): Timer {
    const entry: Entry = { at: this.#now + ms, order: this.#order, callback };
    this.#order += 1;
    if (ms !== Number.POSITIVE_INFINITY) this.#entries.add(entry);
    return { timer: entry };
  }

  cancel(timer: Timer): void {
    this.#entries.delete(timer.timer as Entry);
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (let next = this.#due(until); next !== undefined; next = this.#due(until)) {
      this.#now = Math.max(this.#now, next.at);
      this.#entries.delete(next);
      next.callback();
    }
    this.#now = until;
  }

  /** As if the process had stood still: time passes, and what fell due meanwhile fires only now, all of it late. */
  stall(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }

  #due(until: number): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.at > until) continue;
      if (first === undefined || entry.at < first.at || (entry.at === first.at && entry.order < first.order))
        first = entry;
    }
    return first;
  }
}
