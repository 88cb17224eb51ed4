/**
 * The decoder against two independent ones: the `ws` package's Receiver, and the plain reference decoder beside
 * this file. Same messages, same verdicts, for valid streams, broken streams, and any split of them.
 *
 * EVERFRESH_FUZZ_RUNS sets how many streams each test tries (default: 8000, or as many as fit in a second).
 * A failure prints its seed and the smallest stream that fails.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { ProtocolEvent, Violation, ViolationReason } from "../../src/protocol/event.ts";
import { eventsOf } from "./decoding.ts";
import { type Limits, readAll } from "./reference-decoder.ts";
import { brokenStreamArbitrary, streamArbitrary } from "./streams.ts";
import { cutAt, toHex } from "./wire.ts";

const { EVERFRESH_FUZZ_RUNS: asked } = process.env;
const runs: fc.Parameters<unknown> =
  asked === undefined
    ? { numRuns: 8000, interruptAfterTimeLimit: 1000, markInterruptAsFailure: false }
    : { numRuns: Number(asked) };

/** ws has no types for its Receiver; this is what the test uses of it. */
type Receiver = {
  on(event: string, listener: (...values: never[]) => void): void;
  _write(chunk: Uint8Array, encoding: string, done: (error?: Error & Record<symbol, number>) => void): void;
};
type ReceiverClass = new (options: Record<string, unknown>) => Receiver;
const { Receiver } = createRequire(import.meta.url)("ws") as { Receiver: ReceiverClass };

type WsReading = { events: ProtocolEvent[]; closeCode?: number };

function readWithWs(chunks: readonly Uint8Array[], limits: Limits): WsReading {
  const receiver = new Receiver({
    isServer: limits.role === "server",
    maxPayload: limits.maxMessageSize,
    maxFragments: limits.maxFragments,
  });
  const reading: WsReading = { events: [] };
  let ended = false;
  receiver.on("message", (data: Buffer, isBinary: boolean) => {
    reading.events.push(
      isBinary ? { type: "binary", data: new Uint8Array(data) } : { type: "text", data: data.toString() },
    );
  });
  receiver.on("ping", (data: Buffer) => reading.events.push({ type: "ping", data: new Uint8Array(data) }));
  receiver.on("pong", (data: Buffer) => reading.events.push({ type: "pong", data: new Uint8Array(data) }));
  receiver.on("conclude", (code: number, reason: Buffer) => {
    reading.events.push(code === 1005 ? { type: "close" } : { type: "close", code, reason: reason.toString() });
    ended = true;
  });
  for (const chunk of chunks) {
    if (ended) break;
    // Its own buffers are unmasked in place, so it gets a copy.
    receiver._write(Buffer.from(chunk), "buffer", (error) => {
      if (error === undefined || error === null) return;
      ended = true;
      const status = Object.getOwnPropertySymbols(error).find((symbol) => symbol.description === "status-code");
      reading.closeCode = status === undefined ? 0 : (error[status] as number);
    });
  }
  return reading;
}

/**
 * Where the two differ, and why ours stands. Each rule says what must hold all the same; `more` is what ws
 * delivered beyond our events, `atEnd` that we found the violation in the very last byte.
 */
type Difference = {
  readonly section: string;
  readonly why: string;
  readonly holds: (ws: WsReading, more: readonly ProtocolEvent[], atEnd: boolean) => boolean;
};
const onlyControl = (more: readonly ProtocolEvent[]): boolean =>
  more.every(({ type }) => type !== "text" && type !== "binary");
const DIFFERENCES: readonly (Difference & { readonly reasons: readonly ViolationReason[] })[] = [
  {
    reasons: ["invalid_utf8"],
    section: "§8.1, §5.6",
    why: "text is judged as it comes, not when its message ends; until then ws may find another fault, or none",
    holds: (_ws, more) => onlyControl(more),
  },
  {
    reasons: ["non_minimal_length"],
    section: "§5.2",
    why: "the minimal number of bytes MUST be used for a length; ws takes any form",
    holds: () => true,
  },
  {
    reasons: ["length_top_bit"],
    section: "§5.2",
    why: "the most significant bit MUST be 0: an error of the protocol, where ws sees a size it can't take",
    holds: (ws, more) => more.length === 0 && ws.closeCode === 1009,
  },
  {
    reasons: ["too_many_fragments"],
    section: "§7.4.1",
    why: "1009 says too big; ws says 1008, and only when the fragment's payload is complete",
    holds: (_ws, more) => onlyControl(more),
  },
  {
    reasons: [
      "reserved_bits",
      "reserved_opcode",
      "control_fragmented",
      "unexpected_continuation",
      "expected_continuation",
    ],
    section: "§7.1.7",
    why: "the first byte of a header is judged when it is there; ws waits for the second",
    holds: (ws, more, atEnd) => atEnd && more.length === 0 && ws.closeCode === undefined,
  },
];

function isViolation(event: ProtocolEvent | undefined): event is Violation {
  return event?.type === "violation";
}

function agreesWithWs(stream: Uint8Array, cuts: readonly number[], limits: Limits): void {
  const chunks = cutAt(stream, cuts);
  const all = eventsOf(chunks, limits);
  const last = all.at(-1);
  const violation = isViolation(last) ? last : undefined;
  const events = violation === undefined ? all : all.slice(0, -1);
  const ws = readWithWs(chunks, limits);
  if (same(ws.events, events) && ws.closeCode === violation?.closeCode) return;
  const difference = DIFFERENCES.find(({ reasons }) => violation !== undefined && reasons.includes(violation.reason));
  const atEnd = !isViolation(eventsOf([stream.slice(0, -1)], limits).at(-1));
  const excused =
    difference !== undefined &&
    same(ws.events.slice(0, events.length), events) &&
    difference.holds(ws, ws.events.slice(events.length), atEnd);
  if (excused) return;
  assert.deepEqual(
    { events, closeCode: violation?.closeCode },
    { events: ws.events, closeCode: ws.closeCode },
    `ws reads ${toHex(stream)} differently (ours: ${violation?.message ?? "no violation"})`,
  );
}

function same(one: readonly ProtocolEvent[], other: readonly ProtocolEvent[]): boolean {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
}

function agreesWithReference(stream: Uint8Array, cuts: readonly number[], limits: Limits): void {
  const events = eventsOf(cutAt(stream, cuts), limits);
  const reading = readAll(stream, limits);
  const last = events.at(-1);
  const ours = isViolation(last)
    ? { events: events.slice(0, -1), violation: { closeCode: last.closeCode, reason: last.reason } }
    : { events };
  assert.deepEqual(ours, reading, toHex(stream));
}

for (const role of ["client", "server"] as const) {
  const limitsArbitrary = fc.record({
    role: fc.constant(role),
    maxMessageSize: fc.oneof({ weight: 3, arbitrary: fc.constant(1 << 20) }, fc.integer({ min: 1, max: 300 })),
    maxFragments: fc.oneof({ weight: 3, arbitrary: fc.constant(64) }, fc.integer({ min: 1, max: 4 })),
  });
  const cutsArbitrary = fc.array(fc.nat(5000), { maxLength: 12 });

  describe(`a ${role}'s decoder beside others`, () => {
    it("gives the messages and verdict of ws for valid streams in any split", () => {
      fc.assert(fc.property(streamArbitrary(role), cutsArbitrary, limitsArbitrary, agreesWithWs), runs);
    });

    it("gives the messages and verdict of ws for broken streams, but for the differences in the table", () => {
      fc.assert(fc.property(brokenStreamArbitrary(role), cutsArbitrary, limitsArbitrary, agreesWithWs), runs);
    });

    it("gives the messages, the verdict and the reason of the reference decoder for broken streams", () => {
      fc.assert(fc.property(brokenStreamArbitrary(role), cutsArbitrary, limitsArbitrary, agreesWithReference), runs);
    });
  });
}
