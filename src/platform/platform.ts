/**
 * What a connection takes from the machine it runs on. `#platform` in package.json's imports names the implementation,
 * so that a build for another platform is another entry there and nothing else.
 */
import type { OpenChannel } from "../transport/channel.ts";

/** A running timer; only the clock that made it looks inside. */
export type Timer = { readonly timer: unknown };

export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Milliseconds since 1970, as Date.now() has them. */
  wallClock(): number;
  /** Calls back once after `ms`; never for Infinity. `ref: false` doesn't keep the process alive. */
  after(ms: number, callback: () => void, ref: boolean): Timer;
  cancel(timer: Timer): void;
}

export interface Platform {
  readonly openChannel: OpenChannel;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter. */
  random(): number;
  /** A string that is unique in this process. */
  identifier(): string;
  logError(line: string): void;
  logInfo(line: string): void;
}
