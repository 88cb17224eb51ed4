/**
 * Standard output or standard error: lines go out in their order, a reader that doesn't keep up is waited for, and one that has gone
 * away is an event, not a crash.
 */
import type { Writable } from "node:stream";

export type OutputStream = Writable & { readonly isTTY?: boolean };

export class Output {
  readonly stream: Writable;
  readonly isTerminal: boolean;
  /** Is it a terminal on which the cursor can be moved? */
  readonly hasCursor: boolean;
  /** May colours be used? Not without a terminal, and not where NO_COLOR is set (https://no-color.org). */
  readonly hasColours: boolean;
  /** Resolves with the first error of the stream: EPIPE when the reader has gone away. */
  readonly broken: Promise<Error>;
  /** "abandoned": the reader doesn't keep up, and nobody waits for it any more. */
  #state: "writable" | "broken" | "abandoned" = "writable";
  #waiting: (() => void)[] = [];

  constructor(stream: OutputStream, env: Readonly<Record<string, string | undefined>>) {
    this.stream = stream;
    this.isTerminal = stream.isTTY === true;
    this.hasCursor = this.isTerminal && env.TERM !== "dumb";
    this.hasColours = this.hasCursor && !env.NO_COLOR;
    this.broken = new Promise((resolve) => {
      // Stays for good: each later write may fail again.
      stream.on("error", (error) => {
        this.#state = "broken";
        this.#wake();
        resolve(error);
      });
    });
    stream.on("drain", () => this.#wake());
  }

  /** Writes; a promise when the reader doesn't keep up, which resolves when more can be taken. */
  write(data: string | Uint8Array): Promise<void> | undefined {
    if (this.#state === "broken" || this.stream.write(data) || this.#state === "abandoned") return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  line(text: string): Promise<void> | undefined {
    return this.write(`${text}\n`);
  }

  /** Nobody waits for the reader from now on. */
  abandon(): void {
    if (this.#state === "writable") this.#state = "abandoned";
    this.#wake();
  }

  /** Resolves when the system has all that was written, or will not get it any more. */
  async flushed(): Promise<void> {
    while (this.#state === "writable" && this.stream.writableLength > 0) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        this.stream.write("", () => resolve());
      });
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
