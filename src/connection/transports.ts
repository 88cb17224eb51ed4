/**
 * What a connection has of transports: the attempt under way or the open link; beside it, during a replacement, the successor
 * that is being opened or the predecessor that is being read to its end; and the channel that still waits for its peer's FIN.
 *
 * It opens and ends them as the lifecycle's actions say. What they say goes on as events that carry the generation of their attempt.
 */
import type { Platform } from "../platform/platform.ts";
import type { Channel, ChannelEnd, ChannelListener, ChannelRedirect, HeaderPair } from "../transport/channel.ts";
import { Attempt, type AttemptSource } from "./attempt.ts";
import type { Counters } from "./counters.ts";
import type { FreshErrorPhase } from "./errors.ts";
import { endError } from "./failures.ts";
import type { LifecycleEvent } from "./lifecycle.ts";
import { Link, type LinkOptions } from "./link.ts";

export interface TransportsPort {
  /** May a ping go out on the live link now? */
  mayPing(): boolean;
  /** The providers of an attempt have answered. `attempt`: its number in its series. */
  provided(url: URL, headers: readonly HeaderPair[], attempt: number): void;
  redirected(redirect: ChannelRedirect, attempt: number): void;
  /** An attempt has become the live link. */
  opened(link: Link, attempt: number): void;
  frame: ChannelListener["frame"];
  castFailed: ChannelListener["castFailed"];
  /** This end has left a link that still held frames. */
  gaveUp(frames: number): void;
  /** The live link is over, and no other has taken its place. */
  linkEnded(link: Link): void;
  /** No link is left; the next one is read from its start. */
  nothingToRead(): void;
  /** How an end is to be called: where the connection stands. */
  phase(): FreshErrorPhase;
  said(event: LifecycleEvent): void;
}

type Successor = {
  readonly generation: number;
  readonly series: number;
  readonly attempt: Attempt;
  channel: Channel | undefined;
};
type Predecessor = { readonly generation: number; readonly link: Link };

export class Transports {
  readonly #source: AttemptSource & { readonly platform: Platform; readonly options: LinkOptions };
  readonly #counters: Counters;
  readonly #port: TransportsPort;
  #attempt: Attempt | undefined;
  #link: Link | undefined;
  #generation = 0;
  #successor: Successor | undefined;
  #predecessor: Predecessor | undefined;
  #lingering: Channel | undefined;
  #lastRoundTrip: number | undefined;
  #reading: "flowing" | "paused" = "flowing";

  constructor(
    source: AttemptSource & { readonly platform: Platform; readonly options: LinkOptions },
    counters: Counters,
    port: TransportsPort,
  ) {
    this.#source = source;
    this.#counters = counters;
    this.#port = port;
  }

  /** The live link. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Those that carry bytes now: the live one, and the one before while it is read to its end. */
  get links(): readonly Link[] {
    return [this.#predecessor?.link, this.#link].filter((link) => link !== undefined);
  }

  /** What the attempt under way is waiting for. */
  get phase(): FreshErrorPhase | undefined {
    return this.#attempt?.phase;
  }

  /** What the successor's attempt is waiting for. */
  get successorPhase(): FreshErrorPhase {
    return this.#successor?.attempt.phase ?? "provider";
  }

  /** Round trip of the newest answered ping in ms, on whichever link. */
  get lastRoundTrip(): number | undefined {
    return this.#link?.heartbeat.lastRoundTrip ?? this.#lastRoundTrip;
  }

  // ── The attempt and the live link ──────────────────────────────────────────────────────────────────────────────

  /** Asks the providers of a new attempt; `series` is the number that they are told. */
  ask(generation: number, series: number): void {
    this.#generation = generation;
    this.#attempt = new Attempt(this.#source, this.#listenerOf(generation, series));
    this.#attempt.ask(series);
  }

  open(): void {
    this.#attempt?.open();
  }

  /** This end leaves attempt and link, with whatever the system hasn't taken yet. */
  giveUp(): void {
    this.#attempt?.abort();
    this.#attempt = undefined;
    const link = this.#link;
    if (link === undefined) return;
    this.#leave(link.channel);
    this.#endLink();
  }

  /** No byte more is read, so that TCP pushes back. */
  pause(): void {
    this.#reading = "paused";
    this.#read?.pause();
  }

  resume(): void {
    this.#reading = "flowing";
    this.#read?.resume();
  }

  // ── A successor, and a predecessor ─────────────────────────────────────────────────────────────────────────────

  askBeside(generation: number, series: number): void {
    const attempt = new Attempt(this.#source, this.#listenerOf(generation, series));
    this.#successor = { generation, series, attempt, channel: undefined };
    attempt.ask(series);
  }

  openBeside(): void {
    this.#successor?.attempt.open();
  }

  abandonSuccessor(): void {
    const successor = this.#successor;
    this.#successor = undefined;
    successor?.attempt.abort();
    // It has done nothing wrong, so it is told (RFC 6455 §7.4.1: 1001, this end goes away).
    successor?.channel?.close(1001, "");
    successor?.channel?.destroy();
  }

  /** The successor becomes the attempt of a connection that has lost its link, or its link at once. */
  adoptSuccessor(): void {
    const successor = this.#successor;
    if (successor === undefined) return;
    this.#successor = undefined;
    this.#generation = successor.generation;
    if (successor.channel === undefined) {
      this.#attempt = successor.attempt;
    } else {
      this.#establish(successor.channel, successor.generation, successor.series);
      if (this.#reading === "flowing") successor.channel.resume();
      else this.#link?.pause();
    }
  }

  /** The successor becomes the live link; the one before gets a close frame and is read to its end, and only then the new one is. */
  handOver(): void {
    const link = this.#link;
    const successor = this.#successor;
    if (link === undefined || successor?.channel === undefined) return;
    link.end();
    this.#lastRoundTrip = link.heartbeat.lastRoundTrip ?? this.#lastRoundTrip;
    this.#predecessor = { generation: this.#generation, link };
    this.#successor = undefined;
    this.#generation = successor.generation;
    this.#establish(successor.channel, successor.generation, successor.series);
    // Its channel has been paused since its 101; its heartbeat is to know.
    this.#link?.pause();
    link.channel.close(1000, "");
  }

  /** The predecessor is over, or is to be: now the live link is read. */
  endPredecessor(how: "ended" | "destroy"): Link | undefined {
    const predecessor = this.#predecessor;
    if (predecessor === undefined) return undefined;
    this.#predecessor = undefined;
    if (how === "destroy") this.#leave(predecessor.link.channel);
    this.#counters.add(predecessor.link.channel);
    if (this.#link === undefined) this.#nothingToRead();
    else if (this.#reading === "flowing") this.#link.resume();
    return predecessor.link;
  }

  /** The connection terminates, and its last socket with it, whatever that still waits for: the peer's FIN, or that the peer reads. */
  end(): void {
    this.#lingering?.destroy("now");
    this.#lingering = undefined;
  }

  // ── What they say ──────────────────────────────────────────────────────────────────────────────────────────────

  #listenerOf(generation: number, series: number): ConstructorParameters<typeof Attempt>[1] {
    const port = this.#port;
    return {
      provided: (url, headers) => {
        port.provided(url, headers, series);
        port.said({ type: "provided", generation });
      },
      connected: () => port.said({ type: "connected", generation }),
      redirected: (redirect) => port.redirected(redirect, series),
      opened: (channel, status, headers) => {
        if (this.#successor?.generation === generation) {
          // Nothing of it may come before the last of the link that is there.
          channel.pause();
          this.#successor.channel = channel;
        } else {
          this.#attempt = undefined;
          this.#establish(channel, generation, series);
        }
        port.said({ type: "opened", generation, status, headers });
      },
      failed: (error) => port.said({ type: "attemptFailed", generation, error }),
      frame: (frame) => {
        if (frame.type === "pong" && generation === this.#generation) this.#link?.heartbeat.pong(frame.data);
        port.frame(frame);
      },
      castFailed: (failure) => port.castFailed(failure),
      ended: (end) => this.#ended(generation, end),
    };
  }

  #establish(channel: Channel, generation: number, series: number): void {
    const { options, platform } = this.#source;
    const link: Link = new Link(channel, options, platform.clock, {
      mayPing: () => this.#link === link && this.#port.mayPing(),
      random: () => platform.random(),
      dead: (silence) => {
        this.giveUp();
        const message = `no byte came within ${silence} ms of a ping, so the link is dead. If the server is only slow, raise pongTimeout.`;
        this.#ended(generation, { type: "lost", reason: "pong_timeout", message });
      },
    });
    this.#link = link;
    this.#port.opened(link, series);
  }

  #ended(generation: number, end: ChannelEnd): void {
    const of =
      generation === this.#predecessor?.generation
        ? this.#predecessor.link.channel
        : generation === this.#successor?.generation
          ? this.#successor.channel
          : this.#link?.channel;
    if (end.type !== "lost" && of !== undefined) this.#linger(of);
    if (of !== undefined && of === this.#link?.channel) this.#endLink();
    if (end.type === "closed") {
      this.#port.said({ type: "peerClosed", generation, code: end.code, reason: end.reason });
    } else {
      const type = end.type === "lost" ? "lost" : "violated";
      this.#port.said({ type, generation, error: endError(end, this.#port.phase()) });
    }
  }

  /** The live link is over: its numbers are kept, its timers are not. */
  #endLink(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#link = undefined;
    this.#counters.add(link.channel);
    this.#lastRoundTrip = link.heartbeat.lastRoundTrip ?? this.#lastRoundTrip;
    link.end();
    if (this.#predecessor === undefined) this.#nothingToRead();
    this.#port.linkEnded(link);
  }

  #nothingToRead(): void {
    this.#reading = "flowing";
    this.#port.nothingToRead();
  }

  #leave(channel: Channel): void {
    const frames = channel.destroy();
    this.#linger(channel);
    if (frames > 0) this.#port.gaveUp(frames);
  }

  /**
   * It may wait for the peer's FIN, or for the peer to read what was sent. It is cut off when the connection terminates, or when another one is
   * left: there is one at most.
   */
  #linger(channel: Channel): void {
    if (this.#lingering !== channel) this.#lingering?.destroy("now");
    this.#lingering = channel;
  }

  /** The link whose frames are delivered now. */
  get #read(): Link | undefined {
    return this.#predecessor?.link ?? this.#link;
  }
}
