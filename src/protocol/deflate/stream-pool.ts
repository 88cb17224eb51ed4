/**
 * Contexts that are needed only while a message is worked on. Without context takeover that is all of them, so a process with ten
 * thousand such connections has a handful of contexts.
 */

/** Contexts of one kind that wait for somebody; more are closed. */
const MOST_IDLE = 4;

export class StreamPool<Context> {
  readonly #idle = new Map<string | number, Context[]>();
  readonly #close: (context: Context) => void;

  constructor(close: (context: Context) => void) {
    this.#close = close;
  }

  /** One of that kind, as good as new; undefined when none is idle. */
  take(kind: string | number): Context | undefined {
    return this.#idle.get(kind)?.pop();
  }

  put(kind: string | number, context: Context): void {
    const idle = this.#idle.get(kind) ?? [];
    if (idle.length === MOST_IDLE) {
      this.#close(context);
      return;
    }
    idle.push(context);
    this.#idle.set(kind, idle);
  }
}
