/**
 * One connection of the real soak: its callbacks' order judged, its messages and calls numbered, and what became of them noted in arrays of a fixed size, so
 * that the account itself takes no memory as time goes by. What kind of program it is follows from its index and its target.
 */
import {
  type Callbacks,
  type Connection,
  type DataFrame,
  Fresh,
  type FreshModule,
  ignore,
  type Options,
  ok,
  permessageDeflate,
  reconnect,
  reply,
} from "../../src/index.ts";
import { CallError, createRpc, jsonRpc } from "../../src/rpc/index.ts";
import { CallbackOrder, watched } from "./callback-order.ts";
import { numbered, numberIn } from "./numbered.ts";
import { FATE } from "./reconcile.ts";
import type { Target } from "./servers-port.ts";

const SECOND = 1000;

export const OPTIONS = {
  pingInterval: 10 * SECOND,
  pongTimeout: 5 * SECOND,
  stableAfter: 3 * SECOND,
  backoffInitial: 250,
  backoffFactor: 1.5,
  backoffMax: 5 * SECOND,
  connectTimeout: 5 * SECOND,
  upgradeTimeout: 5 * SECOND,
  closeTimeout: 2 * SECOND,
  retryAfter: { max: 5 * SECOND },
} as const;

/** What became of a call; 0: there is none of this number. */
export const CALL = { none: 0, pending: 1, answered: 2, no: 3, yes: 4, unknown: 5, aborted: 6 } as const;

const rpc = createRpc(jsonRpc<{ work(params: [number]): number }>(), { timeout: 15 * SECOND, maxPending: 20 });

/** How many numbers are given out: of messages, calls and attempts each. */
export type Room = { readonly messages: number; readonly attempts: number };

export class RealClient {
  readonly index: number;
  readonly connection: Connection<number>;
  readonly order: CallbackOrder;
  /** One of FATE for each message, one of CALL for each call. */
  readonly fates: Uint8Array;
  readonly calls: Uint8Array;
  sent = 0;
  callsMade = 0;
  attempts = 0;
  series = 0;
  received = 0;
  /** What came and was no whole message of the server's: injected, or damaged on the way. */
  foreign = 0;
  readonly #opened: Uint8Array;
  readonly #isCalling: boolean;
  readonly #tellsAttempt: () => void;
  readonly #violated: (sentence: string) => void;
  #expectedState = 0;
  #last = 0;
  #openedAt = 0;
  #downSince: number | undefined = performance.now();
  #down = 0;

  constructor(
    index: number,
    target: Target,
    room: Room,
    { violated, attempt }: { readonly violated: (sentence: string) => void; readonly attempt: () => void },
  ) {
    this.index = index;
    this.fates = new Uint8Array(room.messages);
    this.#isCalling = index % 10 === 9;
    this.calls = new Uint8Array(this.#isCalling ? room.messages : 0);
    this.#opened = new Uint8Array(room.attempts);
    this.#tellsAttempt = attempt;
    this.#violated = (sentence) => violated(`client ${index}: ${sentence}`);
    this.order = new CallbackOrder(this.#replaces, this.#violated);
    const options: Options<number> = {
      ...OPTIONS,
      errorLogging: false,
      infoLogging: false,
      headers: () => this.#headers(),
      replaceAfter: index % 4 === 0 ? 20 * SECOND : Number.POSITIVE_INFINITY,
      hibernateAfter: index % 5 === 0 ? 5 * SECOND : Number.POSITIVE_INFINITY,
      outbox: { maxMessages: 10, maxAge: 10 * SECOND, overflow: index % 3 === 0 ? "drop-oldest" : "reject" },
      upgradeOptions: { extensions: target.kind === "ws, compressed" ? [permessageDeflate({ threshold: 10 })] : [] },
      onDrop: (frame) => {
        if (frame.type === "text") this.fates[Number(frame.data.split(" ")[2])] = FATE.dropped;
      },
    };
    const callbacks = watched(this.#callbacks(), this.order);
    const module: FreshModule<number> = this.#isCalling
      ? rpc.define("Soak with calls", callbacks)
      : Fresh.define("Soak", callbacks);
    this.connection = module.start({ uri: `${target.url}/${index}`.replace(/([^:])\/\//, "$1/"), state: 0, options });
  }

  /** Did this attempt become a link? */
  readonly wasOpened = (link: number): boolean => this.#opened[link] === 1;

  /** What it does now and then: it sends, or it calls. */
  act(draw: number): void {
    if (this.#isCalling) this.#call();
    else if (draw < 0.02 && this.index % 4 === 2) void this.connection.replace().catch(() => undefined);
    else if (draw < 0.005) this.connection.reconnect();
    else if (draw < 0.01) this.connection.close(1000, "soak");
    else if (draw < 0.02) void this.connection.probe().catch(() => undefined);
    else this.#send();
  }

  takeDowntime(now: number): number {
    const down = this.#down + (this.#downSince === undefined ? 0 : now - this.#downSince);
    this.#down = 0;
    if (this.#downSince !== undefined) this.#downSince = now;
    return down;
  }

  get #replaces(): boolean {
    return this.index % 2 === 0;
  }

  #headers(): Record<string, string> {
    this.attempts += 1;
    this.#tellsAttempt();
    if (this.attempts >= this.#opened.length) throw new Error("The soak has no room for another attempt.");
    return { "x-link": String(this.attempts) };
  }

  #send(): void {
    const number = this.#next(FATE.accepted);
    if (number === 0) return;
    if (this.connection.send(numbered(this.index, number)) === "dropped") this.fates[number] = FATE.refused;
  }

  #call(): void {
    const number = this.callsMade + 1;
    if (number >= this.calls.length) return;
    this.callsMade = number;
    this.calls[number] = CALL.pending;
    // Some wait for no connection, and some not for long.
    const wish = number % 3 === 0 ? { timeout: SECOND } : number % 7 === 0 ? { whenClosed: "drop" as const } : {};
    rpc.call(this.connection, "work", [number], { idempotent: number % 5 === 0, ...wish }).then(
      (result) => {
        if (result !== number) this.#violated(`calls: ${number} was answered with ${String(result)}`);
        this.calls[number] = CALL.answered;
      },
      (error: unknown) => {
        if (error instanceof CallError) this.calls[number] = CALL[error.sent];
        else this.#violated(`calls: ${number} ended with ${String(error)}`);
      },
    );
  }

  /** The next number, with its fate for now; 0 when there is no room for more. */
  #next(fate: number): number {
    if (this.sent + 1 >= this.fates.length) return 0;
    this.sent += 1;
    this.fates[this.sent] = fate;
    return this.sent;
  }

  #callbacks(): Callbacks<number> {
    const isAsync = this.index % 4 === 1;
    // A reply has its number when it is given: what is sent while a callback is pending goes out before it.
    const answer = <R>(give: () => R): R | Promise<R> =>
      isAsync ? new Promise((resolve) => setImmediate(() => resolve(give()))) : give();
    return {
      handleConnect: (_status, headers, state) => {
        this.#check(state);
        const now = performance.now();
        if (this.#downSince !== undefined) this.#down += now - this.#downSince;
        else this.#seriesMayEnd(now);
        this.#downSince = undefined;
        this.#openedAt = now;
        // A damaged answer may not say which attempt it is to.
        this.#opened[Number(headers.get("x-link")) || this.attempts] = 1;
        return answer(() => ok(state));
      },
      handleIn: (frame, state) => {
        this.#check(state);
        this.#take(frame);
        this.#expectedState = state + 1;
        const replies = this.received % 4 === 0;
        return answer(() => (replies ? this.#reply(state + 1) : ok(state + 1)));
      },
      handleControl: (_frame, state) => ok(state),
      handleInfo: (_message, state) => ok(state),
      handleDisconnect: (_code, _reason, state) => {
        this.#ended(state);
        return answer(() => this.#again(state));
      },
      handleError: (error, state) => {
        if (error.kind === "casting_failed") return ignore(state);
        if (error.kind === "encoding_failed") this.#violated("messages: one may not be sent");
        this.#ended(state);
        return answer(() => this.#again(state));
      },
      handleTerminate: (_reason, state) => this.#check(state),
    };
  }

  #ended(state: number): void {
    this.#check(state);
    const now = performance.now();
    if (this.#downSince !== undefined) return;
    this.#seriesMayEnd(now);
    this.#downSince = now;
  }

  #seriesMayEnd(now: number): void {
    if (now - this.#openedAt >= OPTIONS.stableAfter) this.series += 1;
  }

  #again(state: number) {
    if (this.index % 6 !== 0) return reconnect(state);
    this.#expectedState = 0;
    return reconnect();
  }

  #reply(state: number) {
    const number = this.#isCalling ? 0 : this.#next(FATE.accepted);
    return number === 0 ? ok(state) : reply(numbered(this.index, number), state);
  }

  #take(frame: DataFrame): void {
    const number = frame.type === "text" ? numberIn(frame.data, this.index) : undefined;
    if (number === undefined) {
      this.foreign += 1;
      return;
    }
    this.received += 1;
    if (number <= this.#last) this.#violated(`messages: the server's ${number} came behind ${this.#last}`);
    this.#last = number;
  }

  #check(state: number): void {
    if (state !== this.#expectedState) this.#violated(`state: ${state} in place of ${this.#expectedState}`);
  }
}
