/**
 * The server of a simulated fleet, and the way to it: no socket, no byte, only who hears what and when.
 *
 * An attempt arrives half a round trip after it began. A refusal is back half a round trip later; an HTTP answer needs another whole one, as
 * TCP's handshake comes first. Those to be accepted are served in order at the server's rate, and a place in that queue is used up even if
 * the client has given up by then: a server learns of that only when it serves it.
 */
import type { FakeClock } from "../../src/testing/index.ts";
import type { Scenario } from "./scenario.ts";

/** What an attempt, and the connection that comes of it, hears. */
export interface Client {
  /** TCP stands. */
  connected(): void;
  opened(): void;
  refused(): void;
  answered(status: number, retryAfter: number | undefined): void;
  /** A close frame with this code. */
  closed(code: number): void;
  /** The link is gone without a word. */
  lost(): void;
}

export interface Attempt {
  /** Gives the attempt up, or leaves the connection; nothing is heard after it. */
  leave(): void;
}

type Entry = { client: Client | undefined; open: boolean; readonly halfTrip: number };

export class SimulatedServer {
  /** Attempts begun in each second since the drop. */
  readonly attempts: number[] = [];
  /** Attempts begun by somebody whom a Retry-After had asked to wait longer. */
  early = 0;
  readonly #clock: FakeClock;
  readonly #scenario: Scenario;
  readonly #random: () => number;
  readonly #open = new Set<Entry>();
  /** When each client that was asked to wait may come again. */
  readonly #notBefore = new Map<number, number>();
  /** How many are open that the server hasn't dropped yet, each time that this changes; for the times until they are back. */
  readonly #onCount: (open: number) => void;
  #droppedAt: number | undefined;
  #nextAccept = 0;

  constructor(clock: FakeClock, scenario: Scenario, random: () => number, onCount: (open: number) => void) {
    this.#clock = clock;
    this.#scenario = scenario;
    this.#random = random;
    this.#onCount = onCount;
  }

  /** Begins the scenario: every connection is lost. */
  drop(): void {
    this.#droppedAt = this.#clock.now();
    const dropped = [...this.#open];
    this.#open.clear();
    for (const entry of dropped) this.#later(entry, entry.halfTrip, (client) => client.lost());
  }

  /** `id`: which client it is. `roundTrip` in ms. */
  connect(id: number, roundTrip: number, client: Client): Attempt {
    this.#count(id);
    const entry: Entry = { client, open: false, halfTrip: roundTrip / 2 };
    this.#later(entry, entry.halfTrip, () => this.#arrived(id, entry));
    return {
      leave: () => {
        entry.client = undefined;
        if (this.#open.delete(entry)) this.#onCount(this.#open.size);
      },
    };
  }

  #count(id: number): void {
    if (this.#droppedAt === undefined) return;
    const now = this.#clock.now();
    const second = Math.floor((now - this.#droppedAt) / 1000);
    this.attempts[second] = (this.attempts[second] ?? 0) + 1;
    if (now < (this.#notBefore.get(id) ?? 0)) this.early += 1;
  }

  #arrived(id: number, entry: Entry): void {
    const { halfTrip } = entry;
    const now = this.#clock.now();
    if (this.#droppedAt === undefined) {
      this.#accept(entry, now, false);
      return;
    }
    const treatment = this.#scenario.treat((now - this.#droppedAt) / 1000, this.#random());
    switch (treatment.type) {
      case "refuse":
        this.#later(entry, halfTrip, (client) => client.refused());
        return;
      case "answer": {
        const { status, retryAfter } = treatment;
        this.#later(entry, halfTrip, (client) => client.connected());
        this.#later(entry, 3 * halfTrip, (client) => {
          if (retryAfter !== undefined) this.#notBefore.set(id, this.#clock.now() + retryAfter * 1000);
          client.answered(status, retryAfter);
        });
        return;
      }
      case "accept": {
        const { perSecond, waiting } = this.#scenario.accepts;
        const served = Math.max(now, this.#nextAccept);
        if (((served - now) / 1000) * perSecond > waiting) this.#later(entry, halfTrip, (client) => client.refused());
        else {
          this.#nextAccept = served + 1000 / perSecond;
          this.#accept(entry, served, treatment.thenDrop);
        }
      }
    }
  }

  #accept(entry: Entry, served: number, thenDrop: boolean): void {
    const wait = served - this.#clock.now();
    this.#later(entry, entry.halfTrip, (client) => client.connected());
    this.#later(entry, wait + 3 * entry.halfTrip, (client) => {
      if (!thenDrop) {
        this.#open.add(entry);
        this.#onCount(this.#open.size);
      }
      client.opened();
      if (thenDrop) entry.client?.closed(1001);
    });
  }

  #later(entry: Entry, wait: number, tell: (client: Client) => void): void {
    this.#clock.after(wait, () => {
      if (entry.client !== undefined) tell(entry.client);
    });
  }
}
