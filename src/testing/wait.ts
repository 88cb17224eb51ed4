/**
 * Waits with a deadline: what every wait of the test server is made of.
 */

/** A promise settled from outside. The first of resolve, reject and the deadline counts; the timer goes with it. */
export type Wait<T> = {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
};

/** `timeout` in ms, Infinity for ever; `onTimeout` makes the error, and may tidy up. */
export function startWait<T>(timeout: number, onTimeout: () => Error): Wait<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise;
    reject = rejectPromise;
  });
  const timer = timeout === Infinity ? undefined : setTimeout(() => reject(onTimeout()), timeout);
  return {
    promise,
    resolve(value) {
      clearTimeout(timer);
      resolve(value);
    },
    reject(error) {
      clearTimeout(timer);
      reject(error);
    },
  };
}

type Outcome<T> = { readonly type: "value"; readonly value: T } | { readonly type: "error"; readonly error: Error };

/** Something that comes about once, or never will; each who waits for it has a deadline of his own. */
export class Latch<T> {
  #outcome: Outcome<T> | undefined;
  readonly #waits = new Set<Wait<T>>();

  resolve(value: T): void {
    this.#settle({ type: "value", value });
  }

  reject(error: Error): void {
    this.#settle({ type: "error", error });
  }

  wait(timeout: number, onTimeout: () => Error): Promise<T> {
    if (this.#outcome?.type === "value") return Promise.resolve(this.#outcome.value);
    if (this.#outcome?.type === "error") return Promise.reject(this.#outcome.error);
    const wait = startWait<T>(timeout, () => {
      this.#waits.delete(wait);
      return onTimeout();
    });
    this.#waits.add(wait);
    return wait.promise;
  }

  #settle(outcome: Outcome<T>): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    for (const wait of this.#waits) {
      if (outcome.type === "value") wait.resolve(outcome.value);
      else wait.reject(outcome.error);
    }
    this.#waits.clear();
  }
}
