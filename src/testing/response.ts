/**
 * The server's answers to a request as bytes: the 101 with whatever a script wants changed in it, and refusals.
 */
import { STATUS_CODES } from "node:http";
import type { HeaderPair } from "../transport/channel.ts";

/** What of a 101 is to be otherwise. Without any of it the head is a right one. */
export type ResponseChanges = {
  /** Default 101. */
  readonly status?: number;
  /** Default "HTTP/1.1". */
  readonly httpVersion?: string;
  /** Headers to leave out, whatever the case of their names. */
  readonly omit?: readonly string[];
  /** Other values for headers that the answer has, by name in any case; those that it lacks are added. */
  readonly replace?: Readonly<Record<string, string>>;
  /** More headers, after all others. */
  readonly headers?: readonly HeaderPair[];
  /** Gets the whole head and answers what is sent instead of it. */
  readonly rewrite?: (head: string) => string | Uint8Array;
};

/** What a refusal says besides its status. */
export type Refusal = {
  /** More headers. A content-length, transfer-encoding or connection of the script's own replaces the server's. */
  readonly headers?: readonly HeaderPair[];
  /** A string goes as UTF-8. Default empty. */
  readonly body?: string | Uint8Array;
  /** `true`: the body goes in chunks instead of with a content-length. */
  readonly chunked?: boolean;
  /** `true`: the connection stays open, and says so. Default: it ends after the answer. */
  readonly keepOpen?: boolean;
};

/** The head of a 101 with these headers, changed. */
export function upgradeResponse(headers: readonly HeaderPair[], changes: ResponseChanges): Uint8Array {
  const omitted = new Set(changes.omit?.map((name) => name.toLowerCase()));
  const replaced = new Map(Object.entries(changes.replace ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  const kept = headers
    .filter(([name]) => !omitted.has(name.toLowerCase()))
    .map(([name, value]): HeaderPair => [name, replaced.get(name.toLowerCase()) ?? value]);
  const present = new Set(kept.map(([name]) => name.toLowerCase()));
  const added = Object.entries(changes.replace ?? {}).filter(([name]) => !present.has(name.toLowerCase()));
  const head = headOf(changes.status ?? 101, [...kept, ...added, ...(changes.headers ?? [])], changes.httpVersion);
  return bytesOf(changes.rewrite?.(head) ?? head, "latin1");
}

/** A whole response that refuses the request. */
export function refusalResponse(status: number, refusal: Refusal): Uint8Array {
  const body = bytesOf(refusal.body ?? "", "utf8");
  const own = refusal.headers ?? [];
  const named = new Set(own.map(([name]) => name.toLowerCase()));
  const framing: HeaderPair = refusal.chunked
    ? ["transfer-encoding", "chunked"]
    : ["content-length", String(body.byteLength)];
  const connection: HeaderPair = ["connection", refusal.keepOpen ? "keep-alive" : "close"];
  const framed = named.has("content-length") || named.has("transfer-encoding");
  const headers = [...(framed ? [] : [framing]), ...(named.has("connection") ? [] : [connection]), ...own];
  return Buffer.concat([Buffer.from(headOf(status, headers), "latin1"), refusal.chunked ? inChunks(body) : body]);
}

function headOf(status: number, headers: readonly HeaderPair[], httpVersion = "HTTP/1.1"): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${httpVersion} ${status} ${STATUS_CODES[status] ?? "Unnamed"}\r\n${lines.join("")}\r\n`;
}

// Two chunks where the body allows, so that a client has to join them (RFC 9112 §7.1).
function inChunks(body: Uint8Array): Uint8Array {
  const middle = Math.ceil(body.byteLength / 2);
  const chunks = [body.subarray(0, middle), body.subarray(middle)].filter((chunk) => chunk.byteLength > 0);
  const framed = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.byteLength.toString(16)}\r\n`),
    chunk,
    Buffer.from("\r\n"),
  ]);
  return Buffer.concat([...framed, Buffer.from("0\r\n\r\n")]);
}

function bytesOf(data: string | Uint8Array, encoding: "utf8" | "latin1"): Uint8Array {
  return typeof data === "string" ? Buffer.from(data, encoding) : data;
}
