/**
 * Reads the head of one HTTP/1.1 request (RFC 9112 §2 to §5) from a client that may be hostile: one pass over the bytes,
 * bounded in bytes and in headers, and strict: what isn't a clean request head is a fault, never a guess.
 */
import type { HeaderPair } from "../transport/channel.ts";

/** The longest request head, its last empty line included, in bytes. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** The most header lines of a request. */
export const MAX_HEADER_COUNT = 128;

/** A parsed request head. */
export type RequestHead = {
  /** The request line as it came: "GET /chat HTTP/1.1". */
  readonly line: string;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** Names and values as they came, in their order; bytes beyond ASCII as Latin-1. */
  readonly headers: readonly HeaderPair[];
  /** The first value of this header, whatever the case of its name. */
  header(name: string): string | undefined;
};

/** Why what came is no request head, and the status that says so. */
export type RequestHeadFault = { readonly type: "fault"; readonly status: 400 | 431; readonly message: string };

export type RequestHeadResult =
  | { readonly type: "head"; readonly head: RequestHead; readonly rest: Uint8Array }
  | RequestHeadFault;

const CR = 0x0d;
const LF = 0x0a;

/** Fed with chunks until it answers; not to be fed after that. */
export class RequestHeadReader {
  readonly #bytes = Buffer.allocUnsafe(MAX_HEAD_BYTES);
  #length = 0;
  // Where the line that is being read began, so that no byte is looked at twice.
  #lineStart = 0;

  /** How many bytes of an unfinished head have come. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): RequestHeadResult | undefined {
    const room = Math.min(chunk.byteLength, MAX_HEAD_BYTES - this.#length);
    this.#bytes.set(chunk.subarray(0, room), this.#length);
    let position = this.#length;
    this.#length += room;
    for (; position < this.#length; position++) {
      if (this.#bytes[position] !== LF) continue;
      if (position === 0 || this.#bytes[position - 1] !== CR) return fault("a line ends without a carriage return");
      if (position - this.#lineStart > 1) {
        this.#lineStart = position + 1;
        continue;
      }
      const result = parseHead(this.#bytes.toString("latin1", 0, position + 1));
      // What stands behind the head: from this chunk alone, since everything before it has been looked at.
      const consumed = position + 1 - (this.#length - room);
      return result.type === "fault" ? result : { ...result, rest: chunk.subarray(consumed) };
    }
    if (this.#length < MAX_HEAD_BYTES) return undefined;
    return fault(`it is longer than ${MAX_HEAD_BYTES} bytes`, 431);
  }
}

function parseHead(text: string): { readonly type: "head"; readonly head: RequestHead } | RequestHeadFault {
  const lines = text.slice(0, -4).split("\r\n", MAX_HEADER_COUNT + 2);
  if (lines.length > MAX_HEADER_COUNT + 1) return fault(`it has more than ${MAX_HEADER_COUNT} headers`, 431);
  const line = lines[0] as string;
  const [method = "", target = "", version = "", ...more] = line.split(" ", 4);
  if (!isToken(method) || target === "" || !isVisible(target) || !/^HTTP\/1\.\d$/.test(version) || more.length > 0) {
    return fault("its first line is no request line");
  }
  const headers: HeaderPair[] = [];
  for (const headerLine of lines.slice(1)) {
    const colon = headerLine.indexOf(":");
    const name = headerLine.slice(0, Math.max(colon, 0));
    const value = trimBlanks(headerLine.slice(colon + 1));
    if (!isToken(name) || !isFieldValue(value)) return fault(`its line ${headers.length + 2} is no header`);
    headers.push([name, value]);
  }
  const header = (name: string) => headers.find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1];
  return { type: "head", head: { line, method, target, version, headers, header } };
}

function fault(what: string, status: 400 | 431 = 400): RequestHeadFault {
  return { type: "fault", status, message: `What the client sent is no request head: ${what}.` };
}

// Each of these patterns is one class repeated, so it is linear in what it reads.
const isToken = (text: string): boolean => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
const isVisible = (text: string): boolean => /^[\x21-\x7e\x80-\xff]+$/.test(text);
const isFieldValue = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text);

function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && (text[start] === " " || text[start] === "\t")) start++;
  while (end > start && (text[end - 1] === " " || text[end - 1] === "\t")) end--;
  return text.slice(start, end);
}
