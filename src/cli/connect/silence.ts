/**
 * Waits for a silence: calls back once, when nothing has been heard for so long.
 */
export class Silence {
  readonly #ms: number;
  readonly #callback: () => void;
  #timer: NodeJS.Timeout | undefined;
  #state: "listening" | "over" = "listening";

  /** Counts from now. `ms` as setTimeout takes it. */
  constructor(ms: number, callback: () => void) {
    this.#ms = ms;
    this.#callback = callback;
    this.broken();
  }

  /** Something was heard: counts anew. */
  broken(): void {
    clearTimeout(this.#timer);
    if (this.#state === "over") return;
    this.#timer = setTimeout(() => {
      this.#state = "over";
      this.#callback();
    }, this.#ms);
  }

  /** Counts nothing until the next `broken()`. */
  suspend(): void {
    clearTimeout(this.#timer);
  }

  stop(): void {
    this.#state = "over";
    clearTimeout(this.#timer);
  }
}
