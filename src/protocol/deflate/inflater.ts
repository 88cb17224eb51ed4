/**
 * The receiving half: frames of compressed messages to what they mean (RFC 7692 §7.2.2).
 *
 * Inflating writes straight into the history, in steps of a few KB, and the output bounds the message after each step: so a message that
 * would become huge costs no more memory than one at the limit.
 */
import { Buffer } from "node:buffer";
import type { ExtensionFault, ExtensionOutput } from "../extension.ts";
import { BAD_DATA, ENDS_TOO_OFTEN, FINAL_BLOCK, type Inflater, MAX_ENDS, TAIL, TRUNCATED } from "./deflate-data.ts";
import { History } from "./history.ts";
import { StreamPool } from "./stream-pool.ts";
import { SyncStream } from "./sync-stream.ts";

/** A last block, and a byte that the ended stream leaves alone: which shows that it was between two blocks. */
const BEHIND_END = 1;
const END = Buffer.concat([FINAL_BLOCK, Buffer.alloc(BEHIND_END)]);

/** Where output would show that there should be none. */
const NOWHERE = Buffer.alloc(64);

type Context = {
  stream: SyncStream;
  readonly history: History;
  /** The stream was made with a dictionary, which a reset would bring back. */
  seeded: boolean;
};

/** Contexts of connections without context takeover wait here between messages, by window bits. */
const idle = new StreamPool<Context>((context) => context.stream.close());

export class StreamInflater implements Inflater {
  readonly #windowBits: number;
  readonly #takeover: boolean;
  #context: Context | undefined;
  /** The history of a connection that hibernates. */
  #dictionary: Buffer | undefined;
  // Of the message under way.
  #begun = false;
  #ends = 0;
  #lastByte = 0;

  constructor(windowBits: number, takeover: boolean) {
    this.#windowBits = windowBits;
    this.#takeover = takeover;
  }

  decode(data: Uint8Array, final: boolean, output: ExtensionOutput): ExtensionFault | undefined {
    if (data.length > 0) {
      const context = this.#begin();
      this.#lastByte = data[data.length - 1] as number;
      const outcome = this.#inflate(context, data, output);
      if (outcome === "refused") return undefined;
      if (outcome !== "done") return outcome;
    }
    // A compressed message of no bytes at all is an empty one to every other implementation.
    return final && this.#context !== undefined && this.#begun ? this.#end(this.#context) : undefined;
  }

  hibernate(): void {
    const context = this.#context;
    if (context === undefined || this.#begun) return;
    this.#dictionary = context.history.dictionary();
    context.stream.close();
    this.#context = undefined;
  }

  close(): void {
    this.#context?.stream.close();
    this.#context = undefined;
    this.#dictionary = undefined;
  }

  #begin(): Context {
    this.#context ??= this.#takeover ? this.#newContext() : (idle.take(this.#windowBits) ?? this.#newContext());
    if (!this.#begun) {
      this.#begun = true;
      this.#ends = 0;
    }
    return this.#context;
  }

  #newContext(): Context {
    const dictionary = this.#dictionary;
    this.#dictionary = undefined;
    // What zlib says of bad data depends on the room that it has for output. In a context that has served others this must be the
    // room that a new one has: or the verdict on one connection would depend on what came on another.
    const history = new History(2 ** this.#windowBits, this.#takeover ? "growing" : "whole");
    if (dictionary !== undefined) history.append(dictionary);
    const stream = SyncStream.inflate({ windowBits: this.#windowBits, dictionary });
    return { stream, history, seeded: dictionary !== undefined };
  }

  /** "refused": the output takes no more, and knows why. */
  #inflate(context: Context, data: Uint8Array, output: ExtensionOutput): ExtensionFault | "done" | "refused" {
    const { history } = context;
    for (let from = 0; ; ) {
      const { stream } = context;
      history.makeRoom();
      const { space, end } = history;
      stream.write(data, from, space, end);
      if (stream.failed) return BAD_DATA;
      const { roomLeft, inputLeft } = stream;
      history.advance(space.length - roomLeft - end);
      from = data.length - inputLeft;
      const whole = roomLeft > 0 && inputLeft === 0;
      const made = space.subarray(end, history.end);
      const taken = whole ? output.lend(made) : output.write(made);
      if (!taken) return "refused";
      if (whole) return "done";
      if (roomLeft > 0 && !this.#goOn(context)) return ENDS_TOO_OFTEN;
    }
  }

  /** A block with BFINAL has ended the stream, but neither the message nor the window (RFC 7692 §7.2.3.4). */
  #goOn(context: Context): boolean {
    this.#ends += 1;
    if (this.#ends > MAX_ENDS) return false;
    this.#anotherStream(context);
    return true;
  }

  #anotherStream(context: Context): void {
    context.stream.close();
    context.stream = SyncStream.inflate({ windowBits: this.#windowBits, dictionary: context.history.dictionary() });
    context.seeded = true;
  }

  /** Puts back what the sender took off the message's end: that completes an empty block, and makes no output. */
  #end(context: Context): ExtensionFault | undefined {
    this.#begun = false;
    // A window that nobody needs any more allows for more: a last block, which shows that the message ended between two.
    if (!this.#takeover) {
      if (!this.#endsWith(context, TAIL) || !this.#endsWith(context, END)) return TRUNCATED;
      this.#giveBack(context);
      return undefined;
    }
    if (!this.#endsWith(context, TAIL)) return TRUNCATED;
    // The empty block's header and its padding are the payload's last bits, and nobody has padding that is not 0. So who seems to is
    // made to prove it: a message that breaks off inside a block doesn't always show in the output. That costs the stream.
    if (this.#lastByte < 0x20 || context.stream.inputLeft > 0) return undefined;
    if (!this.#endsWith(context, END)) return TRUNCATED;
    this.#anotherStream(context);
    return undefined;
  }

  /** Puts one of the two in: does it all go in, or nothing as the stream has ended already, and nothing comes out? */
  #endsWith({ stream }: Context, bytes: Uint8Array): boolean {
    // Not into the history: what the output was lent of it is still to be read.
    stream.write(bytes, 0, NOWHERE, 0);
    if (stream.failed || stream.roomLeft !== NOWHERE.length) return false;
    return stream.inputLeft === (bytes === END ? BEHIND_END : 0) || stream.inputLeft === bytes.length;
  }

  #giveBack(context: Context): void {
    this.#context = undefined;
    context.history.clear();
    if (context.seeded) {
      context.stream.close();
      return;
    }
    context.stream.reset();
    idle.put(this.#windowBits, context);
  }
}
