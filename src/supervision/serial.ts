/**
 * One thing at a time, in the order of asking: what a supervisor does, as an OTP process does with its messages. What finds nothing under
 * way begins at once, so that children whose start needs no wait are there when `Supervisor.start` returns.
 */

export class Serial {
  readonly #waiting: (() => void)[] = [];
  #busy = false;

  /** Runs the task when its turn has come; gives what it gives. */
  run<T>(task: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#add("last", () => this.#turn(task, resolve, reject));
    });
  }

  /** The same, but before all that waits. */
  runNext<T>(task: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#add("first", () => this.#turn(task, resolve, reject));
    });
  }

  #add(place: "first" | "last", turn: () => void): void {
    if (!this.#busy) {
      this.#busy = true;
      turn();
    } else if (place === "last") {
      this.#waiting.push(turn);
    } else {
      this.#waiting.unshift(turn);
    }
  }

  #turn<T>(task: () => T | Promise<T>, resolve: (value: T) => void, reject: (error: unknown) => void): void {
    let outcome: T | Promise<T>;
    try {
      outcome = task();
    } catch (error) {
      reject(error);
      this.#next();
      return;
    }
    if (outcome instanceof Promise) {
      outcome.then(resolve, reject).then(() => this.#next());
    } else {
      resolve(outcome);
      this.#next();
    }
  }

  #next(): void {
    const turn = this.#waiting.shift();
    if (turn === undefined) this.#busy = false;
    else queueMicrotask(turn);
  }
}
