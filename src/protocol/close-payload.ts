/** What the payload of a peer's close frame says (RFC 6455 §5.5.1, §7.4). */
import { Buffer, isUtf8 } from "node:buffer";
import { type CloseFrame, isWireCloseCode } from "../frame.ts";
import type { Violation } from "./event.ts";
import * as violation from "./violation.ts";

/** The close frame with this payload, which is empty or at least two bytes long; or why it may not be sent like this. */
export function closeFrameOf(payload: Uint8Array): CloseFrame | Violation {
  if (payload.length === 0) return { type: "close" };
  const code = ((payload[0] as number) << 8) | (payload[1] as number);
  if (!isWireCloseCode(code)) return violation.closeCode(code);
  const reason = Buffer.from(payload.buffer, payload.byteOffset + 2, payload.length - 2);
  if (!isUtf8(reason)) return violation.closeReason(code);
  return { type: "close", code, reason: reason.toString() };
}
