/**
 * Where a frame goes: to the channel while there is one that takes it, else to the outbox, or nowhere; and the account of it.
 */
import type { SendResult } from "../behaviour.ts";
import { type Frame, type FrameLike, faultOf } from "../frame.ts";
import type { Clock } from "../platform/platform.ts";
import type { Channel } from "../transport/channel.ts";
import type { Counters } from "./counters.ts";
import type { SendFault } from "./failures.ts";
import { milliseconds } from "./option-checks.ts";
import type { DropCause, DropCounter, SendOptions } from "./option-types.ts";
import { Outbox, type OutboxLimits } from "./outbox.ts";
import { Waiters } from "./waiters.ts";

export interface SenderPort {
  /** A frame that waited in the outbox was dropped. */
  dropped(frame: Frame, cause: DropCause): void;
  /** Frames begin to be dropped for this cause; said once a cause until the next open. */
  dropping(cause: DropCounter): void;
  /** A frame that waited in the outbox can't be sent after all. */
  refused(fault: SendFault): void;
}

type Outcome = { readonly result: SendResult; readonly fault?: SendFault };

const SENT: Outcome = { result: "sent" };
const QUEUED: Outcome = { result: "queued" };
const DROPPED: Outcome = { result: "dropped" };

const checkTtl = milliseconds({ zero: true, infinity: true });

export class Sender {
  readonly #counters: Counters;
  readonly #port: SenderPort;
  readonly #outbox: Outbox | undefined;
  readonly #waiters = new Waiters();
  readonly #dropping = new Set<DropCounter>();
  /** Where frames go straight to; none while they are to wait. */
  #target: Channel | undefined;
  /** What has been handed over to, ready to take more or not. */
  #channel: Channel | undefined;
  #over = false;

  constructor(outbox: false | OutboxLimits, clock: Clock, counters: Counters, port: SenderPort) {
    this.#counters = counters;
    this.#port = port;
    this.#outbox =
      outbox === false
        ? undefined
        : new Outbox(outbox, clock, (frame, cause) => {
            this.#count(cause);
            port.dropped(frame, cause);
            this.#watch();
          });
  }

  /** Do frames go straight to a channel? */
  get ready(): boolean {
    return this.#target !== undefined;
  }

  /** Bytes accepted and not yet given to the system. */
  get bufferedAmount(): number {
    return (this.#channel?.bufferedAmount ?? 0) + (this.#outbox?.bytes ?? 0);
  }

  /** A channel has opened; frames go on waiting until `open`. */
  attach(channel: Channel): void {
    this.#channel = channel;
    this.#dropping.clear();
  }

  /** From now on frames go straight to the channel; what waits is for `flush`. */
  open(): void {
    this.#target = this.#channel;
  }

  /** From now on frames wait. */
  shut(): void {
    this.#target = undefined;
  }

  /** The channel is over. */
  detach(): void {
    this.#target = undefined;
    this.#channel = undefined;
    this.#watch();
  }

  /** Hands a frame, which is no close frame, to where it goes now. */
  cast(frame: FrameLike, options?: SendOptions): Outcome {
    if (this.#target !== undefined) {
      const fault = this.#target.send(frame, options);
      if (fault !== undefined) return this.#refuse(fault);
      this.#counters.framesSent += 1;
      return SENT;
    }
    const fault = faultOf(frame);
    return fault === undefined ? this.#queue(frame, options) : this.#refuse(fault);
  }

  /** Sends what waits in the outbox. */
  flush(): void {
    for (;;) {
      // Whoever is told of a drop may close the connection.
      this.#outbox?.expire();
      const target = this.#target;
      if (target === undefined) break;
      const entry = this.#outbox?.take();
      if (entry === undefined) break;
      // It was checked when it was queued, but not by the extensions that this channel has.
      const fault = target.send(entry.frame, entry);
      if (fault === undefined) {
        this.#counters.framesSent += 1;
      } else {
        this.#refuse(fault);
        this.#port.refused(fault);
      }
    }
    this.#watch();
  }

  /** Resolves when nothing waits any more. */
  async drain(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#drained) return;
    const drained = this.#waiters.wait(signal);
    this.#watch();
    return drained;
  }

  /** Frames that had been accepted are lost. */
  lost(frames: number, error: Error): void {
    this.#counters.drop("lost", frames);
    this.#waiters.fail(error);
  }

  /** Nothing more is taken: the connection is to terminate. What waits is dropped at the end. */
  close(): void {
    this.#over = true;
  }

  /** The connection has terminated: what waits is dropped. */
  end(error: Error): void {
    // Before the outbox is emptied, or drain() would take that for everything having been sent.
    this.#waiters.fail(error);
    this.#outbox?.clear("terminated");
  }

  #refuse(fault: SendFault): Outcome {
    this.#counters.drop("invalid");
    return { result: "dropped", fault };
  }

  #queue(frame: FrameLike, options: SendOptions | undefined): Outcome {
    const { ttl = Number.POSITIVE_INFINITY, whenClosed = "queue", compress } = options ?? {};
    checkTtl("ttl", ttl);
    if (this.#over) return this.#drop("terminated");
    if (this.#outbox === undefined || whenClosed === "drop") return this.#drop("closed");
    return this.#outbox.put(copyOf(frame), ttl, compress) ? QUEUED : this.#drop("overflow");
  }

  #drop(cause: DropCounter): Outcome {
    this.#count(cause);
    return DROPPED;
  }

  #count(cause: DropCounter): void {
    this.#counters.drop(cause);
    if (this.#dropping.has(cause)) return;
    this.#dropping.add(cause);
    this.#port.dropping(cause);
  }

  // An empty message in the outbox has no bytes, but it waits.
  get #drained(): boolean {
    return this.bufferedAmount === 0 && (this.#outbox?.length ?? 0) === 0;
  }

  #watch(): void {
    if (this.#waiters.size === 0) return;
    if (this.#drained) this.#waiters.settle();
    // While frames wait for something else than the channel, it has nothing to tell; open() or detach() brings us back here.
    else this.#target?.flushed(() => this.#watch());
  }
}

/** A frame of its own for the outbox: the caller may change its bytes while they wait. */
function copyOf(frame: FrameLike): Frame {
  if (typeof frame === "string") return { type: "text", data: frame };
  if (frame instanceof Uint8Array) return { type: "binary", data: frame.slice() };
  return frame.type === "text" || frame.type === "close" ? frame : { type: frame.type, data: frame.data.slice() };
}
