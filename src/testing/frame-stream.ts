/**
 * The WebSocket part of one connection, on the protocol engine in the server's role: the client's bytes to frames in the
 * inbox, the answers that the protocol asks for, and what the script sends.
 */
import { type CloseFrame, type Frame, type FrameLike, faultOf } from "../frame.ts";
import { type EncodeOptions, Encoder } from "../protocol/encoder.ts";
import { Engine } from "../protocol/engine.ts";
import type { ExtensionFailure, Violation } from "../protocol/event.ts";
import type { ExtensionStack } from "../protocol/extension-stack.ts";
import { PeerError } from "./errors.ts";
import type { Inbox } from "./inbox.ts";
import type { Outgoing } from "./outgoing.ts";
import { describeClose } from "./peer-end.ts";

/**
 * What the server does by itself. "pong": answer pings. "close": echo the client's close frame, answer a violation with a close
 * frame, and end TCP after these and after the client's FIN. `true` is both, `false` none.
 */
export type Automatic = boolean | readonly ("pong" | "close")[];

export type FrameStreamOptions = {
  readonly automatic: Automatic;
  readonly maxMessageSize: number;
  readonly maxFragments: number;
};

// Bytes that wait for a client that doesn't read; past that, of the pongs only the newest is kept.
const CONGESTION = 1024 * 1024;

export class FrameStream {
  automatic: Automatic;
  /** Hears of each frame of the client before it is answered, and before the script does. */
  onFrame: ((frame: Frame) => void) | undefined;

  readonly #inbox: Inbox;
  readonly #outgoing: Outgoing;
  readonly #limits: { readonly maxMessageSize: number; readonly maxFragments: number };
  #engine: Engine;
  // For what a rude script sends behind its close frame: the engine refuses that.
  #encoder: Encoder;
  #closeFrame: CloseFrame | undefined;
  #violation: Violation | undefined;

  constructor(inbox: Inbox, outgoing: Outgoing, { automatic, maxMessageSize, maxFragments }: FrameStreamOptions) {
    this.#inbox = inbox;
    this.#outgoing = outgoing;
    this.automatic = automatic;
    this.#limits = { maxMessageSize, maxFragments };
    this.#engine = new Engine({ role: "server", ...this.#limits });
    this.#encoder = new Encoder({ role: "server" });
  }

  /** What was agreed on with the client, before any frame of either side. */
  use(extensions: ExtensionStack): void {
    this.#engine = new Engine({ role: "server", ...this.#limits, extensions });
    this.#encoder = new Encoder({ role: "server", extensions });
  }

  /** The connection is over. */
  close(): void {
    this.#engine.close();
  }

  /** The client's close frame, once it came. */
  get closeFrame(): CloseFrame | undefined {
    return this.#closeFrame;
  }

  /** How the client broke the protocol, if it did. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** Does the server do this by itself? */
  does(what: "pong" | "close"): boolean {
    return typeof this.automatic === "boolean" ? this.automatic : this.automatic.includes(what);
  }

  /** Takes bytes of the client. What follows its close frame or a violation is ignored (RFC 6455 §5.5.1, §7.1.7). */
  push(chunk: Uint8Array): void {
    const engine = this.#engine;
    if (engine.finished) return;
    engine.congested = this.#outgoing.waitingBytes > CONGESTION;
    engine.push(chunk);
    for (let event = engine.next(); event !== undefined; event = engine.next()) {
      if (event.type !== "violation" && event.type !== "extensionFailed") this.onFrame?.(event);
      this.#sendAnswer(event.type === "ping" ? "pong" : "close");
      if (event.type === "violation") this.#violated(event);
      else if (event.type === "extensionFailed") this.#failed(event);
      else this.#inbox.add(event);
      if (event.type === "close") this.#closed(event);
    }
    // The closing handshake is over, and the server is the one to end TCP (RFC 6455 §7.1.1).
    if (engine.finished && this.does("close")) this.#outgoing.finish();
  }

  /** The client has taken what waited for it. */
  drained(): void {
    this.#engine.congested = false;
    this.#sendAnswer("pong");
  }

  /** The bytes of a frame that the script sends, whatever it has sent before. Throws for what has no form (RFC 6455 §5). */
  encode(frame: FrameLike, options?: EncodeOptions): Uint8Array {
    const fault = faultOf(frame);
    if (fault !== undefined) {
      throw new PeerError("misused", `${fault.message} To send it all the same, use sendRaw(rawFrame({ … })).`);
    }
    // The engine has to know of the first close frame, or it would echo the client's answer to it.
    if (isClose(frame) && !this.#engine.closeSent) return this.#engine.send(frame) as Uint8Array;
    const failed = this.#encoder.encode(frame, options);
    if (failed !== undefined) throw new PeerError("extension_failed", failed.message);
    return this.#encoder.take() as Uint8Array;
  }

  // Sends what the engine has answered to its newest event, if the server does that by itself; else it goes nowhere.
  #sendAnswer(what: "pong" | "close"): void {
    const answer = this.#engine.take();
    if (answer !== undefined && this.does(what) && this.#outgoing.isOpen) this.#outgoing.write(answer);
  }

  #closed(frame: CloseFrame): void {
    this.#closeFrame = frame;
    this.#inbox.end(
      (what) =>
        new PeerError(
          "ended",
          `The script waited for ${what}, and the client sent a close frame (${describeClose(frame)}).`,
        ),
    );
  }

  #failed({ message, cause }: ExtensionFailure): void {
    this.#inbox.end(
      (what) =>
        new PeerError("extension_failed", `The script waited for ${what}, and it can't come. ${message}`, cause),
    );
  }

  #violated(violation: Violation): void {
    this.#violation = violation;
    this.#inbox.end(
      (what) =>
        new PeerError(
          "violated",
          `The script waited for ${what}, and the client broke the protocol: ${violation.message}`,
        ),
    );
  }
}

function isClose(frame: FrameLike): frame is CloseFrame {
  return typeof frame === "object" && "type" in frame && frame.type === "close";
}
