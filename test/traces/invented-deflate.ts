/**
 * permessage-deflate for invented scenarios: what is offered and answered, right and wrong, and a peer that compresses, splits and
 * spoils its messages.
 */
import { constants, deflateRawSync } from "node:zlib";
import { RSV1, readExtensions, type Terms, termsOf } from "./compression.ts";
import { PERMESSAGE_DEFLATE } from "./mint-extensions.ts";
import type { Random } from "./random.ts";
import type { WireFrame } from "./scenario.ts";

const MODULE = "Mint.WebSocket.PerMessageDeflate";
const offering = (parameters: string): string => `[{${MODULE}, [${parameters}]}]`;

const OFFERS: readonly string[] = [
  ...Array.from({ length: 6 }, () => `[${MODULE}]`),
  `[${MODULE}, ${MODULE}]`,
  offering("client_no_context_takeover: true"),
  offering("client_max_window_bits: true"),
  offering("client_max_window_bits: 10, client_no_context_takeover: true"),
  offering("server_max_window_bits: 12"),
  offering("server_no_context_takeover: true"),
  `[{${MODULE}, [], [zlib_level: :best_speed, zlib_memory_level: 4]}]`,
];
const IMPOSSIBLE_OFFERS: readonly string[] = [offering("server_max_window_bits: 7"), offering("nonsense: true")];

const answering = (parameters: string): readonly string[] => [`${PERMESSAGE_DEFLATE}; ${parameters}`];

/** Each is right for some of the offers. */
const ANSWERS: readonly (readonly string[])[] = [
  ...Array.from({ length: 6 }, () => [PERMESSAGE_DEFLATE]),
  [],
  answering("server_no_context_takeover"),
  answering("client_no_context_takeover"),
  answering("client_no_context_takeover; server_no_context_takeover; server_max_window_bits=12"),
  answering("server_max_window_bits=9"),
  answering("client_max_window_bits=10"),
  answering("client_max_window_bits=8"),
  answering('server_max_window_bits="10"'),
  [`${PERMESSAGE_DEFLATE} ; server_no_context_takeover`],
];
const WRONG_ANSWERS: readonly (readonly string[])[] = [
  answering("server_max_window_bits=16"),
  answering("server_max_window_bits=010"),
  answering("server_no_context_takeover; server_no_context_takeover"),
  answering("nonsense"),
  [PERMESSAGE_DEFLATE, PERMESSAGE_DEFLATE],
  ["x-other"],
  [""],
];

/** What a scenario's options say of extensions. */
export const inventOffer = (random: Random): string => random.pick(random.chance(92) ? OFFERS : IMPOSSIBLE_OFFERS);

/** The values of a 101's Sec-WebSocket-Extensions. */
export const inventAnswer = (random: Random): readonly string[] =>
  random.pick(random.chance(90) ? ANSWERS : WRONG_ANSWERS);

/** Long messages of our own: one that compresses well, one that refers back to it, one that doesn't compress. */
export const LONG_MESSAGES: readonly string[] = [
  `{:text, "${"long and longer ".repeat(300)}"}`,
  `{:text, "${"and longer still ".repeat(5)}"}`,
  `{:binary, <<${Array.from({ length: 400 }, (_, at) => (at * at * 7 + (at >> 3) * 13) % 251).join(", ")}>>}`,
];

export const frame = (op: string, more: Partial<WireFrame> = {}): WireFrame => ({
  type: "frame",
  op,
  fin: true,
  masked: false,
  rsv: 0,
  ...more,
});

const WORDS = ["Hello", "Hello Hello ", "wörld ", "", "a".repeat(70), "the same again "];

/** The peer's end of one connection: its messages come in the order in which they were made, so they may refer back. */
export class DeflatingPeer {
  readonly #random: Random;
  readonly #terms: Terms;
  #window: Buffer = Buffer.alloc(0);

  constructor(random: Random, answer: readonly string[]) {
    this.#random = random;
    const [entry] = readExtensions(answer) ?? [];
    this.#terms = termsOf(entry?.parameters ?? [], "server");
  }

  /** The frames of one message, or of one offence. */
  frames(): readonly WireFrame[] {
    return this.#random.chance(75) ? this.#message() : [this.#offence()];
  }

  #message(): readonly WireFrame[] {
    const random = this.#random;
    const text = random.chance(80);
    const message = text
      ? Buffer.from(random.list(1, 4, () => random.pick(WORDS)).join(""))
      : Buffer.from(random.list(0, 40, () => random.below(256)));
    const payload = this.#compressed(message, random.chance(80));
    const cuts = random.chance(70) ? [] : random.list(1, 3, () => random.below(payload.length + 1));
    const edges = [0, ...cuts.toSorted((left, right) => left - right), payload.length];
    const between = random.chance(50) ? [frame("ping", { text: "between" })] : [];
    return edges.slice(1).flatMap((to, at) => {
      const [op, rsv] = at === 0 ? [text ? "text" : "binary", RSV1] : ["continuation", 0];
      const fin = at === edges.length - 2;
      const hex = payload.subarray(edges[at], to).toString("hex");
      return [...(at === 0 ? [] : between), frame(op, { rsv, fin, hex })];
    });
  }

  /** Without its tail, or with a last block at the end (RFC 7692 §7.2.3.4). */
  #compressed(message: Buffer, flushed: boolean): Buffer {
    const { takeover, windowBits } = this.#terms;
    const made = deflateRawSync(message, {
      windowBits: Math.max(9, windowBits),
      finishFlush: flushed ? constants.Z_SYNC_FLUSH : constants.Z_FINISH,
      ...(this.#window.length === 0 ? {} : { dictionary: this.#window }),
    });
    if (takeover) this.#window = Buffer.concat([this.#window, message]).subarray(-(2 ** windowBits));
    return flushed ? made.subarray(0, -4) : Buffer.concat([made, Buffer.alloc(1)]);
  }

  #offence(): WireFrame {
    const good = deflateRawSync("Hello Hello Hello", { finishFlush: constants.Z_SYNC_FLUSH });
    const bad = deflateRawSync(Buffer.from([0x61, 0xff]), { finishFlush: constants.Z_SYNC_FLUSH });
    const hex = good.subarray(0, -4).toString("hex");
    return this.#random.pick([
      frame("text", { rsv: RSV1, hex: "ffffffff" }),
      frame("text", { rsv: RSV1, hex: good.subarray(0, -7).toString("hex") }),
      frame("text", { rsv: RSV1, hex: good.toString("hex") }),
      frame("text", { rsv: RSV1, hex: bad.subarray(0, -4).toString("hex") }),
      frame("text", { rsv: RSV1, fin: false, hex: bad.toString("hex") }),
      frame("text", { rsv: RSV1 | 2, hex }),
      frame("ping", { rsv: RSV1, hex }),
      frame("continuation", { rsv: RSV1, hex }),
      frame("opcode_3", { rsv: RSV1, hex }),
      frame("text", { rsv: RSV1, masked: true, hex }),
      frame("binary", { rsv: RSV1, text: "" }),
    ]);
  }
}
