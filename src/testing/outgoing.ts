/**
 * The way of bytes to one client: at once, or in pieces with pauses, in which case what comes meanwhile waits behind them.
 */
import type { Socket } from "node:net";
import { PeerError } from "./errors.ts";

/** How long a connection that the server has ended by itself waits for the client's FIN, in ms. */
const LINGER = 1000;

export class Outgoing {
  readonly #socket: Socket;
  readonly #whyNot: () => PeerError;
  // Writes that wait until the pieces under way are out: in the middle of a frame they would break it.
  #held: Uint8Array[] | undefined;
  #endAfterPieces = false;
  #swallows = false;
  #linger: NodeJS.Timeout | undefined;

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
    return this.#socket.writable && !this.#endAfterPieces;
  }

  /** Is the server done with this connection, and it only waits for the client's FIN? */
  get isFinishing(): boolean {
    return this.#linger !== undefined;
  }

  write(bytes: Uint8Array): void {
    if (this.#swallows) return;
    if (!this.isOpen) throw this.#whyNot();
    if (this.#held !== undefined) this.#held.push(bytes);
    else this.#socket.write(bytes);
  }

  /** Writes each piece by itself, `pauseMs` apart. Rejects when the connection ends before the last of them. */
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
        if (index > 0) await this.#pause(pauseMs);
        if (this.#swallows) break;
        if (!this.#socket.writable) throw this.#whyNot();
        this.#socket.write(piece);
      }
    } finally {
      this.#release();
    }
  }

  /** What is written from now on waits so many ms, or for good. Pieces that are under way go on, and the rest then goes with them. */
  holdBack(ms: number): void {
    if (this.#held !== undefined) return;
    this.#held = [];
    if (ms === Number.POSITIVE_INFINITY) return;
    const timer = setTimeout(() => this.#release(), ms);
    this.#socket.once("close", () => clearTimeout(timer));
  }

  /** From now on everything is taken and nothing sent. */
  swallow(): void {
    this.#swallows = true;
  }

  /** FIN, behind everything that has been written. */
  end(): void {
    if (this.#swallows) return;
    if (this.#held !== undefined) this.#endAfterPieces = true;
    else this.#socket.end();
  }

  /** FIN, and a little later the end of the connection whether the client ends its side or not. */
  finish(): void {
    if (this.#swallows || this.#linger !== undefined) return;
    this.end();
    this.#linger = setTimeout(() => this.#socket.destroy(), LINGER);
    this.#socket.once("close", () => clearTimeout(this.#linger));
  }

  /** Resolves when the system has taken everything; rejects when it never will. */
  flushed(): Promise<void> {
    if (!this.isOpen) return Promise.reject(this.#whyNot());
    return new Promise((resolve, reject) => {
      this.#socket.write("", (error) => (error ? reject(this.#whyNot()) : resolve()));
    });
  }

  // Cut short by the end of the connection.
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.#socket.off("close", finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      this.#socket.once("close", finish);
    });
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    if (this.#socket.writable && !this.#swallows) for (const bytes of held) this.#socket.write(bytes);
    if (!this.#endAfterPieces) return;
    this.#endAfterPieces = false;
    this.end();
  }
}
