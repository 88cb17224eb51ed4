/**
 * Holds what our decoder makes of a stream against what an independent one makes of it. Where the two differ on
 * purpose, a difference says why ours stands, and what must hold all the same.
 */
import assert from "node:assert/strict";
import type { ProtocolEvent, Violation, ViolationReason } from "../../src/protocol/event.ts";
import { cutAt, toHex } from "./wire.ts";

/** What another decoder says of a stream: its events, and the code with which it would fail the connection. */
export type Opinion = { readonly events: readonly ProtocolEvent[]; readonly closeCode?: number };

export type Difference = {
  /** How our reading ends where it applies: with a violation of these reasons, or with a close frame. */
  readonly endings: readonly (ViolationReason | "close")[];
  readonly section: string;
  readonly why: string;
  /** `more` is what the other delivered beyond our events, `atEnd` that we found the violation in the very last byte. */
  readonly holds: (opinion: Opinion, more: readonly ProtocolEvent[], atEnd: boolean) => boolean;
};

export const onlyControl = (more: readonly ProtocolEvent[]): boolean =>
  more.every(({ type }) => type !== "text" && type !== "binary");

/** Another decoder, by the name that a failure calls it. */
export type Other = { readonly name: string; readonly differences: readonly Difference[] };

/** Reads chunks with a decoder of ours. */
export type Read = (chunks: readonly Uint8Array[]) => readonly ProtocolEvent[];

/** Throws when the other's opinion of the stream is another than ours, and no difference explains it. */
export function agree(stream: Uint8Array, cuts: readonly number[], read: Read, other: Other, opinion: Opinion): void {
  const all = read(cutAt(stream, cuts));
  const last = all.at(-1);
  const violation = isViolation(last) ? last : undefined;
  const events = violation === undefined ? all : all.slice(0, -1);
  if (same(opinion.events, events) && opinion.closeCode === violation?.closeCode) return;
  const ending = violation?.reason ?? events.at(-1)?.type;
  const difference = other.differences.find(({ endings }) => (endings as readonly unknown[]).includes(ending));
  const atEnd = !isViolation(read([stream.slice(0, -1)]).at(-1));
  const excused =
    difference !== undefined &&
    same(opinion.events.slice(0, events.length), ending === "close" ? events.slice(0, -1) : events) &&
    difference.holds(opinion, opinion.events.slice(events.length), atEnd);
  if (excused) return;
  assert.deepEqual(
    { events, closeCode: violation?.closeCode },
    { events: opinion.events, closeCode: opinion.closeCode },
    `${other.name} reads ${toHex(stream)} differently (ours: ${violation?.message ?? "no violation"})`,
  );
}

function isViolation(event: ProtocolEvent | undefined): event is Violation {
  return event?.type === "violation";
}

function same(one: readonly ProtocolEvent[], other: readonly ProtocolEvent[]): boolean {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
}
