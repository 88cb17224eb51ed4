/**
 * Timers by the time they are due: a binary heap whose entries know their place, so that a cancelled one is taken out at once and
 * a hundred thousand of them cost no more than their logarithm.
 */

/** A timer. `index` is its place in the heap, -1 outside; only the heap writes it. */
export type TimerEntry = {
  readonly at: number;
  /** Of two that are due at the same time, the one with the smaller order is first. */
  readonly order: number;
  readonly callback: () => void;
  index: number;
};

export class TimerHeap {
  readonly #entries: TimerEntry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The one that is due first. */
  get first(): TimerEntry | undefined {
    return this.#entries[0];
  }

  add(entry: TimerEntry): void {
    this.#entries.push(entry);
    this.#rise(entry, this.#entries.length - 1);
  }

  /** Takes an entry out; one that isn't in is left alone. */
  remove(entry: TimerEntry): void {
    const { index } = entry;
    if (index === -1) return;
    entry.index = -1;
    const last = this.#entries.pop() as TimerEntry;
    if (last === entry) return;
    this.#rise(last, index);
    this.#sink(last, last.index);
  }

  #rise(entry: TimerEntry, from: number): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#entries[parentIndex] as TimerEntry;
      if (!isBefore(entry, parent)) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(entry, index);
  }

  #sink(entry: TimerEntry, from: number): void {
    let index = from;
    for (;;) {
      const left = this.#entries[2 * index + 1];
      const right = this.#entries[2 * index + 2];
      if (left === undefined) break;
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(child, entry)) break;
      const childIndex = child.index;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(entry, index);
  }

  #place(entry: TimerEntry, index: number): void {
    this.#entries[index] = entry;
    entry.index = index;
  }
}

function isBefore(one: TimerEntry, other: TimerEntry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
