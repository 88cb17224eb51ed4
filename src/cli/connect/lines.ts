/**
 * Bytes to lines of text. A line ends with `\n` or `\r\n`; what stands behind the last of them is a line too, unless it is empty.
 */
import type { Readable } from "node:stream";

/** A line, or what is wrong with it. */
export type InputLine = { readonly text: string } | { readonly fault: string };

/** The longest line in bytes: what a peer usually takes as one message, and a bound for what is no text at all. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const EMPTY = Buffer.alloc(0);

export class LineSplitter {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #maxBytes: number;
  // The pieces of a line that hasn't ended, joined only when it has.
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #count = 0;

  constructor(maxBytes = MAX_LINE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that this chunk completes. */
  *push(chunk: Uint8Array): Generator<InputLine, void, undefined> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LF, start);
      if (end === -1) break;
      this.#keep(chunk.subarray(start, end));
      yield this.#line();
      start = end + 1;
    }
    if (start < chunk.byteLength) this.#keep(chunk.subarray(start));
  }

  /** The last line, if it lacks its end. */
  end(): InputLine | undefined {
    return this.#bytes === 0 ? undefined : this.#line();
  }

  // Of a line that is too long only the length is kept.
  #keep(piece: Uint8Array): void {
    this.#bytes += piece.byteLength;
    if (this.#bytes > this.#maxBytes) this.#pieces = [];
    else if (piece.byteLength > 0) this.#pieces.push(piece);
  }

  #line(): InputLine {
    const pieces = this.#pieces;
    const bytes = this.#bytes;
    this.#pieces = [];
    this.#bytes = 0;
    this.#count += 1;
    if (bytes > this.#maxBytes) return { fault: `line ${this.#count} has more than ${this.#maxBytes} bytes` };
    const whole = pieces.length > 1 ? Buffer.concat(pieces, bytes) : (pieces[0] ?? EMPTY);
    try {
      return { text: this.#decoder.decode(whole.at(-1) === CR ? whole.subarray(0, -1) : whole) };
    } catch {
      return { fault: `line ${this.#count} is not UTF-8, so it can't be a text message` };
    }
  }
}

/** The lines of a stream of bytes, as they come. No more is read than is asked for. */
export async function* linesOf(stream: Readable): AsyncGenerator<InputLine, void, undefined> {
  const splitter = new LineSplitter();
  for await (const chunk of stream as AsyncIterable<Uint8Array>) yield* splitter.push(chunk);
  const last = splitter.end();
  if (last !== undefined) yield last;
}
