/**
 * The account of one connection's messages to the server: each that was accepted has one fate, and this is where it is booked. It holds only what has
 * none yet, so that it stays small however long it runs.
 */

/** received: by the server; dropped: told to onDrop; reported: told as casting_failed; lost: the system had it, on a link that then died. */
export type MessageFate = "received" | "dropped" | "reported" | "lost";

export class Ledger {
  accepted = 0;
  readonly fates: Record<MessageFate, number> = { received: 0, dropped: 0, reported: 0, lost: 0 };
  readonly #open = new Set<number>();
  readonly #violated: (sentence: string) => void;

  constructor(violated: (sentence: string) => void) {
    this.#violated = violated;
  }

  /** Accepted messages whose fate isn't known yet. */
  get open(): number {
    return this.#open.size;
  }

  accept(number: number): void {
    this.accepted += 1;
    this.#open.add(number);
  }

  settle(number: number, fate: MessageFate): void {
    this.fates[fate] += 1;
    if (!this.#open.delete(number))
      this.#violated(`messages: ${number} is ${fate}, and had a fate before or never was`);
  }
}
