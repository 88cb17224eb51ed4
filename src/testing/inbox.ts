/**
 * What one client has sent, frame by frame: a record of all, those that nobody has read yet, and those who wait for one.
 *
 * Both lists are bounded, since a client may be hostile. The record forgets its oldest frames; a frame that goes lost
 * unread makes every later read fail, so that no script goes on without knowing.
 */
import type { Frame } from "../frame.ts";
import { PeerError } from "./errors.ts";
import { FrameQueue } from "./frame-queue.ts";
import { startWait, type Wait } from "./wait.ts";

/** The most frames that wait unread. */
export const MAX_UNREAD_FRAMES = 20_000;
const MAX_BYTES = 64 * 1024 * 1024;

/** Why no frame comes any more; `what` is what was waited for, as in "a text frame". */
export type InboxEnd = (what: string) => PeerError;

type Reader = { readonly matches: (frame: Frame) => boolean; readonly what: string; readonly wait: Wait<Frame> };

export class Inbox {
  readonly #timeout: number;
  readonly #record: FrameQueue;
  readonly #unread = new FrameQueue(MAX_UNREAD_FRAMES, MAX_BYTES);
  #lost = 0;
  #readers: Reader[] = [];
  #end: InboxEnd | undefined;

  /** `timeout` in ms is a read's default; the record keeps the newest `recordLimit` frames. */
  constructor(timeout: number, recordLimit: number) {
    this.#timeout = timeout;
    this.#record = new FrameQueue(recordLimit, MAX_BYTES);
  }

  /** The newest frames, oldest first, read or not. */
  get record(): readonly Frame[] {
    return this.#record.toArray();
  }

  add(frame: Frame): void {
    this.#record.push(frame);
    if (this.#readers.length === 0) {
      this.#lost += this.#unread.push(frame);
      return;
    }
    // Readers have passed over everything that came before, and pass over this frame too if it is for none of them.
    const reader = this.#readers.find(({ matches }) => matches(frame));
    if (reader === undefined) return;
    this.#forget(reader);
    reader.wait.resolve(frame);
  }

  /** No frame comes any more; those that wait can still be read. Only the first call counts. */
  end(reason: InboxEnd): void {
    this.#end ??= reason;
    const readers = this.#readers;
    this.#readers = [];
    for (const { what, wait } of readers) wait.reject(this.#end(what));
  }

  /** The next unread frame that matches; those before it count as read. */
  read(matches: (frame: Frame) => boolean, what: string, timeout = this.#timeout): Promise<Frame> {
    if (this.#lost > 0) return Promise.reject(this.#overrun());
    for (let frame = this.#unread.shift(); frame !== undefined; frame = this.#unread.shift()) {
      if (matches(frame)) return Promise.resolve(frame);
    }
    if (this.#end !== undefined) return Promise.reject(this.#end(what));
    const wait = startWait<Frame>(timeout, () => {
      this.#forget(reader);
      return new PeerError("timeout", `The script waited ${timeout} ms for ${what}, and the client sent none.`);
    });
    const reader: Reader = { matches, what, wait };
    this.#readers.push(reader);
    return wait.promise;
  }

  #forget(reader: Reader): void {
    this.#readers = this.#readers.filter((other) => other !== reader);
  }

  #overrun(): PeerError {
    return new PeerError(
      "overrun",
      `${this.#lost} frames of the client were lost, since nobody read them and no more than ${MAX_UNREAD_FRAMES} are kept. Read them as they come, with frames().`,
    );
  }
}
