/**
 * What was sent while no channel took it: bounded by count, bytes and age, so that memory stays flat and no stale order goes out
 * after a long outage.
 *
 * A queue in which any entry can be found by its key, and taken out from the middle when it expires, without a look at the others.
 */
import { byteLengthOf, type Frame, type FrameLike } from "../frame.ts";
import type { Clock, Timer } from "../platform/platform.ts";
import { type Expiring, ExpiryHeap } from "./expiry-heap.ts";
import type { DropCause } from "./option-types.ts";

export type OutboxLimits = {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxAge: number;
  readonly overflow: "reject" | "drop-oldest";
};

/** What the sender of a frame asked for; `ttl` in ms. */
export type Wish = {
  readonly ttl?: number | undefined;
  readonly key?: string | undefined;
  readonly whenClosed?: "queue" | "drop" | undefined;
  readonly compress?: boolean | undefined;
};

export type Entry = Expiring & {
  readonly frame: Frame;
  readonly bytes: number;
  readonly key: string | undefined;
  readonly compress: boolean | undefined;
  /** It isn't to wait for another connection than the one that is open now. */
  readonly thisConnectionOnly: boolean;
  previous: Entry | undefined;
  next: Entry | undefined;
};

/** An entry that has left unsent, and why. */
type Drop = readonly [entry: Entry, cause: DropCause];

export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #clock: Clock;
  readonly #dropped: (frame: Frame, cause: DropCause) => void;
  #first: Entry | undefined;
  #last: Entry | undefined;
  #length = 0;
  #bytes = 0;
  #thisConnectionOnly = 0;
  #order = 0;
  readonly #byKey = new Map<string, Entry>();
  readonly #expiries = new ExpiryHeap<Entry>();
  #timer: { readonly timer: Timer; readonly at: number } | undefined;

  /**
   * `dropped` is told of each entry that leaves the box unsent, once the box stands as it is to be afterwards: whoever is told may
   * use it. It is not told of a frame that `put` refuses.
   */
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
    return this.#length;
  }

  /**
   * Takes a frame, which becomes the box's own: the caller may change his bytes. Not when it may not wait at all ("expired"), could
   * never fit, or finds no room and nobody is to be pushed out ("overflow"): then that is answered.
   */
  put(
    given: FrameLike,
    { ttl = Number.POSITIVE_INFINITY, key, whenClosed, compress }: Wish = {},
  ): DropCause | undefined {
    const { maxMessages, maxBytes, maxAge, overflow } = this.#limits;
    const age = Math.min(ttl, maxAge);
    if (age <= 0) return "expired";
    const frame = frameOf(given);
    const bytes = byteLengthOf(frame);
    // What fits into no empty box must not push the others out.
    if (bytes > maxBytes || maxMessages < 1) return "overflow";
    const drops: Drop[] = this.#takeExpired();
    const old = key === undefined ? undefined : this.#byKey.get(key);
    const isFull = (): boolean =>
      this.#length - (old === undefined ? 0 : 1) >= maxMessages || this.#bytes - (old?.bytes ?? 0) + bytes > maxBytes;
    if (overflow === "reject" && isFull()) {
      this.#tell(drops);
      return "overflow";
    }
    while (isFull()) {
      const oldest = (this.#first === old ? old?.next : this.#first) as Entry;
      this.#remove(oldest);
      drops.push([oldest, "overflow"]);
    }
    const entry: Entry = {
      frame: copyOf(frame),
      bytes,
      key,
      compress,
      thisConnectionOnly: whenClosed === "drop",
      expiresAt: this.#clock.now() + age,
      order: this.#order++,
      heapIndex: -1,
      previous: this.#last,
      next: undefined,
    };
    if (old === undefined) {
      this.#insert(entry);
    } else {
      // In its place, so that a key that changes faster than the peer reads is sent in its turn all the same.
      entry.previous = old.previous;
      entry.next = old.next;
      this.#remove(old);
      this.#insert(entry);
      drops.push([old, "replaced"]);
    }
    this.#watch();
    this.#tell(drops);
    return undefined;
  }

  /** The first in line, taken out; undefined when there is none. `expire()` first, so that it is none that has waited too long. */
  take(): Entry | undefined {
    const entry = this.#first;
    if (entry === undefined) return undefined;
    this.#remove(entry);
    if (this.#length === 0) this.#watch();
    return entry;
  }

  /** Drops what has waited too long. */
  expire(): void {
    this.#tell(this.#takeExpired());
  }

  /** Drops what was to wait for no other connection. */
  connectionEnded(): void {
    if (this.#thisConnectionOnly > 0) this.#drop("closed", (entry) => entry.thisConnectionOnly);
  }

  /** Drops all that waits. */
  clear(cause: DropCause): void {
    this.#drop(cause, () => true);
  }

  #drop(cause: DropCause, matches: (entry: Entry) => boolean): void {
    const drops: Drop[] = [];
    for (let entry = this.#first; entry !== undefined; entry = entry.next) {
      if (matches(entry)) drops.push([entry, cause]);
    }
    for (const [entry] of drops) this.#remove(entry);
    this.#watch();
    this.#tell(drops);
  }

  #takeExpired(): Drop[] {
    const drops: Drop[] = [];
    let first = this.#expiries.first;
    if (first === undefined) return drops;
    const now = this.#clock.now();
    for (; first !== undefined && first.expiresAt <= now; first = this.#expiries.first) {
      this.#remove(first);
      drops.push([first, "expired"]);
    }
    if (drops.length > 0) this.#watch();
    return drops;
  }

  #tell(drops: readonly Drop[]): void {
    for (const [{ frame }, cause] of drops) this.#dropped(frame, cause);
  }

  /** Puts an entry between those that it names. */
  #insert(entry: Entry): void {
    if (entry.previous === undefined) this.#first = entry;
    else entry.previous.next = entry;
    if (entry.next === undefined) this.#last = entry;
    else entry.next.previous = entry;
    this.#length += 1;
    this.#bytes += entry.bytes;
    if (entry.thisConnectionOnly) this.#thisConnectionOnly += 1;
    if (entry.key !== undefined) this.#byKey.set(entry.key, entry);
    this.#expiries.add(entry);
  }

  #remove(entry: Entry): void {
    if (entry.previous === undefined) this.#first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.#last = entry.previous;
    else entry.next.previous = entry.previous;
    this.#length -= 1;
    this.#bytes -= entry.bytes;
    if (entry.thisConnectionOnly) this.#thisConnectionOnly -= 1;
    if (entry.key !== undefined) this.#byKey.delete(entry.key);
    this.#expiries.remove(entry);
  }

  // One timer for the box. It keeps no process alive: a frame that nobody will ever send is no reason to run. It isn't put off when
  // its entry leaves, only when all have: a box that is filled and emptied without end would set it anew each time.
  #watch(): void {
    const at = this.#expiries.first?.expiresAt ?? Number.POSITIVE_INFINITY;
    if (this.#timer !== undefined) {
      if (this.#timer.at <= at && at !== Number.POSITIVE_INFINITY) return;
      this.#clock.cancel(this.#timer.timer);
      this.#timer = undefined;
    }
    if (at === Number.POSITIVE_INFINITY) return;
    const timer = this.#clock.after(
      Math.max(0, at - this.#clock.now()),
      () => {
        this.#timer = undefined;
        this.expire();
        // It may fire early by the clock's own reading, or for an entry that has left.
        this.#watch();
      },
      false,
    );
    this.#timer = { timer, at };
  }
}

/** The frame that something short for one stands for; its bytes are the same. */
export function frameOf(frame: FrameLike): Frame {
  if (typeof frame === "string") return { type: "text", data: frame };
  return frame instanceof Uint8Array ? { type: "binary", data: frame } : frame;
}

function copyOf(frame: Frame): Frame {
  return frame.type === "text" || frame.type === "close" ? frame : { type: frame.type, data: frame.data.slice() };
}
