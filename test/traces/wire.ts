/**
 * The bytes of frames and of answers to a handshake, written and read by the replay itself: the peer must not share
 * a mistake with the library it tries, so nothing of src/ is used here.
 */
import { createHash } from "node:crypto";
import { RSV1 } from "./compression.ts";
import type { PeerStep, WireFrame } from "./scenario.ts";
import { standIn } from "./terms.ts";

const OPCODES: Readonly<Record<string, number>> = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };
const OPCODE_NAMES = new Map(Object.entries(OPCODES).map(([name, opcode]) => [opcode, name]));

/** The mask of the recorded peer's masked frames. */
const MASK = [1, 2, 3, 4] as const;

/** How the length of a payload is written: as short as it goes, or in a longer form than needed. */
export type LengthForm = "minimal" | 16 | 64;

export function payloadOf(frame: WireFrame): Buffer {
  if (frame.code !== undefined) {
    const code = Buffer.from([frame.code >> 8, frame.code & 255]);
    const { reason } = frame;
    return Buffer.concat([
      code,
      typeof reason === "object" ? Buffer.from(reason.hex, "hex") : Buffer.from(reason ?? ""),
    ]);
  }
  if (frame.hex !== undefined) return Buffer.from(frame.hex, "hex");
  if (frame.text !== undefined) return Buffer.from(frame.text);
  if (frame.sha256_16 !== undefined) return Buffer.from(standIn(frame.len ?? 0, frame.utf8 ?? true, frame.sha256_16));
  return Buffer.alloc(frame.len ?? 0);
}

export function encodeFrame(frame: WireFrame, form: LengthForm = "minimal"): Buffer {
  if (frame.sha256_16 !== undefined && ((frame.rsv ?? 0) & RSV1) !== 0) {
    const which = `a compressed ${frame.op} frame of ${frame.len} bytes`;
    throw new RangeError(
      `No interpretation for ${which}: the data has only its digest, and nothing else inflates to the same.`,
    );
  }
  const payload = Buffer.from(payloadOf(frame));
  const opcode = OPCODES[frame.op] ?? Number(/^opcode_(\d+)$/.exec(frame.op)?.[1] ?? Number.NaN);
  if (Number.isNaN(opcode)) throw new RangeError(`No opcode is known for ${frame.op}.`);
  const first = ((frame.fin ?? true) ? 0x80 : 0) | ((frame.rsv ?? 0) << 4) | opcode;
  const maskBit = frame.masked === true ? 0x80 : 0;
  const { length } = payload;
  const head: number[] = [first];
  if (form === 64 || length > 0xffff) {
    head.push(
      maskBit | 127,
      0,
      0,
      0,
      0,
      (length >>> 24) & 255,
      (length >>> 16) & 255,
      (length >>> 8) & 255,
      length & 255,
    );
  } else if (form === 16 || length > 125) {
    head.push(maskBit | 126, length >>> 8, length & 255);
  } else {
    head.push(maskBit | length);
  }
  if (frame.masked === true) {
    head.push(...MASK);
    unmask(payload, MASK);
  }
  return Buffer.concat([Buffer.from(head), payload]);
}

/** A frame as it stands in a buffer, complete or not; its header is there in full. */
export type ReadFrame = {
  readonly op: string;
  readonly fin: boolean;
  readonly rsv: number;
  readonly masked: boolean;
  /** The mask's bytes have come, or there is none. */
  readonly hasMask: boolean;
  readonly minimal: boolean;
  readonly length: number;
  /** What has come of the payload, unmasked. */
  readonly payload: Buffer;
  /** How many bytes the frame takes, or undefined when some are missing. */
  readonly size: number | undefined;
};

/** Reads the frame at the start of `bytes`; undefined when not even its header is complete. Judges nothing. */
export function readFrame(bytes: Buffer): ReadFrame | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  const short = second & 127;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (bytes.length < 2 + lengthBytes) return undefined;
  const length =
    lengthBytes === 2 ? bytes.readUInt16BE(2) : lengthBytes === 8 ? Number(bytes.readBigUInt64BE(2)) : short;
  const masked = (second & 0x80) !== 0;
  const start = 2 + lengthBytes + (masked ? 4 : 0);
  const payload = Buffer.from(bytes.subarray(start, start + length));
  if (masked) unmask(payload, [...bytes.subarray(start - 4, start)]);
  return {
    op: OPCODE_NAMES.get(first & 15) ?? `opcode_${first & 15}`,
    fin: (first & 0x80) !== 0,
    rsv: (first >> 4) & 7,
    masked,
    hasMask: bytes.length >= start,
    minimal: lengthBytes === 0 || length > (lengthBytes === 2 ? 125 : 0xffff),
    length,
    payload,
    size: bytes.length >= start + length ? start + length : undefined,
  };
}

function unmask(payload: Buffer, mask: readonly number[]): void {
  for (const [at, byte] of payload.entries()) payload[at] = byte ^ (mask[at % 4] ?? 0);
}

export type Request = { readonly line: string; readonly headers: readonly (readonly [name: string, value: string])[] };

/** Splits a head from what follows it; undefined while its end has not come. */
export function splitHead(bytes: Buffer): { readonly head: Request; readonly rest: Buffer } | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line = "", ...fields] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = fields.map((field) => {
    const colon = field.indexOf(":");
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
  });
  return { head: { line, headers }, rest: bytes.subarray(end + 4) };
}

export const headerOf = (head: Request, name: string): string | undefined =>
  head.headers.find(([candidate]) => candidate === name)?.[1];

/** Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2). */
export const acceptOf = (key: string): string =>
  createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

/** The bytes of a `send_101`, without the frames that are glued to it. */
export function upgradeAnswer(step: Extract<PeerStep, { step: "send_101" }>, request: Request): Buffer {
  const accept = step.wrongAccept ?? acceptOf(headerOf(request, "sec-websocket-key") ?? "");
  const usual: readonly (readonly [string, string])[] = [
    ["upgrade", "websocket"],
    ["connection", "Upgrade"],
    ["sec-websocket-accept", accept],
  ];
  const omitted = step.omitHeaders?.map((name) => name.toLowerCase()) ?? [];
  const headers = usual
    .filter(([name]) => !omitted.includes(name))
    .map(([name, value]) => [name, step.replaceHeaders?.[name] ?? value] as const);
  return head(`${step.version ?? "HTTP/1.1"} 101 Switching Protocols`, [...headers, ...(step.extraHeaders ?? [])]);
}

/** The bytes of a `send_http`. */
export function httpAnswer(step: Extract<PeerStep, { step: "send_http" }>): Buffer {
  return Buffer.concat([head(`HTTP/1.1 ${step.status} Answer`, step.headers), Buffer.from(step.body)]);
}

function head(line: string, headers: readonly (readonly [string, string])[]): Buffer {
  return Buffer.from([line, ...headers.map(([name, value]) => `${name}: ${value}`), "", ""].join("\r\n"), "latin1");
}
