/**
 * The bytes of what faults put into a stream: frames, close frames, an alert of TLS, and bytes that mean nothing.
 */

import type { DrawnFault, FaultDirection } from "./fault.ts";
import { closePayload, rawFrame } from "./raw-frame.ts";

type Inject = Extract<DrawnFault, { readonly type: "inject" }>;

/** Frames in one go are written in chunks of about so many bytes. */
const CHUNK = 64 * 1024;

/** The frames of a fault, as whole frames: all in a few chunks, or one by one if they are to come with a pause. */
export function* injectedChunks(fault: Inject, direction: FaultDirection): Generator<Uint8Array, void, undefined> {
  const { frame, times = 1, every = 0 } = fault;
  const { size, payload = "", opcode, ...rest } = frame;
  const body = size === undefined ? payload : new Uint8Array(size).fill(0x78);
  const bytes = rawFrame({ masked: direction === "toServer", ...rest, opcode, payload: body });
  const together = every > 0 ? 1 : Math.max(1, Math.floor(CHUNK / bytes.byteLength));
  const many = together > 1 && times > 1 ? Buffer.concat(new Array(Math.min(together, times)).fill(bytes)) : bytes;
  for (let left = times; left > 0; left -= together) {
    yield left >= together ? many : many.subarray(0, left * bytes.byteLength);
  }
}

/** Is a frame of this opcode one that may stand between the fragments of a message (RFC 6455 §5.4)? */
export function isControl(opcode: Inject["frame"]["opcode"]): boolean {
  return typeof opcode === "number" ? opcode >= 8 : opcode === "close" || opcode === "ping" || opcode === "pong";
}

/** A close frame, empty without a code. */
export function closeFrame(
  code: number | undefined,
  reason: string | undefined,
  direction: FaultDirection,
): Uint8Array {
  const masked = direction === "toServer";
  return rawFrame({ opcode: "close", masked, ...(code !== undefined && { payload: closePayload(code, reason) }) });
}

/** A fatal alert, as a record of TLS 1.2 (RFC 5246 §7.2, RFC 8446 §6). */
export function tlsAlert(description: number): Uint8Array {
  return Uint8Array.of(21, 3, 3, 0, 2, 2, description);
}

/** How much garbage there is where a fault doesn't say. */
export const GARBAGE_BYTES = 16;

/** So many drawn bytes. */
export function garbage(bytes: number, random: () => number): Uint8Array {
  return Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));
}
