/** Heads of HTTP messages as fuzzing makes them: taken apart leniently, since no HTTP parser is what is tried here. */
import type { HeaderField } from "../../src/protocol/header-field.ts";
import type { Mutator } from "./mutation.ts";

/** Bytes as the characters of the same numbers, as HTTP parsers give header fields. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** The first line and the fields; a line without a colon is a field without a value. */
export function headOf(input: Uint8Array): { readonly line: string; readonly headers: readonly HeaderField[] } {
  const [line = "", ...rest] = latin1(input).split("\r\n");
  const headers = rest
    .filter((field) => field !== "")
    .map((field): HeaderField => {
      const colon = field.indexOf(":");
      return colon === -1
        ? [field, ""]
        : [field.slice(0, colon), field.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")];
    });
  return { line, headers };
}

/** Whole lines doubled, dropped, moved and taken from elsewhere; words of the handshake in places where none belongs. */
const WORDS = [
  ..."websocket upgrade Upgrade 13 101 GET HTTP/1.1 permessage-deflate client_max_window_bits 8 16 constructor __proto__".split(
    " ",
  ),
  ...[",", ";", "=", '"', "\\", '""', " ", "\t", "\r\n", "\r\n\r\n", ":", "\0", "\u007f", "\u00a0", "\u00e9", "\u000b"],
  "dGhlIHNhbXBsZSBub25jZQ==",
  "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

const withLines =
  (change: (lines: string[], at: number, other: readonly string[], pick: (limit: number) => number) => void): Mutator =>
  (bytes, random, other) => {
    const lines = latin1(bytes).split("\r\n");
    change(lines, random.below(lines.length), latin1(other).split("\r\n"), (limit) => random.below(limit));
    return bytesOf(lines.join("\r\n"));
  };

const insertWord: Mutator = (bytes, random) => {
  const text = latin1(bytes);
  const at = random.below(text.length + 1);
  return bytesOf(text.slice(0, at) + random.pick(WORDS) + text.slice(at));
};

/** For texts of any kind that a handshake holds. */
export const TEXT_MUTATORS: readonly Mutator[] = [insertWord];

export const HEAD_MUTATORS: readonly Mutator[] = [
  insertWord,
  withLines((lines, at) => lines.splice(at, 1)),
  withLines((lines, at, _other, pick) => lines.splice(pick(lines.length), 0, lines[at] as string)),
  withLines((lines, at, other, pick) => lines.splice(at, 0, other[pick(other.length)] as string)),
  withLines((lines, at) => {
    const [moved] = lines.splice(at, 1);
    lines.push(moved as string);
  }),
  withLines((lines, at) => {
    lines[at] = (lines[at] as string).toUpperCase();
  }),
];
