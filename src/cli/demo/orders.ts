/**
 * The orders of the demo's client: sent at a steady pace whatever the connection does, and each accounted for.
 *
 * A WebSocket has no receipts. What was handed to a connection that broke before the server's answer may have arrived or not: such an
 * order is in doubt, and the client says so instead of guessing. What was still queued goes out on the next connection.
 */
import type { Connection } from "../../index.ts";

export type OrderCount = {
  readonly made: number;
  readonly acknowledged: readonly number[];
  readonly inDoubt: readonly number[];
  /** Neither of the two yet. */
  readonly pending: number;
  /** Those that waited in the outbox while there was no connection; they are in the numbers above too. */
  readonly queued: number;
  /** Those that neither went out nor wait. */
  readonly dropped: number;
};

export class Orders {
  readonly #pending = new Map<number, "handed over" | "queued">();
  readonly #acknowledged: number[] = [];
  readonly #inDoubt: number[] = [];
  #made = 0;
  #queued = 0;
  #dropped = 0;
  #clock: NodeJS.Timeout | undefined;

  get count(): OrderCount {
    return {
      made: this.#made,
      acknowledged: this.#acknowledged,
      inDoubt: this.#inDoubt,
      pending: this.#pending.size,
      queued: this.#queued,
      dropped: this.#dropped,
    };
  }

  /** Sends one every `interval` ms, until `stop()`. */
  sendOver(connection: Pick<Connection, "send">, interval: number): void {
    this.#clock = setInterval(() => this.send(connection), interval);
  }

  send(connection: Pick<Connection, "send">): void {
    const order = ++this.#made;
    const result = connection.send(`order ${order}`);
    if (result === "dropped") {
      this.#dropped += 1;
      return;
    }
    if (result === "queued") this.#queued += 1;
    this.#pending.set(order, result === "sent" ? "handed over" : "queued");
  }

  stop(): void {
    clearInterval(this.#clock);
  }

  /** A connection has opened: what is queued goes out on it. */
  opened(): void {
    for (const order of this.#pending.keys()) this.#pending.set(order, "handed over");
  }

  /** The connection has ended. */
  broken(): void {
    for (const [order, state] of this.#pending) {
      if (state === "queued") continue;
      this.#pending.delete(order);
      this.#inDoubt.push(order);
    }
  }

  acknowledged(order: number): void {
    if (this.#pending.delete(order)) this.#acknowledged.push(order);
  }
}
