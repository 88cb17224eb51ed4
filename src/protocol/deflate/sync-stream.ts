/**
 * A zlib stream driven synchronously: bytes in and bytes out in one call, with the window kept from one call to the next.
 *
 * Node's documented ways are a stream, which takes a thread-pool round trip for each message, and one-shot functions, which keep nothing.
 * What lies under both, and what `deflateSync` itself calls, takes a fortieth of the round trip: the stream's handle and
 * its `writeSync`, the same since Node 10. As nobody promises them, `isUsable` tries them out once, on all that is asked of
 * them here; where they don't do it, one-shot.ts does the work by the documented functions.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import type * as Zlib from "node:zlib";

export type StreamSettings = {
  /** 9 to 15: zlib can't do 8 in a raw stream. */
  readonly windowBits: number;
  readonly dictionary?: Uint8Array | undefined;
};

export type DeflateSettings = StreamSettings & { readonly level: number; readonly memLevel: number };

/** What is used of the handle under a stream of node:zlib. */
type Handle = {
  onerror: (message: string, code: number, name: string) => void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputStart: number,
    inputLength: number,
    output: Uint8Array,
    outputStart: number,
    outputLength: number,
  ): void;
  reset(): void;
  close(): void;
};

/** The present room is all that a stream of node:zlib has to hold itself; the least it takes. */
const CHUNK_SIZE = 64;
/** Z_SYNC_FLUSH: everything that has been put in comes out, and the stream goes on. */
export const SYNC_FLUSH = 2;

let loaded: typeof Zlib | undefined;

/** node:zlib, loaded when somebody uses compression and not before. */
export function zlib(): typeof Zlib {
  loaded ??= process.getBuiltinModule("node:zlib");
  return loaded;
}

export class SyncStream {
  readonly #handle: Handle;
  /** Where the handle leaves how much room and how much input a call has left. */
  readonly #left: Uint32Array;
  #failed = false;

  constructor(stream: Zlib.DeflateRaw | Zlib.InflateRaw) {
    const { _handle, _writeState } = stream as unknown as { _handle: Handle; _writeState: Uint32Array };
    this.#handle = _handle;
    this.#left = _writeState;
    _handle.onerror = () => {
      this.#failed = true;
    };
  }

  /** Both throw when there is no memory for a stream. */
  static deflate(settings: DeflateSettings): SyncStream {
    return new SyncStream(
      zlib().createDeflateRaw({ ...optionsOf(settings), level: settings.level, memLevel: settings.memLevel }),
    );
  }

  static inflate(settings: StreamSettings): SyncStream {
    return new SyncStream(zlib().createInflateRaw(optionsOf(settings)));
  }

  /** Puts input[from, end) in, and what comes of it at output[at, output.length). */
  write(input: Uint8Array, from: number, output: Uint8Array, at: number): void {
    this.#handle.writeSync(SYNC_FLUSH, input, from, input.length - from, output, at, output.length - at);
  }

  /** The data was bad; nothing can be said about the output of that call. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Bytes that the last call had still room for. With none, call again: there may be more to come. */
  get roomLeft(): number {
    return this.#left[0] as number;
  }

  /** Bytes that the last call left alone although it had room: the stream has ended before them. */
  get inputLeft(): number {
    return this.#left[1] as number;
  }

  /** Forgets the window, and the end of the stream. A dictionary that it was made with is there again. */
  reset(): void {
    this.#failed = false;
    this.#handle.reset();
  }

  /** Gives its memory back at once. */
  close(): void {
    this.#handle.close();
  }
}

function optionsOf({ windowBits, dictionary }: StreamSettings): Zlib.ZlibOptions {
  return { windowBits, chunkSize: CHUNK_SIZE, ...(dictionary === undefined ? {} : { dictionary }) };
}

let usable: boolean | undefined;

/** Does this platform's zlib do what is asked of it here? Tried once a process. */
export function isUsable(): boolean {
  usable ??= probe();
  return usable;
}

function probe(): boolean {
  const streams: SyncStream[] = [];
  try {
    const text = Buffer.from("everfresh everfresh");
    const space = Buffer.alloc(256);
    const run = (stream: SyncStream, input: Uint8Array): Buffer => {
      stream.write(input, 0, space, 0);
      return Buffer.from(space.subarray(0, space.length - stream.roomLeft));
    };
    const deflate = SyncStream.deflate({ windowBits: 15, level: 6, memLevel: 8 });
    const inflate = SyncStream.inflate({ windowBits: 15 });
    streams.push(deflate, inflate);
    const first = run(deflate, text);
    const second = run(deflate, text);
    // The second is shorter for the window's sake; both are right by the documented functions as well.
    const right =
      second.length < first.length &&
      run(inflate, first).equals(text) &&
      run(inflate, second).equals(text) &&
      zlib().inflateRawSync(first, { finishFlush: SYNC_FLUSH }).equals(text);
    // An ended stream leaves what comes behind it, a reset one begins anew, bad data is said to be bad.
    const ended = zlib().deflateRawSync(text);
    inflate.write(Buffer.concat([ended, text]), 0, space, 0);
    const tells = inflate.inputLeft === text.length;
    inflate.reset();
    const begins = run(inflate, ended).equals(text) && !inflate.failed;
    inflate.reset();
    inflate.write(Buffer.from([0xff, 0xff]), 0, space, 0);
    return right && tells && begins && inflate.failed;
  } catch {
    return false;
  } finally {
    for (const stream of streams) stream.close();
  }
}
