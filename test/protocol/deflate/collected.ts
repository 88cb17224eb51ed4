/** An extension's output that is only collected, under a limit. What is lent is read as late as may be, as the real one does. */
import type { ExtensionOutput } from "../../../src/protocol/extension.ts";

export class Collected implements ExtensionOutput {
  readonly #limit: number;
  #bytes = Buffer.alloc(0);
  #lent: Uint8Array | undefined;

  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  write(bytes: Uint8Array): boolean {
    if (this.bytes.length + bytes.length > this.#limit) return false;
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    return true;
  }

  lend(bytes: Uint8Array): boolean {
    if (this.bytes.length + bytes.length > this.#limit) return false;
    this.#lent = bytes;
    return true;
  }

  /** Copies what was lent, as it doesn't outlast the next frame. */
  settle(): void {
    void this.bytes;
  }

  /** Everything so far. */
  get bytes(): Buffer {
    if (this.#lent !== undefined) this.#bytes = Buffer.concat([this.#bytes, this.#lent]);
    this.#lent = undefined;
    return this.#bytes;
  }

  get text(): string {
    return this.bytes.toString();
  }
}
