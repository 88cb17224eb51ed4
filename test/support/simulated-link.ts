/**
 * A link that exists only on a clock: a channel at the client's end, a plain set of methods at the server's, and between them two wires with
 * latency. What becomes of each frame that `send` took is known exactly, which of a real network nobody knows.
 *
 * The system takes `systemBuffer` bytes of what has not arrived yet; the rest waits in the channel. With 0 it takes a frame when the server has it,
 * so that whatever doesn't arrive is still the channel's, and is reported. A frozen link carries nothing, either way, and its ends know nothing of it.
 */
import { type CloseFrame, type Frame, type FrameLike, faultOf } from "../../src/frame.ts";
import type { Clock, Timer } from "../../src/platform/platform.ts";
import type { BufferGauge, Channel, ChannelEnd, ChannelFault, ChannelListener } from "../../src/transport/channel.ts";

/** Whoever plays the server, and keeps the account. */
export interface LinkWatcher {
  /** A frame has arrived at the server, and is read. Pings are answered and close frames echoed without its help. */
  arrived(link: SimulatedLink, frame: Frame): void;
  /** A frame of the server's is about to be given to the client. */
  delivered(link: SimulatedLink, frame: Frame): void;
  /** A frame that `send` took will not arrive. "reported": the client has been told of one; "lost": the system had it. */
  missed(link: SimulatedLink, frame: Frame, how: "reported" | "lost"): void;
  /** The server's end is over, by whichever side. Said once. */
  ended(link: SimulatedLink): void;
}

export type LinkParts = {
  readonly clock: Clock;
  /** One way, in ms; drawn for each frame. */
  readonly latency: () => number;
  readonly systemBuffer: number;
  readonly watcher: LinkWatcher;
  readonly listener: ChannelListener;
};

type Signal = "fin" | "reset";
/** `sent`: `send` took it; pongs and close frames that the channel makes by itself it didn't. */
type Entry = { readonly what: Frame | Signal; readonly size: number; readonly at: number; readonly sent: boolean };

const HEADER = 6;
const ENDED: ChannelFault = { reason: "ended", message: "The link is over." };
const CLOSE_SENT: ChannelFault = { reason: "close_sent", message: "A close frame has been sent." };

/** One way of a link: what goes in comes out later, in order. */
class Wire {
  readonly entries: Entry[] = [];
  readonly #clock: Clock;
  readonly #latency: () => number;
  readonly #deliver: () => void;
  #last = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, latency: () => number, deliver: () => void) {
    this.#clock = clock;
    this.#latency = latency;
    this.#deliver = deliver;
  }

  put(what: Frame | Signal, size: number, sent: boolean): void {
    this.#last = Math.max(this.#last, this.#clock.now() + this.#latency());
    this.entries.push({ what, size, at: this.#last, sent });
    this.watch();
  }

  /** Nothing arrives before this. */
  notBefore(time: number): void {
    this.#last = Math.max(this.#last, time);
  }

  /** The first entry, if its time has come. */
  get due(): Entry | undefined {
    const first = this.entries[0];
    return first !== undefined && first.at <= this.#clock.now() ? first : undefined;
  }

  /** Sets the timer for the first entry, if there is one and none is set. */
  watch(): void {
    const first = this.entries[0];
    if (this.#timer !== undefined || first === undefined) return;
    this.#timer = this.#clock.after(
      Math.max(0, first.at - this.#clock.now()),
      () => {
        this.#timer = undefined;
        this.#deliver();
      },
      true,
    );
  }

  stop(): void {
    if (this.#timer !== undefined) this.#clock.cancel(this.#timer);
    this.#timer = undefined;
  }
}

export class SimulatedLink implements Channel {
  readonly protocol = "";
  readonly extensions = "";
  /** For whoever plays the server. */
  readonly openedAt: number;
  bytesReceived = 0;
  /** Has it ever been held up, either way, so that one end may take the other for dead? */
  wasHeldUp = false;
  readonly #clock: Clock;
  readonly #watcher: LinkWatcher;
  readonly #listener: ChannelListener;
  readonly #systemBuffer: number;
  readonly #up: Wire;
  readonly #down: Wire;
  #client: "open" | "over" = "open";
  #server: "open" | "over" = "open";
  #clientClosed = false;
  #serverClosed = false;
  #clientReads = true;
  #serverReads = true;
  /** "for good": it will never carry anything again. */
  #line: "carries" | "frozen" | "for good" = "carries";
  #delivering = false;
  /** Of the entries on their way up: how many the system has taken, with how many bytes; and all their bytes. */
  #taken = 0;
  #takenBytes = 0;
  #upBytes = 0;
  /** Entries put and taken since the beginning, and bytes taken. */
  #put = 0;
  #allTaken = 0;
  #allTakenBytes = 0;
  #waiters: { readonly put: number; readonly callback: () => void }[] = [];
  #mark = Number.POSITIVE_INFINITY;
  #gauge: BufferGauge | undefined;
  #level: "low" | "high" = "low";

  constructor({ clock, latency, systemBuffer, watcher, listener }: LinkParts) {
    this.#clock = clock;
    this.#watcher = watcher;
    this.#listener = listener;
    this.#systemBuffer = systemBuffer;
    this.openedAt = clock.now();
    this.#up = new Wire(clock, latency, () => this.#readAtServer());
    this.#down = new Wire(clock, latency, () => this.#readAtClient());
  }

  // ── The client's end ───────────────────────────────────────────────────────────────────────────────────────────

  get bufferedAmount(): number {
    return this.#upBytes - this.#takenBytes;
  }

  get bytesSent(): number {
    return this.#allTakenBytes;
  }

  get writeProgress(): number {
    return this.#allTakenBytes;
  }

  send(given: FrameLike): ChannelFault | undefined {
    if (this.#client === "over") return ENDED;
    if (this.#clientClosed) return CLOSE_SENT;
    const fault = faultOf(given);
    if (fault !== undefined) return fault;
    this.#putUp(frameOf(given), true);
    return undefined;
  }

  close(code?: number, reason?: string): ChannelFault | undefined {
    if (this.#client === "over") return ENDED;
    if (this.#clientClosed) return CLOSE_SENT;
    this.#clientClosed = true;
    this.#putUp(closeFrame(code, reason), false);
    return undefined;
  }

  flushed(callback: () => void): void {
    if (this.#client === "over") return;
    if (this.#allTaken === this.#put) {
      queueMicrotask(() => {
        if (this.#client === "open") callback();
      });
    } else {
      this.#waiters.push({ put: this.#put, callback });
    }
  }

  watchBuffer(mark: number, gauge: BufferGauge): void {
    this.#mark = mark;
    this.#gauge = gauge;
  }

  afterReading(callback: () => void): void {
    // Behind everything else that is due now.
    this.#clock.after(
      0,
      () => {
        if (this.#client === "open") callback();
      },
      true,
    );
  }

  pause(): void {
    this.#clientReads = false;
  }

  resume(): void {
    if (this.#clientReads) return;
    this.#clientReads = true;
    this.#down.stop();
    this.#down.watch();
  }

  hibernate(): void {}

  destroy(): number {
    if (this.#client === "over") return 0;
    this.#over();
    const frames = this.#reportUntaken();
    this.#leaveServer();
    return frames;
  }

  // ── The server's end ───────────────────────────────────────────────────────────────────────────────────────────

  get isOpenAtServer(): boolean {
    return this.#server === "open" && !this.#serverClosed;
  }

  /** The server sends a frame. */
  sendDown(frame: Frame): void {
    if (this.isOpenAtServer) this.#down.put(frame, sizeOf(frame), true);
  }

  /** The server says goodbye, and reads on until the answer. */
  closeFromServer(code?: number): void {
    if (!this.isOpenAtServer) return;
    this.#serverClosed = true;
    this.#down.put(closeFrame(code), HEADER, false);
  }

  /** The server's process ends the link: FIN, behind what it has sent, or RST, before it. Nothing more is read. */
  endFromServer(how: Signal): void {
    if (this.#server === "over") return;
    this.#endServer();
    if (how === "reset") this.#down.entries.length = 0;
    this.#down.stop();
    this.#down.put(how, 0, false);
  }

  /** The server is gone, or has forgotten the link, and tells nobody. */
  vanish(): void {
    this.freeze("for good");
    this.#endServer();
  }

  /** From now on nothing arrives, either way; `thaw` lets what is on its way go on. */
  freeze(how: "frozen" | "for good" = "frozen"): void {
    this.wasHeldUp = true;
    if (this.#line !== "for good") this.#line = how;
    if (this.#line === "for good" && this.#client === "over") this.#loseTaken();
  }

  thaw(): void {
    if (this.#line !== "frozen") return;
    this.#line = "carries";
    this.#up.watch();
    this.#down.watch();
  }

  /** The server reads nothing until it says so. */
  stopReading(): void {
    this.wasHeldUp = true;
    this.#serverReads = false;
  }

  goOnReading(): void {
    this.#serverReads = true;
    this.#up.watch();
  }

  /** The server's first bytes don't arrive before this. */
  opensAt(time: number): void {
    this.#down.notBefore(time);
  }

  // ── Between them ───────────────────────────────────────────────────────────────────────────────────────────────

  #putUp(frame: Frame, sent: boolean): void {
    const size = sizeOf(frame);
    this.#upBytes += size;
    this.#put += 1;
    this.#up.put(frame, size, sent);
    this.#take();
    if (this.#level === "high" || this.bufferedAmount < this.#mark) return;
    this.#level = "high";
    this.#gauge?.full();
  }

  /** The system takes what it has room for. */
  #take(): void {
    const { entries } = this.#up;
    for (let next = entries[this.#taken]; next !== undefined; next = entries[this.#taken]) {
      if (this.#takenBytes + next.size > this.#systemBuffer) return;
      this.#taken += 1;
      this.#takenBytes += next.size;
      this.#allTaken += 1;
      this.#allTakenBytes += next.size;
    }
  }

  #readAtServer(): void {
    while (this.#line === "carries" && this.#serverReads && this.#server === "open") {
      const entry = this.#up.due;
      if (entry === undefined) break;
      this.#up.entries.shift();
      this.#leftWire(entry);
      if (entry.what === "fin" || entry.what === "reset") this.#endServer();
      else this.#serverGets(entry.what, entry.sent);
    }
    if (this.#line === "carries" && this.#serverReads && this.#server === "open") this.#up.watch();
    this.#tellProgress();
  }

  #leftWire({ size }: Entry): void {
    this.#upBytes -= size;
    if (this.#taken > 0) {
      this.#taken -= 1;
      this.#takenBytes -= size;
    } else {
      this.#allTaken += 1;
      this.#allTakenBytes += size;
    }
    this.#take();
  }

  #serverGets(frame: Frame, sent: boolean): void {
    if (sent || frame.type === "pong") this.#watcher.arrived(this, frame);
    if (frame.type === "ping") {
      this.#down.put({ type: "pong", data: frame.data }, sizeOf(frame), false);
    } else if (frame.type === "close") {
      if (!this.#serverClosed) this.#down.put(frame, HEADER, false);
      this.#serverClosed = true;
      this.#endServer();
    }
  }

  #readAtClient(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    while (this.#line === "carries" && this.#client === "open") {
      const entry = this.#down.due;
      // A reset is heard of without reading.
      if (entry === undefined || (!this.#clientReads && entry.what !== "reset")) break;
      this.#down.entries.shift();
      this.#clientGets(entry);
    }
    this.#delivering = false;
    if (this.#line === "carries" && this.#client === "open" && this.#clientReads) this.#down.watch();
  }

  #clientGets({ what, size }: Entry): void {
    this.bytesReceived += size;
    if (what === "fin" || what === "reset") {
      this.#lose(what);
    } else if (what.type === "close") {
      const { code, reason } = what;
      this.#finish({
        type: "closed",
        ...(code === undefined ? {} : { code }),
        ...(reason === undefined ? {} : { reason }),
      });
    } else {
      if (what.type === "ping" && !this.#clientClosed) this.#putUp({ type: "pong", data: what.data }, false);
      this.#watcher.delivered(this, what);
      this.#listener.frame(what);
    }
  }

  #finish(end: ChannelEnd): void {
    this.#over();
    const stuck = this.#reportUntaken();
    if (!this.#clientClosed) {
      this.#clientClosed = true;
      this.#putUp(closeFrame(), false);
    }
    if (this.#server === "over") this.#loseTaken();
    if (stuck > 0) this.#listener.castFailed({ frames: stuck, reason: "closed", message: `${stuck} frames are lost.` });
    this.#listener.ended(end);
  }

  #lose(how: Signal): void {
    this.#over();
    const frames = this.#reportUntaken();
    this.#leaveServer();
    const reason = how === "fin" ? "ended" : "reset";
    if (frames > 0) this.#listener.castFailed({ frames, reason, message: `${frames} frames are lost.` });
    this.#listener.ended({ type: "lost", reason, message: "the link is over." });
  }

  /** The client's end is over. */
  #over(): void {
    this.#client = "over";
    this.#down.stop();
    this.#waiters = [];
    this.#gauge = undefined;
    this.#mark = Number.POSITIVE_INFINITY;
  }

  /** What the system hasn't taken is lost with the client's end. Gives how many of them `send` took. */
  #reportUntaken(): number {
    const untaken = this.#up.entries.splice(this.#taken);
    let frames = 0;
    for (const { what, size, sent } of untaken) {
      this.#upBytes -= size;
      if (!sent || typeof what === "string") continue;
      frames += 1;
      this.#watcher.missed(this, what, "reported");
    }
    return frames;
  }

  /** The client has gone: what the system has taken still arrives, then FIN, if anything ever will. */
  #leaveServer(): void {
    if (this.#server === "over" || this.#line === "for good") {
      this.#loseTaken();
      this.#endServer();
      return;
    }
    this.#put += 1;
    this.#up.put("fin", 0, false);
  }

  #endServer(): void {
    if (this.#server === "over") return;
    this.#server = "over";
    this.#up.stop();
    if (this.#client === "over") this.#loseTaken();
    this.#watcher.ended(this);
  }

  #loseTaken(): void {
    this.#up.stop();
    for (const { what, sent } of this.#up.entries.splice(0)) {
      if (sent && typeof what !== "string") this.#watcher.missed(this, what, "lost");
    }
  }

  #tellProgress(): void {
    while (this.#waiters[0] !== undefined && this.#waiters[0].put <= this.#allTaken) this.#waiters.shift()?.callback();
    if (this.#level === "low" || this.bufferedAmount > this.#mark / 4) return;
    this.#level = "low";
    this.#gauge?.room();
  }
}

function frameOf(frame: FrameLike): Frame {
  if (typeof frame === "string") return { type: "text", data: frame };
  return frame instanceof Uint8Array ? { type: "binary", data: frame.slice() } : frame;
}

function closeFrame(code?: number, reason?: string): CloseFrame {
  return {
    type: "close",
    ...(code === undefined ? {} : { code }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function sizeOf(frame: Frame): number {
  return HEADER + (frame.type === "close" ? 2 : frame.data.length);
}
