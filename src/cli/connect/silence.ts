/**
 * Waits for a silence: calls back once nothing has been heard for so long.
 */
export class Silence {
  readonly #timer: NodeJS.Timeout;
  #state: "counting" | "suspended" | "over" = "counting";

  /** Counts from now. `ms` as setTimeout takes it. */
  constructor(ms: number, callback: () => void) {
    this.#timer = setTimeout(() => {
      if (this.#state !== "counting") return;
      this.#state = "over";
      callback();
    }, ms);
  }

  /** Something was heard: counts anew. */
  broken(): void {
    if (this.#state === "over") return;
    this.#state = "counting";
    this.#timer.refresh();
  }

  /** Counts nothing until the next `broken()`. */
  suspend(): void {
    if (this.#state === "counting") this.#state = "suspended";
  }

  stop(): void {
    this.#state = "over";
    clearTimeout(this.#timer);
  }
}
