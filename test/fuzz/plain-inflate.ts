/**
 * What compressed messages mean by node:zlib's documented function: each message whole, with all that came before it for its dictionary. It
 * knows no streams, no frames and no split, and shares no code with src/.
 */
import { constants, inflateRawSync } from "node:zlib";
import { referenceInflate } from "../protocol/deflate/reference-inflate.ts";
import type { Inflate } from "../protocol/reference-decoder.ts";

/** What the sender took off the end of a message, and a last block that shows that the message ended between two. */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const LAST_BLOCK = Buffer.from([0x03, 0x00]);
/** Blocks with BFINAL in one message; as in src/protocol/deflate/. */
const MAX_ENDS = 16;

export type Plain = {
  readonly inflate: Inflate;
  /** A message had a block with BFINAL, or no byte at all: ws and others differ in what that does to the window. */
  readonly wasOdd: () => boolean;
  /** A message broke off inside a block, in a way that doesn't show until the next one. */
  readonly brokeOff: () => boolean;
  /** A message refers back beyond the window, which zlib notices or not, as its output happens to be divided. */
  readonly refersTooFar: () => boolean;
};

/** `windowBits` from 9: zlib takes 8 for 9. */
export function plainInflate(windowBits: number, takeover: boolean, maxMessageSize: number): Plain {
  let window = Buffer.alloc(0);
  let odd = false;
  let brokeOff = false;
  const parts: { readonly data: Uint8Array; readonly dictionary: Uint8Array }[] = [];
  const part = (data: Uint8Array, dictionary: Buffer, finishFlush: number = constants.Z_FINISH) => {
    const { buffer, engine } = inflateRawSync(data, {
      windowBits,
      finishFlush,
      maxOutputLength: maxMessageSize + 1,
      info: true,
      ...(dictionary.length === 0 ? {} : { dictionary: dictionary.subarray(-(2 ** windowBits)) }),
    }) as unknown as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
    return { made: buffer, read: engine.bytesWritten };
  };
  // By the book, which is slow: only asked where there is a difference.
  const refersTooFar = () =>
    parts.some(({ data, dictionary }) => {
      try {
        return referenceInflate(data, dictionary).farthest > 2 ** windowBits;
      } catch {
        return false;
      }
    });
  const goesOn = (data: Uint8Array, dictionary: Buffer): boolean => {
    try {
      part(data, dictionary, constants.Z_SYNC_FLUSH);
      return true;
    } catch {
      return false;
    }
  };
  const inflate: Inflate = (payload) => {
    const data = Buffer.concat([payload, TAIL, LAST_BLOCK]);
    odd ||= payload.length === 0;
    const before = takeover ? window : Buffer.alloc(0);
    let meaning = Buffer.alloc(0);
    let from = 0;
    try {
      for (let ends = 0; from < payload.length; ends++) {
        if (ends > MAX_ENDS) return "bad";
        const dictionary = Buffer.concat([before, meaning]);
        parts.push({ data: data.subarray(from), dictionary });
        const { made, read } = part(data.subarray(from), dictionary);
        // What was put back is no part of any message: if it makes output, a block has taken it for its own.
        const own = part(payload.subarray(from), dictionary, constants.Z_SYNC_FLUSH);
        if (!own.made.equals(made)) return "bad";
        meaning = Buffer.concat([meaning, made]);
        if (meaning.length > maxMessageSize) return "too long";
        from += read;
        odd ||= from < data.length;
      }
    } catch (error) {
      if ((error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") return "too long";
      brokeOff = goesOn(data.subarray(from, -LAST_BLOCK.length), Buffer.concat([before, meaning]));
      return "bad";
    }
    const ends = [payload.length, payload.length + TAIL.length, data.length];
    if (from !== 0 && !ends.includes(from)) {
      brokeOff = true;
      return "bad";
    }
    window = Buffer.concat([before, meaning]).subarray(-(2 ** windowBits));
    return new Uint8Array(meaning);
  };
  return { inflate, wasOdd: () => odd, brokeOff: () => brokeOff, refersTooFar };
}
