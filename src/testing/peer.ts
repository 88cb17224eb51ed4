/**
 * A peer: the server's end of one TCP connection, as a script sees it. The manual is in test-server.ts.
 */
import type { Socket } from "node:net";
import type { Frame, FrameLike } from "../frame.ts";
import type { Violation } from "../protocol/event.ts";
import type { Extension } from "../protocol/extension.ts";
import { type RequestResult, responseHeaders, validateRequest } from "../protocol/handshake-server.ts";
import type { ExtensionEntry } from "../protocol/header-field.ts";
import { valuesOf } from "../protocol/header-field.ts";
import { answerTo } from "../protocol/negotiation.ts";
import { PeerError } from "./errors.ts";
import type { DrawnFault, Fault, FaultDirection, FaultPhase } from "./fault.ts";
import { drawFault } from "./fault-draws.ts";
import { checkFault } from "./fault-plan.ts";
import { type Automatic, FrameStream, type FrameStreamOptions } from "./frame-stream.ts";
import { Inbox } from "./inbox.ts";
import { Outgoing } from "./outgoing.ts";
import { closedBy, describeEnd, type PeerEnd } from "./peer-end.ts";
import { performOnPeer } from "./peer-faults.ts";
import { type RequestHead, type RequestHeadFault, RequestHeadReader, type RequestHeadResult } from "./request-head.ts";
import { type Refusal, type ResponseChanges, refusalResponse, upgradeResponse } from "./response.ts";
import { seededRandom } from "./seeded-random.ts";
import { Latch } from "./wait.ts";

export type AcceptOptions = ResponseChanges & {
  /** The subprotocol to choose, or a function that chooses of those the client asks for; default none. */
  readonly protocol?: string | ((offered: readonly string[]) => string | undefined);
  /**
   * Extensions to agree to, of those the client offers; default the server's. A string goes out as the value of
   * Sec-WebSocket-Extensions as it is, and nothing is done about it.
   */
  readonly extensions?: string | readonly Extension[];
  /** `true`: accept also what is no right WebSocket request. Default: refuse it as the RFC has it, and reject. */
  readonly lenient?: boolean;
  /** What goes out in the same write as the head: frames, strings for text frames, and bytes as they are. */
  readonly glue?: readonly (Frame | string | Uint8Array)[];
  /** Cut the answer in two writes: after `at` bytes (default: in the middle of the head), `pauseMs` apart (default 5). */
  readonly split?: { readonly at?: number; readonly pauseMs?: number };
  /** Sets `automatic`, before any frame of the client is looked at. */
  readonly automatic?: Automatic;
  /** How long the request may take to come, in ms; default the server's timeout. */
  readonly timeout?: number;
};

/** What a peer takes over from its server. */
export type PeerSettings = FrameStreamOptions & {
  /** The default deadline of a wait, in ms. */
  readonly timeout: number;
  readonly recordLimit: number;
  /** What the server agrees to, if the client offers it. */
  readonly extensions: readonly Extension[];
  /** Is the server being stopped? Then waits end for that reason. */
  readonly isStopping: () => boolean;
};

/** `timeout` in ms; default the server's own. */
export type WaitOptions = { readonly timeout?: number };

/** What a plan of faults waits for. */
export type PeerEvent =
  | { readonly type: "phase"; readonly phase: FaultPhase }
  | { readonly type: "message"; readonly direction: FaultDirection };

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

export class Peer {
  /** The how-manyth connection of the server, from 1. */
  readonly number: number;
  /** The socket (a TLSSocket on a TLS server): for what a script can't say otherwise. */
  readonly socket: Socket;
  /** Resolves when the client has ended the connection, or the server has; never rejects. */
  readonly ended: Promise<PeerEnd>;

  readonly #raw: Socket;
  readonly #settings: PeerSettings;
  readonly #inbox: Inbox;
  readonly #outgoing: Outgoing;
  readonly #frames: FrameStream;
  readonly #request = new Latch<RequestHead>();
  readonly #delays = new Set<() => void>();
  #watcher: ((event: PeerEvent) => void) | undefined;
  #random: (() => number) | undefined;
  #stage: Stage = { type: "head", reader: new RequestHeadReader() };
  #earlyBytes = 0;
  #headFault: RequestHeadFault | undefined;
  #failure: Error | undefined;
  #destroyed = false;
  #end: PeerEnd | undefined;
  #resolveEnded!: (end: PeerEnd) => void;

  /** `raw` is the TCP socket under a TLSSocket, or the same as `socket`. */
  constructor(number: number, raw: Socket, socket: Socket, settings: PeerSettings) {
    this.number = number;
    this.socket = socket;
    this.#raw = raw;
    this.#settings = settings;
    this.#inbox = new Inbox(settings.timeout, settings.recordLimit);
    this.#outgoing = new Outgoing(socket, () => this.#whyNotSent());
    this.#frames = new FrameStream(this.#inbox, this.#outgoing, settings);
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
      () => new PeerError("timeout", `The script waited ${timeout} ms for a whole request, and none came.`),
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
    return this.#frames.violation;
  }

  /** What the server does by itself on this connection; may be changed at any time. */
  get automatic(): Automatic {
    return this.#frames.automatic;
  }

  set automatic(automatic: Automatic) {
    this.#frames.automatic = automatic;
  }

  // ── Answering the request ────────────────────────────────────────────────────────────────────────────────────────

  /** Waits for the request and answers it with a 101: a right one but for what `options` change. From there on frames are decoded. */
  async accept(options: AcceptOptions = {}): Promise<RequestHead> {
    const head = await this.#requestOrRefusal(options);
    const early = this.#claimAnswer("accept");
    const verdict = verdictOn(head);
    if (verdict.type === "refused" && !options.lenient) {
      this.#refuseNow(verdict.status, { headers: verdict.headers, body: `${verdict.message}\n` });
      throw new PeerError("bad_request", `The client's request is no WebSocket handshake: ${verdict.message}`);
    }
    const { key, subprotocols, extensions } =
      verdict.type === "accepted"
        ? verdict
        : { key: head.header("sec-websocket-key") ?? "", subprotocols: [], extensions: [] };
    this.#watcher?.({ type: "phase", phase: "answer" });
    const { split, glue = [], automatic = this.automatic } = options;
    const protocol = typeof options.protocol === "function" ? options.protocol(subprotocols) : options.protocol;
    const agreed = this.#agree(extensions, options.extensions ?? this.#settings.extensions);
    const headers = responseHeaders({ key, ...(protocol && { protocol }), extensions: agreed });
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
    this.#watcher?.({ type: "phase", phase: "open" });
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

  /**
   * Sends a frame, also after a close frame. Throws for what RFC 6455 gives no form: that takes `sendRaw(rawFrame(…))`. With
   * permessage-deflate, `compress: false` sends a message as it is, and `true` compresses it however short.
   */
  send(frame: FrameLike, options?: { readonly compress?: boolean }): void {
    this.#send([frame], options);
  }

  /** Sends several frames in one write. */
  sendTogether(frames: readonly FrameLike[]): void {
    this.#send(frames);
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

  /** The server is done with this connection (after a refusal, the closing handshake or a violation) and waits a second for the client's FIN. */
  get isFinishing(): boolean {
    return this.#outgoing.isFinishing;
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

  // ── Faults ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Plays a fault now, in the words of a FaultProxy: reset, end, blackHole, stall, close, inject, garbage, and refuse while a request waits for its
   * answer. What is drawn is drawn from the number of the connection. @throws FaultPlanError for what is no fault, PeerError for what isn't a server's to play
   */
  apply(fault: Fault): void {
    checkFault(fault, this.#phase);
    this.#random ??= seededRandom(this.number);
    this.applyDrawn(drawFault(fault, this.#phase, this.#random), this.#random);
  }

  /** For `playing()`: a fault whose ranges are drawn. */
  applyDrawn(fault: DrawnFault, random: () => number): void {
    performOnPeer(fault, random, {
      reset: () => this.reset(),
      end: () => this.end(),
      blackHole: () => this.blackHole(),
      ignore: () => {
        this.automatic = false;
        this.#outgoing.swallow();
      },
      pause: () => this.pause(),
      resume: () => this.resume(),
      holdBack: (ms) => this.#outgoing.holdBack(ms),
      sendRaw: (bytes) => this.sendRaw(bytes),
      refuse: (status, refusal) => {
        this.#claimAnswer("refuse");
        this.#refuseNow(status, refusal);
      },
      delay: (ms) => this.delay(ms),
    });
  }

  /** For `playing()`: who hears of phases and messages. */
  watch(watcher: (event: PeerEvent) => void): void {
    this.#watcher = watcher;
    this.#frames.onFrame = (frame) => {
      if (frame.type === "close") watcher({ type: "phase", phase: "closing" });
      this.#heard(frame, "toServer");
    };
  }

  // ── Inside ───────────────────────────────────────────────────────────────────────────────────────────────────────

  get #phase(): FaultPhase {
    switch (this.#stage.type) {
      case "head":
        return "connect";
      case "request":
        return "request";
      default:
        return "open";
    }
  }

  #listen(): void {
    const { socket } = this;
    socket.on("data", (chunk) => this.#received(chunk));
    socket.on("end", () => this.#clientEnded());
    socket.on("drain", () => this.#frames.drained());
    socket.on("error", (error) => {
      this.#failure ??= error;
    });
    // A TLSSocket tells of what goes wrong under it; the TCP socket's own event would end the process.
    this.#raw.on("error", () => {});
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
        this.#frames.push(chunk);
        break;
      case "refused":
        break;
    }
  }

  #receivedHead(result: RequestHeadResult | undefined): void {
    if (result === undefined) return;
    if (result.type === "head") {
      this.#stage = { type: "request", early: [] };
      this.#watcher?.({ type: "phase", phase: "request" });
      this.#request.resolve(result.head);
      if (result.rest.byteLength > 0) this.#received(result.rest);
      return;
    }
    this.#stage = { type: "refused" };
    this.#headFault = result;
    this.#request.reject(new PeerError("bad_request", result.message));
  }

  #clientEnded(): void {
    const { closeFrame } = this.#frames;
    this.#finish(closeFrame === undefined ? { type: "fin" } : closedBy(closeFrame));
    if (this.#frames.does("close")) this.#outgoing.finish();
  }

  #socketClosed(): void {
    const { closeFrame } = this.#frames;
    this.#frames.close();
    if (closeFrame !== undefined) this.#finish(closedBy(closeFrame));
    else if (this.#destroyed) this.#finish({ type: "destroyed" });
    else this.#finish(this.#failure === undefined ? { type: "fin" } : { type: "reset", cause: this.#failure });
  }

  #finish(end: PeerEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    const first = `and the connection ended first (${describeEnd(end)}).`;
    this.#request.reject(this.#waitError(`The script waited for a whole request, ${first}`));
    this.#inbox.end((what) => this.#waitError(`The script waited for ${what}, ${first}`));
    for (const cut of [...this.#delays]) cut();
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
    if (this.#frames.closeFrame !== undefined || this.#frames.violation !== undefined) {
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
  async #requestOrRefusal(options: WaitOptions): Promise<RequestHead> {
    try {
      return await this.request(options);
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
    if (!refusal.keepOpen) this.#outgoing.finish();
  }

  /** What the answer says of extensions. From here on they are in use. */
  #agree(offers: readonly ExtensionEntry[], extensions: string | readonly Extension[]): string {
    if (typeof extensions === "string") return extensions;
    const { maxMessageSize } = this.#settings;
    const stack = answerTo(offers, extensions, { role: "server", maxMessageSize, hibernates: false });
    if (stack === undefined) return "";
    this.#frames.use(stack);
    return stack.header;
  }

  #startFrames(early: readonly Uint8Array[]): void {
    this.#stage = { type: "frames" };
    for (const chunk of early) this.#frames.push(chunk);
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.socket.resume();
  }

  #send(frames: readonly FrameLike[], options?: { readonly compress?: boolean }): void {
    const bytes = frames.map((frame) => this.#encoded(frame, options));
    if (frames.some((frame) => typeOf(frame) === "close")) this.#watcher?.({ type: "phase", phase: "closing" });
    this.#outgoing.write(bytes.length === 1 ? (bytes[0] as Uint8Array) : Buffer.concat(bytes));
    for (const frame of frames) this.#heard(frame, "toClient");
  }

  #heard(frame: FrameLike, direction: FaultDirection): void {
    const type = typeOf(frame);
    if (type === "text" || type === "binary") this.#watcher?.({ type: "message", direction });
  }

  #encoded(frame: FrameLike, options?: { readonly compress?: boolean }): Uint8Array {
    if (this.#stage.type === "head" || this.#stage.type === "request" || this.#stage.type === "refused") {
      throw new PeerError("misused", "A frame can't be sent before accept(). Bytes can, at any time: use sendRaw().");
    }
    return this.#frames.encode(frame, options);
  }
}

function typeOf(frame: FrameLike): Frame["type"] {
  if (typeof frame === "string") return "text";
  return frame instanceof Uint8Array ? "binary" : frame.type;
}

// The protocol leaves to whoever speaks HTTP what HTTP itself asks of a request (RFC 9112 §3.2, RFC 6455 §4.2.1).
function verdictOn({ method, version, headers }: RequestHead): RequestResult {
  const [host, ...others] = valuesOf(headers, "host");
  if (!host || others.length > 0) {
    const message = "The request needs one host header, with the server's name in it (RFC 6455 §4.2.1).";
    return { type: "refused", status: 400, headers: [], message };
  }
  if (
    valuesOf(headers, "transfer-encoding").length > 0 ||
    valuesOf(headers, "content-length").some((one) => one !== "0")
  ) {
    const message = "The request announces a body; what comes behind an upgrade request are frames (RFC 6455 §4.1).";
    return { type: "refused", status: 400, headers: [], message };
  }
  return validateRequest({ method, httpVersion: version.slice("HTTP/".length), headers });
}
