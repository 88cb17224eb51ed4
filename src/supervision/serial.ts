/**
 * One thing at a time, in the order of asking: what a supervisor does, as an OTP process does with its messages. What finds nothing under
 * way begins at once, so that children whose start needs no wait are there when `Supervisor.start` returns.
 */

export class Serial {
  #waiting: (() => void)[] = [];
  #busy = false;

  /** Runs the task when its turn has come; gives what it gives. */
  run<T>(task: () => T | Promise<T>): Promise<T> {
    return this.#add(task, "last");
  }

  /** The same, but before all that waits. */
  runNext<T>(task: () => T | Promise<T>): Promise<T> {
    return this.#add(task, "first");
  }

  #add<T>(task: () => T | Promise<T>, place: "first" | "last"): Promise<T> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
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
      };
      if (!this.#busy) {
        this.#busy = true;
        turn();
      } else if (place === "last") {
        this.#waiting.push(turn);
      } else {
        this.#waiting.unshift(turn);
      }
    });
  }

  #next(): void {
    const turn = this.#waiting.shift();
    if (turn === undefined) this.#busy = false;
    else queueMicrotask(turn);
  }
}
