/**
 * The platform of Node, and of Deno and Bun through their Node layers.
 */
import { randomBytes } from "node:crypto";
import { openHttp1Channel } from "../transport/http1.ts";
import { followingRedirects } from "../transport/redirect.ts";
import type { Clock, Platform, Timer } from "./platform.ts";

/** What setTimeout can hold; more would fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** A wait that is longer than one timeout is made of several. */
class NodeTimer implements Timer {
  timer: NodeJS.Timeout | undefined;

  wait(ms: number, callback: () => void, ref: boolean): void {
    const step = Math.min(ms, LONGEST_TIMEOUT);
    this.timer = setTimeout(() => (step === ms ? callback() : this.wait(ms - step, callback, ref)), step);
    if (!ref) this.timer.unref();
  }
}

const clock: Clock = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  after(ms, callback, ref) {
    const timer = new NodeTimer();
    if (ms !== Number.POSITIVE_INFINITY) timer.wait(ms, callback, ref);
    return timer;
  },
  cancel(timer) {
    clearTimeout((timer as NodeTimer).timer);
  },
};

let identifiers = 0;

export const platform: Platform = {
  openChannel: followingRedirects(openHttp1Channel),
  clock,
  random: Math.random,
  // The counter makes it unique here, the random part hard to guess and unlike that of another process.
  identifier() {
    identifiers += 1;
    return `${identifiers.toString(36)}-${randomBytes(4).toString("hex")}`;
  },
  logError: (line) => console.error(line),
  logInfo: (line) => console.info(line),
};
