/**
 * An open connection's link to its server: the channel, its heartbeat, its age, and the watch over its idleness.
 */
import type { Clock, Timer } from "../platform/platform.ts";
import type { Channel } from "../transport/channel.ts";
import { Heartbeat } from "./heartbeat.ts";

export type LinkOptions = {
  readonly pingInterval: number;
  readonly pongTimeout: number;
  readonly hibernateAfter: number;
  readonly ref: boolean;
};

export interface LinkPort {
  /** May a ping go out now? Not before handleConnect has answered, nor after a close frame. */
  mayPing(): boolean;
  /** A number in [0, 1), for the first ping's time. */
  random(): number;
  /** No byte came within `silence` ms of a ping. Called at most once. */
  dead(silence: number): void;
}

export class Link {
  readonly channel: Channel;
  readonly heartbeat: Heartbeat;
  /** When it opened, as Date.now() has it. */
  readonly openSince: number;
  readonly #clock: Clock;
  readonly #openedAt: number;
  #idleness: Timer | undefined;

  constructor(channel: Channel, options: LinkOptions, clock: Clock, port: LinkPort) {
    this.channel = channel;
    this.openSince = clock.wallClock();
    this.#clock = clock;
    this.#openedAt = clock.now();
    this.heartbeat = new Heartbeat(options, clock, {
      sendPing: (frame) => port.mayPing() && channel.send(frame) === undefined,
      flushed: (callback) => channel.flushed(callback),
      afterReading: (callback) => channel.afterReading(callback),
      bytesReceived: () => channel.bytesReceived,
      bufferedAmount: () => channel.bufferedAmount,
      writeProgress: () => channel.writeProgress,
      random: () => port.random(),
      dead: (silence) => port.dead(silence),
    });
    if (options.hibernateAfter !== Number.POSITIVE_INFINITY) this.#watchIdleness(options.hibernateAfter, this.#traffic);
  }

  /** How long it has been open, in ms. */
  get age(): number {
    return this.#clock.now() - this.#openedAt;
  }

  /** Nothing is read any more, so that TCP pushes back; and no silence is held against the server. */
  pause(): void {
    this.channel.pause();
    this.heartbeat.pause();
  }

  resume(): void {
    // What has been waiting is read before anything else is judged.
    this.channel.resume();
    this.heartbeat.resume();
  }

  /** It is over: no timer of it runs any more. The channel is the owner's to end. */
  end(): void {
    this.heartbeat.stop(new Error("The connection ended before the probe was answered."));
    if (this.#idleness !== undefined) this.#clock.cancel(this.#idleness);
    this.#idleness = undefined;
  }

  get #traffic(): number {
    return this.channel.bytesReceived + this.channel.bytesSent;
  }

  // Looks once in a while whether anything has come or gone; no message pays for it.
  #watchIdleness(interval: number, before: number): void {
    this.#idleness = this.#clock.after(
      interval,
      () => {
        const now = this.#traffic;
        this.#watchIdleness(interval, now);
        // An extension that fails at it ends the link, and this watch with it.
        if (now === before) this.channel.hibernate();
      },
      false,
    );
  }
}
