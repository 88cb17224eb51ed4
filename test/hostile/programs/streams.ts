/**
 * Feeds a client's engine with one hostile stream, and prints the most memory that it held beyond what the process had before.
 * A process of its own, so that nothing else counts.
 */
import { constants, deflateRawSync } from "node:zlib";
import { agreeTo, Engine, extensionsOf, permessageDeflate } from "../../../src/protocol/index.ts";
import { heldMemory } from "./measure.ts";

const MiB = 1024 * 1024;
const LIMIT = 16 * MiB;
/** About as often is the memory measured. */
const SAMPLES = 20;

type Stream = {
  /** Bytes pushed before all else. */
  readonly head?: Iterable<number>;
  /** Pushed over and over again. */
  readonly chunk: Uint8Array;
  readonly times: number;
  readonly congested?: boolean;
  /** permessage-deflate has been agreed on. */
  readonly deflate?: boolean;
};

/** A chunk of the same frame many times. */
function repeated(frame: readonly number[], count: number): Uint8Array {
  return Uint8Array.from({ length: frame.length * count }, (_, index) => frame[index % frame.length] as number);
}
const ping = [0x89, 125, ...new Array<number>(125).fill(0x70)];
/** A frame of LIMIT bytes, with its length in 64 bits. */
const announced = [0x82, 127, 0, 0, 0, 0, 1, 0, 0, 0];

/** A fragment of zeros, compressed to a thousandth of this size. */
function bomb(size: number): readonly number[] {
  const payload = deflateRawSync(Buffer.alloc(size), { finishFlush: constants.Z_SYNC_FLUSH });
  return [0x42, 126, payload.length >> 8, payload.length & 0xff, ...payload];
}

const STREAMS: Readonly<Record<string, Stream>> = {
  "fragments of one byte": { head: [0x02, 0], chunk: repeated([0x00, 1, 0x61], 16_384), times: LIMIT / 16_384 },
  "fragments without a payload": { head: [0x02, 0], chunk: repeated([0x00, 0], 32_768), times: 200 },
  "a message byte by byte": { head: announced, chunk: Uint8Array.of(0x61), times: LIMIT - 1 },
  "a message that is only announced": { head: announced, chunk: Uint8Array.of(0x61), times: 10 },
  "text in fragments with pings between": {
    head: [0x01, 0],
    chunk: repeated([0x00, 124, ...new Array<number[]>(62).fill([0xc3, 0xa9]).flat(), ...ping], 500),
    times: Math.floor(LIMIT / (124 * 500)),
  },
  "pings whose answers can't go out": { chunk: repeated(ping, 500), times: 1000, congested: true },
  "a bomb to the limit, and then a frame that never ends": {
    head: [...bomb(LIMIT), 0x00, ...announced.slice(1)],
    chunk: new Uint8Array(65_536),
    times: LIMIT / 65_536 - 1,
    deflate: true,
  },
  "many small messages": { chunk: repeated([0x81, 1, 0x61], 20_000), times: 100 },
};

const stream = STREAMS[process.argv[2] ?? ""];
if (stream === undefined) throw new Error(`There is no stream ${process.argv[2]}.`);
console.log(JSON.stringify({ peak: peakOf(stream) }));

function extensions() {
  const settings = { role: "client", maxMessageSize: LIMIT, hibernates: false } as const;
  const result = agreeTo(extensionsOf(["permessage-deflate"]) ?? [], [permessageDeflate()], settings);
  return result.type === "agreed" ? result.stack : undefined;
}

function peakOf({ head = [], chunk, times, congested = false, deflate = false }: Stream): number {
  const engine = new Engine({
    role: "client",
    maxMessageSize: LIMIT,
    maxFragments: Number.POSITIVE_INFINITY,
    extensions: deflate ? extensions() : undefined,
  });
  engine.congested = congested;
  const before = heldMemory();
  let peak = 0;
  const every = Math.ceil(times / SAMPLES);
  engine.push(Uint8Array.from(head));
  for (let time = 1; time <= times; time++) {
    engine.push(chunk);
    for (let event = engine.next(); event !== undefined; event = engine.next()) {
      if (event.type !== "text" && event.type !== "ping") throw new Error(`There was a ${event.type}.`);
    }
    if (!congested) engine.take();
    if (time % every === 0 || time === times) peak = Math.max(peak, heldMemory() - before);
  }
  return peak;
}
