/**
 * Brings the engine's output to the socket: one write a tick, and a count of the frames whose fate is open.
 *
 * Nothing is allocated a message: the engine gathers frames into one run, and a run is one write with one
 * callback, the same function each time.
 */
import type { Socket } from "node:net";
import type { Engine } from "../protocol/index.ts";
import type { BufferGauge } from "./channel.ts";

/** Bytes of a batch that go out without waiting for the end of the tick: more gains nothing and only holds memory. */
const BATCH = 65536;

/** What lies under a socket: bytes that the system hasn't taken; and for TLS, what lies under that. */
type Handle = { readonly writeQueueSize?: number; readonly _parent?: Handle | null };

export class SocketWriter {
  readonly #socket: Socket;
  readonly #engine: Engine;
  #scheduled = false;
  /** Frames in the engine's batch. */
  #batched = 0;
  /** Writes done since the beginning, and the frames in each of those that are not; the system does them in order. */
  #done = 0;
  #underWay: number[] = [];
  #bytes = 0;
  #waiters: { readonly write: number; readonly callback: () => void }[] = [];
  /** Who is told when so many bytes wait, and whether it has been. */
  #gauge: BufferGauge | undefined;
  #mark = Number.POSITIVE_INFINITY;
  #level: "low" | "high" = "low";
  /** Bytes of a batch that are looked at before the end of the tick: what makes it large, or reaches the mark. */
  #batchLimit = BATCH;

  constructor(socket: Socket, engine: Engine) {
    this.#socket = socket;
    this.#engine = engine;
    socket.on("drain", this.#drained);
  }

  /** Bytes that have gone out. */
  get bytesSent(): number {
    return this.#bytes - Math.min(this.#bytes, this.#socket.writableLength);
  }

  /**
   * Another number whenever the system has taken some of what waits. Node's streams tell of a write when all of it is done, which of a
   * large one may take minutes; how far it is, only the handle knows, as Node's own socket timeout asks it. Of a runtime
   * that has no such thing, writes that are done have to do.
   */
  get progress(): number {
    const handle = (this.#socket as { readonly _handle?: Handle | null })._handle;
    return this.bytesSent - ((handle?._parent ?? handle)?.writeQueueSize ?? 0);
  }

  /** Bytes that have not. */
  get pendingBytes(): number {
    return this.#engine.pendingBytes + this.#socket.writableLength;
  }

  /** Frames that were accepted and are not known to have been given to the system. */
  get openFrames(): number {
    return this.#underWay.reduce((sum, frames) => sum + frames, this.#batched);
  }

  /** Of these, the ones that surely have not: a write that the system took whole is done, though its callback is to come. */
  get unsentFrames(): number {
    return this.pendingBytes === 0 ? 0 : this.openFrames;
  }

  /** Open frames, if the system takes nothing now: nobody knows whether it ever will. */
  get stuckFrames(): number {
    return this.#full ? this.openFrames : 0;
  }

  /** The engine has taken a frame. */
  accepted(): void {
    this.#batched += 1;
  }

  /** Tells `gauge` as soon as `mark` bytes or more have not gone out, and again when a quarter of that or less is left. */
  watch(mark: number, gauge: BufferGauge): void {
    this.#mark = mark;
    this.#gauge = gauge;
    this.#measure();
  }

  /** Writes at the end of this tick, at once when the batch is large. */
  schedule(): void {
    if (this.#engine.pendingBytes >= this.#batchLimit) {
      this.flush();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(this.#flushScheduled);
    }
  }

  /** Writes what is large enough not to wait for the end of what is going on. */
  flushLarge(): void {
    if (this.#engine.pendingBytes >= this.#batchLimit) this.flush();
  }

  /** Writes the batch, unless the system takes nothing now: then small batches grow, and only the newest pong is kept. */
  flush(): void {
    if (this.#full && this.#engine.pendingBytes < BATCH) this.#engine.congested = true;
    else this.flushAll();
    this.#measure();
  }

  /** Writes the batch whatever the system takes. */
  flushAll(): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    const batch = this.#engine.take();
    if (batch === undefined) return;
    this.#bytes += batch.byteLength;
    this.#underWay.push(this.#batched);
    this.#batched = 0;
    socket.write(batch, this.#written);
    if (this.#full) this.#engine.congested = true;
  }

  /** Calls back when everything accepted so far has been given to the system. */
  whenWritten(callback: () => void): void {
    const write = this.#done + this.#underWay.length + (this.#engine.pendingBytes > 0 ? 1 : 0);
    this.#waiters.push({ write, callback });
    if (write === this.#done) process.nextTick(this.#tellWaiters);
  }

  /** Nobody is to be called back any more. */
  forget(): void {
    this.#waiters = [];
    this.#gauge = undefined;
    this.#socket.removeListener("drain", this.#drained);
  }

  // Once a write, never once a message: the batch's limit is drawn in so that the message that reaches the mark brings us here.
  #measure(): void {
    if (this.#gauge === undefined || this.#level === "high") return;
    const written = this.#socket.writableLength;
    this.#batchLimit = Math.min(BATCH, this.#mark - written);
    if (this.#engine.pendingBytes + written < this.#mark) return;
    this.#batchLimit = BATCH;
    this.#level = "high";
    this.#gauge.full();
  }

  // Some versions of Node ask for a drain even when the system took a large write whole; bytes that wait are the sign.
  get #full(): boolean {
    return this.#socket.writableNeedDrain && this.#socket.writableLength > 0;
  }

  readonly #flushScheduled = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  readonly #drained = (): void => {
    this.#engine.congested = false;
    this.flush();
  };

  readonly #written = (error?: Error | null): void => {
    // Of a failed write the socket tells by itself, and its frames stay open.
    if (error) return;
    this.#done += 1;
    this.#underWay.shift();
    if (this.#level === "high" && this.pendingBytes <= this.#mark / 4) {
      this.#level = "low";
      this.#measure();
      this.#gauge?.room();
    }
    if (this.#waiters.length > 0) this.#tellWaiters();
  };

  readonly #tellWaiters = (): void => {
    while (this.#waiters[0] !== undefined && this.#waiters[0].write <= this.#done) this.#waiters.shift()?.callback();
  };
}
