/** The sending half: messages to compressed payloads (RFC 7692 §7.2.1). */
import { Buffer } from "node:buffer";
import { type Deflater, TAIL } from "./deflate-data.ts";
import { History } from "./history.ts";
import { StreamPool } from "./stream-pool.ts";
import { type DeflateSettings, SyncStream } from "./sync-stream.ts";

/** Streams of connections without context takeover wait here between messages, by their settings. */
const idle = new StreamPool<SyncStream>((stream) => stream.close());

/** Where messages are compressed whose result can't be longer; shared by the process, and none where nobody compresses. */
let shared: Buffer | undefined;
const SHARED_SIZE = 65536;

/** The most that DEFLATE makes of `length` bytes, with any settings, and the flush (zlib's deflateBound). */
const boundOf = (length: number): number => length + Math.ceil(length / 8) + Math.ceil(length / 64) + 64;

export class StreamDeflater implements Deflater {
  readonly #settings: DeflateSettings;
  readonly #takeover: boolean;
  readonly #kind: string;
  #stream: SyncStream | undefined;
  /** What a new stream would have to know to go on; only where there is hibernation and takeover. */
  readonly #history: History | undefined;

  constructor(settings: DeflateSettings, { takeover, hibernates }: { takeover: boolean; hibernates: boolean }) {
    this.#settings = settings;
    this.#takeover = takeover;
    this.#kind = `${settings.windowBits} ${settings.level} ${settings.memLevel}`;
    this.#history = takeover && hibernates ? new History(2 ** settings.windowBits) : undefined;
  }

  encode(data: Uint8Array): Uint8Array | undefined {
    const stream = this.#begin();
    const output = this.#deflate(stream, data);
    if (this.#takeover) {
      this.#history?.append(data);
      return output;
    }
    stream.reset();
    idle.put(this.#kind, stream);
    return output.length < data.length ? output : undefined;
  }

  hibernate(): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#history?.shrink();
  }

  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#history?.clear();
    this.#history?.shrink();
  }

  /** What fails leaves a stream that knows of data which doesn't go out. */
  #deflate(stream: SyncStream, data: Uint8Array): Uint8Array {
    try {
      return deflate(stream, data);
    } catch (error) {
      if (stream === this.#stream) this.close();
      else stream.close();
      throw error;
    }
  }

  #begin(): SyncStream {
    if (!this.#takeover) return idle.take(this.#kind) ?? SyncStream.deflate(this.#settings);
    this.#stream ??= SyncStream.deflate({ ...this.#settings, dictionary: this.#history?.dictionary() });
    return this.#stream;
  }
}

/** A message's DEFLATE data without its tail, in a space that the next call may write to. */
function deflate(stream: SyncStream, data: Uint8Array): Uint8Array {
  const bound = boundOf(data.length);
  shared ??= Buffer.allocUnsafeSlow(SHARED_SIZE);
  const space = bound <= SHARED_SIZE ? shared : Buffer.allocUnsafeSlow(bound);
  stream.write(data, 0, space, 0);
  // With no room left the flush might not be complete.
  if (stream.failed || stream.roomLeft === 0) throw new Error(`zlib could not compress ${data.length} bytes.`);
  return space.subarray(0, space.length - stream.roomLeft - TAIL.length);
}
