/**
 * Extensions (RFC 6455 §9): what anybody may plug into a connection that changes messages on their way, at either end.
 *
 * An `Extension` says what a client offers and judges the server's answer, or answers a client's offer. What comes of an agreement
 * is an `ExtensionSession`: one for each connection, which takes the payloads of data frames on their way out and in. Control
 * frames are no extension's business. With several sessions, data goes out through them in the order of the answer
 * and comes in through them in the opposite one (RFC 6455 §9.1).
 *
 * All of it is synchronous, so that the order of messages is the order of the bytes.
 */

/** Parameters in the order in which they stand on the wire; one without a value is just named. */
export type ExtensionParameters = readonly (readonly [name: string, value?: string | undefined])[];

/** What a session is made for. */
export type ExtensionSettings = {
  readonly role: "client" | "server";
  /** Bytes of one received message at the most, with every extension taken off. */
  readonly maxMessageSize: number;
  /** Will `hibernate` be called? If not, nothing need be remembered for it. */
  readonly hibernates: boolean;
};

/** An answer that can't be agreed to, as a sentence. */
export type ExtensionRefusal = { readonly refused: string };

export type ExtensionAgreement = {
  /** What the server's answer says of it. */
  readonly parameters: ExtensionParameters;
  readonly session: ExtensionSession;
};

export interface Extension {
  /** A token, such as "permessage-deflate"; compared as it is. */
  readonly name: string;
  /** What a client offers, in order of preference; each entry is one offer. */
  readonly offers: readonly ExtensionParameters[];
  /** A client's side: the server has agreed to one of the offers, with these parameters. */
  accept(parameters: ExtensionParameters, settings: ExtensionSettings): ExtensionSession | ExtensionRefusal;
  /** A server's side: agrees to one offer of a client, or declines it with undefined. Left out: the extension is for clients only. */
  answer?(offer: ExtensionParameters, settings: ExtensionSettings): ExtensionAgreement | undefined;
}

/** RSV1, RSV2 and RSV3 in `reservedBits` (RFC 6455 §5.2). */
export const RSV1 = 0b100;
export const RSV2 = 0b010;
export const RSV3 = 0b001;

/** A message on its way out. */
export type OutgoingMessage = {
  readonly type: "text" | "binary";
  /** What the caller of `send` wants; undefined: as the extension thinks best. */
  readonly compress: boolean | undefined;
};

/** A data frame on its way in. */
export type IncomingFrame = {
  readonly type: "text" | "binary";
  /** Those of this frame; with the scope "message", those of the message's first frame. */
  readonly reservedBits: number;
  /** Does the message begin or end with it? */
  readonly first: boolean;
  readonly final: boolean;
};

/** Where a session puts what it has made of a frame. */
export interface ExtensionOutput {
  /** Copies the bytes; false: the message is over its limit now, and `decode` should return. */
  write(bytes: Uint8Array): boolean;
  /** The same without copying, for bytes that stay as they are until the session is called again. */
  lend(bytes: Uint8Array): boolean;
}

/** The peer sent what the extension can't take; the connection ends with this close code. */
export type ExtensionFault = { readonly closeCode: 1002 | 1007 | 1009; readonly message: string };

export interface ExtensionSession {
  /** The reserved bits it uses, of 0b111; no two extensions of a connection share one. */
  readonly reservedBits: number;
  /** Where its bits may stand: on a message's first frame, for the whole message, or on every frame, each for itself. */
  readonly scope: "message" | "frame";
  /** What goes through `decode`: what is marked with one of its bits, or everything. */
  readonly takes: "marked" | "every";
  /**
   * Makes another payload of a message, and says which of its bits to set. undefined: it goes out as it is. The result is read before
   * the session is called again and never kept. `data` is not to be written to, or kept: other bytes stand there afterwards. What it
   * throws makes the frame one that can't be sent.
   */
  encode(
    data: Uint8Array,
    message: OutgoingMessage,
  ): { readonly data: Uint8Array; readonly reservedBits: number } | undefined;
  /** The message that `encode` was given last does not go out, as another extension failed on it. Whoever counts or remembers undoes that here. */
  unsent?(): void;
  /**
   * Takes the whole payload of a frame and writes what it means to the output. `data` is not to be written to, or kept. What it
   * throws, or answers that is no fault, ends the connection: processing_failed.
   */
  decode(data: Uint8Array, frame: IncomingFrame, output: ExtensionOutput): ExtensionFault | undefined;
  /** The connection is idle: gives back what memory it can do without. What it throws ends the connection: processing_failed. */
  hibernate?(): void;
  /** The connection is over; nothing is called any more, and nobody hears of what it throws. */
  close?(): void;
}
