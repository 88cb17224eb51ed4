/**
 * What expires, earliest first: a binary heap whose entries know their place in it, so that any of them can leave at any moment.
 * Entries that come in the order of their expiry, as most do, cost one comparison.
 */

export type Expiring = {
  /** As the clock's now() has it. Infinity: never; such an entry isn't put into the heap. */
  readonly expiresAt: number;
  /** Of two that expire at the same time, the one with the smaller order is first. */
  readonly order: number;
  /** The heap's own: where it stands there, or -1. */
  heapIndex: number;
};

export class ExpiryHeap<Entry extends Expiring> {
  readonly #entries: Entry[] = [];

  get first(): Entry | undefined {
    return this.#entries[0];
  }

  add(entry: Entry): void {
    if (entry.expiresAt === Number.POSITIVE_INFINITY) return;
    this.#entries.push(entry);
    this.#rise(entry, this.#entries.length - 1);
  }

  remove(entry: Entry): void {
    const index = entry.heapIndex;
    if (index === -1) return;
    entry.heapIndex = -1;
    const last = this.#entries.pop() as Entry;
    if (last === entry) return;
    // The last one takes its place, and may be too early or too late for it.
    this.#rise(last, index);
    this.#sink(last, last.heapIndex);
  }

  #rise(entry: Entry, from: number): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#entries[above] as Entry;
      if (!isBefore(entry, parent)) break;
      this.#set(parent, index);
      index = above;
    }
    this.#set(entry, index);
  }

  #sink(entry: Entry, from: number): void {
    const entries = this.#entries;
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const [one, other] = [entries[left], entries[left + 1]];
      if (one === undefined) break;
      const [child, below] = other !== undefined && isBefore(other, one) ? [other, left + 1] : [one, left];
      if (!isBefore(child, entry)) break;
      this.#set(child, index);
      index = below;
    }
    this.#set(entry, index);
  }

  #set(entry: Entry, index: number): void {
    this.#entries[index] = entry;
    entry.heapIndex = index;
  }
}

function isBefore(one: Expiring, other: Expiring): boolean {
  return one.expiresAt < other.expiresAt || (one.expiresAt === other.expiresAt && one.order < other.order);
}
