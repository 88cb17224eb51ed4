/**
 * What the replay's own ends know of extensions (RFC 6455 §9.1) and of permessage-deflate (RFC 7692): by node:zlib, and by nothing of
 * src/.
 */
import { constants, inflateRawSync } from "node:zlib";
import { type Parameters, PERMESSAGE_DEFLATE } from "./mint-extensions.ts";

export const RSV1 = 4;
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** An empty block that is the last one: a stream that is between two blocks ends with it. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);
const NOTHING = Buffer.alloc(0);
const LARGEST_WINDOW = 32_768;

// ── The header ───────────────────────────────────────────────────────────────────────────────────────────────────

export type Entry = { readonly name: string; readonly parameters: Parameters };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The entries of Sec-WebSocket-Extensions fields; undefined for what doesn't keep to the grammar, as for fields without an entry. */
export function readExtensions(values: readonly string[]): readonly Entry[] | undefined {
  const elements = values.flatMap((value) => value.split(",")).map(trimmed);
  const entries = elements.filter((element) => element !== "").map(readEntry);
  const right = entries.every((entry) => entry !== undefined) && (entries.length > 0 || values.length === 0);
  return right ? entries : undefined;
}

function readEntry(element: string): Entry | undefined {
  const [name = "", ...rest] = element.split(";").map(trimmed);
  const parameters = rest.map((part): Parameters[number] => {
    const [parameter = "", ...value] = part.split("=").map(trimmed);
    return [parameter, value.length === 0 ? undefined : unquoted(value.join("="))];
  });
  const words = [name, ...parameters.flatMap(([parameter, value]) => [parameter, value ?? "none"])];
  return words.every((word) => TOKEN.test(word)) ? { name, parameters } : undefined;
}

const trimmed = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, "");
const unquoted = (value: string): string => /^"(.*)"$/.exec(value)?.[1]?.replace(/\\(.)/g, "$1") ?? value;

/** An offer or an answer with its parameters in one order: theirs means nothing. */
export function inOneOrder(value: string): string {
  const entry = (element: string): string => {
    const [name = "", ...parameters] = element.split(";").map(trimmed);
    return [name, ...parameters.toSorted()].join("; ");
  };
  return value.split(",").map(trimmed).map(entry).join(", ");
}

// ── One direction of a connection ────────────────────────────────────────────────────────────────────────────────

/** What was agreed on for it. */
export type Terms = { readonly takeover: boolean; readonly windowBits: number };

/** What a server's answer says of the client's messages; undefined when it doesn't agree to permessage-deflate. */
export function clientTermsOf(values: readonly string[]): Terms | undefined {
  const entry = readExtensions(values)?.find(({ name }) => name === PERMESSAGE_DEFLATE);
  return entry === undefined ? undefined : termsOf(entry.parameters, "client");
}

export function termsOf(parameters: Parameters, side: "client" | "server"): Terms {
  const bits = Number(parameters.find(([name]) => name === `${side}_max_window_bits`)?.[1]);
  return {
    takeover: !parameters.some(([name]) => name === `${side}_no_context_takeover`),
    windowBits: bits >= 8 && bits <= 15 ? bits : 15,
  };
}

export type Inflated = {
  readonly data: Buffer;
  /** A block said that it was the last one (RFC 7692 §7.2.3.4), and what came behind it. */
  readonly ended: boolean;
  readonly behindEnd: Buffer;
};

/** Takes the compressed messages of one end apart. */
export class Inflation {
  readonly #terms: Terms;
  #window: Buffer = NOTHING;

  constructor(terms: Terms) {
    this.#terms = terms;
  }

  /** What the first fragments of a message mean by themselves; undefined when they are no DEFLATE data. */
  begun(payload: Buffer): Inflated | undefined {
    return this.#inflate(payload, NOTHING);
  }

  /** What a message means; undefined when it is no DEFLATE data, or breaks off. Then nothing is known of the window any more. */
  message(payload: Buffer): Inflated | undefined {
    const inflated = this.#inflate(payload, Buffer.concat([TAIL, LAST_BLOCK]));
    const known = this.#terms.takeover ? inflated?.data : undefined;
    this.#window = known === undefined ? NOTHING : Buffer.concat([this.#window, known]).subarray(-LARGEST_WINDOW);
    return inflated;
  }

  /** A message that nobody can inflate has gone by. */
  forget(): void {
    this.#window = NOTHING;
  }

  /** `end`: what proves, put behind the payload, that it ended between two blocks. A message of no bytes has no block at all. */
  #inflate(payload: Buffer, end: Buffer): Inflated | undefined {
    const parts: Buffer[] = [];
    let ended = false;
    for (let input = payload.length === 0 ? NOTHING : Buffer.concat([payload, end]); input.length > 0; ) {
      const made = inflateStream(input, Buffer.concat([this.#window, ...parts]), this.#terms, end.length > 0);
      if (made === undefined) return undefined;
      parts.push(made.data);
      input = input.subarray(made.read);
      ended ||= input.length > 0;
      // Whoever ends with a last block need put nothing behind it.
      if (input.equals(end)) break;
    }
    return { data: Buffer.concat(parts), ended, behindEnd: Buffer.concat(parts.slice(1)) };
  }
}

/** zlib on one stream: to its last block, or with `whole` false as far as it goes. */
function inflateStream(
  input: Buffer,
  window: Buffer,
  { windowBits }: Terms,
  whole: boolean,
): { readonly data: Buffer; readonly read: number } | undefined {
  // zlib makes a window of 512 bytes where 256 are meant.
  const bits = Math.max(9, windowBits);
  try {
    const made = inflateRawSync(input, {
      info: true,
      windowBits: bits,
      finishFlush: whole ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
      ...(window.length === 0 ? {} : { dictionary: window.subarray(-(2 ** bits)) }),
    }) as unknown as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
    return { data: made.buffer, read: made.engine.bytesWritten };
  } catch (error) {
    if (/^Z_/.test(String((error as { readonly code?: unknown }).code))) return undefined;
    throw error;
  }
}
