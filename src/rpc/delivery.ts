/**
 * What of a connection's frames the system has taken: as far as one drain() tells, for all frames that were handed over before it.
 */

/** What is needed of a connection. */
export interface Draining {
  drain(): Promise<void>;
}

export class Delivery {
  readonly #connection: Draining;
  /** Frames handed over so far; the number of one is its place among them. */
  #handed = 0;
  /** Frames up to this number have been given to the system. */
  #given = 0;
  #watching = false;
  #link = 0;

  constructor(connection: Draining) {
    this.#connection = connection;
  }

  /** A frame is handed over: its number. */
  hand(): number {
    this.#handed += 1;
    return this.#handed;
  }

  /** Has the frame of this number, of the present link, been given to the system? */
  isGiven(number: number): boolean {
    return number <= this.#given;
  }

  /** Frames handed over from now on are another link's. What is awaited of the one before tells nothing of them. */
  begin(): void {
    this.#link += 1;
    this.#watching = false;
  }

  /** Finds out when what has been handed over is with the system; a drain() for all that come in the meantime. */
  watch(): void {
    if (this.#watching || this.#given === this.#handed) return;
    this.#watching = true;
    const upTo = this.#handed;
    const link = this.#link;
    this.#connection.drain().then(
      () => {
        if (link !== this.#link) return;
        this.#watching = false;
        this.#given = upTo;
        this.watch();
      },
      // Frames were lost: nothing is known of any that wasn't known of before.
      () => {
        if (link === this.#link) this.#watching = false;
      },
    );
  }
}
