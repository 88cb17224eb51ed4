/**
 * One connection of the model: the peer's end for the script, and the client's end, which reads the answer and the frames as
 * RFC 6455 says. It knows no callbacks; it tells the model's client what has come.
 */
import { RSV1 } from "./compression.ts";
import type { DifferenceName } from "./differences.ts";
import { errorTerm, statusTerm } from "./errors.ts";
import type { Offer } from "./mint-extensions.ts";
import { judgeAnswer, type ModelDeflate } from "./model-extensions.ts";
import type { PeerLink } from "./script.ts";
import { binary, type Term, textOf } from "./terms.ts";
import type { VirtualTime } from "./time.ts";
import { ANY_TEXT, frameTerm, type Sent, sentFrame } from "./trace.ts";
import { acceptOf, headerOf, type ReadFrame, type Request, readFrame, splitHead } from "./wire.ts";

/** What the client is told of its connection. */
export interface LinkOwner {
  readonly time: VirtualTime;
  differs(name: DifferenceName): void;
  opened(status: number, headers: readonly (readonly [string, string])[]): void;
  failed(error: Term): void;
  frame(op: string, frame: Term): void;
  peerClosed(code: number | undefined, reason: string | undefined): void;
  violated(reason: string): void;
  lost(reason: string): void;
  /** The attempt has ended, and nothing else has begun since. */
  waitsForAnswer(): boolean;
}

/** What the client asked for, which the answer is held against. */
export type Asked = {
  readonly request: Request;
  readonly subprotocols: readonly string[];
  readonly offers: readonly Offer[];
};

/** A message whose last fragment hasn't come. */
type Message = { readonly op: string; readonly deflated: boolean; readonly bytes: Buffer };

const SILENCE_AFTER_REFUSAL = 1000;
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

export class ModelLink implements PeerLink {
  readonly #owner: LinkOwner;
  readonly #asked: Asked;
  readonly #frames: string[] = [];
  readonly #counts = new Map<string, number>();
  #buffer: Buffer = Buffer.alloc(0);
  #phase: "handshake" | "open" | "over" = "handshake";
  #message: Message | undefined;
  #deflate: ModelDeflate | undefined;
  #closeSent = false;
  /** The peer has closed its socket, so nobody sees what is still sent. */
  #unread = false;
  #gone = false;
  #violated = false;
  #refusal: (() => void) | undefined;

  constructor(owner: LinkOwner, asked: Asked) {
    this.#owner = owner;
    this.#asked = asked;
  }

  // ── The peer's end ─────────────────────────────────────────────────────────────────────────────────────────────

  request(): Request {
    const { line, headers } = this.#asked.request;
    return { line, headers: headers.map(([name, value]) => [name, name === "sec-websocket-key" ? KEY : value]) };
  }

  framesSeen(op: string): number {
    return op === "http_request" ? 1 : (this.#counts.get(op) ?? 0);
  }

  ended(): boolean {
    return this.#gone;
  }

  write(bytes: Buffer): void {
    this.#owner.time.send(() => this.#receive(bytes));
  }

  fin(how: "all" | "half"): void {
    this.#unread ||= how === "all";
    this.#owner.time.send(() => this.#end("ended"));
  }

  reset(): void {
    this.fin("all");
  }

  // ── The client's end ───────────────────────────────────────────────────────────────────────────────────────────

  get closeSent(): boolean {
    return this.#closeSent;
  }

  send(op: string, payload: Uint8Array): void {
    // A ping is answered until the peer's close frame has come (RFC 6455 §5.5.2).
    if (this.#gone || (this.#closeSent && op !== "close" && op !== "pong")) return;
    if (op === "close") this.#closeSent = true;
    if (this.#unread) return;
    const deflated = this.#deflate !== undefined && isData(op) && this.#deflate.compresses(payload);
    if (this.#deflate !== undefined && isData(op) && !deflated) this.#owner.differs("compressed-to-be-shorter");
    this.#frames.push(sentFrame(op, payload, { masked: true, deflated }));
    this.#counts.set(op, this.framesSeen(op) + 1);
  }

  /** A close frame whose reason nobody compares. */
  #sendViolation(code: number): void {
    if (this.#closeSent || this.#unread) return;
    this.#closeSent = true;
    this.#frames.push(`{:close, ${code}, ${ANY_TEXT}}`);
    this.#counts.set("close", this.framesSeen("close") + 1);
  }

  destroy(): void {
    this.#phase = "over";
    this.#gone = true;
    this.#refusal?.();
  }

  sent(): Sent {
    const { line, headers } = this.#asked.request;
    return { request: line, headers: headers.map(([name, value]) => `${name}: ${value}`), frames: [...this.#frames] };
  }

  #end(reason: string): void {
    if (this.#gone) return;
    const phase = this.#phase;
    const refusal = this.#refusal;
    this.#gone = true;
    this.#phase = "over";
    if (refusal !== undefined) {
      refusal();
    } else if (phase === "handshake") {
      this.#owner.differs("no-101-is-establishing");
      this.#owner.failed(errorTerm("establishing_failed", reason));
    } else if (phase === "open") {
      this.#owner.lost(reason);
    } else {
      this.#ignored();
    }
  }

  /** Something came after the end. Fresh would have heard it if it had been told to carry on, or is still being told. */
  #ignored(): void {
    if (!this.#violated && this.#owner.waitsForAnswer()) this.#owner.differs("end-is-the-end");
  }

  #receive(bytes: Buffer): void {
    if (this.#gone) return;
    if (this.#phase === "over") {
      this.#ignored();
      return;
    }
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    if (this.#phase === "handshake") this.#answer();
    if (this.#phase === "open") this.#readFrames();
  }

  // ── The answer (RFC 6455 §4.1) ─────────────────────────────────────────────────────────────────────────────────

  #answer(): void {
    if (this.#refusal !== undefined) {
      if (this.#bodyIsWhole(this.#refused)) this.#refusal();
      return;
    }
    if (!"HTTP/1.".startsWith(this.#buffer.subarray(0, 7).toString("latin1"))) {
      this.#owner.differs("no-101-is-establishing");
      this.#refuse(errorTerm("establishing_failed", "malformed_response"));
      return;
    }
    const found = splitHead(this.#buffer);
    if (found === undefined) return;
    const { head } = found;
    this.#buffer = Buffer.from(found.rest);
    const status = Number(head.line.split(" ")[1]);
    if (status >= 100 && status < 200 && status !== 101) {
      this.#owner.differs("interim-answers");
      this.#answer();
      return;
    }
    if (status !== 101) {
      this.#refusedWith(head, status);
      return;
    }
    const fault = this.#faultOf(head);
    if (fault !== undefined) {
      if (fault === "http_version") this.#owner.differs("http-1.0-upgrade");
      else if (fault !== "accept" && fault !== "extensions") this.#owner.differs("answer-is-checked");
      this.#refuse(errorTerm("establishing_failed", fault));
      return;
    }
    this.#phase = "open";
    const rightAccept = acceptOf(KEY);
    this.#owner.opened(
      status,
      head.headers.map(([name, value]) => [name, value === rightAccept ? "<correct>" : value]),
    );
  }

  #faultOf(head: Request): string | undefined {
    const names = (name: string): readonly string[] =>
      head.headers
        .filter(([candidate]) => candidate === name)
        .flatMap(([, value]) => value.toLowerCase().split(","))
        .map((value) => value.trim());
    if (!head.line.startsWith("HTTP/1.1")) return "http_version";
    if (names("upgrade").join() !== "websocket") return "upgrade";
    if (!names("connection").includes("upgrade")) return "connection";
    if (headerOf(head, "sec-websocket-accept") !== acceptOf(KEY)) return "accept";
    const subprotocol = headerOf(head, "sec-websocket-protocol");
    if (subprotocol !== undefined && !this.#asked.subprotocols.includes(subprotocol)) return "subprotocol";
    return this.#agreeTo(head) ? undefined : "extensions";
  }

  #agreeTo(head: Request): boolean {
    const values = head.headers.flatMap(([name, value]) => (name === "sec-websocket-extensions" ? [value] : []));
    const { type, deflate, differs } = judgeAnswer(values, this.#asked.offers);
    if (differs !== undefined) this.#owner.differs(differs);
    this.#deflate = deflate;
    return type !== "refused";
  }

  #refused: Request = { line: "", headers: [] };

  /** A refusal is reported once its body is whole, the peer ends, or nothing more comes. */
  #refusedWith(head: Request, status: number): void {
    this.#refused = head;
    const { time } = this.#owner;
    const cancel = time.after(SILENCE_AFTER_REFUSAL, () => {
      this.#owner.differs("refusal-is-reported");
      report();
    });
    const report = (): void => {
      cancel();
      if (this.#refusal === undefined) return;
      this.#refusal = undefined;
      this.#refuse(statusTerm(status, head.headers));
    };
    this.#refusal = report;
    if (this.#bodyIsWhole(head)) report();
  }

  #bodyIsWhole(head: Request): boolean {
    if (/ (204|304) /.test(head.line)) return true;
    if (headerOf(head, "transfer-encoding") === "chunked") return this.#buffer.includes("0\r\n\r\n");
    const length = headerOf(head, "content-length");
    return length !== undefined && this.#buffer.length >= Number(length);
  }

  #refuse(error: Term): void {
    this.#phase = "over";
    this.#gone = true;
    this.#owner.failed(error);
  }

  // ── Frames (RFC 6455 §5) ───────────────────────────────────────────────────────────────────────────────────────

  #readFrames(): void {
    while (this.#phase === "open") {
      const frame = readFrame(this.#buffer);
      if (frame === undefined) return;
      const fault = this.#headerFault(frame) ?? this.#textFault(frame);
      if (fault !== undefined) {
        this.#violate(fault.reason, fault.freshAccepts);
        return;
      }
      if (frame.size === undefined) return;
      this.#buffer = this.#buffer.subarray(frame.size);
      this.#take(frame);
    }
    // What stood behind the end in the same read, Fresh handles in any case.
    if (this.#buffer.length > 0 && !this.#violated) this.#owner.differs("end-is-the-end");
  }

  #headerFault(frame: ReadFrame): { readonly reason: string; readonly freshAccepts: boolean } | undefined {
    const control = isControl(frame.op);
    // Of a message's reserved bits Fresh looks at the first fragment's only.
    if ((frame.rsv & ~this.#allowedBits(frame.op)) !== 0) {
      return { reason: "reserved_bits", freshAccepts: frame.op === "continuation" && this.#message !== undefined };
    }
    if (frame.op.startsWith("opcode_")) return { reason: "reserved_opcode", freshAccepts: false };
    if (control && !frame.fin) return { reason: "control_fragmented", freshAccepts: true };
    if (frame.op === "continuation" && this.#message === undefined) {
      return { reason: "unexpected_continuation", freshAccepts: false };
    }
    if (!control && frame.op !== "continuation" && this.#message !== undefined) {
      return { reason: "expected_continuation", freshAccepts: false };
    }
    // Fresh reports a frame that is cut inside its mask, but goes on with what it makes of the rest.
    if (frame.masked) return { reason: "masked_frame", freshAccepts: true };
    if (control && frame.length > 125) return { reason: "too_long", freshAccepts: true };
    if (!frame.minimal) return { reason: "non_minimal_length", freshAccepts: true };
    return undefined;
  }

  /** RSV1 marks a message that is compressed, on its first frame (RFC 7692 §6). */
  #allowedBits(op: string): number {
    return this.#deflate === undefined || isControl(op) || op === "continuation" ? 0 : RSV1;
  }

  /** The message that a data frame begins or goes on with, as far as it has come. */
  #messageWith({ op, rsv, payload }: ReadFrame): Message {
    const before = op === "continuation" ? this.#message : undefined;
    const bytes = Buffer.concat([before?.bytes ?? Buffer.alloc(0), payload]);
    return { op: before?.op ?? op, deflated: before?.deflated ?? rsv === RSV1, bytes };
  }

  /** The first bad byte of text counts, wherever the message is cut (RFC 6455 §8.1); in what is compressed, once the frame is whole. */
  #textFault(frame: ReadFrame): { readonly reason: string; readonly freshAccepts: boolean } | undefined {
    if (isControl(frame.op)) return undefined;
    const { op, deflated, bytes } = this.#messageWith(frame);
    const whole = frame.size !== undefined && frame.fin;
    if (deflated || op !== "text" || isText(bytes, whole)) return undefined;
    return { reason: "invalid_utf8", freshAccepts: false };
  }

  #take(frame: ReadFrame): void {
    const { op, payload } = frame;
    switch (op) {
      case "close":
        this.#takeClose(payload);
        return;
      case "ping":
        this.send("pong", payload);
        this.#owner.frame(op, frameTerm(op, payload));
        return;
      case "pong":
        this.#owner.frame(op, frameTerm(op, payload));
        return;
      default: {
        const message = this.#messageWith(frame);
        this.#message = frame.fin ? undefined : message;
        const bytes = message.deflated ? this.#inflate(message, frame.fin) : message.bytes;
        if (frame.fin && bytes !== undefined) this.#owner.frame(message.op, frameTerm(message.op, bytes));
      }
    }
  }

  /** What a compressed message means, as far as it has come; undefined when it was a violation. */
  #inflate({ op, bytes }: Message, whole: boolean): Buffer | undefined {
    const deflate = this.#deflate as ModelDeflate;
    const { data, mintAgrees } = whole ? deflate.message(bytes) : { data: deflate.begun(bytes), mintAgrees: true };
    if (data !== undefined && !mintAgrees) this.#owner.differs("inflating-goes-on");
    if (data === undefined) this.#violate("extension_data", false);
    else if (op === "text" && !isText(data, whole)) this.#violate("invalid_utf8", false);
    else return data;
    return undefined;
  }

  #takeClose(payload: Buffer): void {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : undefined;
    const reason = code === undefined ? undefined : textOf(binary(payload.subarray(2)));
    if (payload.length === 1) {
      this.#violate("close_payload", false);
      return;
    }
    if (code !== undefined && !isWireCode(code)) {
      this.#violate("close_payload", freshTakesCode(code));
      return;
    }
    if (code !== undefined && reason === undefined) {
      this.#violate("invalid_utf8", false);
      return;
    }
    if (!this.#closeSent) {
      this.#owner.differs("close-is-echoed");
      this.send("close", payload);
    }
    if (code === undefined) this.#owner.differs("empty-close");
    this.#phase = "over";
    this.#owner.peerClosed(code, reason);
  }

  #violate(reason: string, freshAccepts: boolean): void {
    this.#owner.differs(reason === "extension_data" ? "bad-deflate-data" : "violation-ends");
    if (freshAccepts) this.#owner.differs("strict-decoder");
    this.#violated = true;
    this.#sendViolation(["invalid_utf8", "extension_data"].includes(reason) ? 1007 : 1002);
    this.#phase = "over";
    this.#owner.violated(reason);
  }
}

const isControl = (op: string): boolean => ["close", "ping", "pong"].includes(op);
const isData = (op: string): boolean => op === "text" || op === "binary";

/** Is this text, or the beginning of one? */
function isText(bytes: Buffer, whole: boolean): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !whole });
    return true;
  } catch {
    return false;
  }
}

/** RFC 6455 §7.4. */
export const isWireCode = (code: number): boolean =>
  Number.isInteger(code) &&
  ((code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) || (code >= 3000 && code <= 4999));

/** The codes that Fresh's decoder lets through although they may not be on the wire. */
const freshTakesCode = (code: number): boolean =>
  code >= 1000 && code < 3000 && ![1004, 1005, 1006, 1016, 1100, 2000, 2999].includes(code);
