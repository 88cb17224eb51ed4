/**
 * Frames in a row, bounded in number and in bytes: the oldest make room for the newest.
 */
import type { Frame } from "../frame.ts";

// What a frame takes beside its data, roughly.
const FRAME_OVERHEAD = 64;
// The list is cut now and then, not at each frame: that would move all the others.
const CUT_AFTER = 1024;

export class FrameQueue {
  readonly #maxFrames: number;
  readonly #maxBytes: number;
  readonly #frames: Frame[] = [];
  #head = 0;
  #bytes = 0;

  constructor(maxFrames: number, maxBytes: number) {
    this.#maxFrames = maxFrames;
    this.#maxBytes = maxBytes;
  }

  /** Oldest first. */
  toArray(): Frame[] {
    return this.#frames.slice(this.#head);
  }

  /** Takes a frame in, and answers how many old ones that pushed out. */
  push(frame: Frame): number {
    this.#frames.push(frame);
    this.#bytes += sizeOf(frame);
    let pushedOut = 0;
    while (this.#frames.length - this.#head > this.#maxFrames || this.#bytes > this.#maxBytes) {
      this.shift();
      pushedOut++;
    }
    return pushedOut;
  }

  /** Takes the oldest frame out. */
  shift(): Frame | undefined {
    const frame = this.#frames[this.#head];
    if (frame === undefined) return undefined;
    this.#head++;
    this.#bytes -= sizeOf(frame);
    if (this.#head >= CUT_AFTER || this.#head === this.#frames.length) {
      this.#frames.splice(0, this.#head);
      this.#head = 0;
    }
    return frame;
  }
}

function sizeOf(frame: Frame): number {
  return frame.type === "close" ? FRAME_OVERHEAD : FRAME_OVERHEAD + frame.data.length;
}
