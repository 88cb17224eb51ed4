/**
 * What waits for a subscription's iterator: bounded, with a say in what becomes of what doesn't fit.
 */

export type Overflow = "fail" | "drop-oldest";

type Reader<T> = {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
};

const DONE = { done: true, value: undefined } as const;

export class EventQueue<T> {
  readonly #limit: number;
  readonly #overflow: Overflow;
  #events: T[] = [];
  #head = 0;
  #readers: Reader<T>[] = [];
  #end: { readonly error?: unknown } | undefined;
  /** Events that were pushed out unread. */
  dropped = 0;

  constructor(limit: number, overflow: Overflow) {
    this.#limit = limit;
    this.#overflow = overflow;
  }

  get length(): number {
    return this.#events.length - this.#head;
  }

  /** False: it doesn't fit, and the policy is to fail. */
  push(event: T): boolean {
    if (this.#end !== undefined) return true;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: event });
      return true;
    }
    if (this.length >= this.#limit) {
      if (this.#overflow === "fail") return false;
      this.#shift();
      this.dropped += 1;
    }
    this.#events.push(event);
    return true;
  }

  /** Nothing more will come. What waits can still be read; after it comes the error, once, or the end. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    for (const reader of this.#readers) {
      if (error === undefined) reader.resolve(DONE);
      else reader.reject(error);
    }
    this.#readers = [];
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.length > 0) return Promise.resolve({ done: false, value: this.#shift() });
    const end = this.#end;
    if (end === undefined) {
      return new Promise((resolve, reject) => {
        this.#readers.push({ resolve, reject });
      });
    }
    if (end.error === undefined) return Promise.resolve(DONE);
    this.#end = {};
    return Promise.reject(end.error);
  }

  /** The reader has gone: what waits is forgotten. */
  clear(): void {
    this.#events = [];
    this.#head = 0;
    this.end();
  }

  #shift(): T {
    const event = this.#events[this.#head] as T;
    this.#head += 1;
    if (this.#head === this.#events.length || this.#head >= 1024) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    return event;
  }
}
