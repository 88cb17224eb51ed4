/**
 * What was sent while nothing was open: bounded by count, bytes and age, so that memory stays flat and no stale
 * order goes out after a long outage.
 */
import { byteLengthOf, type Frame } from "../frame.ts";
import type { Clock, Timer } from "../platform/platform.ts";
import type { DropCause } from "./option-types.ts";

export type OutboxLimits = {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxAge: number;
  readonly overflow: "reject" | "drop-oldest";
};

type Entry = {
  readonly frame: Frame;
  readonly bytes: number;
  readonly expiresAt: number;
  /** What the sender asked for. */
  readonly compress: boolean | undefined;
};

export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #clock: Clock;
  readonly #dropped: (frame: Frame, cause: DropCause) => void;
  // A queue with a moving head, so that taking from a full box costs the same as from a short one.
  #entries: Entry[] = [];
  #head = 0;
  #bytes = 0;
  // Nothing in the box expires before this moment.
  #earliest = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;

  /** `dropped` is told of each entry that leaves the box unsent; not of a frame that `put` refuses. */
  constructor(limits: OutboxLimits, clock: Clock, dropped: (frame: Frame, cause: DropCause) => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#dropped = dropped;
  }

  /** Payload bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** Takes a frame for at most `ttl` ms; false when there is no room and the policy is to reject, or it could never fit. */
  put(frame: Frame, ttl: number, compress?: boolean): boolean {
    const { maxMessages, maxBytes, maxAge, overflow } = this.#limits;
    const bytes = byteLengthOf(frame);
    const age = Math.min(ttl, maxAge);
    // What fits into no empty box must not push the others out.
    if (bytes > maxBytes || maxMessages < 1 || age <= 0) return false;
    this.expire();
    while (this.length >= maxMessages || this.#bytes + bytes > maxBytes) {
      if (overflow === "reject") return false;
      this.#dropped(this.#shift().frame, "overflow");
    }
    const expiresAt = this.#clock.now() + age;
    this.#entries.push({ frame, bytes, expiresAt, compress });
    this.#bytes += bytes;
    if (expiresAt < this.#earliest) {
      this.#earliest = expiresAt;
      this.#watch();
    }
    return true;
  }

  /** The oldest entry that hasn't expired, taken out; undefined when there is none. */
  take(): Entry | undefined {
    this.expire();
    return this.length === 0 ? undefined : this.#shift();
  }

  /** Drops all that waits. */
  clear(cause: DropCause): void {
    while (this.length > 0) this.#dropped(this.#shift().frame, cause);
  }

  #shift(): Entry {
    const entry = this.#entries[this.#head] as Entry;
    this.#head += 1;
    this.#bytes -= entry.bytes;
    if (this.#head === this.#entries.length) {
      this.#reset([]);
    } else if (this.#head >= 1024) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  /** Drops what has waited too long. `take` and `put` do so by themselves. */
  expire(): void {
    const now = this.#clock.now();
    if (now < this.#earliest) return;
    // A ttl of its own lets an entry expire before an older one, so all are looked at.
    const waiting = this.#entries.slice(this.#head);
    this.#reset(waiting.filter((entry) => entry.expiresAt > now));
    for (const entry of waiting) {
      if (entry.expiresAt > now) continue;
      this.#bytes -= entry.bytes;
      this.#dropped(entry.frame, "expired");
    }
  }

  #reset(entries: Entry[]): void {
    this.#entries = entries;
    this.#head = 0;
    this.#earliest = entries.reduce((least, entry) => Math.min(least, entry.expiresAt), Number.POSITIVE_INFINITY);
    this.#watch();
  }

  // One timer for the box. It keeps no process alive: a frame that nobody will ever send is no reason to run.
  #watch(): void {
    if (this.#timer !== undefined) this.#clock.cancel(this.#timer);
    this.#timer = undefined;
    if (this.#earliest === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.after(
      Math.max(0, this.#earliest - this.#clock.now()),
      () => {
        this.#timer = undefined;
        this.expire();
        // The clock's timer may fire a little early by the clock's own reading.
        if (this.#timer === undefined) this.#watch();
      },
      false,
    );
  }
}
