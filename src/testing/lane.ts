/**
 * One direction of a proxied connection: what comes in on one side goes out on the other in its order, as late, as slowly and in such pieces as
 * faults want it. What is to happen at a place in the stream is an event in the queue, and happens when everything before it has gone out.
 */
import type { Socket } from "node:net";
import { startTimer } from "./start-timer.ts";
import type { PieceEnd } from "./stream-scanner.ts";

/** So many bytes a write, one each `every` ms; 0: one in each turn of the event loop. */
export type Pace = { readonly bytes: number; readonly every: number };

/** Hold back until so many messages are there, or so many ms have gone by. */
export type Glue = { readonly messages: number; readonly ms: number };

/** Frames of our own, put between those that pass: chunks of whole frames, one each `every` ms. */
export type Injection = {
  /** May it stand between the fragments of a message, as control frames may (RFC 6455 §5.4)? */
  readonly between: "frames" | "messages";
  readonly chunks: Iterator<Uint8Array>;
  readonly every: number;
  readonly done?: () => void;
};

type Entry =
  | { readonly type: "bytes"; bytes: Uint8Array; readonly ends: PieceEnd; readonly due: number }
  | { readonly type: "event"; readonly run: () => void; readonly due: number };

/** Bytes in the queue past which the source isn't read. */
const MAX_QUEUED = 1024 * 1024;

export class Lane {
  readonly #queue: Entry[] = [];
  readonly #injections: Injection[] = [];
  #source: Socket | undefined;
  #sink: Socket | undefined;
  #queuedBytes = 0;
  #messagesHeld = 0;
  #lastEnd: PieceEnd = "inside";
  #latency: (() => number) | undefined;
  #pace: Pace | undefined;
  #glue: Glue | undefined;
  /** Glue that holds nothing back just now, since its messages or its time have been reached. */
  #isReleased = false;
  #cancelGlue: (() => void) | undefined;
  #corrupt = 0;
  #isStalled = false;
  #isSwallowing = false;
  #isClosed = false;
  #isPumping = false;
  #isCarryingEnd = true;
  #cancelWait: (() => void) | undefined;

  /** Bytes that have gone out so far, and when the newest did, on performance.now()'s scale. */
  bytes = 0;
  lastWriteAt = Number.NEGATIVE_INFINITY;

  /** Where bytes come from; it is read no faster than the lane passes them on. */
  set source(source: Socket) {
    this.#source = source;
    this.#throttle();
  }

  /** Where bytes go. Until there is one, bytes wait. */
  set sink(sink: Socket) {
    this.#sink = sink;
    sink.on("drain", () => this.#pump());
    this.#pump();
  }

  /** Bytes to be passed on, and what ends with them. */
  push(bytes: Uint8Array, ends: PieceEnd): void {
    if (this.#isSwallowing || this.#isClosed) return;
    this.#queue.push({ type: "bytes", bytes, ends, due: this.#nextDue() });
    this.#queuedBytes += bytes.byteLength;
    if (ends === "message") this.#messagesHeld += 1;
    this.#throttle();
    this.#pump();
  }

  /** Something to be done when everything so far has gone out. It is lost if that is. */
  event(run: () => void): void {
    if (!this.#isSwallowing && !this.#isClosed) this.#enqueue({ type: "event", run, due: 0 });
  }

  /** The stream ends: `carried` when the other side is to learn of it, `hidden` when a fault keeps it from that. */
  end(carried: () => void, hidden: () => void): void {
    if (this.#isClosed) return;
    if (this.#isSwallowing) hidden();
    else {
      const run = () => (this.#isCarryingEnd ? carried() : hidden());
      this.#enqueue({ type: "event", run, due: this.#nextDue() });
    }
  }

  /** From now on the other side doesn't learn that this stream has ended. */
  hideEnd(): void {
    this.#isCarryingEnd = false;
  }

  inject(injection: Injection): void {
    if (this.#isSwallowing || this.#isClosed) return;
    this.#injections.push(injection);
    this.#pump();
  }

  /** Bytes at once, in front of everything that waits, wherever that is. */
  interject(bytes: Uint8Array): void {
    if (!this.#isSwallowing) this.#write(bytes);
  }

  set latency(latency: () => number) {
    this.#latency = latency;
  }

  set pace(pace: Pace) {
    this.#pace = pace;
    // The first piece keeps its distance from what has just gone out, or it would arrive together with that.
    if (this.#cancelWait === undefined) this.#waitFor(pace.every);
  }

  set glue(glue: Glue | undefined) {
    this.#glue = glue;
    this.#stopHolding();
    this.#pump();
  }

  /** Hands what is written to the system now, also in the middle of a write that gathers more. */
  flush(): void {
    this.#sink?.uncork();
  }

  /** The next so many bytes arrive inverted. */
  corrupt(bytes: number): void {
    this.#corrupt += bytes;
  }

  set isStalled(isStalled: boolean) {
    this.#isStalled = isStalled;
    this.#throttle();
    this.#pump();
  }

  /** As if it had never been late, slow, glued or stalled. */
  heal(): void {
    this.#latency = undefined;
    this.#pace = undefined;
    this.glue = undefined;
    this.isStalled = false;
  }

  /** From now on everything is read and lost, what waits too. */
  swallow(): void {
    if (this.#isSwallowing) return;
    this.#isSwallowing = true;
    this.#isStalled = false;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#injections.length = 0;
    this.#throttle();
  }

  /** Nothing happens any more, and no timer is left. */
  close(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#injections.length = 0;
    this.#clearTimers();
  }

  #enqueue(entry: Entry): void {
    this.#queue.push(entry);
    this.#pump();
  }

  // The queue keeps the order, whatever is drawn.
  #nextDue(): number {
    return this.#latency === undefined ? 0 : performance.now() + this.#latency();
  }

  #throttle(): void {
    const source = this.#source;
    if (source === undefined) return;
    if (this.#isStalled || (this.#queuedBytes > MAX_QUEUED && !this.#isSwallowing)) source.pause();
    else if (source.isPaused() && this.#queuedBytes <= MAX_QUEUED / 2) source.resume();
  }

  // Everything that may go out now goes in one write.
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const sink = this.#sink;
    sink?.cork();
    try {
      while (this.#step()) {}
    } finally {
      sink?.uncork();
      this.#isPumping = false;
    }
    this.#throttle();
  }

  #step(): boolean {
    if (this.#isClosed || this.#isStalled || this.#cancelWait !== undefined) return false;
    const entry = this.#queue[0];
    if (entry?.type === "event" && entry.due <= performance.now()) return this.#run(entry.run);
    if (this.#sink?.writableNeedDrain) return false;
    if (this.#injectNext()) return true;
    if (entry === undefined) {
      this.#isReleased = false;
      return false;
    }
    const wait = entry.due - performance.now();
    if (wait > 0) return this.#waitFor(wait);
    if (entry.type === "event" || this.#sink === undefined || this.#isHeldBack()) return false;
    const { bytes, ends } = entry;
    const piece = this.#pace === undefined ? bytes : bytes.subarray(0, this.#pace.bytes);
    const isWhole = piece.byteLength === bytes.byteLength;
    if (isWhole) this.#queue.shift();
    else entry.bytes = bytes.subarray(piece.byteLength);
    if (isWhole && ends === "message") this.#messagesHeld -= 1;
    this.#queuedBytes -= piece.byteLength;
    this.#lastEnd = isWhole ? ends : "inside";
    this.#write(this.#corrupted(piece));
    return this.#pace === undefined ? true : this.#waitFor(this.#pace.every);
  }

  #run(run: () => void): boolean {
    this.#queue.shift();
    run();
    return true;
  }

  #injectNext(): boolean {
    const injection = this.#injections[0];
    if (injection === undefined || this.#sink === undefined || this.#lastEnd === "inside") return false;
    if (injection.between === "messages" && this.#lastEnd === "fragment") return false;
    const { done, value } = injection.chunks.next();
    if (done) {
      this.#injections.shift();
      injection.done?.();
    } else {
      this.#write(value);
      if (injection.every > 0) this.#waitFor(injection.every);
    }
    return true;
  }

  #isHeldBack(): boolean {
    const glue = this.#glue;
    if (glue === undefined || this.#isReleased) return false;
    if (this.#messagesHeld >= glue.messages) {
      this.#release();
      return false;
    }
    this.#cancelGlue ??= startTimer(glue.ms, () => {
      this.#release();
      this.#pump();
    });
    return true;
  }

  #release(): void {
    this.#stopHolding();
    this.#isReleased = true;
  }

  #stopHolding(): void {
    this.#cancelGlue?.();
    this.#cancelGlue = undefined;
    this.#isReleased = false;
  }

  #waitFor(ms: number): false {
    this.#cancelWait = startTimer(ms, () => {
      this.#cancelWait = undefined;
      this.#pump();
    });
    return false;
  }

  #write(bytes: Uint8Array): void {
    if (this.#sink?.writable !== true) return;
    this.bytes += bytes.byteLength;
    this.lastWriteAt = performance.now();
    this.#sink.write(bytes);
  }

  #corrupted(bytes: Uint8Array): Uint8Array {
    if (this.#corrupt === 0) return bytes;
    const wrong = Uint8Array.from(bytes);
    const count = Math.min(this.#corrupt, wrong.byteLength);
    for (let index = 0; index < count; index += 1) wrong[index] = (wrong[index] as number) ^ 0xff;
    this.#corrupt -= count;
    return wrong;
  }

  #clearTimers(): void {
    this.#stopHolding();
    this.#cancelWait?.();
    this.#cancelWait = undefined;
  }
}
