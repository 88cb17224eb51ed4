/** The nonce of an opening handshake and the proof that the server read it (RFC 6455 §4.1, §4.2.2). */
import { createHash, randomBytes } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A new Sec-WebSocket-Key: 16 random bytes in base64. */
export function createKey(): string {
  return randomBytes(16).toString("base64");
}

/** The Sec-WebSocket-Accept that answers `key`: 20 bytes of SHA-1 in base64. */
export function acceptKeyOf(key: string): string {
  return createHash("sha1")
    .update(key + GUID)
    .digest("base64");
}
