/**
 * The extensions that both ends have agreed on, as one: what goes out passes all of them in the order of the answer, what comes in
 * passes them in the opposite order (RFC 6455 §9.1).
 */
import type { ExtensionFailure, Violation } from "./event.ts";
import type { ExtensionSession, IncomingFrame, OutgoingMessage } from "./extension.ts";
import { MessageOutput } from "./message-output.ts";
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

export class ExtensionStack {
  /** As the server named them in its answer. */
  readonly header: string;
  /** The bits that may stand on a message's first frame, and on its other frames. */
  readonly firstBits: number;
  readonly laterBits: number;
  /** In the order of the answer. */
  readonly #agreed: readonly AgreedExtension[];
  readonly #takesEvery: boolean;
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
    let encoded: Encoded | undefined;
    for (const { name, session } of this.#agreed) {
      try {
        const made = session.encode(encoded?.data ?? data, message);
        if (made === undefined) continue;
        const misused = misuseOf(made, session);
        if (misused !== undefined) return { reason: "extension_failed", message: `The extension ${name} ${misused}.` };
        encoded = { data: made.data, reservedBits: made.reservedBits | (encoded?.reservedBits ?? 0) };
      } catch (error) {
        return { reason: "extension_failed", message: `The extension ${name} failed on a message: ${wordsOf(error)}` };
      }
    }
    return encoded;
  }

  /** Takes a frame's payload; what it means goes to the output. Answers what ends the connection. */
  decode(data: Uint8Array, frame: DataFrameHead, output: MessageOutput): Violation | ExtensionFailure | undefined {
    let payload = data;
    let next = this.#takerBelow(this.#agreed.length, frame);
    while (next !== NOBODY) {
      const { name, session } = this.#agreed[next] as AgreedExtension;
      next = this.#takerBelow(next, frame);
      // Between two extensions it is no text yet.
      const target = next === NOBODY ? output : new MessageOutput("binary", output.limit);
      try {
        const fault = session.decode(payload, incoming(frame, session), target);
        // What the output has refused was there before any other fault.
        if (target.exceeded) return tooLongAfterExtensions(frame.type, output.limit);
        if (target.violation !== undefined) return target.violation;
        if (fault !== undefined) return extensionData(name, fault);
      } catch (error) {
        const message = `The extension ${name} failed on a received frame: ${wordsOf(error)}`;
        return { type: "extensionFailed", closeCode: 1011, extension: name, message, cause: error };
      }
      if (target === output) return undefined;
      payload = target.peek();
    }
    output.write(payload);
    return output.exceeded ? tooLongAfterExtensions(frame.type, output.limit) : output.violation;
  }

  /** The connection is idle. */
  hibernate(): void {
    for (const { session } of this.#agreed) session.hibernate?.();
  }

  /** The connection is over; may be called more than once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { session } of this.#agreed) session.close?.();
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

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
