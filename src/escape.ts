/**
 * Text from outside, made fit for a log line or a terminal: whatever could move a cursor, begin a line of its own or turn the
 * reading direction is spelt out.
 */

/** C0, DEL and C1 controls, line and paragraph separators, and the marks that turn or isolate a direction (Unicode UAX #9). */
const CONTROLS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is what this is for.
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const SHORT: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/**
 * The text with its control characters as `\n`, `\r`, `\t` or `\u001b`; those in `keep` stay as they are. What it writes is also
 * what JSON writes, so a line of JSON stays the same JSON. A backslash stays one backslash: this is for reading, not for undoing.
 */
export function escapeControls(text: string, keep = ""): string {
  return text.replace(CONTROLS, (character) => {
    if (keep.includes(character)) return character;
    return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
