/**
 * The extensions that both ends have agreed on, as one: what goes out passes all of them in the order of the answer, what comes in
 * passes them in the opposite order (RFC 6455 §9.1).
 */
import { Buffer } from "node:buffer";
import type { ExtensionFailure, Violation } from "./event.ts";
import type { ExtensionFault, ExtensionSession, IncomingFrame, OutgoingMessage } from "./extension.ts";
import { MessageOutput } from "./message-output.ts";
import { wordsOf } from "./thrown.ts";
import { extensionData, tooLongAfterExtensions } from "./violation.ts";

export type AgreedExtension = { readonly name: string; readonly session: ExtensionSession };

/** Why an extension could not make something of a message on its way out. */
export type ExtensionSendFault = { readonly reason: "extension_failed"; readonly message: string };

/** What the stack has to know of a data frame. */
export type DataFrameHead = {
  readonly type: "text" | "binary";
  /** The reserved bits of the message's first frame, and of this one. */
  readonly firstBits: number;
  readonly reservedBits: number;
  readonly first: boolean;
  readonly final: boolean;
};

/** What becomes of a message on its way out: another payload, marked with these reserved bits. */
export type Encoded = { readonly data: Uint8Array; readonly reservedBits: number };

/** The index of no extension. */
const NOBODY = -1;

/** Close codes that a fault may have. */
const FAULT_CODES: readonly unknown[] = [1002, 1007, 1009] satisfies ExtensionFault["closeCode"][];

/**
 * How long a message may be while extensions are on it that are to leave `limit` bytes: data that does not compress grows a little, by five
 * bytes in some thousand, and other extensions put something before it. What passes it could only be padding without end.
 */
export const wireLimitOf = (limit: number): number => limit + limit / 64 + 1024;

/** Ends a session. What it throws is its own affair: the connection is over, and so must its other sessions be. */
export function closeSession(session: ExtensionSession): void {
  try {
    session.close?.();
  } catch {
    // As said.
  }
}

export class ExtensionStack {
  /** As the server named them in its answer. */
  readonly header: string;
  /** The bits that may stand on a message's first frame, and on its other frames. */
  readonly firstBits: number;
  readonly laterBits: number;
  /** In the order of the answer. */
  readonly #agreed: readonly AgreedExtension[];
  readonly #takesEvery: boolean;
  #encoding = false;
  #closed = false;

  /** The sessions' reserved bits are known not to collide. */
  constructor(header: string, agreed: readonly AgreedExtension[]) {
    this.header = header;
    this.#agreed = agreed;
    this.firstBits = bitsOf(agreed);
    this.laterBits = bitsOf(agreed.filter(({ session }) => session.scope === "frame"));
    this.#takesEvery = agreed.some(({ session }) => session.takes === "every");
  }

  /** Does a message whose first frame has these bits go through `decode`? With bits on any frame, that isn't known before. */
  takes(reservedBits: number): boolean {
    return this.#takesEvery || reservedBits !== 0 || this.laterBits !== 0;
  }

  /** Another payload for a message; undefined: none of them changes it. */
  encode(data: Uint8Array, message: OutgoingMessage): Encoded | ExtensionSendFault | undefined {
    // The inner message would overtake the outer one, which some of them have encoded already.
    if (this.#encoding) return failed("A message can't be sent while an extension of this connection encodes another.");
    this.#encoding = true;
    try {
      return this.#encode(data, message);
    } finally {
      this.#encoding = false;
    }
  }

  #encode(data: Uint8Array, message: OutgoingMessage): Encoded | ExtensionSendFault | undefined {
    let encoded: Encoded | undefined;
    for (const [index, { name, session }] of this.#agreed.entries()) {
      try {
        // A copy, as what an extension makes is gone when it is called again, and the next one may do that: by sending elsewhere.
        const payload = encoded === undefined ? plain(data) : new Uint8Array(encoded.data);
        const made = session.encode(payload, message);
        if (made === undefined) continue;
        const misused = misuseOf(made, session);
        if (misused !== undefined) {
          this.#unsent(index + 1);
          return failed(`The extension ${name} ${misused}.`);
        }
        encoded = { data: made.data, reservedBits: made.reservedBits | (encoded?.reservedBits ?? 0) };
      } catch (error) {
        this.#unsent(index);
        return failed(`The extension ${name} failed on a message: ${wordsOf(error)}`);
      }
    }
    return encoded;
  }

  /** What `encode` has answered is not going out. */
  unsent(): void {
    this.#unsent(this.#agreed.length);
  }

  /** The first `count` extensions have encoded a message that is not going out. */
  #unsent(count: number): void {
    for (const { session } of this.#agreed.slice(0, count)) {
      try {
        session.unsent?.();
      } catch {
        // Its own affair: the sender hears of what came first.
      }
    }
  }

  /** Takes a frame's payload; what it means goes to the output. Answers what ends the connection. */
  decode(data: Uint8Array, frame: DataFrameHead, output: MessageOutput): Violation | ExtensionFailure | undefined {
    let payload = plain(data);
    let next = this.#takerBelow(this.#agreed.length, frame);
    while (next !== NOBODY) {
      const { name, session } = this.#agreed[next] as AgreedExtension;
      next = this.#takerBelow(next, frame);
      // Between two extensions it is no text yet, and no shorter than it may be on the wire.
      const target = next === NOBODY ? output : new MessageOutput("binary", wireLimitOf(output.limit));
      try {
        const fault: unknown = session.decode(payload, incoming(frame, session), target);
        // It may have ended the connection itself; then nothing is called any more.
        if (this.#closed) return undefined;
        // What the output has refused was there before any other fault.
        if (target.exceeded) return tooLongAfterExtensions(frame.type, output.limit);
        if (target.violation !== undefined) return target.violation;
        if (isFault(fault)) return extensionData(name, fault);
        if (fault !== undefined) {
          const takes = "undefined or { closeCode: 1002, 1007 or 1009, message }, at once and not as a promise";
          return failure(name, `answered a received frame with something else than ${takes}.`, fault);
        }
      } catch (error) {
        return failure(name, `failed on a received frame: ${wordsOf(error)}`, error);
      }
      if (target === output) return undefined;
      payload = plain(target.peek());
    }
    output.write(payload);
    return output.exceeded ? tooLongAfterExtensions(frame.type, output.limit) : output.violation;
  }

  /** The connection is idle. Answers what ends it. */
  hibernate(): ExtensionFailure | undefined {
    for (const { name, session } of this.#agreed) {
      try {
        session.hibernate?.();
      } catch (error) {
        return failure(name, `failed when the connection was idle: ${wordsOf(error)}`, error);
      }
    }
    return undefined;
  }

  /** The connection is over; may be called more than once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { session } of this.#agreed) closeSession(session);
  }

  /** The last extension before `end` that takes the frame. */
  #takerBelow(end: number, { firstBits, reservedBits }: DataFrameHead): number {
    let at = end - 1;
    for (; at >= 0; at--) {
      const { session } = this.#agreed[at] as AgreedExtension;
      const marks = session.scope === "message" ? firstBits : reservedBits;
      if (session.takes === "every" || (marks & session.reservedBits) !== 0) break;
    }
    return at;
  }
}

function incoming(
  { type, firstBits, reservedBits, first, final }: DataFrameHead,
  session: ExtensionSession,
): IncomingFrame {
  return { type, reservedBits: session.scope === "message" ? firstBits : reservedBits, first, final };
}

function bitsOf(agreed: readonly AgreedExtension[]): number {
  return agreed.reduce((bits, { session }) => bits | session.reservedBits, 0);
}

function misuseOf({ data, reservedBits }: Encoded, session: ExtensionSession): string | undefined {
  if (!(data instanceof Uint8Array)) return "made no Uint8Array of a message";
  return (reservedBits & ~session.reservedBits) === 0 ? undefined : "set a reserved bit that is not its own";
}

function isFault(answer: unknown): answer is ExtensionFault {
  if (typeof answer !== "object" || answer === null) return false;
  const { closeCode, message } = answer as Partial<ExtensionFault>;
  return FAULT_CODES.includes(closeCode) && typeof message === "string";
}

function failed(message: string): ExtensionSendFault {
  return { reason: "extension_failed", message };
}

function failure(name: string, what: string, cause: unknown): ExtensionFailure {
  return { type: "extensionFailed", closeCode: 1011, extension: name, message: `The extension ${name} ${what}`, cause };
}

/** No Buffer, whose slice() shares memory where everybody else's copies it. */
function plain(data: Uint8Array): Uint8Array {
  return Buffer.isBuffer(data) ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data;
}
