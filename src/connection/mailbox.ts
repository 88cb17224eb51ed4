/**
 * One event at a time (section 2.1): what is put here is processed in the order of arrival, and while the promise of one
 * is pending the rest waits. An item that finds the mailbox idle and is processed synchronously touches no queue, no
 * closure and no microtask: that is the hot path of every received message.
 */

/** Processes one item. It never throws and its promise never rejects: faults are the owner's own affair. */
export type Process<Item> = (item: Item) => Promise<void> | undefined;

export class Mailbox<Item> {
  readonly #process: Process<Item>;
  #queue: Item[] = [];
  #head = 0;
  #busy = false;

  constructor(process: Process<Item>) {
    this.#process = process;
  }

  /** Is an item being processed right now, so that another one would wait? */
  get busy(): boolean {
    return this.#busy;
  }

  get length(): number {
    return this.#queue.length - this.#head;
  }

  put(item: Item): void {
    if (this.#busy) {
      this.#queue.push(item);
      return;
    }
    this.#busy = true;
    const pending = this.#process(item);
    if (pending !== undefined) {
      pending.then(this.#continue);
    } else if (this.#queue.length === 0) {
      this.#busy = false;
    } else {
      this.#continue();
    }
  }

  /** Takes out what still waits and satisfies `matches`. */
  remove(matches: (item: Item) => boolean): readonly Item[] {
    const waiting = this.#queue.slice(this.#head);
    this.#queue = waiting.filter((item) => !matches(item));
    this.#head = 0;
    return waiting.filter(matches);
  }

  // Called with `busy` set: when a promise has settled, or when processing has put more items.
  readonly #continue = (): void => {
    while (this.#head < this.#queue.length) {
      const item = this.#queue[this.#head] as Item;
      this.#head += 1;
      // A queue that never runs empty must not keep what it has handed out.
      if (this.#head >= 1024) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      const pending = this.#process(item);
      if (pending !== undefined) {
        pending.then(this.#continue);
        return;
      }
    }
    this.#queue = [];
    this.#head = 0;
    this.#busy = false;
  };
}
