/**
 * The decoder and the engine of one role, fed with whatever a peer may send.
 *
 * Each input is read whole, a byte at a time, all at once in single bytes, and cut at random, under wide limits and under narrow ones; and
 * it is read by others that share no code with it.
 */
import assert from "node:assert/strict";
import { Decoder, type DecoderOptions, type Role } from "../../../src/protocol/decoder.ts";
import { Engine } from "../../../src/protocol/engine.ts";
import type { ProtocolEvent } from "../../../src/protocol/event.ts";
import { agreesWithWs } from "../../protocol/beside-ws.ts";
import { eventsOf, eventsOfQueued } from "../../protocol/decoding.ts";
import { agreesWithReference } from "../../protocol/reference-decoder.ts";
import { concat, cutAt, frame, opcodes, singly } from "../../protocol/wire.ts";
import { FRAME_MUTATORS } from "../frame-mutation.ts";
import type { Random } from "../random.ts";
import type { Target } from "../target.ts";

const WIDE = { maxMessageSize: 1 << 20, maxFragments: 1024 };
const NARROW = [
  { maxMessageSize: 125, maxFragments: 3 },
  { maxMessageSize: 300, maxFragments: 2 },
  { maxMessageSize: 1000, maxFragments: 8 },
  { maxMessageSize: 2, maxFragments: 1024 },
  { maxMessageSize: 70_000, maxFragments: 1 },
];
/** What the decoder may hold beyond maxMessageSize: a control frame, and the rest of a word. */
const BESIDE_THE_MESSAGE = 128;
/** The decoder's options for one reading; its extensions, where there are any, are not to be used for another. */
export type MakeOptions = () => DecoderOptions;

/** The probe that tells whether what was sent ends where a frame ends. */
const PROBE = frame({ opcode: opcodes.pong, payload: Uint8Array.of(0x70, 0x72, 0x6f, 0x62, 0x65) });

export function decoderTarget(role: Role): Target {
  return {
    name: `${role}-decoder`,
    corpus: `to-${role}`,
    mutators: FRAME_MUTATORS,
    check(input, random) {
      let answer = "";
      for (const limits of [random.pick(NARROW), WIDE]) {
        const options = { role, ...limits };
        answer = readsAlike(input, () => options, random)
          .map(answerOf)
          .join(" ");
        const cuts = drawCuts(random, input.length);
        agreesWithReference(input, cuts, options);
        agreesWithWs(input, cuts, options);
        holdsLittle(cutAt(input, cuts), options, limits.maxMessageSize + BESIDE_THE_MESSAGE);
        answersWell(input, () => options, random);
      }
      return answer;
    },
  };
}

/** Places to cut at: few or many, near together or far apart. */
export function drawCuts(random: Random, length: number): readonly number[] {
  return Array.from({ length: random.below(random.once(3) ? 30 : 4) }, () => random.below(length + 1));
}

/** What an input led to, without the lengths and contents that make every input another. */
export function answerOf(event: ProtocolEvent): string {
  return "reason" in event ? `${event.type}:${event.type === "close" ? event.code : event.reason}` : event.type;
}

/** Any split gives the same events, nothing follows the end, and the chunks stay as they are. */
export function readsAlike(input: Uint8Array, makeOptions: MakeOptions, random: Random): readonly ProtocolEvent[] {
  const copy = input.slice();
  const events = closing(makeOptions(), (options) => eventsOf([input], options));
  assert.deepEqual(input, copy, "the chunk was written to");
  const last = events.findIndex(isEnd);
  assert.ok(last === -1 || last === events.length - 1, "something came after the end");
  const words = wordsOf(events);
  const cuts = drawCuts(random, input.length);
  const read = (chunks: readonly Uint8Array[], reading = eventsOf) =>
    wordsOf(closing(makeOptions(), (options) => reading(chunks, options)));
  assert.equal(read(singly(input)), words, "a byte at a time it says something else");
  assert.equal(read(singly(input), eventsOfQueued), words, "queued it says something else");
  assert.equal(read(cutAt(input, cuts)), words, `cut at ${cuts} it says something else`);
  return events;
}

/** Works with options, and ends the extensions in them. */
export function closing<T>(options: DecoderOptions, work: (options: DecoderOptions) => T): T {
  try {
    return work(options);
  } finally {
    options.extensions?.close();
  }
}

/** A frame of any kind but close is no end; whatever else there is, or comes to be, is one. */
function isEnd({ type }: ProtocolEvent): boolean {
  return type !== "text" && type !== "binary" && type !== "ping" && type !== "pong";
}

/** All that events say, as text: faster to compare than objects, and this is done four times for each input. */
export function wordsOf(events: readonly ProtocolEvent[]): string {
  return events
    .map((event) => {
      if (event.type === "text") return `text ${JSON.stringify(event.data)}`;
      return "data" in event ? `${event.type} ${Buffer.from(event.data).toString("hex")}` : JSON.stringify(event);
    })
    .join("\n");
}

/** No more memory than this, whatever is waited for. */
export function holdsLittle(chunks: readonly Uint8Array[], options: DecoderOptions, most: number): void {
  const decoder = new Decoder(options);
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let event = decoder.next(); event !== undefined; event = decoder.next()) {
      if (isEnd(event)) return;
    }
    assert.ok(decoder.heldBytes <= most, `${decoder.heldBytes} bytes held`);
  }
}

/** What the engine sends by itself is a valid stream for the other role: the pongs and at most one close frame, at its end. */
export function answersWell(input: Uint8Array, makeOptions: MakeOptions, random: Random): void {
  const options = makeOptions();
  const engine = new Engine(options);
  const events: ProtocolEvent[] = [];
  const sent: Uint8Array[] = [];
  for (const chunk of [...cutAt(input, drawCuts(random, input.length)), PROBE]) {
    // Nothing follows the end, whatever is pushed: the probe least of all.
    if (chunk === PROBE && !engine.finished) break;
    for (const event of engine.receive(chunk)) events.push(event);
    sent.push(engine.take() ?? new Uint8Array(0));
  }
  const ended = events.some(isEnd);
  assert.equal(engine.finished, ended);
  assert.equal(engine.closeSent, ended);
  if (engine.closeSent) assert.equal(engine.encode("late")?.reason, "close_sent");
  else sent.push(engine.send({ type: "ping", data: Uint8Array.of(1) }) as Uint8Array);
  const other = new Engine({ role: options.role === "client" ? "server" : "client", ...WIDE });
  const heard = [...other.receive(concat(...sent))];
  assert.equal(
    wordsOf(heard),
    wordsOf([
      ...events.flatMap((event) => (event.type === "ping" ? { ...event, type: "pong" as const } : [])),
      ...(ended ? [heard.at(-1) as ProtocolEvent] : [{ type: "ping" as const, data: Uint8Array.of(1) }]),
    ]),
    "the answers are no valid stream of pongs and a close frame",
  );
  assert.equal(heard.at(-1)?.type, ended ? "close" : "ping");
  engine.close();
}
