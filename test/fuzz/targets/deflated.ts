/**
 * Streams with permessage-deflate (RFC 7692) to one role. The first byte of an input says what was agreed on: bit 0 for context takeover,
 * bits 1 to 3 for the window. The rest are frames, read as those without compression are, and held against node:zlib's documented
 * functions and against ws.
 */
import assert from "node:assert/strict";
import type { Role } from "../../../src/protocol/decoder.ts";
import { agreeTo, answerTo, extensionsOf, type ProtocolEvent, permessageDeflate } from "../../../src/protocol/index.ts";
import { type DeflateAgreement, readDeflatedWithWs, WS } from "../../protocol/beside-ws.ts";
import { eventsOf } from "../../protocol/decoding.ts";
import { type Inflate, type Limits, readAll } from "../../protocol/reference-decoder.ts";
import { agree, type Other, onlyControl } from "../../protocol/second-opinion.ts";
import { cutAt } from "../../protocol/wire.ts";
import { DEFLATE_MUTATORS } from "../deflate-mutation.ts";
import { type Plain, plainInflate } from "../plain-inflate.ts";
import type { Target } from "../target.ts";
import {
  answerOf,
  answersWell,
  closing,
  drawCuts,
  holdsLittle,
  type MakeOptions,
  readsAlike,
  wordsOf,
} from "./decoder.ts";

const WIDE = { maxMessageSize: 1 << 18, maxFragments: 1024 };
const NARROW = [
  { maxMessageSize: 10, maxFragments: 3 },
  { maxMessageSize: 1000, maxFragments: 8 },
  { maxMessageSize: 70_000, maxFragments: 2 },
];
/** ws inflates in the thread pool, which is slow. */
const BESIDE_WS_ONCE_IN = 16;
/** A piece that inflated bytes are put into, and what stands beside it. */
const PIECE = 1024 * 1024;

function agreementOf(byte: number): DeflateAgreement {
  return { takeover: (byte & 1) === 0, windowBits: 8 + ((byte >> 1) & 7) };
}

/** Agreed on as two ends do, this one being of `role`: the parameters bind the other, who compresses. */
function stackFor(role: Role, { takeover, windowBits }: DeflateAgreement, maxMessageSize: number) {
  const other = role === "client" ? "server" : "client";
  const settings = { role, maxMessageSize, hibernates: false };
  const entries = extensionsOf([
    `permessage-deflate; ${other}_max_window_bits=${windowBits}${takeover ? "" : `; ${other}_no_context_takeover`}`,
  ]);
  assert.ok(entries !== undefined);
  if (role === "server") return answerTo(entries, [permessageDeflate()], settings);
  const result = agreeTo(entries, [permessageDeflate()], settings);
  assert.ok(result.type === "agreed");
  return result.stack;
}

/** Faults of a compressed payload: which of them is met first depends on how far a reader looks. */
const OF_PAYLOAD: readonly unknown[] = ["extension_data", "message_too_long", "invalid_utf8"];

/**
 * The events and the verdict are those that node:zlib's documented function leads to. Where the window lasts, a message that breaks off inside
 * a block may pass, as it does with everybody: to find out would cost each message its stream. What comes after that isn't compared.
 */
function agreesWithZlib(
  events: readonly ProtocolEvent[],
  stream: Uint8Array,
  limits: Limits & { readonly inflate: Inflate },
  { takeover, brokeOff }: Plain & { readonly takeover: boolean },
): void {
  const last = events.at(-1);
  const violation = last?.type === "violation" ? last : undefined;
  const frames = violation === undefined ? events : events.slice(0, -1);
  const reading = readAll(stream, limits);
  const expected = reading.violation;
  const ofPayload = violation !== undefined && OF_PAYLOAD.includes(violation.reason);
  const uncertain = takeover && brokeOff();
  // Found with a fragment, where zlib is asked about whole messages: control frames may have come between.
  const early = ofPayload && (reading.undecided || OF_PAYLOAD.includes(expected?.reason));
  if (uncertain || early) {
    const common = Math.min(frames.length, reading.events.length);
    assert.equal(wordsOf(frames.slice(0, common)), wordsOf(reading.events.slice(0, common)));
    assert.ok(onlyControl(reading.events.slice(common)), "zlib reads more messages");
    assert.ok(uncertain || frames.length === common, "zlib reads fewer frames");
    return;
  }
  assert.deepEqual(
    { events: frames, reason: violation?.reason },
    { events: reading.events, reason: expected?.reason },
    "zlib reads it differently",
  );
}

const WS_DEFLATED: Other = {
  name: WS.name,
  differences: [
    {
      endings: ["extension_data"],
      section: "RFC 7692 §7.2.2",
      why: "a message that breaks off inside a block, or never stops beginning anew, is no message; ws gives what there is",
      holds: () => true,
    },
    {
      endings: ["message_too_long"],
      section: "§7.4.1",
      why: "also judged by the length on the wire, with each header; ws judges what has been inflated of a whole frame",
      holds: (_ws, more) => onlyControl(more),
    },
    ...WS.differences,
  ],
};

export function deflatedTarget(role: Role): Target {
  return {
    name: `${role}-decoder-deflated`,
    corpus: `deflated-to-${role}`,
    mutators: DEFLATE_MUTATORS,
    async check(input, random) {
      const agreement = agreementOf(input[0] ?? 0);
      const stream = input.subarray(1);
      let answer = "";
      for (const limits of [random.pick(NARROW), WIDE]) {
        const makeOptions: MakeOptions = () => {
          const extensions = stackFor(role, agreement, limits.maxMessageSize);
          return { role, ...limits, extensions };
        };
        const events = readsAlike(stream, makeOptions, random);
        answer = events.map(answerOf).join(" ");
        const { maxMessageSize } = limits;
        const { takeover, windowBits } = agreement;
        const plain = plainInflate(Math.max(9, windowBits), takeover, maxMessageSize);
        try {
          agreesWithZlib(events, stream, { role, ...limits, inflate: plain.inflate }, { ...plain, takeover });
        } catch (error) {
          // A reference beyond the window: whether zlib notices depends on how its output is divided.
          if (!plain.refersTooFar()) throw error;
        }
        answersWell(stream, makeOptions, random);
        const cuts = drawCuts(random, stream.length);
        // One frame that is put together, and beside it what has been inflated of the message.
        const most = 2 * maxMessageSize + maxMessageSize / 64 + PIECE;
        closing(makeOptions(), (options) => holdsLittle(cutAt(stream, cuts), options, most));
        // ws takes the limit for that of the wire too, and 8 bits of window for what they say.
        if (
          limits === WIDE &&
          windowBits > 8 &&
          !plain.wasOdd() &&
          !plain.brokeOff() &&
          random.once(BESIDE_WS_ONCE_IN)
        ) {
          await agreesWithWs(stream, makeOptions, agreement);
        }
      }
      return answer;
    },
  };
}

async function agreesWithWs(stream: Uint8Array, makeOptions: MakeOptions, agreement: DeflateAgreement): Promise<void> {
  const read = (chunks: readonly Uint8Array[]) => closing(makeOptions(), (options) => eventsOf(chunks, options));
  const { role, maxMessageSize, maxFragments } = makeOptions();
  const opinion = await readDeflatedWithWs(stream, { role, maxMessageSize, maxFragments }, agreement);
  agree(stream, [], read, WS_DEFLATED, opinion);
}
