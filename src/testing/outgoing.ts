/**
 * The way of bytes to one client: at once, or in pieces with pauses, in which case what comes meanwhile waits behind them.
 */
import type { Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { PeerError } from "./errors.ts";

export class Outgoing {
  readonly #socket: Socket;
  readonly #whyNot: () => PeerError;
  // Writes that wait until the pieces under way are out: in the middle of a frame they would break it.
  #held: Uint8Array[] | undefined;
  #swallows = false;

  /** `whyNot` says why a socket that can't be written to can't. */
  constructor(socket: Socket, whyNot: () => PeerError) {
    this.#socket = socket;
    this.#whyNot = whyNot;
  }

  /** Bytes that the system has not taken yet. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** Can anything still be sent? */
  get isOpen(): boolean {
    return this.#socket.writable;
  }

  write(bytes: Uint8Array): void {
    if (this.#swallows) return;
    if (this.#held !== undefined) this.#held.push(bytes);
    else this.#writeNow(bytes);
  }

  /** Writes each piece by itself, `pauseMs` apart. */
  async writePieces(pieces: readonly Uint8Array[], pauseMs: number): Promise<void> {
    if (this.#held !== undefined) {
      throw new PeerError(
        "misused",
        "Bytes are being sent in pieces already: await that before sending more in pieces.",
      );
    }
    this.#held = [];
    try {
      for (const [index, piece] of pieces.entries()) {
        if (index > 0) await pause(pauseMs);
        if (!this.#swallows) this.#writeNow(piece);
      }
    } finally {
      const held = this.#held;
      this.#held = undefined;
      if (this.isOpen) for (const bytes of held) this.#socket.write(bytes);
    }
  }

  /** From now on everything is taken and nothing sent. */
  swallow(): void {
    this.#swallows = true;
  }

  /** FIN, behind everything that has been written. */
  end(): void {
    if (!this.#swallows) this.#socket.end();
  }

  /** Resolves when the system has taken everything; rejects when it never will. */
  flushed(): Promise<void> {
    if (!this.isOpen) return Promise.reject(this.#whyNot());
    return new Promise((resolve, reject) => {
      this.#socket.write("", (error) => (error ? reject(this.#whyNot()) : resolve()));
    });
  }

  #writeNow(bytes: Uint8Array): void {
    if (!this.isOpen) throw this.#whyNot();
    this.#socket.write(bytes);
  }
}
