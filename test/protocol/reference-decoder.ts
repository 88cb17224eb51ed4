/**
 * A second opinion on what a run of bytes means: the plainest decoder that could be written, over the whole run at
 * once, with no state between calls, no fast path and no shared code. Slow, and meant to be seen to be right.
 */
import assert from "node:assert/strict";
import type { ProtocolEvent, ViolationReason } from "../../src/protocol/event.ts";
import { eventsOf } from "./decoding.ts";
import { cutAt, toHex } from "./wire.ts";

export type Verdict = { readonly closeCode: number; readonly reason: ViolationReason };
export type Reading = { readonly events: ProtocolEvent[]; readonly violation?: Verdict };
export type Limits = {
  readonly role: "client" | "server";
  readonly maxMessageSize: number;
  readonly maxFragments: number;
};

const CODES: Partial<Record<ViolationReason, number>> = {
  invalid_utf8: 1007,
  message_too_long: 1009,
  too_many_fragments: 1009,
};

/** Throws when our decoder reads this stream, cut at these places, in another way, down to the reason of a violation. */
export function agreesWithReference(stream: Uint8Array, cuts: readonly number[], limits: Limits): void {
  const events = eventsOf(cutAt(stream, cuts), limits);
  const last = events.at(-1);
  const ours: Reading =
    last?.type === "violation"
      ? { events: events.slice(0, -1), violation: { closeCode: last.closeCode, reason: last.reason } }
      : { events };
  try {
    assert.deepEqual(ours, readAll(stream, limits));
  } catch (error) {
    throw new Error(`The reference decoder reads ${toHex(stream)} differently.`, { cause: error });
  }
}

/** What `bytes`, all that has come so far, says to an endpoint of this role. */
export function readAll(bytes: Uint8Array, { role, maxMessageSize, maxFragments }: Limits): Reading {
  const events: ProtocolEvent[] = [];
  const fail = (reason: ViolationReason): Reading => ({
    events,
    violation: { closeCode: CODES[reason] ?? 1002, reason },
  });
  let message: { text: boolean; bytes: number[]; frames: number } | undefined;
  let at = 0;
  for (;;) {
    const first = bytes[at];
    if (first === undefined) return { events };
    const [final, reserved, opcode] = [first >= 0x80, (first >> 4) & 7, first & 15];
    if (reserved !== 0) return fail("reserved_bits");
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) return fail("reserved_opcode");
    const control = opcode >= 8;
    if (control && !final) return fail("control_fragmented");
    if (opcode === 0 && !message) return fail("unexpected_continuation");
    if (!control && opcode !== 0 && message) return fail("expected_continuation");
    if (opcode === 1 || opcode === 2) message = { text: opcode === 1, bytes: [], frames: 0 };
    if (!control && message && ++message.frames > maxFragments) return fail("too_many_fragments");

    const second = bytes[at + 1];
    if (second === undefined) return { events };
    if (role === "client" && second >= 0x80) return fail("masked_frame");
    if (role === "server" && second < 0x80) return fail("unmasked_frame");
    const marker = second & 0x7f;
    if (control && marker > 125) return fail("control_too_long");
    if (opcode === 8 && marker === 1) return fail("close_payload_length");
    const lengthBytes = marker === 126 ? 2 : marker === 127 ? 8 : 0;
    if (bytes.length < at + 2 + lengthBytes) return { events };
    const length = lengthBytes === 0 ? BigInt(marker) : bigEndian(bytes.slice(at + 2, at + 2 + lengthBytes));
    if (length >= 1n << 63n) return fail("length_top_bit");
    if ((marker === 126 && length < 126n) || (marker === 127 && length < 65536n)) return fail("non_minimal_length");
    if (!control && message && BigInt(message.bytes.length) + length > BigInt(maxMessageSize)) {
      return fail("message_too_long");
    }

    at += 2 + lengthBytes;
    const mask = role === "server" ? bytes.slice(at, at + 4) : Uint8Array.of(0, 0, 0, 0);
    if (role === "server") at += 4;
    const here = bytes.slice(at, at + Number(length));
    const payload = Array.from(here, (byte, index) => byte ^ (mask[index % 4] as number));
    const complete = at + Number(length) <= bytes.length;
    at += Number(length);

    if (!control && message) {
      message.bytes.push(...payload);
      if (message.text && !couldBecomeUtf8(message.bytes)) return fail("invalid_utf8");
      if (!complete) return { events };
      if (!final) continue;
      if (message.text && decode(message.bytes) === undefined) return fail("invalid_utf8");
      if (message.text) events.push({ type: "text", data: decode(message.bytes) as string });
      else events.push({ type: "binary", data: Uint8Array.from(message.bytes) });
      message = undefined;
      continue;
    }
    if (!complete) return { events };
    if (opcode !== 8) {
      events.push({ type: opcode === 9 ? "ping" : "pong", data: Uint8Array.from(payload) });
      continue;
    }
    if (payload.length === 0) return { events: [...events, { type: "close" }] };
    const code = Number(bigEndian(Uint8Array.from(payload.slice(0, 2))));
    const named = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].includes(code);
    if (!named && !(code >= 3000 && code <= 4999)) return fail("close_code");
    const reason = decode(payload.slice(2));
    if (reason === undefined) return fail("invalid_utf8");
    return { events: [...events, { type: "close", code, reason }] };
  }
}

function bigEndian(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

function decode(bytes: readonly number[]): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}

/** Whether some bytes could still follow that make this UTF-8: one of these endings completes any open code point. */
const ENDINGS = [[], [0x80], [0x80, 0x80], [0xa0, 0x80], [0x80, 0x80, 0x80], [0x90, 0x80, 0x80]];
function couldBecomeUtf8(bytes: readonly number[]): boolean {
  return ENDINGS.some((ending) => decode([...bytes, ...ending]) !== undefined);
}
