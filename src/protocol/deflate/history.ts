/**
 * The newest bytes of a stream of messages: what DEFLATE may refer back to, as much as its window holds.
 *
 * Bytes are written behind one another, by `inflate` itself, into a space that is longer than the window; only when it is full the
 * window moves back to its start. So remembering costs next to nothing. The space grows with what there is to remember.
 */
import { Buffer } from "node:buffer";

const FIRST_SPACE = 4096;
/** How much more than the window the space holds: moving it comes once for so many bytes. */
const BEYOND = 16384;
/** Bytes that are always free to write to. */
const LEAST_ROOM = 1024;

const NOTHING = Buffer.alloc(0);

export class History {
  readonly #window: number;
  readonly #firstSpace: number;
  #space: Buffer = NOTHING;
  #end = 0;

  /** `window` in bytes. The space grows with what is to be remembered, or is there as a `whole` from the first byte on. */
  constructor(window: number, space: "growing" | "whole" = "growing") {
    this.#window = window;
    this.#firstSpace = space === "growing" ? FIRST_SPACE : window + BEYOND;
  }

  /** The space, of which [end, space.length) is free to be written to after `makeRoom`. */
  get space(): Buffer {
    return this.#space;
  }

  /** Where the next byte goes. */
  get end(): number {
    return this.#end;
  }

  /** Sees to it that something can be written. What was written before may move. */
  makeRoom(): void {
    if (this.#space.length - this.#end >= LEAST_ROOM) return;
    const kept = Math.min(this.#end, this.#window);
    const most = this.#window + BEYOND;
    const space =
      this.#space.length < most
        ? Buffer.allocUnsafeSlow(Math.min(Math.max(this.#firstSpace, this.#space.length * 2), most))
        : this.#space;
    this.#space.copy(space, 0, this.#end - kept, this.#end);
    this.#space = space;
    this.#end = kept;
  }

  /** Bytes have been written at the end. */
  advance(count: number): void {
    this.#end += count;
  }

  /** Writes bytes. */
  append(bytes: Uint8Array): void {
    let from = Math.max(0, bytes.length - this.#window);
    while (from < bytes.length) {
      this.makeRoom();
      const count = Math.min(bytes.length - from, this.#space.length - this.#end);
      this.#space.set(bytes.subarray(from, from + count), this.#end);
      this.#end += count;
      from += count;
    }
  }

  /** A copy of what the window holds: a dictionary for a new stream; undefined when that is nothing. */
  dictionary(): Buffer | undefined {
    if (this.#end === 0) return undefined;
    return Buffer.from(this.#space.subarray(Math.max(0, this.#end - this.#window), this.#end));
  }

  /** Keeps the window, and no byte of memory beyond. */
  shrink(): void {
    this.#space = this.dictionary() ?? NOTHING;
    this.#end = this.#space.length;
  }

  /** Forgets everything; the space stays. */
  clear(): void {
    this.#end = 0;
  }
}
