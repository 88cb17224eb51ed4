/**
 * A message that came from outside, as one line for people.
 */
import { escapeControls } from "../escape.ts";

/** Bytes of a binary message that its line shows. */
export const SHOWN_BYTES = 64;

/** Text with its control characters escaped; of binary data "binary 3 bytes: 010203", the first bytes only if there are many. */
export function messageLine(data: string | Uint8Array): string {
  if (typeof data === "string") return escapeControls(data);
  const shown = Buffer.from(data.buffer, data.byteOffset, Math.min(data.byteLength, SHOWN_BYTES)).toString("hex");
  const bytes = `binary ${data.byteLength} ${data.byteLength === 1 ? "byte" : "bytes"}`;
  return `${bytes}${shown === "" ? "" : `: ${shown}`}${data.byteLength > SHOWN_BYTES ? "…" : ""}`;
}
