/**
 * Where a frame goes: to the channel while there is one that takes it, else to the outbox, or nowhere; and the account of it.
 *
 * A channel takes frames until it holds `sendBuffer` bytes for a peer that doesn't read, and again when a quarter of that is left.
 * While it doesn't, or while anything waits in the outbox, all goes to the outbox, so that the order holds.
 */
import type { SendResult } from "../behaviour.ts";
import { type Frame, type FrameLike, faultOf } from "../frame.ts";
import type { Clock } from "../platform/platform.ts";
import type { Channel, ChannelSendOptions } from "../transport/channel.ts";
import type { Counters } from "./counters.ts";
import { Drain } from "./drain.ts";
import { InvalidOptionError } from "./errors.ts";
import type { SendFault } from "./failures.ts";
import { milliseconds, show } from "./option-checks.ts";
import type { DropCause, DropCounter, SendOptions } from "./option-types.ts";
import { frameOf, Outbox, type OutboxLimits } from "./outbox.ts";

export interface SenderPort {
  /** A frame that waited in the outbox was dropped, or one of a reply was not taken. */
  dropped(frame: Frame, cause: DropCause): void;
  /** Frames begin to be dropped for this cause; said once a cause until the next open. */
  dropping(cause: DropCounter): void;
  /** A frame that waited in the outbox can't be sent after all. */
  refused(fault: SendFault): void;
}

export type SenderOptions = {
  readonly outbox: false | OutboxLimits;
  /** Bytes; 0 or Infinity: no limit. */
  readonly sendBuffer: number;
};

type Outcome = {
  readonly result: SendResult;
  readonly fault: SendFault | undefined;
  readonly cause: DropCause | undefined;
};

/**
 * What may go to the channel. "shut": nothing; "first word": all, whatever waits and however much the channel holds, since what
 * handleConnect sends comes first (section 2.2); "open": what the mark and the outbox leave.
 */
type Gate = "shut" | "first word" | "open";

const SENT: Outcome = { result: "sent", fault: undefined, cause: undefined };
const QUEUED: Outcome = { result: "queued", fault: undefined, cause: undefined };

/** Pings and pongs that may pass by what waits for a slow peer: 13 KiB at the most, so that they are bounded too. */
const CONTROLS_PAST_MARK = 100;

const checkTtl = milliseconds({ zero: true, infinity: true });

export class Sender {
  readonly #counters: Counters;
  readonly #port: SenderPort;
  readonly #outbox: Outbox | undefined;
  readonly #mark: number;
  readonly #drain = new Drain({ drained: () => this.#drained, channel: () => this.#drainsNext });
  readonly #dropping = new Set<DropCounter>();
  /** What has been handed over to, ready to take more or not. */
  #channel: Channel | undefined;
  /** The channel before, which may still hold bytes. */
  #retired: Channel | undefined;
  #gate: Gate = "shut";
  /** "full": the channel has reached the mark and there is no room yet. */
  #level: "room" | "full" = "room";
  #controlsPastMark = 0;
  /** Where frames go straight to; none while they are to wait. It follows from the three above, for the hot path. */
  #target: Channel | undefined;
  #flushing = false;
  #over = false;

  constructor({ outbox, sendBuffer }: SenderOptions, clock: Clock, counters: Counters, port: SenderPort) {
    this.#counters = counters;
    this.#port = port;
    this.#mark = sendBuffer === 0 ? Number.POSITIVE_INFINITY : sendBuffer;
    this.#outbox =
      outbox === false
        ? undefined
        : new Outbox(outbox, clock, (frame, cause) => {
            this.#count(cause);
            port.dropped(frame, cause);
            this.#drain.look();
          });
  }

  /** Is there a channel that frames may go to, now or when it has room? */
  get ready(): boolean {
    return this.#gate !== "shut";
  }

  /** Bytes accepted and not yet given to the system. */
  get bufferedAmount(): number {
    return this.#handedOver + (this.#outbox?.bytes ?? 0);
  }

  /** A channel has opened; frames go on waiting until `open`. */
  attach(channel: Channel): void {
    this.#channel = channel;
    this.#level = "room";
    this.#dropping.clear();
    if (this.#mark === Number.POSITIVE_INFINITY) return;
    channel.watchBuffer(this.#mark, {
      full: () => {
        if (this.#channel === channel) this.#full();
      },
      room: () => {
        if (this.#channel === channel) this.#room();
      },
    });
  }

  /** handleConnect has the first word: from now on frames go straight to the channel; what waits is for `flush`. */
  open(): void {
    if (this.#channel !== undefined) this.#set("first word");
  }

  /** From now on frames wait. */
  shut(): void {
    this.#set("shut");
  }

  /** The channel is over. */
  detach(): void {
    this.#channel = undefined;
    this.#drain.channelGone();
    this.#set("shut");
    this.#outbox?.connectionEnded();
    this.#drain.look();
  }

  /** The channel gives way to another: nothing more goes to it, and what it still holds counts until `release`. */
  retire(): void {
    this.#retired = this.#channel;
    this.#channel = undefined;
    this.#drain.channelGone();
    this.#set("shut");
  }

  /** The channel that gave way is over. */
  release(): void {
    this.#retired = undefined;
    this.#drain.channelGone();
    this.#drain.look();
  }

  /** Hands a frame, which is no close frame, to where it goes now. */
  cast(frame: FrameLike, options?: SendOptions): Outcome {
    if (this.#target !== undefined) return this.#hand(this.#target, frame, options);
    const fault = faultOf(frame);
    if (fault !== undefined) return this.#refuse(fault);
    const channel = this.#channel;
    return channel !== undefined && this.#passes(frame)
      ? this.#hand(channel, frame, options)
      : this.#queue(frame, options);
  }

  /** The same for a frame of a reply: no caller gets an answer, so the port is told if it isn't taken. A fault: it may not be sent. */
  reply(frame: FrameLike): SendFault | undefined {
    const { fault, cause } = this.cast(frame);
    if (cause !== undefined) this.#port.dropped(frameOf(frame), cause);
    return fault;
  }

  /** handleConnect has had its word: sends what waits in the outbox, as far as the channel has room. */
  flush(): void {
    if (this.#gate === "first word") this.#set("open");
    this.#sendWaiting();
  }

  /** Resolves when nothing waits any more. */
  drain(signal: AbortSignal | undefined): Promise<void> {
    return this.#drain.wait(signal);
  }

  /** Frames that had been accepted are lost. */
  lost(frames: number, error: Error): void {
    this.#counters.drop("lost", frames);
    this.#drain.fail(error);
  }

  /** Nothing more is taken: the connection is to terminate. What waits is dropped at the end. */
  close(): void {
    this.#over = true;
  }

  /** The connection has terminated: what waits is dropped. */
  end(error: Error): void {
    // Before the outbox is emptied, or drain() would take that for everything having been sent.
    this.#drain.fail(error);
    this.#outbox?.clear("terminated");
  }

  // ── The gate and the mark ──────────────────────────────────────────────────────────────────────────────────────

  #set(gate: Gate): void {
    this.#gate = gate;
    this.#aim();
  }

  // Behind the gate nothing waits while there is room, but for the time of a flush: whoever is told of a drop may send meanwhile,
  // and that is to go behind what still waits.
  #aim(): void {
    const straight = this.#gate === "first word" || (this.#flows && !this.#flushing);
    this.#target = straight ? this.#channel : undefined;
  }

  get #flows(): boolean {
    return this.#gate === "open" && this.#level === "room";
  }

  #full(): void {
    this.#level = "full";
    this.#controlsPastMark = 0;
    this.#aim();
  }

  #room(): void {
    this.#level = "room";
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    this.#flushing = true;
    this.#aim();
    for (;;) {
      // Whoever is told of a drop may close the connection.
      this.#outbox?.expire();
      const channel = this.#channel;
      if (channel === undefined || !this.#flows) break;
      const entry = this.#outbox?.take();
      if (entry === undefined) break;
      // It was checked when it was queued, but not by the extensions that this channel has.
      const { fault } = this.#hand(channel, entry.frame, entry);
      if (fault !== undefined) this.#port.refused(fault);
    }
    this.#flushing = false;
    this.#aim();
    this.#drain.look();
  }

  /** May it pass by what waits for a slow peer? Pings and pongs carry no order of messages, and ask whether he lives. */
  #passes(frame: FrameLike): boolean {
    if (this.#gate !== "open" || this.#level !== "full" || this.#controlsPastMark >= CONTROLS_PAST_MARK) return false;
    const { type } = frameOf(frame);
    if (type !== "ping" && type !== "pong") return false;
    this.#controlsPastMark += 1;
    return true;
  }

  // ── What becomes of a frame ────────────────────────────────────────────────────────────────────────────────────

  #hand(channel: Channel, frame: FrameLike, options: ChannelSendOptions | undefined): Outcome {
    const fault = channel.send(frame, options);
    if (fault !== undefined) return this.#refuse(fault);
    this.#counters.framesSent += 1;
    return SENT;
  }

  #refuse(fault: SendFault): Outcome {
    this.#counters.drop("invalid");
    return { result: "dropped", fault, cause: undefined };
  }

  #queue(frame: FrameLike, options: SendOptions | undefined): Outcome {
    const { ttl = Number.POSITIVE_INFINITY, key, whenClosed } = options ?? {};
    checkTtl("ttl", ttl);
    if (key !== undefined) checkKey(key);
    if (this.#over) return this.#drop("terminated");
    if (this.#gate === "shut" && (this.#outbox === undefined || whenClosed === "drop")) return this.#drop("closed");
    const cause = this.#outbox === undefined ? "overflow" : this.#outbox.put(frame, options);
    return cause === undefined ? QUEUED : this.#drop(cause);
  }

  #drop(cause: DropCause): Outcome {
    this.#count(cause);
    return { result: "dropped", fault: undefined, cause };
  }

  #count(cause: DropCause): void {
    this.#counters.drop(cause);
    // Who gives keys asks for replacements.
    if (cause === "replaced" || this.#dropping.has(cause)) return;
    this.#dropping.add(cause);
    this.#port.dropping(cause);
  }

  // ── What waits ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Bytes that channels hold. The only place that asks them. */
  get #handedOver(): number {
    return (this.#retired?.bufferedAmount ?? 0) + (this.#channel?.bufferedAmount ?? 0);
  }

  // An empty message in the outbox has no bytes, but it waits.
  get #drained(): boolean {
    return this.bufferedAmount === 0 && (this.#outbox?.length ?? 0) === 0;
  }

  // While frames wait for something else than the channel, it has nothing to tell: a flush or a detach brings drain() on.
  get #drainsNext(): Channel | undefined {
    if (this.#gate !== "open" && (this.#outbox?.length ?? 0) > 0) return undefined;
    return (this.#retired?.bufferedAmount ?? 0) > 0 ? this.#retired : this.#channel;
  }
}

function checkKey(key: unknown): void {
  if (typeof key === "string") return;
  throw new InvalidOptionError("key", `The option key takes a string; it got ${show(key)}.`);
}
