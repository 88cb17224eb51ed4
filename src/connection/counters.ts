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
  replacements = 0;
  lastError: ConnectionStats["lastError"];
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

  /** The numbers now, those of the links that stand included. */
  snapshot(
    links: readonly Link[],
    now: { readonly lastRoundTrip: number | undefined; readonly openSince: number | undefined },
  ): ConnectionStats {
    return {
      framesSent: this.framesSent,
      framesReceived: this.framesReceived,
      bytesSent: links.reduce((sum, link) => sum + link.bytesSent, this.#bytesSent),
      bytesReceived: links.reduce((sum, link) => sum + link.bytesReceived, this.#bytesReceived),
      attempts: this.attempts,
      opens: this.opens,
      reconnects: Math.max(0, this.opens - this.replacements - 1),
      replacements: this.replacements,
      dropped: { ...this.#dropped },
      lastRoundTrip: now.lastRoundTrip,
      openSince: now.openSince,
      lastError: this.lastError,
    };
  }
}
