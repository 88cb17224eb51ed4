/**
 * Promises that wait for something to come about, each with an AbortSignal of its own: opened() and drain().
 */
import { onAbort } from "../abort.ts";

type Waiter = { readonly resolve: () => void; readonly reject: (reason: unknown) => void };

export class Waiters {
  #waiting = new Set<Waiter>();

  get size(): number {
    return this.#waiting.size;
  }

  /** A promise that settle() resolves, fail() rejects, and the signal rejects with its reason. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const forget =
        signal === undefined
          ? () => undefined
          : onAbort(signal, () => {
              this.#waiting.delete(waiter);
              reject(signal.reason);
            });
      const waiter: Waiter = {
        resolve: () => {
          forget();
          resolve();
        },
        reject: (reason) => {
          forget();
          reject(reason);
        },
      };
      this.#waiting.add(waiter);
    });
  }

  settle(): void {
    for (const waiter of this.#take()) waiter.resolve();
  }

  fail(reason: unknown): void {
    for (const waiter of this.#take()) waiter.reject(reason);
  }

  #take(): ReadonlySet<Waiter> {
    const waiting = this.#waiting;
    if (waiting.size > 0) this.#waiting = new Set();
    return waiting;
  }
}
