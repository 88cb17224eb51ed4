/**
 * Extensions in the model: whether an offer can be made, whether the server's answer to it can be agreed to (RFC 6455 §9.1, RFC 7692
 * §7.1), and what Mint 1.0.3, which reads the answer by cutting the header at ", " and ";", makes of both.
 */
import { constants, deflateRawSync } from "node:zlib";
import { type Entry, Inflation, readExtensions, type Terms, termsOf } from "./compression.ts";
import type { DifferenceName } from "./differences.ts";
import { type Offer, type Parameters, PERMESSAGE_DEFLATE } from "./mint-extensions.ts";

const FLAGS = ["server_no_context_takeover", "client_no_context_takeover"];
const SERVER_BITS = "server_max_window_bits";
const CLIENT_BITS = "client_max_window_bits";
const LARGEST = 15;

const valueIn = (parameters: Parameters, name: string): string | undefined =>
  parameters.find(([candidate]) => candidate === name)?.[1];
const has = (parameters: Parameters, name: string): boolean => parameters.some(([candidate]) => candidate === name);
const isBits = (value: string | undefined): boolean => /^([89]|1[0-5])$/.test(value ?? "");

/** Can this be offered at all? */
export function isOffer({ parameters }: Offer): boolean {
  return parameters.every(([name, value]) => {
    if (FLAGS.includes(name)) return value === undefined;
    return (
      (name === CLIENT_BITS && value === undefined) || ([SERVER_BITS, CLIENT_BITS].includes(name) && isBits(value))
    );
  });
}

/** What came of the server's answer: a connection with compression or without, or none. */
export type Judgement = {
  readonly type: "agreed" | "none" | "refused";
  readonly deflate?: ModelDeflate;
  /** Where Mint says otherwise. */
  readonly differs?: DifferenceName;
};

export function judgeAnswer(values: readonly string[], offers: readonly Offer[]): Judgement {
  if (values.length === 0) return { type: "none" };
  const agreed = agreementOn(readExtensions(values), offers);
  const mint = mintOn(values, offers);
  if (agreed === undefined) {
    return { type: "refused", ...(mint === "refuses" ? {} : { differs: "extension-answer-is-checked" }) };
  }
  if (mint === "refuses") return { type: "agreed", deflate: agreed, differs: "extension-list-grammar" };
  return { type: "agreed", deflate: agreed, ...(mint === "crashes" ? { differs: "window-of-256-bytes" } : {}) };
}

function agreementOn(entries: readonly Entry[] | undefined, offers: readonly Offer[]): ModelDeflate | undefined {
  const [entry, second] = entries ?? [];
  if (entry?.name !== PERMESSAGE_DEFLATE || second !== undefined) return undefined;
  const offer = offers.find((candidate) => isAnswerTo(candidate, entry.parameters));
  return offer === undefined ? undefined : new ModelDeflate(offer, entry.parameters);
}

function isAnswerTo({ parameters: offered }: Offer, answered: Parameters): boolean {
  const names = answered.map(([name]) => name);
  if (new Set(names).size < names.length) return false;
  const right = answered.every(([name, value]) =>
    FLAGS.includes(name) ? value === undefined : [SERVER_BITS, CLIENT_BITS].includes(name) && isBits(value),
  );
  if (!right) return false;
  const [noTakeover = ""] = FLAGS;
  if (has(offered, noTakeover) && !has(answered, noTakeover)) return false;
  if (has(offered, SERVER_BITS) && !(Number(valueIn(answered, SERVER_BITS)) <= Number(valueIn(offered, SERVER_BITS))))
    return false;
  if (!has(answered, CLIENT_BITS)) return true;
  const most = Number(valueIn(offered, CLIENT_BITS) ?? LARGEST);
  return has(offered, CLIENT_BITS) && Number(valueIn(answered, CLIENT_BITS)) <= most;
}

/** Of several parameters with one name Mint takes the first, of a number what it begins with, and of what is neither nothing. */
function mintOn(values: readonly string[], offers: readonly Offer[]): "accepts" | "refuses" | "crashes" {
  for (const element of values.flatMap((value) => value.split(", "))) {
    const [name, ...rest] = element.split(";");
    if (name !== PERMESSAGE_DEFLATE || offers.length === 0) return "refuses";
    const parameters = rest.map((part): Parameters[number] => {
      const [parameter = "", ...value] = part.trim().split("=");
      return [parameter, value.length === 0 ? undefined : value.join("=")];
    });
    const bits = (side: string): number => Number.parseInt(valueIn(parameters, side) ?? "", 10) || LARGEST;
    // zlib makes no raw data for a window of 256 bytes.
    const outside =
      bits(SERVER_BITS) < 8 || bits(CLIENT_BITS) < 9 || Math.max(bits(SERVER_BITS), bits(CLIENT_BITS)) > LARGEST;
    if (outside) return "crashes";
  }
  return "accepts";
}

// ── One connection ───────────────────────────────────────────────────────────────────────────────────────────────

/** permessage-deflate on one connection, as it should be, and where Mint is out of step with it. */
export class ModelDeflate {
  readonly #client: Terms;
  readonly #server: Terms;
  readonly #offer: Offer;
  readonly #received: Inflation;
  /** Mint's inflate stream has come to an end, or to the middle of a block, from which it doesn't come back. */
  #mintIsLost = false;

  constructor(offer: Offer, answered: Parameters) {
    const client = termsOf(answered, "client");
    this.#offer = offer;
    this.#server = termsOf(answered, "server");
    this.#client = {
      takeover: client.takeover && !has(offer.parameters, "client_no_context_takeover"),
      windowBits: Math.min(client.windowBits, termsOf(offer.parameters, "client").windowBits),
    };
    this.#received = new Inflation(this.#server);
  }

  /** Does a message go out compressed? Not one of no bytes, nor one that would be no shorter and that nothing will refer to. */
  compresses(payload: Uint8Array): boolean {
    if (payload.byteLength === 0) return false;
    if (this.#client.takeover) return true;
    const { level, memLevel } = this.#offer;
    const windowBits = Math.max(9, this.#client.windowBits);
    const made = deflateRawSync(payload, { level, memLevel, windowBits, finishFlush: constants.Z_SYNC_FLUSH });
    return made.length - 4 < payload.byteLength;
  }

  /** What the first fragments of a message mean; undefined when they are no DEFLATE data. */
  begun(payload: Buffer): Buffer | undefined {
    return this.#received.begun(payload)?.data;
  }

  /** What a message means, or undefined when it doesn't inflate; and whether Mint makes the same of it. */
  message(payload: Buffer): { readonly data: Buffer | undefined; readonly mintAgrees: boolean } {
    const inflated = this.#received.message(payload);
    const mintAgrees = !this.#mintIsLost && inflated?.behindEnd.length === 0;
    if (this.#server.takeover) this.#mintIsLost ||= payload.length === 0 || inflated?.ended === true;
    return { data: inflated?.data, mintAgrees };
  }
}
