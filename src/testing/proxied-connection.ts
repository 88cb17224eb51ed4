/**
 * One connection through a FaultProxy: how far it has come, and when which fault of its plan is due. The manual is in fault-proxy.ts.
 */
import type { Socket } from "node:net";
import { ArmedRules } from "./armed-rules.ts";
import type { DrawnFault, Fault, FaultDirection, FaultPhase } from "./fault.ts";
import { perform } from "./fault-actions.ts";
import { type DrawnRule, drawFault } from "./fault-draws.ts";
import { checkFault } from "./fault-plan.ts";
import { DIRECTIONS, ProxyLink, type Route } from "./proxy-link.ts";
import { type PieceEnd, StreamScanner } from "./stream-scanner.ts";
import { Latch } from "./wait.ts";

/** What a connection tells its proxy of. */
export type ConnectionEvent =
  | { readonly type: "connected" }
  | { readonly type: "phase"; readonly phase: FaultPhase }
  | { readonly type: "fault"; readonly phase: FaultPhase; readonly fault: DrawnFault }
  /** A socket failed, or the server couldn't be reached. */
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "ended"; readonly bytesToClient: number; readonly bytesToServer: number };

export type ProxiedConnectionSettings = {
  readonly route: Route;
  readonly rules: readonly DrawnRule[];
  /** For what is done by hand. */
  readonly random: () => number;
  readonly timeout: number;
  readonly abandonAfter: number;
  readonly tell: (event: ConnectionEvent) => void;
  /** Takes no connections for so many ms. */
  readonly down: (ms: number) => void;
};

export class ProxiedConnection {
  /** The how-manyth connection of the proxy, from 1. */
  readonly number: number;
  /** Resolves when both sides have ended; never rejects. */
  readonly ended: Promise<void>;

  readonly #settings: ProxiedConnectionSettings;
  readonly #link: ProxyLink;
  readonly #scanners: Readonly<Record<FaultDirection, StreamScanner>>;
  readonly #rules: ArmedRules;
  readonly #reached = new Map<FaultPhase, Latch<void>>();
  readonly #messages = { toClient: 0, toServer: 0 };
  #phase: FaultPhase = "connect";
  #isClosing = false;
  #resolveEnded!: () => void;

  constructor(number: number, client: Socket, settings: ProxiedConnectionSettings) {
    this.number = number;
    this.#settings = settings;
    const isOpaque = settings.route.tls === "passed";
    let hasSeenHello = false;
    this.#scanners = {
      toServer: new StreamScanner(isOpaque ? "opaque" : "request"),
      toClient: new StreamScanner(isOpaque ? "opaque" : "answer"),
    };
    this.#rules = new ArmedRules(settings.rules);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#link = new ProxyLink(client, settings.route, settings.abandonAfter, {
      hello: () => this.#enter("clientHello", "toServer"),
      received: (direction, chunk) => {
        if (isOpaque && !hasSeenHello) this.#enter("clientHello", direction);
        hasSeenHello = true;
        this.#receive(direction, chunk);
      },
      finished: (direction) => this.#scanners[direction].flush(),
      failed: (message) => settings.tell({ type: "failed", message }),
      ended: () => this.#finished(),
    });
    settings.tell({ type: "connected" });
    this.#enter("connect", "toServer");
    this.#link.lanes.toServer.event(() => this.#link.begin());
  }

  /** How far it has come. */
  get phase(): FaultPhase {
    return this.#phase;
  }

  get hasEnded(): boolean {
    return this.#link.hasEnded;
  }

  /** Bytes that have gone out each way. */
  get bytes(): Readonly<Record<FaultDirection, number>> {
    const { toClient, toServer } = this.#link.lanes;
    return { toClient: toClient.bytes, toServer: toServer.bytes };
  }

  /** Whole messages that have come in each way. */
  get messages(): Readonly<Record<FaultDirection, number>> {
    return { ...this.#messages };
  }

  /** Resolves when this phase has begun, at once if it has. Rejects when the connection ends first, or it takes too long. */
  reached(phase: FaultPhase, { timeout = this.#settings.timeout }: { readonly timeout?: number } = {}): Promise<void> {
    return this.#latch(phase).wait(
      timeout,
      () =>
        new Error(
          `Connection ${this.number} did not come to the phase "${phase}" within ${timeout} ms; it is in "${this.#phase}".`,
        ),
    );
  }

  /** Does this to the connection now; to one that has ended, nothing. @throws FaultPlanError for what is no fault, or can't happen in its phase */
  apply(fault: Fault): void {
    checkFault(fault, this.#phase);
    const { random } = this.#settings;
    this.#do({ fault: drawFault(fault, this.#phase, random), random });
  }

  /** RST to both sides, or to one. */
  reset(direction: FaultDirection | "both" = "both"): void {
    this.apply({ type: "reset", direction });
  }

  /** FIN to both sides, or to one; no close frame. */
  end(direction: FaultDirection | "both" = "both"): void {
    this.apply({ type: "end", direction });
  }

  /** A dead link, one way or both. */
  blackHole(direction: FaultDirection | "both" = "both"): void {
    this.apply({ type: "blackHole", direction });
  }

  /** The link works again as it should: no latency, no pace, nothing held back or unread. What is lost stays lost. */
  heal(): void {
    for (const direction of DIRECTIONS) this.#link.lanes[direction].heal();
  }

  /** Both sockets are gone at once. */
  destroy(): void {
    this.#link.destroy();
  }

  #receive(direction: FaultDirection, chunk: Uint8Array): void {
    for (const { bytes, begins, ends } of this.#scanners[direction].pieces(chunk)) {
      if (begins === "head") this.#enter(direction === "toServer" ? "request" : "answer", direction);
      if (begins === "close" && !this.#isClosing) {
        this.#isClosing = true;
        this.#enter("closing", direction);
      }
      let rest = bytes;
      for (let limit = this.#rules.limit(direction); limit < rest.byteLength; limit = this.#rules.limit(direction)) {
        this.#push(direction, rest.subarray(0, limit), "inside");
        rest = rest.subarray(limit);
      }
      this.#push(direction, rest, ends);
      if (ends === "head" && direction === "toClient" && this.#scanners.toClient.status === 101) {
        this.#enter("open", direction);
      }
    }
  }

  #push(direction: FaultDirection, bytes: Uint8Array, ends: PieceEnd): void {
    const lane = this.#link.lanes[direction];
    if (direction === "toServer") this.#link.dialOnce();
    lane.push(bytes, ends);
    if (ends === "message") this.#messages[direction] += 1;
    for (const rule of this.#rules.passed(direction, bytes.byteLength, ends === "message")) {
      lane.event(() => this.#ripe(rule));
    }
  }

  #enter(phase: FaultPhase, direction: FaultDirection): void {
    const due = this.#rules.enter(phase);
    this.#link.lanes[direction].event(() => {
      this.#phase = phase;
      this.#settings.tell({ type: "phase", phase });
      this.#latch(phase).resolve();
      for (const rule of due) this.#ripe(rule);
    });
  }

  #ripe(rule: DrawnRule): void {
    const { ms = 0 } = rule.when;
    if (ms === 0) this.#do(rule);
    else this.#link.later(ms, () => this.#do(rule));
  }

  #do({ fault, random }: Pick<DrawnRule, "fault" | "random">): void {
    if (this.hasEnded) return;
    this.#settings.tell({ type: "fault", phase: this.#phase, fault });
    perform(fault, random, { link: this.#link, phase: this.#phase, down: this.#settings.down });
  }

  #finished(): void {
    const { toClient, toServer } = this.bytes;
    this.#settings.tell({ type: "ended", bytesToClient: toClient, bytesToServer: toServer });
    for (const [phase, latch] of this.#reached) latch.reject(this.#neverReached(phase));
    this.#resolveEnded();
  }

  #latch(phase: FaultPhase): Latch<void> {
    const known = this.#reached.get(phase);
    if (known !== undefined) return known;
    const latch = new Latch<void>();
    this.#reached.set(phase, latch);
    if (this.hasEnded) latch.reject(this.#neverReached(phase));
    return latch;
  }

  #neverReached(phase: FaultPhase): Error {
    return new Error(
      `Connection ${this.number} has ended in the phase "${this.#phase}", and never came to "${phase}".`,
    );
  }
}
