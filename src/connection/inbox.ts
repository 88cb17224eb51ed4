/**
 * What has been read but not handled, because a callback is pending: counted, and with a say in whether reading goes on.
 * The frames themselves wait in the mailbox, among everything else that does.
 */
import { byteLengthOf, type ControlFrame, type DataFrame } from "../frame.ts";

export type InboxLimits = { readonly maxMessages: number; readonly maxBytes: number };

export class Inbox {
  readonly #limits: InboxLimits;
  #frames = 0;
  #bytes = 0;
  #reading: "flowing" | "paused" = "flowing";

  constructor(limits: InboxLimits) {
    this.#limits = limits;
  }

  /** Frames that wait. */
  get length(): number {
    return this.#frames;
  }

  /** A frame has to wait. True: the bounds are reached, and reading is to pause. */
  hold(frame: DataFrame | ControlFrame): boolean {
    this.#frames += 1;
    this.#bytes += byteLengthOf(frame);
    const full = this.#frames >= this.#limits.maxMessages || this.#bytes >= this.#limits.maxBytes;
    if (!full || this.#reading === "paused") return false;
    this.#reading = "paused";
    return true;
  }

  /** A frame's turn has come. True: reading is to go on, at a quarter of the bounds, so that it isn't switched at each frame. */
  release(frame: DataFrame | ControlFrame): boolean {
    this.#frames -= 1;
    this.#bytes -= byteLengthOf(frame);
    const low = this.#frames <= this.#limits.maxMessages / 4 && this.#bytes <= this.#limits.maxBytes / 4;
    if (!low || this.#reading === "flowing") return false;
    this.#reading = "flowing";
    return true;
  }

  /** What was read from is over: the next one is read from the start. What waits goes on waiting. */
  linkEnded(): void {
    this.#reading = "flowing";
  }

  /** The frames that wait were thrown away. */
  clear(): void {
    this.#frames = 0;
    this.#bytes = 0;
  }
}
