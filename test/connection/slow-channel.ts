/** A channel whose peer reads when the test says so: what the sender hands over waits until then. */
import { byteLengthOf, type Frame, type FrameLike, faultOf } from "../../src/frame.ts";
import type { BufferGauge, Channel } from "../../src/transport/channel.ts";

export class SlowChannel {
  /** What the peer has read, and what it has yet to. */
  readonly wire: Frame[] = [];
  readonly held: Frame[] = [];
  bufferedAmount = 0;
  #gauge: BufferGauge | undefined;
  #mark = Number.POSITIVE_INFINITY;
  #full = false;
  #flushed: { left: number; readonly callback: () => void }[] = [];

  get channel(): Channel {
    return this as unknown as Channel;
  }

  /** It has reached its mark, and there is no room yet. */
  get full(): boolean {
    return this.#full;
  }

  /** Who waits for what has been sent to be gone. */
  get watchers(): number {
    return this.#flushed.length;
  }

  send(given: FrameLike): ReturnType<typeof faultOf> {
    const fault = faultOf(given);
    if (fault !== undefined) return fault;
    const frame = typeof given === "string" ? ({ type: "text", data: given } as const) : (given as Frame);
    this.held.push(frame);
    this.bufferedAmount += byteLengthOf(frame);
    this.#measure();
    return undefined;
  }

  watchBuffer(mark: number, gauge: BufferGauge): void {
    this.#mark = mark;
    this.#gauge = gauge;
  }

  flushed(callback: () => void): void {
    this.#flushed.push({ left: this.held.length, callback });
  }

  /** The peer reads so many frames of those that are held now, or all of them. */
  read(count = this.held.length): void {
    for (let read = 0; read < count; read += 1) {
      const frame = this.held.shift();
      if (frame === undefined) break;
      this.wire.push(frame);
      this.bufferedAmount -= byteLengthOf(frame);
      for (const waiter of this.#flushed) waiter.left -= 1;
      if (this.#full && this.bufferedAmount <= this.#mark / 4) {
        this.#full = false;
        this.#gauge?.room();
      }
    }
    const due = this.#flushed.filter(({ left }) => left <= 0);
    this.#flushed = this.#flushed.filter(({ left }) => left > 0);
    for (const { callback } of due) callback();
  }

  /** It has ended: nobody is told of anything any more. Answers how many frames the peer never read. */
  end(): number {
    this.#gauge = undefined;
    this.#flushed = [];
    this.bufferedAmount = 0;
    return this.held.splice(0).length;
  }

  #measure(): void {
    if (this.#full || this.bufferedAmount < this.#mark) return;
    this.#full = true;
    this.#gauge?.full();
  }
}
