/**
 * What the demo's server does to its client, in this order; and what the client is to see of each.
 */
import { type Peer, rawFrame } from "../../testing/index.ts";

export type Fault = {
  readonly deed: string;
  /** Any of these: which of them depends on what the system tells first. */
  readonly expected: readonly string[];
} & (
  | { readonly on: "connection"; readonly strike: (peer: Peer) => void }
  | { readonly on: "attempt"; readonly status: number; readonly headers: readonly (readonly [string, string])[] }
);

// "(": no byte that could follow 0xC3 in UTF-8.
const NOT_UTF8 = Uint8Array.of(0xc3, 0x28);

export const FAULTS: readonly Fault[] = [
  {
    deed: "resets the connection (RST)",
    // libuv takes a reset that comes together with data for an end (its uv__stream_io), so that has to do as well.
    expected: ["streaming_failed: reset", "streaming_failed: broken_pipe", "streaming_failed: ended"],
    on: "connection",
    strike: (peer) => peer.reset(),
  },
  {
    deed: "hangs up without a close frame (FIN)",
    expected: ["streaming_failed: ended"],
    on: "connection",
    strike: (peer) => peer.end(),
  },
  {
    deed: "refuses the next attempt: 503, Retry-After: 1",
    expected: ["establishing_failed: status 503"],
    on: "attempt",
    status: 503,
    headers: [["Retry-After", "1"]],
  },
  {
    deed: "goes silent, the connection still up",
    expected: ["streaming_failed: pong_timeout"],
    on: "connection",
    strike: (peer) => peer.blackHole(),
  },
  {
    deed: "sends text that is not UTF-8",
    expected: ["decoding_failed: invalid_utf8"],
    on: "connection",
    strike: (peer) => peer.sendRaw(rawFrame({ opcode: "text", payload: NOT_UTF8 })),
  },
  {
    deed: 'closes politely: 1012 "restart"',
    expected: ["closed: 1012 restart"],
    on: "connection",
    strike: (peer) => peer.close(1012, "restart"),
  },
];
