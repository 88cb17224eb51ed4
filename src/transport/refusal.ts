/**
 * Reads the body of an answer that refuses the upgrade: as much as tells why, for as long as a server may fairly need.
 */
import type { IncomingMessage } from "node:http";

/** Bytes of the body that are kept, and the most that are read. */
const MAX_BODY = 65536;
/**
 * How long to wait for more, in ms. A server that sends no length and leaves the connection open never tells that it has
 * said all, and no error page is worth holding the next attempt up. A body that comes at all comes with the header, or soon after.
 */
const BODY_SILENCE = 1000;
/** How long all of it may take: a byte now and then must not hold the attempt for ever. */
const BODY_TIME = 5000;

export type RefusalLimits = {
  readonly ref: boolean;
  /** ms; for tests. */
  readonly silence?: number;
  readonly time?: number;
};

/** Calls back once with the text, when it is whole, long enough, or late; never after `cancel`. */
export class RefusalReader {
  readonly #decoder = new TextDecoder();
  readonly #silence: NodeJS.Timeout;
  readonly #time: NodeJS.Timeout;
  #body = "";
  #room = MAX_BODY;
  #done: ((body: string) => void) | undefined;

  constructor(
    response: IncomingMessage,
    { ref, silence = BODY_SILENCE, time = BODY_TIME }: RefusalLimits,
    done: (body: string) => void,
  ) {
    this.#done = done;
    this.#silence = setTimeout(this.#finish, silence);
    this.#time = setTimeout(this.#finish, time);
    if (!ref) {
      this.#silence.unref();
      this.#time.unref();
    }
    response.on("data", (chunk: Uint8Array) => this.#take(chunk));
    response.on("end", this.#finish);
    response.on("close", this.#finish);
    // A body that breaks off is a body all the same.
    response.on("error", this.#finish);
  }

  #take(chunk: Uint8Array): void {
    if (this.#done === undefined) return;
    const taken = chunk.subarray(0, this.#room);
    this.#room -= taken.byteLength;
    // In a stream, half a character at the end of what is kept is left out rather than turned into a replacement.
    this.#body += this.#decoder.decode(taken, { stream: true });
    this.#silence.refresh();
    if (this.#room === 0) this.#finish();
  }

  /** That is all there will be. */
  readonly #finish = (): void => {
    const done = this.#done;
    this.cancel();
    done?.(this.#body);
  };

  cancel(): void {
    this.#done = undefined;
    clearTimeout(this.#silence);
    clearTimeout(this.#time);
  }
}
