/**
 * Frames: what travels on a connection, as plain objects (RFC 6455 §5.5 and §5.6).
 *
 * A frame here is a whole message or a whole control frame: fragments are the protocol's affair.
 * This file knows no bytes of the wire and no platform; everything else may import it.
 */

/** A text message. `data` is well-formed Unicode: a lone surrogate can't be sent (RFC 6455 §5.6, §8.1). */
export type TextFrame = { readonly type: "text"; readonly data: string };
/** A binary message. Received `data` belongs to the callback, but may share its ArrayBuffer with its neighbours. */
export type BinaryFrame = { readonly type: "binary"; readonly data: Uint8Array };
/** A ping, at most 125 bytes (RFC 6455 §5.5.2). */
export type PingFrame = { readonly type: "ping"; readonly data: Uint8Array };
/** A pong, at most 125 bytes (RFC 6455 §5.5.3). */
export type PongFrame = { readonly type: "pong"; readonly data: Uint8Array };
/** A close frame. Without a code it travels empty; `reason` is at most 123 bytes of UTF-8 (RFC 6455 §5.5.1). */
export type CloseFrame = { readonly type: "close"; readonly code?: number; readonly reason?: string };

export type DataFrame = TextFrame | BinaryFrame;
export type ControlFrame = PingFrame | PongFrame;
export type Frame = DataFrame | ControlFrame | CloseFrame;
/** What may be sent: a frame, or short for one: a string is a text frame, a `Uint8Array` a binary one. */
export type FrameLike = Frame | string | Uint8Array;

const EMPTY = new Uint8Array(0);

/** A text frame of `data`. */
export const text = (data: string): TextFrame => ({ type: "text", data });
/** A binary frame of `data`. The bytes are copied when the frame is sent, not before. */
export const binary = (data: Uint8Array): BinaryFrame => ({ type: "binary", data });
/** A ping frame; a string is taken as UTF-8. At most 125 bytes. */
export const ping = (data: string | Uint8Array = EMPTY): PingFrame => ({ type: "ping", data: bytesOf(data) });
/** A pong frame; a string is taken as UTF-8. At most 125 bytes. */
export const pong = (data: string | Uint8Array = EMPTY): PongFrame => ({ type: "pong", data: bytesOf(data) });

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}

/** The bytes of payload a frame carries on the wire before any extension: UTF-8 for text and for a close frame's reason. */
export function byteLengthOf(frame: Frame): number {
  switch (frame.type) {
    case "text":
      return utf8Length(frame.data);
    case "close":
      return frame.code === undefined ? 0 : 2 + utf8Length(frame.reason ?? "");
    default:
      return frame.data.byteLength;
  }
}

// Counts without encoding: a UTF-16 unit below 0x80 is one byte, below 0x800 two, half of a surrogate pair two, else three.
function utf8Length(data: string): number {
  let length = data.length;
  for (let index = 0; index < data.length; index += 1) {
    const unit = data.charCodeAt(index);
    if (unit < 0x80) continue;
    length += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return length;
}

/** Why a frame may not be sent: a stable code and a sentence. */
export type FrameFault = { readonly reason: FrameFaultReason; readonly message: string };
export type FrameFaultReason =
  | "wrong_type"
  | "lone_surrogate"
  | "control_too_long"
  | "close_code"
  | "close_reason_too_long"
  | "close_reason_without_code";

/** The longest payload of a control frame, in bytes (RFC 6455 §5.5). */
export const MAX_CONTROL_PAYLOAD = 125;
/** The longest reason of a close frame, in bytes of UTF-8: two bytes of the payload hold the code. */
const MAX_CLOSE_REASON = 123;

/**
 * May a close frame carry this code on the wire (RFC 6455 §7.4)? 1004 is reserved, 1005, 1006 and 1015
 * are never sent, 1016 to 2999 belong to the protocol's future, 3000 to 4999 to libraries and applications.
 */
export function isWireCloseCode(code: number): boolean {
  return (
    (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006 && Number.isInteger(code)) ||
    (code >= 3000 && code <= 4999 && Number.isInteger(code))
  );
}

/** What forbids this frame to be sent, or undefined when nothing does. Accepts anything: callers may be JavaScript. */
export function faultOf(frame: unknown): FrameFault | undefined {
  if (typeof frame === "string") return textFault(frame);
  if (frame instanceof Uint8Array) return undefined;
  if (typeof frame !== "object" || frame === null) return wrongType(frame);
  const { type, data } = frame as { type?: unknown; data?: unknown };
  switch (type) {
    case "text":
      return typeof data === "string" ? textFault(data) : wrongData("text", "a string", data);
    case "binary":
      return data instanceof Uint8Array ? undefined : wrongData("binary", "a Uint8Array", data);
    case "ping":
    case "pong":
      if (!(data instanceof Uint8Array)) return wrongData(type, "a Uint8Array", data);
      return data.byteLength <= MAX_CONTROL_PAYLOAD ? undefined : controlTooLong(type, data.byteLength);
    case "close":
      return closeFault(frame as { code?: unknown; reason?: unknown });
    default:
      return wrongType(frame);
  }
}

function textFault(data: string): FrameFault | undefined {
  if (data.isWellFormed()) return undefined;
  return {
    reason: "lone_surrogate",
    message:
      "A text frame can't carry a lone surrogate: it has no UTF-8 form. Repair the string with toWellFormed() or send it as binary.",
  };
}

function closeFault({ code, reason }: { code?: unknown; reason?: unknown }): FrameFault | undefined {
  if (code === undefined) {
    if (reason === undefined || reason === "") return undefined;
    return {
      reason: "close_reason_without_code",
      message: "A close frame with a reason needs a code: give one, such as 1000 (RFC 6455 §5.5.1).",
    };
  }
  if (typeof code !== "number" || !isWireCloseCode(code)) {
    return {
      reason: "close_code",
      message: `A close frame can't carry the code ${describe(code)}: it takes 1000 to 1003, 1007 to 1014, or 3000 to 4999 (RFC 6455 §7.4).`,
    };
  }
  if (reason === undefined) return undefined;
  if (typeof reason !== "string") return wrongData("close", "a string as its reason", reason);
  if (!reason.isWellFormed()) return textFault(reason);
  // A UTF-16 unit is at most three bytes of UTF-8, so most reasons need no encoding to be measured.
  if (reason.length * 3 <= MAX_CLOSE_REASON) return undefined;
  const length = utf8Length(reason);
  if (length <= MAX_CLOSE_REASON) return undefined;
  return {
    reason: "close_reason_too_long",
    message: `A close reason has at most ${MAX_CLOSE_REASON} bytes of UTF-8; this one has ${length}. Shorten it.`,
  };
}

function controlTooLong(type: "ping" | "pong", length: number): FrameFault {
  return {
    reason: "control_too_long",
    message: `A ${type} has at most ${MAX_CONTROL_PAYLOAD} bytes (RFC 6455 §5.5); this one has ${length}. Send less, or send a message.`,
  };
}

function wrongType(frame: unknown): FrameFault {
  return {
    reason: "wrong_type",
    message: `${describe(frame)} is no frame: send a string, a Uint8Array, or an object made by text(), binary(), ping() or pong().`,
  };
}

function wrongData(type: string, takes: string, got: unknown): FrameFault {
  return { reason: "wrong_type", message: `A ${type} frame takes ${takes}; it got ${describe(got)}.` };
}

// Names the kind of a value, never its content: a frame may hold secrets, and the sentence goes to a log.
function describe(value: unknown): string {
  if (typeof value === "number" || value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const { type } = value as { type?: unknown };
  if (typeof type === "string") return `an object of type ${JSON.stringify(type.slice(0, 20))}`;
  return Array.isArray(value) ? "an array" : `an object (${value.constructor?.name ?? "no prototype"})`;
}
