/**
 * A second opinion on what a run of bytes means: the plainest decoder that could be written, over the whole run at
 * once, with no state between calls, no fast path and no shared code. Slow, and meant to be seen to be right.
 */
import assert from "node:assert/strict";
import type { ProtocolEvent, ViolationReason } from "../../src/protocol/event.ts";
import { eventsOf } from "./decoding.ts";
import { cutAt, toHex } from "./wire.ts";

export type Verdict = { readonly closeCode: number; readonly reason: ViolationReason };
export type Reading = {
  readonly events: ProtocolEvent[];
  readonly violation?: Verdict;
  /** A compressed message has begun, of which nothing has been judged yet. */
  readonly undecided?: true;
};
/** What a whole compressed payload means; of one that is no DEFLATE data nothing, and of one that is too long no more than that. */
export type Inflate = (payload: Uint8Array) => Uint8Array | "bad" | "too long";
export type Limits = {
  readonly role: "client" | "server";
  readonly maxMessageSize: number;
  readonly maxFragments: number;
  /** Where permessage-deflate was agreed on. A message is judged when it is whole. */
  readonly inflate?: Inflate;
};

const CODES: Partial<Record<ViolationReason, number>> = {
  extension_data: 1007,
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
export function readAll(bytes: Uint8Array, { role, maxMessageSize, maxFragments, inflate }: Limits): Reading {
  const events: ProtocolEvent[] = [];
  let message: { text: boolean; compressed: boolean; bytes: number[]; frames: number } | undefined;
  const soFar = (): Reading => (message?.compressed ? { events, undecided: true } : { events });
  const fail = (reason: ViolationReason): Reading => ({
    ...soFar(),
    violation: { closeCode: CODES[reason] ?? 1002, reason },
  });
  let at = 0;
  for (;;) {
    const first = bytes[at];
    if (first === undefined) return soFar();
    const [final, reserved, opcode] = [first >= 0x80, (first >> 4) & 7, first & 15];
    const allowed = inflate !== undefined && opcode > 0 && opcode < 8 ? 4 : 0;
    if ((reserved & ~allowed) !== 0) return fail("reserved_bits");
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) return fail("reserved_opcode");
    const control = opcode >= 8;
    if (control && !final) return fail("control_fragmented");
    if (opcode === 0 && !message) return fail("unexpected_continuation");
    if (!control && opcode !== 0 && message) return fail("expected_continuation");
    if (opcode === 1 || opcode === 2)
      message = { text: opcode === 1, compressed: reserved === 4, bytes: [], frames: 0 };
    if (!control && message && ++message.frames > maxFragments) return fail("too_many_fragments");

    const second = bytes[at + 1];
    if (second === undefined) return soFar();
    if (role === "client" && second >= 0x80) return fail("masked_frame");
    if (role === "server" && second < 0x80) return fail("unmasked_frame");
    const marker = second & 0x7f;
    if (control && marker > 125) return fail("control_too_long");
    if (opcode === 8 && marker === 1) return fail("close_payload_length");
    const lengthBytes = marker === 126 ? 2 : marker === 127 ? 8 : 0;
    if (bytes.length < at + 2 + lengthBytes) return soFar();
    const length = lengthBytes === 0 ? BigInt(marker) : bigEndian(bytes.slice(at + 2, at + 2 + lengthBytes));
    if (length >= 1n << 63n) return fail("length_top_bit");
    if ((marker === 126 && length < 126n) || (marker === 127 && length < 65536n)) return fail("non_minimal_length");
    // What does not compress grows a little on the wire.
    const most = message?.compressed ? Math.floor(maxMessageSize + maxMessageSize / 64 + 1024) : maxMessageSize;
    if (!control && message && BigInt(message.bytes.length) + length > BigInt(most)) return fail("message_too_long");

    at += 2 + lengthBytes;
    const mask = role === "server" ? bytes.slice(at, at + 4) : Uint8Array.of(0, 0, 0, 0);
    if (role === "server") at += 4;
    const here = bytes.slice(at, at + Number(length));
    const payload = Array.from(here, (byte, index) => byte ^ (mask[index % 4] as number));
    const complete = at + Number(length) <= bytes.length;
    at += Number(length);

    if (!control && message) {
      message.bytes.push(...payload);
      if (message.text && !message.compressed && !couldBecomeUtf8(message.bytes)) return fail("invalid_utf8");
      if (!complete) return soFar();
      if (!final) continue;
      const whole = Uint8Array.from(message.bytes);
      const meaning = message.compressed && inflate !== undefined ? inflate(whole) : whole;
      if (meaning === "bad") return fail("extension_data");
      if (meaning === "too long" || meaning.length > maxMessageSize) return fail("message_too_long");
      const text = message.text ? decode(meaning) : undefined;
      if (message.text && text === undefined) return fail("invalid_utf8");
      events.push(text === undefined ? { type: "binary", data: meaning } : { type: "text", data: text });
      message = undefined;
      continue;
    }
    if (!complete) return soFar();
    if (opcode !== 8) {
      events.push({ type: opcode === 9 ? "ping" : "pong", data: Uint8Array.from(payload) });
      continue;
    }
    if (payload.length === 0) return { ...soFar(), events: [...events, { type: "close" }] };
    const code = Number(bigEndian(Uint8Array.from(payload.slice(0, 2))));
    const named = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].includes(code);
    if (!named && !(code >= 3000 && code <= 4999)) return fail("close_code");
    const reason = decode(payload.slice(2));
    if (reason === undefined) return fail("invalid_utf8");
    return { ...soFar(), events: [...events, { type: "close", code, reason }] };
  }
}

function bigEndian(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

function decode(bytes: readonly number[] | Uint8Array): string | undefined {
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
