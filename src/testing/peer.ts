/**
 * A peer: the server's end of one TCP connection, as a script sees it. The manual is in test-server.ts.
 */
import type { Socket } from "node:net";
import { type CloseFrame, type Frame, type FrameLike, faultOf } from "../frame.ts";
import { Encoder } from "../protocol/encoder.ts";
import { Engine, responseHeaders, type Violation, validateRequest } from "../protocol/index.ts";
import { PeerError } from "./errors.ts";
import { Inbox } from "./inbox.ts";
import { Outgoing } from "./outgoing.ts";
import { type RequestHead, type RequestHeadFault, RequestHeadReader, type RequestHeadResult } from "./request-head.ts";
import { type Refusal, type ResponseChanges, refusalResponse, upgradeResponse } from "./response.ts";
import { Latch } from "./wait.ts";

/** What the server does by itself: answer pings; answer close frames and violations, and end TCP when that is its turn. */
export type Automatic = boolean | readonly ("pong" | "close")[];

/** How a connection ended. */
export type PeerEnd =
  /** The client sent a close frame, and TCP ended after it. */
  | { readonly type: "closed"; readonly code?: number; readonly reason?: string }
  /** The client ended TCP (FIN) without a close frame. */
  | { readonly type: "fin" }
  /** The client reset the connection, or it failed otherwise. */
  | { readonly type: "reset"; readonly cause: Error }
  /** The server's own doing: reset(), drop(), a script that failed, or the server was stopped. */
  | { readonly type: "destroyed" };

export type AcceptOptions = ResponseChanges & {
  /** The subprotocol to choose; default none. */
  readonly protocol?: string;
  /** The value of Sec-WebSocket-Extensions; default none. */
  readonly extensions?: string;
  /** `true`: accept also what is no right WebSocket request. Default: refuse it as the RFC has it, and reject. */
  readonly lenient?: boolean;
  /** What goes out in the same write as the head: frames, strings for text frames, and bytes as they are. */
  readonly glue?: readonly (Frame | string | Uint8Array)[];
  /** Cut the answer in two writes: after `at` bytes (default: in the middle of the head), `pauseMs` apart (default 5). */
  readonly split?: { readonly at?: number; readonly pauseMs?: number };
  /** Sets `automatic`, before any frame of the client is looked at. */
  readonly automatic?: Automatic;
};

/** What a peer takes over from its server. */
export type PeerSettings = {
  readonly automatic: Automatic;
  /** The default deadline of a wait, in ms. */
  readonly timeout: number;
  readonly recordLimit: number;
  readonly maxMessageSize: number;
  readonly maxFragments: number;
  /** Is the server being stopped? Then waits end for that reason. */
  readonly isStopping: () => boolean;
};

/** `timeout` in ms; default the server's own. */
export type WaitOptions = { readonly timeout?: number };

type Stage =
  | { readonly type: "head"; readonly reader: RequestHeadReader }
  // `early` is what came behind the request.
  | { readonly type: "request"; readonly early: Uint8Array[] }
  | { readonly type: "answering"; readonly early: Uint8Array[] }
  | { readonly type: "frames" }
  | { readonly type: "refused" };

const DEFAULT_PAUSE = 5;
// Bytes that a client may send behind its request before the answer; past that its reading waits.
const MAX_EARLY_BYTES = 64 * 1024;
// Bytes that wait for a client that doesn't read; past that, of the pongs only the newest is kept.
const CONGESTION = 1024 * 1024;

export class Peer {
  /** The how-manyth connection of the server, from 1. */
  readonly number: number;
  /** The socket (a TLSSocket on a TLS server): for what a script can't say otherwise. */
  readonly socket: Socket;
  /** Resolves when the client has ended the connection, or the server has; never rejects. */
  readonly ended: Promise<PeerEnd>;
  /** What the server does by itself; may be changed at any time. */
  automatic: Automatic;

  readonly #raw: Socket;
  readonly #settings: PeerSettings;
  readonly #engine: Engine;
  readonly #encoder = new Encoder({ role: "server" });
  readonly #inbox: Inbox;
  readonly #outgoing: Outgoing;
  readonly #request = new Latch<RequestHead>();
  readonly #delays = new Set<() => void>();
  #stage: Stage = { type: "head", reader: new RequestHeadReader() };
  #earlyBytes = 0;
  #headFault: RequestHeadFault | undefined;
  #closeFrame: CloseFrame | undefined;
  #violation: Violation | undefined;
  #failure: Error | undefined;
  #destroyed = false;
  #end: PeerEnd | undefined;
  #resolveEnded!: (end: PeerEnd) => void;

  /** `raw` is the TCP socket under a TLSSocket, or the same as `socket`. */
  constructor(number: number, raw: Socket, socket: Socket, settings: PeerSettings) {
    this.number = number;
    this.socket = socket;
    this.automatic = settings.automatic;
    this.#raw = raw;
    this.#settings = settings;
    const { maxMessageSize, maxFragments } = settings;
    this.#engine = new Engine({ role: "server", maxMessageSize, maxFragments });
    this.#inbox = new Inbox(settings.timeout, settings.recordLimit);
    this.#outgoing = new Outgoing(socket, () => this.#whyNotSent());
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#listen();
  }

  // ── What the client sent ─────────────────────────────────────────────────────────────────────────────────────────

  /** The request's head. Rejects when the client ends the connection first, sends something else, or sends none in time. */
  request(options: WaitOptions = {}): Promise<RequestHead> {
    const timeout = options.timeout ?? this.#settings.timeout;
    return this.#request.wait(
      timeout,
      () => new PeerError("timeout", `The script waited ${timeout} ms for a whole request, and it did not come.`),
    );
  }

  /**
   * The client's next frame that nobody has read: any, of a type, or one that a predicate takes. Frames that don't match are passed over.
   * Rejects when none came within `timeout` (ms, default the server's), or when none can come any more.
   */
  receive(wanted?: undefined, options?: WaitOptions): Promise<Frame>;
  receive<T extends Frame["type"]>(wanted: T, options?: WaitOptions): Promise<Extract<Frame, { type: T }>>;
  receive<F extends Frame>(wanted: (frame: Frame) => frame is F, options?: WaitOptions): Promise<F>;
  receive(wanted: (frame: Frame) => boolean, options?: WaitOptions): Promise<Frame>;
  receive(wanted?: Frame["type"] | ((frame: Frame) => boolean), options: WaitOptions = {}): Promise<Frame> {
    if (typeof wanted === "string") {
      return this.#inbox.read((frame) => frame.type === wanted, `a ${wanted} frame`, options.timeout);
    }
    return this.#inbox.read(wanted ?? (() => true), wanted ? "a frame that matches" : "a frame", options.timeout);
  }

  /** The client's frames as they come, its close frame included, until none can come any more. Throws if the client broke the protocol. */
  async *frames(): AsyncGenerator<Frame, void, undefined> {
    for (;;) {
      try {
        yield await this.#inbox.read(() => true, "a frame", Infinity);
      } catch (error) {
        if (error instanceof PeerError && (error.reason === "ended" || error.reason === "stopped")) return;
        throw error;
      }
    }
  }

  /** All frames of the client, oldest first, read or not; the newest 10 000 unless the server was told otherwise. */
  get received(): readonly Frame[] {
    return this.#inbox.record;
  }

  /** How the client broke the protocol, if it did. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  // ── Answering the request ────────────────────────────────────────────────────────────────────────────────────────

  /** Waits for the request and answers it with a 101: a right one but for what `options` change. From there on frames are decoded. */
  async accept(options: AcceptOptions = {}): Promise<RequestHead> {
    const head = await this.#requestOrRefusal();
    const early = this.#claimAnswer("accept");
    const verdict = validateRequest({
      method: head.method,
      httpVersion: head.version.slice("HTTP/".length),
      headers: head.headers,
    });
    if (verdict.type === "refused" && !options.lenient) {
      this.#refuseNow(verdict.status, { headers: verdict.headers, body: `${verdict.message}\n` });
      throw new PeerError("bad_request", `The client's request is no WebSocket handshake: ${verdict.message}`);
    }
    const key = verdict.type === "accepted" ? verdict.key : (head.header("sec-websocket-key") ?? "");
    const { protocol, extensions, split, glue = [], automatic = this.automatic } = options;
    const headers = responseHeaders({ key, ...(protocol && { protocol }), ...(extensions && { extensions }) });
    const answer = upgradeResponse(headers, options);
    const bytes = Buffer.concat([
      answer,
      ...glue.map((item) => (item instanceof Uint8Array ? item : this.#encoded(item))),
    ]);
    if (split === undefined) this.#outgoing.write(bytes);
    else {
      const { at = answer.byteLength >> 1, pauseMs = DEFAULT_PAUSE } = split;
      await this.#outgoing.writePieces([bytes.subarray(0, at), bytes.subarray(at)], pauseMs);
    }
    this.automatic = automatic;
    this.#startFrames(early);
    return head;
  }

  /** Waits for the request and answers it with this status; then ends TCP, unless told to keep it open. */
  async refuse(status: number, refusal: Refusal = {}): Promise<RequestHead> {
    const head = await this.request();
    this.#claimAnswer("refuse");
    this.#refuseNow(status, refusal);
    return head;
  }

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends a frame, also after a close frame. Throws for what RFC 6455 gives no form: that takes `sendRaw(rawFrame(…))`. */
  send(frame: FrameLike): void {
    this.#outgoing.write(this.#encoded(frame));
  }

  /** Sends several frames in one write. */
  sendTogether(frames: readonly FrameLike[]): void {
    this.#outgoing.write(Buffer.concat(frames.map((frame) => this.#encoded(frame))));
  }

  /** Sends bytes as they are, at any time; a string as UTF-8. */
  sendRaw(bytes: Uint8Array | string): void {
    this.#outgoing.write(typeof bytes === "string" ? Buffer.from(bytes) : bytes);
  }

  /** Sends bytes as they are, `pieceBytes` a write, `pauseMs` apart (default 5). What is sent meanwhile goes out behind them. */
  sendInPieces(bytes: Uint8Array | string, pieceBytes: number, pauseMs = DEFAULT_PAUSE): Promise<void> {
    const all = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < all.byteLength; at += pieceBytes) pieces.push(all.subarray(at, at + pieceBytes));
    return this.#outgoing.writePieces(pieces, pauseMs);
  }

  /** Sends a close frame, an empty one without a code. TCP ends when the client has answered it, if `automatic` says so. */
  close(code?: number, reason?: string): void {
    this.send({ type: "close", ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) });
  }

  /** Bytes that were sent and that the system has not taken yet, since the client doesn't read. */
  get bufferedAmount(): number {
    return this.#outgoing.waitingBytes;
  }

  /** Resolves when the system has taken all that was sent; rejects when it never will. */
  flushed(): Promise<void> {
    return this.#outgoing.flushed();
  }

  // ── Ending, and rude silence ─────────────────────────────────────────────────────────────────────────────────────

  /** FIN, behind all that was sent; no close frame. The client is still listened to. */
  end(): void {
    this.#outgoing.end();
  }

  /** RST: the client sees ECONNRESET. A unix socket knows none, so there it is drop(). */
  reset(): void {
    this.#destroyed = true;
    if (this.#raw.remoteFamily === undefined) this.socket.destroy();
    else this.#raw.resetAndDestroy();
  }

  /** Vanishes as a killed process does: TCP ends both ways at once, with no close frame. */
  drop(): void {
    this.#destroyed = true;
    this.socket.destroy();
  }

  /** Plays a dead link: from now on nothing is read and nothing sent, and TCP stays up. There is no way back but drop() and reset(). */
  blackHole(): void {
    this.#outgoing.swallow();
    this.socket.pause();
  }

  /** Reads nothing until resume(), so that TCP pushes back on the client. The end of the connection goes unseen too. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Waits, and answers whether the connection still stands: true after `ms`; false as soon as it has ended. Never rejects. */
  delay(ms: number): Promise<boolean> {
    if (this.#end !== undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (stands: boolean) => {
        clearTimeout(timer);
        this.#delays.delete(cut);
        resolve(stands);
      };
      const cut = () => finish(false);
      const timer = setTimeout(finish, ms, true);
      this.#delays.add(cut);
    });
  }

  // ── Inside ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #listen(): void {
    const { socket } = this;
    socket.on("data", (chunk) => this.#received(chunk));
    socket.on("end", () => this.#clientEnded());
    socket.on("drain", () => this.#setCongestion(false));
    socket.on("error", (error) => {
      this.#failure ??= error;
    });
    socket.on("close", () => this.#socketClosed());
  }

  #received(chunk: Uint8Array): void {
    const stage = this.#stage;
    switch (stage.type) {
      case "head":
        this.#receivedHead(stage.reader.push(chunk));
        break;
      case "request":
      case "answering":
        stage.early.push(chunk);
        this.#earlyBytes += chunk.byteLength;
        if (this.#earlyBytes > MAX_EARLY_BYTES) this.socket.pause();
        break;
      case "frames":
        this.#receivedFrames(chunk);
        break;
      case "refused":
        break;
    }
  }

  #receivedHead(result: RequestHeadResult | undefined): void {
    if (result === undefined) return;
    if (result.type === "head") {
      this.#stage = { type: "request", early: [] };
      this.#request.resolve(result.head);
      if (result.rest.byteLength > 0) this.#received(result.rest);
      return;
    }
    this.#stage = { type: "refused" };
    this.#headFault = result;
    this.#request.reject(new PeerError("bad_request", result.message));
  }

  #receivedFrames(chunk: Uint8Array): void {
    const engine = this.#engine;
    if (engine.finished) return;
    this.#setCongestion(this.#outgoing.waitingBytes > CONGESTION);
    engine.push(chunk);
    // One write for all answers to this chunk.
    this.socket.cork();
    for (let event = engine.next(); event !== undefined; event = engine.next()) {
      this.#sendAnswer(event.type === "ping" ? "pong" : "close");
      if (event.type === "violation") this.#violated(event);
      else if (event.type === "close") this.#closed(event);
      else this.#inbox.add(event);
    }
    this.socket.uncork();
    // The closing handshake is over, and the server is the one to end TCP (RFC 6455 §7.1.1).
    if (engine.finished && this.#does("close")) this.#outgoing.end();
  }

  // What the engine has answered to its newest event, if this server does such things by itself.
  #sendAnswer(kind: "pong" | "close"): void {
    const answer = this.#engine.take();
    if (answer !== undefined && this.#does(kind) && this.#outgoing.isOpen) this.#outgoing.write(answer);
  }

  #setCongestion(congested: boolean): void {
    this.#engine.congested = congested;
    if (!congested) this.#sendAnswer("pong");
  }

  #does(kind: "pong" | "close"): boolean {
    return typeof this.automatic === "boolean" ? this.automatic : this.automatic.includes(kind);
  }

  #closed(frame: CloseFrame): void {
    this.#closeFrame = frame;
    this.#inbox.add(frame);
    this.#inbox.end((what) =>
      this.#waitError(`The client sent a close frame (${describeClose(frame)}) before ${what}.`),
    );
  }

  #violated(violation: Violation): void {
    this.#violation = violation;
    this.#inbox.end(
      (what) =>
        new PeerError(
          "violated",
          `The client broke the protocol before ${what} came (${violation.reason}): ${violation.message}`,
        ),
    );
  }

  #clientEnded(): void {
    this.#finish(this.#closeFrame === undefined ? { type: "fin" } : closedEnd(this.#closeFrame));
    if (this.#does("close")) this.#outgoing.end();
  }

  #socketClosed(): void {
    if (this.#closeFrame !== undefined) this.#finish(closedEnd(this.#closeFrame));
    else if (this.#destroyed) this.#finish({ type: "destroyed" });
    else this.#finish(this.#failure === undefined ? { type: "fin" } : { type: "reset", cause: this.#failure });
  }

  #finish(end: PeerEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    const ended = `The connection ended (${describeEnd(end)}) before`;
    this.#request.reject(this.#waitError(`${ended} a whole request came.`));
    this.#inbox.end((what) => this.#waitError(`${ended} ${what} came.`));
    for (const cut of this.#delays) cut();
    this.#resolveEnded(end);
  }

  // Why a wait has come to nothing. One that the server's own stop cuts off is nobody's fault.
  #waitError(message: string): PeerError {
    if (this.#settings.isStopping()) return new PeerError("stopped", "The test server is being stopped.");
    return new PeerError("ended", message);
  }

  #whyNotSent(): PeerError {
    if (this.#destroyed && !this.#settings.isStopping()) {
      return new PeerError("misused", "Nothing can be sent after reset() or drop(): the connection is gone.");
    }
    if (this.#end !== undefined) {
      return this.#waitError(`Nothing can be sent: the connection has ended (${describeEnd(this.#end)}).`);
    }
    if (this.#closeFrame !== undefined || this.#violation !== undefined) {
      return this.#waitError("Nothing can be sent: the client's frames have ended, so the server has ended TCP.");
    }
    return new PeerError("misused", "Nothing can be sent after end() or a refusal: the server has ended its side.");
  }

  #claimAnswer(what: string): Uint8Array[] {
    const stage = this.#stage;
    if (stage.type !== "request") {
      throw new PeerError(
        "misused",
        `Can't ${what}: the request has been answered already. A request gets one answer.`,
      );
    }
    this.#stage = { type: "answering", early: stage.early };
    return stage.early;
  }

  // As request(), but what is no request at all is told so first.
  async #requestOrRefusal(): Promise<RequestHead> {
    try {
      return await this.request();
    } catch (error) {
      if (this.#headFault !== undefined && this.#outgoing.isOpen) {
        this.#refuseNow(this.#headFault.status, { body: `${this.#headFault.message}\n` });
      }
      throw error;
    }
  }

  #refuseNow(status: number, refusal: Refusal): void {
    this.#stage = { type: "refused" };
    this.#outgoing.write(refusalResponse(status, refusal));
    if (!refusal.keepOpen) this.#outgoing.end();
  }

  #startFrames(early: readonly Uint8Array[]): void {
    this.#stage = { type: "frames" };
    for (const chunk of early) this.#receivedFrames(chunk);
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.socket.resume();
  }

  #encoded(frame: FrameLike): Uint8Array {
    if (this.#stage.type === "head" || this.#stage.type === "request" || this.#stage.type === "refused") {
      throw new PeerError("misused", "A frame can't be sent before accept(). Bytes can, at any time: use sendRaw().");
    }
    const fault = faultOf(frame);
    if (fault !== undefined) {
      throw new PeerError("misused", `${fault.message} To send it all the same, use sendRaw(rawFrame(…)).`);
    }
    // The engine has to know of the first close frame, or it would echo the client's answer. It refuses all that
    // follows one; a rude script may go on.
    if (isClose(frame) && !this.#engine.closeSent) return this.#engine.send(frame) as Uint8Array;
    this.#encoder.encode(frame);
    return this.#encoder.take() as Uint8Array;
  }
}

function isClose(frame: FrameLike): frame is CloseFrame {
  return typeof frame === "object" && "type" in frame && frame.type === "close";
}

function closedEnd({ code, reason }: CloseFrame): PeerEnd {
  return { type: "closed", ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) };
}

function describeClose({ code, reason }: { readonly code?: number; readonly reason?: string }): string {
  if (code === undefined) return "an empty one";
  return reason ? `${code} ${JSON.stringify(reason)}` : String(code);
}

function describeEnd(end: PeerEnd): string {
  switch (end.type) {
    case "closed":
      return `closed by the client: ${describeClose(end)}`;
    case "fin":
      return "FIN from the client, without a close frame";
    case "reset":
      return `reset by the client: ${end.cause.message}`;
    case "destroyed":
      return "destroyed by the server";
  }
}
