/** What both ways of inflating and deflating have in common: the shape, the bytes at a message's end, and what can be wrong. */
import { Buffer } from "node:buffer";
import type { ExtensionFault, ExtensionOutput } from "../extension.ts";

export interface Inflater {
  /** Takes a frame's payload; a fault is what is wrong with the data, and nothing is to be called after one. */
  decode(data: Uint8Array, final: boolean, output: ExtensionOutput): ExtensionFault | undefined;
  hibernate(): void;
  close(): void;
}

export interface Deflater {
  /** A message compressed, with its tail off; read before the next call. undefined: that would be no shorter, and need not be. */
  encode(data: Uint8Array): Uint8Array | undefined;
  hibernate(): void;
  /** Forgets everything. Who calls it again all the same begins anew. */
  close(): void;
}

/** What Z_SYNC_FLUSH ends with: LEN and NLEN of an empty block. A message goes without it (RFC 7692 §7.2.1). */
export const TAIL: Buffer = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** An empty block with BFINAL: a stream that is not inside another block ends with it. */
export const FINAL_BLOCK: Buffer = Buffer.from([0x03, 0x00]);

/**
 * Blocks with BFINAL that one message may hold. One is what senders that have no Z_SYNC_FLUSH use; each costs as much work as a message of
 * some KB.
 */
export const MAX_ENDS = 16;

export const BAD_DATA: ExtensionFault = {
  closeCode: 1007,
  message: "a message came whose payload is no DEFLATE data, or refers back to more than there was (RFC 1951).",
};

export const TRUNCATED: ExtensionFault = {
  closeCode: 1007,
  message: "a message came whose DEFLATE data breaks off inside a block (RFC 7692 §7.2.2).",
};

export const ENDS_TOO_OFTEN: ExtensionFault = {
  closeCode: 1007,
  message: `a message came with more than ${MAX_ENDS} blocks that are the last one (RFC 1951 §3.2.3).`,
};
