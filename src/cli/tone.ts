/**
 * Colours, where the reader is a terminal that wants them (see Output.hasColours). No meaning is in a colour alone.
 */
import type { Output } from "./output.ts";

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

export type Tone = keyof typeof CODES;

/** The text in this tone, if `output` shows any. */
export function inTone(output: Pick<Output, "hasColours">, tone: Tone, text: string): string {
  if (!output.hasColours) return text;
  const [on, off] = CODES[tone];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}
