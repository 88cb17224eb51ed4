/**
 * How many frames a connection carries a second, since one last looked.
 */
import type { Connection } from "../../index.ts";

export type Rates = { readonly in: number; readonly out: number };

type Sample = { readonly received: number; readonly sent: number; readonly at: number };

export class RateMeter {
  readonly #samples = new WeakMap<object, Sample>();
  readonly #now: () => number;
  readonly #began: number;

  /** `now` in ms. What is looked at for the first time is measured since the meter was made, or its own start if that was later. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#began = now();
  }

  /** `age`: for how many ms the connection has run, if that is known. */
  look(connection: Pick<Connection, "stats">, age = Number.POSITIVE_INFINITY): Rates {
    const { framesReceived: received, framesSent: sent } = connection.stats;
    const at = this.#now();
    const first = { received: 0, sent: 0, at: Math.max(this.#began, at - age) };
    const last = this.#samples.get(connection) ?? first;
    this.#samples.set(connection, { received, sent, at });
    // Two looks in the same moment have nothing between them.
    const seconds = Math.max(at - last.at, 1) / 1000;
    return { in: (received - last.received) / seconds, out: (sent - last.sent) / seconds };
  }
}
