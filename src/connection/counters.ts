/**
 * The numbers behind `connection.stats`, over all attempts of a connection.
 */
import type { ConnectionStats, DropCounter } from "./option-types.ts";

type Link = { readonly bytesSent: number; readonly bytesReceived: number };

export class Counters {
  framesSent = 0;
  framesReceived = 0;
  attempts = 0;
  opens = 0;
  #bytesSent = 0;
  #bytesReceived = 0;
  readonly #dropped: Record<DropCounter, number> = {
    expired: 0,
    overflow: 0,
    replaced: 0,
    closed: 0,
    terminated: 0,
    invalid: 0,
    lost: 0,
  };

  drop(cause: DropCounter, frames = 1): void {
    this.#dropped[cause] += frames;
  }

  /** Adds up what an ended link has carried. */
  add(link: Link): void {
    this.#bytesSent += link.bytesSent;
    this.#bytesReceived += link.bytesReceived;
  }

  /** The numbers now, those of the present link included. */
  snapshot(
    link: Link | undefined,
    now: { readonly lastRoundTrip: number | undefined; readonly openSince: number | undefined },
  ): ConnectionStats {
    return {
      framesSent: this.framesSent,
      framesReceived: this.framesReceived,
      bytesSent: this.#bytesSent + (link?.bytesSent ?? 0),
      bytesReceived: this.#bytesReceived + (link?.bytesReceived ?? 0),
      attempts: this.attempts,
      opens: this.opens,
      reconnects: Math.max(0, this.opens - 1),
      dropped: { ...this.#dropped },
      lastRoundTrip: now.lastRoundTrip,
      openSince: now.openSince,
    };
  }
}
