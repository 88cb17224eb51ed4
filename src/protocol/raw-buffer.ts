/**
 * Buffer's direct methods, one an encoding. `toString("latin1")` ends in them after looking at its arguments, which for
 * short frames costs as much as the work. Node, Bun and Deno have them; older type packages leave them out.
 */
import type { Buffer } from "node:buffer";

export type RawBuffer = Buffer & {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number, length: number): number;
  utf8Write(text: string, offset: number, length: number): number;
};
