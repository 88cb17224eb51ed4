/**
 * A message that extensions take apart, frame by frame. They get whole frames, which makes what they answer the same for every split of
 * the bytes.
 */
import type { ExtensionFailure, ProtocolEvent, Violation } from "./event.ts";
import { type ExtensionStack, wireLimitOf } from "./extension-stack.ts";
import { MessageOutput } from "./message-output.ts";

export class ExtendedMessage {
  readonly #extensions: ExtensionStack;
  readonly #type: "text" | "binary";
  readonly #firstBits: number;
  readonly #output: MessageOutput;
  readonly #wireLimit: number;
  #wireLength = 0;
  #frames = 0;

  /** `firstBits`: the reserved bits of its first frame. `limit`: bytes that may come of it. */
  constructor(extensions: ExtensionStack, type: "text" | "binary", firstBits: number, limit: number) {
    this.#extensions = extensions;
    this.#type = type;
    this.#firstBits = firstBits;
    this.#output = new MessageOutput(type, limit);
    this.#wireLimit = wireLimitOf(limit);
  }

  /** Bytes of memory held for it. */
  get heldBytes(): number {
    return this.#output.capacity;
  }

  /** Bytes of its frames so far, as they came. */
  get wireLength(): number {
    return this.#wireLength;
  }

  /** Bytes that its frames may still have. */
  get wireRoom(): number {
    return this.#wireLimit - this.#wireLength;
  }

  /** Takes the payload of its next frame. */
  takeFrame(payload: Uint8Array, reservedBits: number, final: boolean): Violation | ExtensionFailure | undefined {
    this.#wireLength += payload.byteLength;
    this.#frames += 1;
    const first = this.#frames === 1;
    const head = { type: this.#type, firstBits: this.#firstBits, reservedBits, first, final };
    const fault = this.#extensions.decode(payload, head, this.#output);
    if (fault !== undefined || final) return fault;
    // What was lent for it does not outlast this call; and what is no text is none now, not when the next frame comes (RFC 6455 §8.1).
    this.#output.settle();
    return this.#output.violation;
  }

  /** The message, once its last frame was taken, or what is wrong with it. */
  end(): ProtocolEvent {
    if (this.#type === "binary") return { type: "binary", data: this.#output.takeBytes() };
    const text = this.#output.takeText();
    return typeof text === "string" ? { type: "text", data: text } : text;
  }
}
