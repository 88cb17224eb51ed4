/**
 * The connections that have come to a server or a proxy, by their number: all that stand, of those that have ended the newest, and those that
 * somebody waits for.
 */
import { Latch } from "./wait.ts";

/** Of connections that have ended so many are remembered; a server may run for days. */
const MAX_REMEMBERED = 1000;

/** Why a connection can't be had. */
export type NoArrival =
  | { readonly type: "timeout"; readonly timeout: number; readonly count: number }
  | { readonly type: "forgotten" }
  | { readonly type: "stopped" };

export class Arrivals<T> {
  readonly #all = new Map<number, T>();
  readonly #awaited = new Map<number, Latch<T>>();
  readonly #ended: number[] = [];
  readonly #errorOf: (number: number, why: NoArrival) => Error;
  #count = 0;
  #isStopped = false;

  /** `errorOf` makes the error for a connection that can't be had. */
  constructor(errorOf: (number: number, why: NoArrival) => Error) {
    this.#errorOf = errorOf;
  }

  /** How many have come. */
  get count(): number {
    return this.#count;
  }

  /** Those that are remembered, oldest first. */
  get all(): readonly T[] {
    return [...this.#all.values()];
  }

  /** The number of the connection that comes now. */
  next(): number {
    this.#count += 1;
    return this.#count;
  }

  /** It is there. */
  add(number: number, arrival: T): void {
    this.#all.set(number, arrival);
    this.#awaited.get(number)?.resolve(arrival);
    this.#awaited.delete(number);
  }

  /** It has ended, and may be forgotten one day. */
  ended(number: number): void {
    this.#ended.push(number);
    if (this.#ended.length > MAX_REMEMBERED) this.#all.delete(this.#ended.shift() as number);
  }

  /** The how-manyth, from 1: at once if it has come, else as soon as it does. */
  wait(number: number, timeout: number): Promise<T> {
    const known = this.#all.get(number);
    if (known !== undefined) return Promise.resolve(known);
    if (this.#isStopped) return Promise.reject(this.#errorOf(number, { type: "stopped" }));
    if (number <= this.#count) return Promise.reject(this.#errorOf(number, { type: "forgotten" }));
    const latch = this.#awaited.get(number) ?? new Latch<T>();
    this.#awaited.set(number, latch);
    return latch.wait(timeout, () => this.#errorOf(number, { type: "timeout", timeout, count: this.#count }));
  }

  /** None comes any more. */
  stop(): void {
    this.#isStopped = true;
    for (const [number, latch] of this.#awaited) latch.reject(this.#errorOf(number, { type: "stopped" }));
    this.#awaited.clear();
  }
}
