/**
 * drain(): promises that wait until nothing is left to be sent. What is left is the sender's affair; here is when to look again.
 */
import type { Channel } from "../transport/channel.ts";
import { Waiters } from "./waiters.ts";

export interface DrainPort {
  /** Is nothing left? */
  drained(): boolean;
  /** The channel whose writes bring it nearer; none while frames wait for something else. */
  channel(): Pick<Channel, "flushed"> | undefined;
}

export class Drain {
  readonly #port: DrainPort;
  readonly #waiters = new Waiters();
  /** The channel that has been asked to tell when it has written what it holds. */
  #asked: Pick<Channel, "flushed"> | undefined;

  constructor(port: DrainPort) {
    this.#port = port;
  }

  /** Resolves when nothing is left. */
  async wait(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#port.drained()) return;
    const drained = this.#waiters.wait(signal);
    this.look();
    return drained;
  }

  /** Something has changed: settles what waits, or asks the channel, once, to tell of the next change. */
  look(): void {
    if (this.#waiters.size === 0) return;
    if (this.#port.drained()) {
      this.#waiters.settle();
      return;
    }
    const channel = this.#port.channel();
    if (channel === undefined || channel === this.#asked) return;
    this.#asked = channel;
    channel.flushed(() => {
      if (this.#asked !== channel) return;
      this.#asked = undefined;
      this.look();
    });
  }

  /** A channel has gone, and tells nothing any more. */
  channelGone(): void {
    this.#asked = undefined;
  }

  /** What waits will never be sent. */
  fail(error: Error): void {
    this.#waiters.fail(error);
  }
}
