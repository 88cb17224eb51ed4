/**
 * The same by documented functions alone: each message is a stream of its own, which is told of the window as a dictionary. For platforms
 * whose zlib can't be driven as sync-stream.ts does; many times slower.
 */
import { Buffer, constants } from "node:buffer";
import type { ExtensionFault, ExtensionOutput } from "../extension.ts";
import {
  BAD_DATA,
  type Deflater,
  ENDS_TOO_OFTEN,
  FINAL_BLOCK,
  type Inflater,
  MAX_ENDS,
  TAIL,
  TRUNCATED,
} from "./deflate-data.ts";
import { History } from "./history.ts";
import { type DeflateSettings, SYNC_FLUSH, zlib } from "./sync-stream.ts";

export class OneShotInflater implements Inflater {
  readonly #windowBits: number;
  readonly #takeover: boolean;
  readonly #maxMessageSize: number;
  readonly #history: History;
  /** Frames of the message under way. */
  #frames: Uint8Array[] = [];

  constructor(windowBits: number, takeover: boolean, maxMessageSize: number) {
    this.#windowBits = windowBits;
    this.#takeover = takeover;
    this.#maxMessageSize = maxMessageSize;
    this.#history = new History(2 ** windowBits);
  }

  decode(data: Uint8Array, final: boolean, output: ExtensionOutput): ExtensionFault | undefined {
    if (data.length > 0) this.#frames.push(data.slice());
    if (!final || this.#frames.length === 0) return undefined;
    const payload = Buffer.concat(this.#frames);
    this.#frames = [];
    const fault = this.#message(Buffer.concat([payload, TAIL, FINAL_BLOCK]), payload.length, output);
    if (!this.#takeover) this.#history.clear();
    return fault;
  }

  hibernate(): void {
    this.#history.shrink();
  }

  close(): void {
    this.#frames = [];
  }

  #message(data: Buffer, length: number, output: ExtensionOutput): ExtensionFault | undefined {
    let from = 0;
    for (let ends = 0; from < length; ends++) {
      if (ends > MAX_ENDS) return ENDS_TOO_OFTEN;
      const part = this.#inflate(data.subarray(from));
      if ("closeCode" in part) return part;
      // What was put back makes no output, or a block that breaks off has taken it for its own.
      if (part.made.length > this.#madeOf(data.subarray(from, length))) return TRUNCATED;
      from += part.read;
      this.#history.append(part.made);
      if (!output.write(part.made)) return undefined;
    }
    // Ended with the payload, with the empty block that it ends in, or with the last block behind that.
    return from === length || from === length + TAIL.length || from === data.length ? undefined : TRUNCATED;
  }

  /** How many bytes this alone makes, whether it is whole or not. */
  #madeOf(data: Buffer): number {
    const dictionary = this.#history.dictionary();
    return zlib().inflateRawSync(data, {
      windowBits: this.#windowBits,
      finishFlush: SYNC_FLUSH,
      ...(dictionary === undefined ? {} : { dictionary }),
    }).length;
  }

  #inflate(data: Buffer): { readonly made: Buffer; readonly read: number } | ExtensionFault {
    const dictionary = this.#history.dictionary();
    try {
      const { buffer, engine } = zlib().inflateRawSync(data, {
        windowBits: this.#windowBits,
        // One more than the limit: then the output says what is wrong.
        maxOutputLength: Math.min(this.#maxMessageSize + 1, constants.MAX_LENGTH),
        info: true,
        ...(dictionary === undefined ? {} : { dictionary }),
      }) as unknown as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
      return { made: buffer, read: engine.bytesWritten };
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code === "ERR_BUFFER_TOO_LARGE") return { closeCode: 1009, message: "a message inflates beyond its limit." };
      return code === "Z_BUF_ERROR" ? TRUNCATED : BAD_DATA;
    }
  }
}

export class OneShotDeflater implements Deflater {
  readonly #settings: DeflateSettings;
  readonly #history: History | undefined;

  constructor(settings: DeflateSettings, takeover: boolean) {
    this.#settings = settings;
    this.#history = takeover ? new History(2 ** settings.windowBits) : undefined;
  }

  encode(data: Uint8Array): Uint8Array | undefined {
    const dictionary = this.#history?.dictionary();
    const { windowBits, level, memLevel } = this.#settings;
    const made = zlib().deflateRawSync(data, {
      windowBits,
      level,
      memLevel,
      finishFlush: SYNC_FLUSH,
      ...(dictionary === undefined ? {} : { dictionary }),
    });
    this.#history?.append(data);
    const output = made.subarray(0, made.length - TAIL.length);
    return this.#history !== undefined || output.length < data.length ? output : undefined;
  }

  hibernate(): void {
    this.#history?.shrink();
  }

  close(): void {
    this.#history?.clear();
    this.#history?.shrink();
  }
}
