/**
 * Is the other end still there (sections 1.5 and 2)?
 *
 * A ping goes out every `pingInterval`. If not a single byte has come `pongTimeout` after one, the link is dead: the pong
 * itself isn't asked for, because it may stand behind bulk data. Time in which this process was blocked or suspended is not
 * counted: a verdict that comes late is taken back once for a fresh ping, and none is given before what the system has
 * already received has been read.
 */
import { type PingFrame, ping } from "../frame.ts";
import type { Clock, Timer } from "../platform/platform.ts";

/** The little that a heartbeat needs of its connection. */
export interface HeartbeatPort {
  /** False when no ping can be sent now. */
  sendPing(frame: PingFrame): boolean;
  /** Bytes received so far on this link. */
  bytesReceived(): number;
  /** The link is dead. Called at most once; the heartbeat has stopped. */
  dead(silence: number): void;
}

export type HeartbeatOptions = {
  /** ms; 0 or Infinity: no pings of our own. */
  readonly pingInterval: number;
  /** ms; 0 or Infinity: no verdict. */
  readonly pongTimeout: number;
  readonly ref: boolean;
};

/** A timer that fires this much later than it should means that the process stood still. */
const STALL = 1000;
/** How long a verdict lets the event loop read what has already arrived. */
const LAST_LOOK = 1;

type Probe = {
  readonly payload: string;
  readonly sentAt: number;
  readonly resolve: (roundTrip: number) => void;
  readonly reject: (error: Error) => void;
};

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #clock: Clock;
  readonly #port: HeartbeatPort;
  #interval: Timer | undefined;
  #deadline: Timer | undefined;
  // The ping whose answer is awaited: when it went out, and what had come in by then.
  #sentAt = 0;
  #receivedBefore = 0;
  #awaitsPong = false;
  #probes: Probe[] = [];
  #probeCount = 0;
  #stopped = false;
  /** Round trip of the newest answered ping in ms. */
  lastRoundTrip: number | undefined;

  constructor(options: HeartbeatOptions, clock: Clock, port: HeartbeatPort) {
    this.#options = options;
    this.#clock = clock;
    this.#port = port;
    this.#schedule();
  }

  /** A pong came. Answers the probe that it carries, or measures the newest ping. */
  pong(data: Uint8Array): void {
    const now = this.#clock.now();
    if (data.byteLength === 0) {
      if (this.#awaitsPong) this.lastRoundTrip = now - this.#sentAt;
      this.#awaitsPong = false;
      return;
    }
    if (this.#probes.length === 0) return;
    const payload = String.fromCharCode(...data);
    const index = this.#probes.findIndex((probe) => probe.payload === payload);
    if (index === -1) return;
    // RFC 6455 §5.5.3: a peer may answer only the newest of several pings, so it has answered the older ones too.
    for (const probe of this.#probes.splice(0, index + 1)) {
      this.lastRoundTrip = now - probe.sentAt;
      probe.resolve(this.lastRoundTrip);
    }
  }

  /** Pings now and resolves with the round trip in ms; rejects when the link is found dead or ends first. */
  probe(): Promise<number> {
    this.#probeCount += 1;
    const payload = `probe ${this.#probeCount}`;
    return new Promise((resolve, reject) => {
      if (!this.#port.sendPing(ping(payload))) {
        reject(new Error("The connection isn't open, so there is nothing to probe. Await opened() first."));
        return;
      }
      this.#probes.push({ payload, sentAt: this.#clock.now(), resolve, reject });
      this.#expect();
    });
  }

  /** No ping and no verdict after this; probes that wait are rejected. */
  stop(why: Error): void {
    this.#stopped = true;
    if (this.#interval !== undefined) this.#clock.cancel(this.#interval);
    if (this.#deadline !== undefined) this.#clock.cancel(this.#deadline);
    this.#interval = undefined;
    this.#deadline = undefined;
    for (const probe of this.#probes.splice(0)) probe.reject(why);
  }

  #schedule(): void {
    const { pingInterval, ref } = this.#options;
    if (this.#stopped || pingInterval === 0 || pingInterval === Number.POSITIVE_INFINITY) return;
    this.#interval = this.#clock.after(
      pingInterval,
      () => {
        this.#schedule();
        this.#ping();
      },
      ref,
    );
  }

  #ping(): void {
    if (!this.#port.sendPing(ping())) return;
    // While an answer is awaited another ping doesn't move its deadline: a short interval must not put it off for ever.
    if (!this.#awaitsPong) this.#sentAt = this.#clock.now();
    this.#awaitsPong = true;
    this.#expect();
  }

  // A ping moves the deadline only if something has come since the one that set it: silence is counted from its first ping,
  // so a dead link is found within one interval and one timeout, whichever of them is longer.
  #expect(): void {
    const { pongTimeout, ref } = this.#options;
    if (pongTimeout === 0) return;
    const received = this.#port.bytesReceived();
    if (this.#deadline !== undefined) {
      if (received === this.#receivedBefore) return;
      this.#clock.cancel(this.#deadline);
    }
    this.#receivedBefore = received;
    const dueAt = this.#clock.now() + pongTimeout;
    this.#deadline = this.#clock.after(pongTimeout, () => this.#judge(dueAt), ref);
  }

  #judge(dueAt: number): void {
    if (this.#alive()) return;
    if (this.#clock.now() - dueAt > STALL) {
      this.#deadline = undefined;
      this.#ping();
      return;
    }
    // Timers run before sockets are read: the answer may be there already.
    this.#deadline = this.#clock.after(
      LAST_LOOK,
      () => {
        if (this.#alive()) return;
        const { pongTimeout } = this.#options;
        this.stop(
          new Error(
            `No byte came from the server within ${pongTimeout} ms of the probe: the link is dead and was torn down.`,
          ),
        );
        this.#port.dead(pongTimeout);
      },
      this.#options.ref,
    );
  }

  // Any byte counts. A probe that nothing answers while other bytes come is given one more deadline's time by each of them.
  #alive(): boolean {
    if (this.#port.bytesReceived() === this.#receivedBefore) return false;
    this.#deadline = undefined;
    const { pongTimeout } = this.#options;
    const overdue = this.#clock.now() - pongTimeout;
    this.#probes = this.#probes.filter((probe) => {
      if (probe.sentAt > overdue) return true;
      probe.reject(
        new Error(`The server is alive but didn't answer the probe's ping within ${pongTimeout} ms (RFC 6455 §5.5.2).`),
      );
      return false;
    });
    if (this.#probes.length > 0) this.#expect();
    return true;
  }
}
