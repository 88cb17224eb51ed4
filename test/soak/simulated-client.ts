/**
 * One real connection of the simulated soak: a module of callbacks that checks its own order and state, messages by its own timer, and the account of each.
 * What kind of program it is follows from its index: async callbacks or not, state kept or not, replacements, a slow system, a small outbox.
 */
import { inspect } from "node:util";
import { ConnectionProcess } from "../../src/connection/connection.ts";
import { resolveOptions } from "../../src/connection/options.ts";
import type { Frame } from "../../src/frame.ts";
import {
  type Callbacks,
  type Connection,
  type DataFrame,
  Fresh,
  ignore,
  type Options,
  ok,
  reconnect,
  reply,
} from "../../src/index.ts";
import type { Clock, Platform } from "../../src/platform/platform.ts";
import { CallbackOrder, watched } from "./callback-order.ts";
import { Ledger } from "./ledger.ts";

const SECOND = 1000;
const HOUR = 3_600_000;

export const OPTIONS = {
  pingInterval: 60 * SECOND,
  pongTimeout: 15 * SECOND,
  stableAfter: 10 * SECOND,
  backoffInitial: 250,
  backoffFactor: 1.5,
  backoffMax: 30 * SECOND,
  connectTimeout: 10 * SECOND,
  upgradeTimeout: 10 * SECOND,
  closeTimeout: 3 * SECOND,
} as const;

export type ClientParts = {
  readonly index: number;
  readonly uri: string;
  readonly platform: Platform;
  /** The clock of the program itself, whose timers are not the connection's. */
  readonly clock: Clock;
  readonly violated: (sentence: string) => void;
  /** Was the last link ever held up on the way? */
  readonly wasHeldUp: () => boolean;
};

/** How many messages a client has received is its state: the library's, and the client's own count of what that has to be. */
type State = number;

export class SimulatedClient {
  readonly index: number;
  readonly connection: Connection<State>;
  readonly ledger: Ledger;
  readonly order: CallbackOrder;
  /** Messages that send didn't take. */
  refused = 0;
  /** Messages of the server that reached handleIn. */
  handled = 0;
  delivered = 0;
  /** Frames of which the channel said that they are lost, messages and others. */
  framesReported = 0;
  /** Attempts before this one that lasted for stableAfter, so that the backoff began anew. */
  series = 0;
  /** ms in which it was not open, up to `measuredAt`. */
  #down = 0;
  #downSince: number | undefined = 0;
  #openedAt = 0;
  readonly #parts: ClientParts;
  #expectedState: State = 0;
  #sent = 0;
  /** The newest that has arrived on each link: between two of them TCP keeps no order. */
  readonly #lastAtServer = new WeakMap<object, number>();
  #lastHere = 0;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.index = parts.index;
    const violated = (sentence: string): void => parts.violated(`client ${this.index}: ${sentence}`);
    this.ledger = new Ledger(violated);
    this.order = new CallbackOrder(this.replaces, violated);
    const options: Options<State> = {
      ...OPTIONS,
      errorLogging: false,
      infoLogging: false,
      replaceAfter: this.index % 2 === 0 ? 23 * HOUR : Number.POSITIVE_INFINITY,
      hibernateAfter: this.index % 5 === 0 ? HOUR : Number.POSITIVE_INFINITY,
      sendBuffer: this.index % 3 === 0 ? 40 : 64 * 1024,
      outbox: {
        maxMessages: 20,
        maxBytes: 1000,
        maxAge: 60 * SECOND,
        overflow: this.index % 4 < 2 ? "reject" : "drop-oldest",
      },
      ...(this.index % 9 === 0 ? { headers: async () => ({ "x-client": String(this.index) }) } : {}),
      onDrop: (frame, cause) => {
        this.#settle(frame, "dropped");
        // Some programs try once more at once, from within.
        if (cause === "expired" && this.index % 5 === 1) this.send();
      },
    };
    const module = Fresh.define<State>("Soak", watched(this.#callbacks(), this.order));
    const connection = new ConnectionProcess<State>({
      uri: parts.uri,
      target: new URL(parts.uri),
      module,
      state: 0,
      options: resolveOptions(options),
      platform: parts.platform,
      onExit: (reason) => {
        if (reason !== "normal") this.#violated(`exit: ${inspect(reason)}`);
      },
    });
    this.connection = connection;
    connection.start();
  }

  /** May it be replaced, by its age or by hand? */
  get replaces(): boolean {
    return this.index % 2 === 0;
  }

  /** Does it ask for attempts by itself, whatever the backoff and the servers say? */
  get isImpatient(): boolean {
    return this.replaces || this.index % 10 === 5;
  }

  // ── What the program does ──────────────────────────────────────────────────────────────────────────────────────

  send(): void {
    const number = this.#next();
    const text = String(number);
    const result =
      this.index % 7 === 0 && number % 5 === 0
        ? this.connection.send({ type: "text", data: text }, { ttl: 5 * SECOND, whenClosed: "drop" })
        : this.connection.send(text);
    if (result === "dropped") this.refused += 1;
    else this.ledger.accept(number);
  }

  /** Time in which it was not open since the last call, in ms. */
  takeDowntime(): number {
    const now = this.#parts.clock.now();
    const down = this.#down + (this.#downSince === undefined ? 0 : now - this.#downSince);
    this.#down = 0;
    if (this.#downSince !== undefined) this.#downSince = now;
    return down;
  }

  // ── What the world tells ───────────────────────────────────────────────────────────────────────────────────────

  arrived(link: object, frame: Frame): void {
    if (frame.type !== "text") return;
    const number = Number.parseInt(frame.data, 10);
    this.ledger.settle(number, "received");
    if (frame.data.endsWith("!")) return;
    const last = this.#lastAtServer.get(link) ?? 0;
    if (number <= last) this.#violated(`messages: ${number} arrived behind ${last}`);
    this.#lastAtServer.set(link, number);
  }

  missed(frame: Frame, how: "reported" | "lost"): void {
    if (how === "reported") this.framesReported += 1;
    this.#settle(frame, how);
  }

  // ── The module ─────────────────────────────────────────────────────────────────────────────────────────────────

  #callbacks(): Callbacks<State> {
    const isAsync = this.index % 4 === 1;
    // A reply has its number when it is given: what is sent while a callback is pending goes out before it.
    const answer = <R>(give: () => R): R | Promise<R> => (isAsync ? this.#later(give) : give());
    return {
      handleConnect: (_status, _headers, state) => {
        this.#check(state);
        const now = this.#parts.clock.now();
        if (this.#downSince !== undefined) this.#down += now - this.#downSince;
        else this.#seriesMayEnd(now);
        this.#downSince = undefined;
        this.#openedAt = now;
        return answer(() => (this.index % 3 === 1 ? this.#reply(state, "!") : ok(state)));
      },
      handleIn: (frame, state) => {
        this.#check(state);
        this.#take(frame);
        this.#expectedState = state + 1;
        const replies = this.handled % 4 === 0;
        return answer(() => (replies ? this.#reply(state + 1) : ok(state + 1)));
      },
      handleControl: (_frame, state) => ok(state),
      handleInfo: (_message, state) => answer(() => ok(state)),
      handleDisconnect: (_code, _reason, state) => {
        this.#ended(state);
        return answer(() => this.#again(state));
      },
      handleError: (error, state) => {
        if (error.kind === "casting_failed") return ignore(state);
        if (error.reason === "pong_timeout" && !this.replaces && !this.#parts.wasHeldUp()) {
          this.#violated("liveness: a link that was well is taken for dead");
        }
        if (error.kind === "encoding_failed") this.#violated("messages: one may not be sent");
        this.#ended(state);
        return answer(() => this.#again(state));
      },
      handleTerminate: (_reason, state) => this.#check(state),
    };
  }

  #ended(state: State): void {
    this.#check(state);
    const now = this.#parts.clock.now();
    if (this.#downSince === undefined) {
      this.#seriesMayEnd(now);
      this.#downSince = now;
    }
  }

  #seriesMayEnd(now: number): void {
    if (now - this.#openedAt >= OPTIONS.stableAfter) this.series += 1;
  }

  #again(state: State) {
    // Fresh's way, and the one of programs that keep what they know.
    if (this.index % 6 === 0) {
      this.#expectedState = 0;
      return reconnect();
    }
    return reconnect(state);
  }

  // The soak's own way to be slow: a while on the clock for some, a turn of the loop for others.
  #later<R>(give: () => R): Promise<R> {
    if (this.index % 8 === 1) return Promise.resolve().then(give);
    // In a stall many timers fire one behind the other, and what hangs on them comes after all of them.
    return new Promise<void>((resolve) => this.#parts.clock.after(50, resolve, true)).then(give);
  }

  /** `mark`: what handleConnect replies goes out before what waits, whatever its number. */
  #reply(state: State, mark: "" | "!" = "") {
    // A frame of a reply has no caller who could be answered: onDrop hears of what isn't taken.
    const number = this.#next();
    this.ledger.accept(number);
    return reply(`${number}${mark}`, state);
  }

  #next(): number {
    this.#sent += 1;
    return this.#sent;
  }

  #take(frame: DataFrame): void {
    this.handled += 1;
    const number = Number(frame.data);
    if (number <= this.#lastHere) this.#violated(`messages: the server's ${number} came behind ${this.#lastHere}`);
    this.#lastHere = number;
  }

  #settle(frame: Frame, fate: "dropped" | "reported" | "lost"): void {
    if (frame.type === "text") this.ledger.settle(Number.parseInt(frame.data, 10), fate);
  }

  #check(state: State): void {
    if (state !== this.#expectedState) this.#violated(`state: ${state} in place of ${this.#expectedState}`);
  }

  #violated(sentence: string): void {
    this.#parts.violated(`client ${this.index}: ${sentence}`);
  }
}
