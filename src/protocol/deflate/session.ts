/** permessage-deflate on one connection: which half of it is made, when, and for which messages. */
import {
  type ExtensionFault,
  type ExtensionOutput,
  type ExtensionSession,
  type ExtensionSettings,
  type IncomingFrame,
  type OutgoingMessage,
  RSV1,
} from "../extension.ts";
import type { Deflater, Inflater } from "./deflate-data.ts";
import { StreamDeflater } from "./deflater.ts";
import { StreamInflater } from "./inflater.ts";
import { OneShotDeflater, OneShotInflater } from "./one-shot.ts";
import type { Settings } from "./options.ts";
import { type DeflateParameters, LEAST_WINDOW_BITS } from "./parameters.ts";
import { isUsable } from "./sync-stream.ts";

/** zlib's handle counts a call's bytes in 32 bits; what it makes of a message may be somewhat longer. */
const LONGEST_FRAME = 2 ** 32 - 1;
const LONGEST_MESSAGE = 2 ** 31;

const TOO_LONG: ExtensionFault = { closeCode: 1009, message: "a compressed frame of 4 GiB or more came." };

/** What both ends have agreed on, every number filled in. */
export type Agreed = Omit<DeflateParameters, "serverMaxWindowBits" | "clientMaxWindowBits"> & {
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
};

export class DeflateSession implements ExtensionSession {
  readonly reservedBits = RSV1;
  readonly scope = "message";
  readonly takes = "marked";
  readonly #threshold: number;
  // Made when the first message needs them.
  readonly #makeDeflater: () => Deflater;
  readonly #makeInflater: () => Inflater;
  #deflater: Deflater | undefined;
  #inflater: Inflater | undefined;

  constructor(own: Settings, { role, maxMessageSize, hibernates }: ExtensionSettings, agreed: Agreed) {
    this.#threshold = own.threshold;
    const server = { bits: zlibBitsOf(agreed.serverMaxWindowBits), takeover: !agreed.serverNoContextTakeover };
    const client = { bits: zlibBitsOf(agreed.clientMaxWindowBits), takeover: !agreed.clientNoContextTakeover };
    const [ours, theirs] = role === "client" ? [client, server] : [server, client];
    const { level, memLevel } = own;
    const settings = { windowBits: ours.bits, level, memLevel };
    this.#makeDeflater = () =>
      isUsable()
        ? new StreamDeflater(settings, { takeover: ours.takeover, hibernates })
        : new OneShotDeflater(settings, ours.takeover);
    this.#makeInflater = () =>
      isUsable()
        ? new StreamInflater(theirs.bits, theirs.takeover)
        : new OneShotInflater(theirs.bits, theirs.takeover, maxMessageSize);
  }

  encode(data: Uint8Array, { compress }: OutgoingMessage) {
    if (compress === false || (data.length < this.#threshold && compress !== true)) return undefined;
    if (data.length === 0 || data.length > LONGEST_MESSAGE) return undefined;
    this.#deflater ??= this.#makeDeflater();
    const made = this.#deflater.encode(data);
    return made === undefined ? undefined : { data: made, reservedBits: RSV1 };
  }

  /** Nothing that goes out later may refer to what didn't. */
  unsent(): void {
    this.#deflater?.close();
  }

  decode(data: Uint8Array, { final }: IncomingFrame, output: ExtensionOutput): ExtensionFault | undefined {
    if (data.length > LONGEST_FRAME) return TOO_LONG;
    this.#inflater ??= this.#makeInflater();
    return this.#inflater.decode(data, final, output);
  }

  hibernate(): void {
    this.#deflater?.hibernate();
    this.#inflater?.hibernate();
  }

  close(): void {
    this.#deflater?.close();
    this.#inflater?.close();
  }
}

/**
 * zlib can't make raw data for a window of 256 bytes, and takes 512 instead. With those it refers back by 250 bytes at the most, as it
 * keeps 262 of its window for itself, so what it makes is right for a window of 256 all the same.
 */
function zlibBitsOf(bits: number): number {
  return Math.max(bits, LEAST_WINDOW_BITS + 1);
}
