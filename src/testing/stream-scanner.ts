/**
 * One direction of a WebSocket connection as its bytes pass: where its HTTP head ends, and where its frames and messages do. It keeps no
 * payload and never refuses anything, so streams of any length and of any nonsense pass; what it can't read, it takes for bytes of no form.
 * The protocol's own decoder would gather messages, and would stop at the first violation.
 */

/** What ends with a piece's last byte: nothing, a head, a frame while a message is unfinished, a control frame beside messages, or a message. */
export type PieceEnd = "inside" | "head" | "fragment" | "control" | "message";

/** Bytes that belong together. `begins` says what begins with the first of them. */
export type Piece = {
  readonly bytes: Uint8Array;
  readonly begins: "head" | "close" | undefined;
  readonly ends: PieceEnd;
};

/** What passes here: requests are held back until their head is whole, answers pass as they come. */
export type StreamKind = "request" | "answer" | "opaque";

type State =
  | { readonly type: "head"; readonly held: Uint8Array[] }
  | { readonly type: "frames" }
  | { readonly type: "opaque" };

/** What is longer is no head of a request, and passes as it is. */
const MAX_HEAD_BYTES = 64 * 1024;
const END_OF_HEAD = [0x0d, 0x0a, 0x0d, 0x0a];
const STATUS_END = "HTTP/1.1 101".length;
const CLOSE = 8;

export class StreamScanner {
  readonly #kind: StreamKind;
  #state: State;
  #headLength = 0;
  /** How many bytes of the empty line at the head's end have come. */
  #matched = 0;
  #firstLine = "";
  readonly #header = new Uint8Array(14);
  #headerLength = 0;
  #payloadLeft = 0;
  #frameEnds: "fragment" | "control" | "message" = "message";
  #isInMessage = false;

  constructor(kind: StreamKind) {
    this.#kind = kind;
    this.#state = kind === "opaque" ? { type: "opaque" } : { type: "head", held: [] };
  }

  /** The status of the answer, once its first line has come; undefined before, and of what is no answer. */
  get status(): number | undefined {
    const status = /^HTTP\/1\.\d (\d{3})$/.exec(this.#firstLine)?.[1];
    return status === undefined ? undefined : Number(status);
  }

  /** The pieces of these bytes, in order; each is to be dealt with before the next is asked for. */
  *pieces(chunk: Uint8Array): Generator<Piece, void, undefined> {
    let rest = chunk;
    while (rest.byteLength > 0) {
      const piece = this.#next(rest);
      rest = rest.subarray(piece.taken);
      if (piece.bytes.byteLength > 0) yield piece;
    }
  }

  /** What has been held back and won't become a whole head: the stream has ended. */
  flush(): Uint8Array {
    const held = this.#state.type === "head" ? Buffer.concat(this.#state.held) : Buffer.alloc(0);
    this.#state = { type: "opaque" };
    return held;
  }

  #next(rest: Uint8Array): Piece & { readonly taken: number } {
    if (this.#state.type === "head") return this.#nextOfHead(rest, this.#state.held);
    if (this.#state.type === "frames") return this.#nextOfFrame(rest);
    return { bytes: rest, taken: rest.byteLength, begins: undefined, ends: "inside" };
  }

  #nextOfHead(rest: Uint8Array, held: Uint8Array[]): Piece & { readonly taken: number } {
    const isFirst = this.#headLength === 0;
    let taken = 0;
    while (taken < rest.byteLength && this.#matched < END_OF_HEAD.length) {
      const byte = rest[taken] as number;
      if (byte === END_OF_HEAD[this.#matched]) this.#matched += 1;
      else this.#matched = byte === END_OF_HEAD[0] ? 1 : 0;
      if (this.#headLength + taken < STATUS_END) this.#firstLine += String.fromCharCode(byte);
      taken += 1;
    }
    this.#headLength += taken;
    const isWhole = this.#matched === END_OF_HEAD.length;
    const bytes = rest.subarray(0, taken);
    if (this.#kind === "answer") {
      if (isWhole) this.#state = this.#afterAnswer();
      return { bytes, taken, begins: isFirst ? "head" : undefined, ends: isWhole ? "head" : "inside" };
    }
    held.push(bytes);
    if (isWhole) {
      this.#state = { type: "frames" };
      return { bytes: Buffer.concat(held), taken, begins: "head", ends: "head" };
    }
    if (this.#headLength < MAX_HEAD_BYTES)
      return { bytes: new Uint8Array(0), taken, begins: undefined, ends: "inside" };
    return { bytes: this.flush(), taken, begins: undefined, ends: "inside" };
  }

  // After an interim answer comes another (RFC 9110 §15.2); after a 101, frames; after a refusal, its body.
  #afterAnswer(): State {
    const { status } = this;
    if (status === 101) return { type: "frames" };
    if (status === undefined || status >= 200) return { type: "opaque" };
    this.#headLength = 0;
    this.#matched = 0;
    this.#firstLine = "";
    return { type: "head", held: [] };
  }

  // RFC 6455 §5.2: the header's length shows in its second byte, the payload's in the whole of it.
  #nextOfFrame(rest: Uint8Array): Piece & { readonly taken: number } {
    let taken = 0;
    let begins: "close" | undefined;
    if (this.#headerLength === 0 && ((rest[0] as number) & 0x0f) === CLOSE) begins = "close";
    if (this.#payloadLeft === 0) {
      while (taken < rest.byteLength && this.#headerLength < headerLength(this.#header, this.#headerLength)) {
        this.#header[this.#headerLength] = rest[taken] as number;
        this.#headerLength += 1;
        taken += 1;
      }
      if (this.#headerLength < headerLength(this.#header, this.#headerLength)) {
        return { bytes: rest, taken, begins, ends: "inside" };
      }
      this.#payloadLeft = payloadLength(this.#header);
      this.#frameEnds = this.#endOf(this.#header[0] as number);
    }
    const payload = Math.min(this.#payloadLeft, rest.byteLength - taken);
    this.#payloadLeft -= payload;
    taken += payload;
    const bytes = rest.subarray(0, taken);
    if (this.#payloadLeft > 0) return { bytes, taken, begins, ends: "inside" };
    this.#headerLength = 0;
    return { bytes, taken, begins, ends: this.#frameEnds };
  }

  // RFC 6455 §5.4: control frames may stand between the fragments of a message.
  #endOf(first: number): "fragment" | "control" | "message" {
    const isControl = (first & 0x0f) >= CLOSE;
    if (!isControl) this.#isInMessage = (first & 0x80) === 0;
    if (this.#isInMessage) return "fragment";
    return isControl ? "control" : "message";
  }
}

function headerLength(header: Uint8Array, known: number): number {
  if (known < 2) return 2;
  const second = header[1] as number;
  const extended = (second & 0x7f) === 126 ? 2 : (second & 0x7f) === 127 ? 8 : 0;
  return 2 + extended + ((second & 0x80) === 0 ? 0 : 4);
}

function payloadLength(header: Uint8Array): number {
  const view = new DataView(header.buffer);
  const short = (header[1] as number) & 0x7f;
  if (short === 126) return view.getUint16(2);
  // Beyond 2^53 it is inexact, and never reached.
  return short === 127 ? Number(view.getBigUint64(2)) : short;
}
