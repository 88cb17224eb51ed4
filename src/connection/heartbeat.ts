/**
 * Is the other end still there (sections 1.5 and 2)? docs/decisions/0013-when-a-link-is-dead.md has the reasons.
 *
 * A ping goes out every `pingInterval`. If not a single byte has come `pongTimeout` after it left our buffer, the link is dead;
 * so it is when the ping can't leave, because the system takes nothing for as long. The pong itself isn't asked for: it may stand
 * behind bulk data. While our own bulk data goes out, the peer takes it, and lives. Time in which nothing could be read is not counted: while reading is paused there is no verdict, and when this
 * process stood still or the machine slept, the silence is counted anew from a fresh ping. Before any verdict, what the system has
 * received is read.
 *
 * There are two timers, and no object but theirs is made for a ping.
 */
import { type PingFrame, ping } from "../frame.ts";
import type { Clock, Timer } from "../platform/platform.ts";

/** The little that a heartbeat needs of its connection. */
export interface HeartbeatPort {
  /** False when no ping can be sent now. */
  sendPing(frame: PingFrame): boolean;
  /** Calls back once, when everything sent so far has been given to the system. */
  flushed(callback: () => void): void;
  /** Calls back once, when what the system has received by now has been read. */
  afterReading(callback: () => void): void;
  /** Bytes received so far on this link. */
  bytesReceived(): number;
  /** Bytes that wait to be sent. */
  bufferedAmount(): number;
  /** Another number whenever the system has taken some of them. */
  writeProgress(): number;
  /** A number in [0, 1). */
  random(): number;
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

/** A timer that fires this much later than it should, or a wall clock that ran ahead by as much, means that we stood still. */
const STALL = 1000;
const PING = ping();

type Probe = {
  readonly payload: string;
  /** Which of the pings sent on this link carries it. */
  readonly number: number;
  /** Bytes received when it was sent. */
  readonly received: number;
  readonly resolve: (roundTrip: number) => void;
  readonly reject: (error: Error) => void;
  /** When it left the buffer; until it has, when it was put there. */
  sentAt: number;
  /** From when its answer is waited for. */
  since: number;
};

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #clock: Clock;
  readonly #port: HeartbeatPort;
  #interval: Timer | undefined;
  #intervalAt = 0;
  #deadline: Timer | undefined;
  #deadlineAt = 0;
  #reading: "flowing" | "paused" = "flowing";
  #stopped = false;
  /** By how much the wall clock was ahead of the other when they were last looked at. */
  #ahead: number;

  /** Pings that have been sent, and how many of them have left the buffer. */
  #sent = 0;
  #left = 0;
  /** The oldest empty ping without an answer: which it is, and when it left. */
  #unanswered: number | undefined;
  #unansweredSince = 0;

  /** Is the link under suspicion? Then the others say since when, which ping has to leave, and how things stood at the last look. */
  #suspected = false;
  #since = 0;
  #awaited = 0;
  #received = 0;
  #waiting = false;
  #progress = 0;
  /** A late verdict has been taken back in this silence. */
  #reprieved = false;

  #probes: Probe[] = [];
  #probeCount = 0;
  /** Round trip of the newest answered ping in ms. */
  lastRoundTrip: number | undefined;

  constructor(options: HeartbeatOptions, clock: Clock, port: HeartbeatPort) {
    this.#options = options;
    this.#clock = clock;
    this.#port = port;
    this.#ahead = clock.wallClock() - clock.now();
    // Links that opened together, as after a server's restart, are not to ping together ever after.
    this.#schedule((1 - port.random()) * options.pingInterval);
  }

  /** A pong came. Answers the probe that it carries, or measures the oldest ping that has no answer. */
  pong(data: Uint8Array): void {
    const now = this.#clock.now();
    if (data.byteLength === 0) {
      if (this.#unanswered !== undefined) this.lastRoundTrip = now - this.#unansweredSince;
      this.#unanswered = undefined;
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
      if (!this.#send(ping(payload))) {
        reject(new Error("The connection isn't open, so there is nothing to probe. Await opened() first."));
        return;
      }
      const now = this.#clock.now();
      const received = this.#port.bytesReceived();
      this.#probes.push({ payload, number: this.#sent, received, resolve, reject, sentAt: now, since: now });
      this.#suspect();
    });
  }

  /** Nothing is read from now on, so silence says nothing. Pings go out as before: the server is to hear from us. */
  pause(): void {
    this.#reading = "paused";
  }

  /** Reading has been resumed. What is suspected has its whole time again, and a fresh ping if its time ran out meanwhile. */
  resume(): void {
    if (this.#reading === "flowing") return;
    this.#reading = "flowing";
    if (!this.#suspected || this.#stopped) return;
    if (this.#deadline === undefined) this.#startOver();
    else this.#countAnew();
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

  // ── Pings ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #schedule(wait: number): void {
    const { pingInterval, ref } = this.#options;
    if (this.#stopped || pingInterval === 0 || pingInterval === Number.POSITIVE_INFINITY) return;
    this.#intervalAt = this.#clock.now() + wait;
    this.#interval = this.#clock.after(wait, this.#tick, ref);
  }

  readonly #tick = (): void => {
    const stoodStill = this.#stoodStillAt(this.#intervalAt);
    this.#schedule(this.#options.pingInterval);
    if (stoodStill) this.#startOver();
    else this.#ping();
  };

  #ping(): void {
    // One in the buffer is enough. More of them behind bulk data would only pile up.
    if (this.#left === this.#sent) {
      if (!this.#send(PING)) return;
      if (this.#unanswered === undefined) {
        this.#unanswered = this.#sent;
        this.#unansweredSince = this.#clock.now();
      }
    }
    this.#suspect();
  }

  #send(frame: PingFrame): boolean {
    if (!this.#port.sendPing(frame)) return false;
    this.#sent += 1;
    this.#port.flushed(this.#pingLeft);
    return true;
  }

  /** Called for each ping, in their order. Its pong may have come before this, where a platform tells late of a write. */
  readonly #pingLeft = (): void => {
    if (this.#stopped) return;
    this.#left += 1;
    const now = this.#clock.now();
    if (this.#left === this.#unanswered) this.#unansweredSince = now;
    const probe = this.#probes.find(({ number }) => number === this.#left);
    if (probe !== undefined) {
      probe.sentAt = now;
      probe.since = now;
    }
    if (!this.#suspected || this.#left !== this.#awaited) return;
    this.#since = now;
    this.#lookAtBuffer();
  };

  // ── Verdicts ───────────────────────────────────────────────────────────────────────────────────────────────────

  // A later ping doesn't put the verdict off while nothing comes: silence is counted from its first ping, so a dead link is found
  // within one interval and one timeout, whichever of them is longer.
  #suspect(lookAfter = this.#options.pongTimeout): void {
    if (this.#options.pongTimeout === 0) return;
    const received = this.#port.bytesReceived();
    if (this.#suspected && received === this.#received) return;
    this.#suspected = true;
    // The oldest one that is still in the buffer; when none is, the silence begins now.
    this.#awaited = Math.min(this.#sent, this.#left + 1);
    this.#since = this.#clock.now();
    this.#received = received;
    this.#lookAtBuffer();
    if (this.#deadline === undefined) this.#judgeAfter(lookAfter);
  }

  /** The time so far doesn't count. */
  #countAnew(): void {
    const now = this.#clock.now();
    this.#since = now;
    for (const probe of this.#probes) probe.since = now;
  }

  /** The time so far doesn't count: one fresh ping, and its whole time. */
  #startOver(): void {
    this.#suspected = false;
    this.#countAnew();
    this.#ping();
  }

  #judgeAfter(wait: number): void {
    this.#deadlineAt = this.#clock.now() + wait;
    this.#deadline = this.#clock.after(wait, this.#judge, this.#options.ref);
  }

  readonly #judge = (): void => {
    this.#deadline = undefined;
    // resume() goes on from here.
    if (this.#reading === "paused" || this.#isAliveOrHasTime()) return;
    const stoodStill = this.#stoodStillAt(this.#deadlineAt);
    this.#port.afterReading(() => {
      if (this.#stopped || !this.#suspected || this.#reading === "paused" || this.#isAliveOrHasTime()) return;
      if (stoodStill) this.#startOver();
      else this.#die();
    });
  };

  /** False: nothing came, and nothing could be sent, for the whole time. */
  #isAliveOrHasTime(): boolean {
    const now = this.#clock.now();
    const { pongTimeout } = this.#options;
    const received = this.#port.bytesReceived();
    this.#rejectUnanswered(now, received);
    // Any byte counts.
    if (received !== this.#received) {
      this.#suspected = false;
      this.#reprieved = false;
      const [first] = this.#probes;
      // Not its answer, but other bytes. It is looked at again when it has had its time.
      if (first !== undefined) this.#suspect(Math.max(first.since + pongTimeout - now, 1));
      return true;
    }
    if (this.#lookAtBuffer()) this.#since = now;
    const time = this.#since + pongTimeout - now;
    if (time <= 0) return false;
    if (this.#deadline === undefined) this.#judgeAfter(time);
    return true;
  }

  /**
   * Has the system taken some of what was waiting at the last look? Its own buffer was full then, and only the peer makes room in it.
   * What it takes while nothing waits says nothing: of small messages to a peer that has gone it takes megabytes.
   */
  #lookAtBuffer(): boolean {
    const waited = this.#waiting;
    const before = this.#progress;
    this.#waiting = this.#port.bufferedAmount() > 0;
    this.#progress = this.#port.writeProgress();
    return waited && this.#progress !== before;
  }

  #die(): void {
    const { pongTimeout } = this.#options;
    this.stop(
      new Error(
        `No byte came from the server within ${pongTimeout} ms of the probe: the link is dead and was torn down.`,
      ),
    );
    this.#port.dead(pongTimeout);
  }

  /** Did this process stand still, or the machine sleep? Of a timer that was due at that time. */
  #stoodStillAt(due: number): boolean {
    const now = this.#clock.now();
    const ahead = this.#clock.wallClock() - now;
    // Linux doesn't count a machine's sleep on the clock that timers run by; others do, and then the timer is late.
    const slept = ahead - this.#ahead > STALL;
    this.#ahead = ahead;
    if (!slept && now - due <= STALL) return false;
    // A process that is late every time has read in between. It gets one fresh ping for a silence, or it would never find out.
    if (!slept && this.#reprieved) return false;
    this.#reprieved = true;
    return true;
  }

  // ── Probes ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Of a link on which other bytes came. */
  #rejectUnanswered(now: number, received: number): void {
    if (this.#probes.length === 0) return;
    const { pongTimeout } = this.#options;
    this.#probes = this.#probes.filter((probe) => {
      const waits = probe.number > this.#left || now - probe.since < pongTimeout || probe.received === received;
      if (!waits) {
        probe.reject(
          new Error(
            `The server is alive but didn't answer the probe's ping within ${pongTimeout} ms (RFC 6455 §5.5.2).`,
          ),
        );
      }
      return waits;
    });
  }
}
