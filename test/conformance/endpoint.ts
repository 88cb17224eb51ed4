/**
 * One end of a connection on the bare protocol engine, in either role: what it makes of bytes, in any pieces, and what it answers.
 */
import assert from "node:assert/strict";
import { Engine, type EngineOptions } from "../../src/protocol/engine.ts";
import type { ProtocolEvent } from "../../src/protocol/event.ts";
import { type RawFrame, rawFrame } from "../../src/testing/raw-frame.ts";
import { readAll } from "../protocol/reference-decoder.ts";

export type Role = "client" | "server";
export const ROLES: readonly Role[] = ["client", "server"];

const LIMITS = { maxMessageSize: 1024 * 1024, maxFragments: 1024 };

/** A frame as the peer of an endpoint in this role sends it: masked towards a server. */
export function towards(role: Role, frame: RawFrame): Uint8Array {
  return rawFrame({ masked: role === "server", ...frame });
}

/** Frames in a row, likewise. */
export function allTowards(role: Role, frames: readonly RawFrame[]): Uint8Array {
  return Buffer.concat(frames.map((frame) => towards(role, frame)));
}

/** What an endpoint makes of bytes that come in pieces of this size, Infinity being one piece, and what it answers by itself. */
export function hear(
  role: Role,
  bytes: Uint8Array,
  pieceBytes = Infinity,
  limits: Partial<EngineOptions> = {},
): { readonly events: readonly ProtocolEvent[]; readonly answers: readonly ProtocolEvent[] } {
  const engine = new Engine({ role, ...LIMITS, ...limits });
  const events: ProtocolEvent[] = [];
  for (const piece of piecesOf(bytes, pieceBytes)) events.push(...engine.receive(piece));
  const opposite = role === "client" ? "server" : "client";
  // Read by the other decoder of these tests: the product's own would forgive what it got wrong itself.
  const reading = readAll(engine.take() ?? new Uint8Array(), { role: opposite, ...LIMITS });
  assert.equal(reading.violation, undefined, "an answer breaks the protocol");
  return { events, answers: reading.events };
}

/** Asserts that these bytes break the protocol for this reason, at their last byte and not before it, in any pieces. */
export function violates(role: Role, bytes: Uint8Array, reason: string, closeCode: number): void {
  for (const pieceBytes of [Infinity, 1]) {
    const { events, answers } = hear(role, bytes, pieceBytes);
    const violation = events.at(-1);
    assert.ok(violation?.type === "violation", `no violation of ${reason}: ${JSON.stringify(events.slice(-2))}`);
    assert.deepEqual([violation.reason, violation.closeCode], [reason, closeCode]);
    const answer = answers.at(-1);
    assert.ok(answer?.type === "close" && answer.code === closeCode, "the peer isn't told the close code");
  }
  const before = hear(role, bytes.subarray(0, -1)).events.at(-1);
  assert.notEqual(before?.type, "violation", "the violation is found before the last byte");
}

function piecesOf(bytes: Uint8Array, pieceBytes: number): Uint8Array[] {
  if (pieceBytes >= bytes.length) return [bytes];
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
  return pieces;
}
