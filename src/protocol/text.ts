/** UTF-8 bytes to a string, checked, the fastest way for each length (bench/protocol.ts). */
import { isAscii, isUtf8 } from "node:buffer";
import type { RawBuffer } from "./raw-buffer.ts";

/** From this many bytes on, asking whether all is ASCII pays: such text is then copied, not decoded. */
const LONG = 2048;
/** What decoding puts in the place of bytes that are no UTF-8; a peer may also have sent it. */
const REPLACEMENT = "\ufffd";

/** The text of bytes[start, end), or undefined when they are not UTF-8. A byte order mark is text like any other. */
export function textOf(bytes: RawBuffer, start: number, end: number): string | undefined {
  if (end - start >= LONG && isAscii(bytes.subarray(start, end))) return bytes.latin1Slice(start, end);
  const text = bytes.utf8Slice(start, end);
  // Text without a replacement character was valid: looking for one is cheaper than validating first.
  if (!text.includes(REPLACEMENT) || isUtf8(bytes.subarray(start, end))) return text;
  return undefined;
}
