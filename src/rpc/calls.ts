/**
 * The calls of one connection: which wait, which are sent, which ids are still spoken for; and the account of how each ended.
 *
 * A call leaves the table in the moment in which it is settled, so it is settled once.
 */
import { onAbort } from "../abort.ts";
import { type FrameFault, faultOf } from "../frame.ts";
import type { FrameLike } from "../index.ts";
import { Call, type CallRequest, type Settle } from "./call.ts";
import { CallNotSentError, CallTimeoutError, ConnectionLostError, type Sent, TooManyCallsError } from "./errors.ts";
import type { ResolvedRpcOptions } from "./options.ts";
import type { CallId } from "./protocol.ts";

/** What has become of the calls of a connection, those that subscriptions make included. calls = all but `replays`, `late` and `waiting`. */
export type RpcStats = {
  /** All calls and notifications so far. */
  readonly calls: number;
  /** Answered with a result, or with an error; notifications count as answered once they are sent. */
  readonly answered: number;
  readonly failed: number;
  readonly timedOut: number;
  readonly aborted: number;
  /** Rejected because the connection was lost or terminated. */
  readonly lost: number;
  /** Rejected because they could not be sent: too many, not open, or a frame that may not be sent. */
  readonly notSent: number;
  /** Not settled yet; and those of them that have not been sent. */
  readonly pending: number;
  readonly waiting: number;
  /** Calls sent again on another connection. */
  readonly replays: number;
  /** Answers to calls that had timed out or were aborted. */
  readonly late: number;
};

type Ended = "answered" | "failed" | "timedOut" | "aborted" | "lost" | "notSent";

/** Why a link has ended, for the errors of its calls. */
export type Ending = { readonly words: string; readonly cause?: unknown };

export interface CallsPort {
  /** An id for the nth request. */
  id(count: number): CallId;
  encode(id: CallId, request: CallRequest): FrameLike;
  /** Has this call's frame been given to the system? Only asked of the present link. */
  isGiven(call: Call): boolean;
}

/** So many ids of calls that were given up are remembered, for each call that may be pending. */
const LATE_PER_PENDING = 10;

export class Calls {
  readonly #options: ResolvedRpcOptions;
  readonly #port: CallsPort;
  readonly #table = new Map<CallId, Call>();
  /** In the order in which they are to be sent. */
  readonly #waiting = new Set<Call>();
  readonly #replaying = new Set<Call>();
  /** Ids of calls that were given up after they had been sent: their answers may still come, on the same connection. */
  readonly #late = new Set<CallId>();
  readonly #counts = {
    calls: 0,
    answered: 0,
    failed: 0,
    timedOut: 0,
    aborted: 0,
    lost: 0,
    notSent: 0,
    replays: 0,
    late: 0,
  };
  #ids = 0;
  /** Pending calls that count against maxPending. */
  #bounded = 0;
  #link = 0;

  constructor(options: ResolvedRpcOptions, port: CallsPort) {
    this.#options = options;
    this.#port = port;
  }

  /** Is there no call, and no answer that might still come? */
  get idle(): boolean {
    return this.#table.size === 0 && this.#late.size === 0;
  }

  get waiting(): Iterable<Call> {
    return this.#waiting;
  }

  get replaying(): Iterable<Call> {
    return this.#replaying;
  }

  get stats(): RpcStats {
    return { ...this.#counts, pending: this.#table.size, waiting: this.#waiting.size };
  }

  // ── From the caller ────────────────────────────────────────────────────────────────────────────────────────────

  /** A new call, which waits to be sent. Throws when there can be none; it is counted all the same. */
  open(request: CallRequest, settle: Settle): Call {
    this.#counts.calls += 1;
    const call = this.#counted(() => this.#make(request, settle));
    const { clock } = this.#options;
    const { timeout, options, origin } = request;
    this.#table.set(call.id, call);
    this.#waiting.add(call);
    if (origin === "caller") this.#bounded += 1;
    if (timeout !== Number.POSITIVE_INFINITY) {
      call.timer = clock.after(timeout, () => this.#timeOut(call), false);
    }
    const { signal } = options;
    if (signal !== undefined) {
      call.forgetSignal = onAbort(signal, () => this.abort(call, signal.reason));
    }
    return call;
  }

  /** The caller wants it no more. */
  abort(call: Call, reason: unknown): void {
    if (call.phase === "sent") this.#expectLate(call);
    this.#end(call, "aborted")?.reject(reason);
  }

  /** A call that there is no room or no connection for, or that can't be sent. */
  refuse(call: Call, error: CallNotSentError): void {
    this.#end(call, "notSent")?.reject(error);
  }

  // ── From the link ──────────────────────────────────────────────────────────────────────────────────────────────

  /** The link on which calls are sent from now on. Of calls sent before, what is known is kept. */
  begin(link: number): void {
    for (const call of this.#table.values()) if (call.phase === "sent") call.sent = this.#sentOf(call);
    this.#link = link;
  }

  /** It has been handed to the connection, as the how-manyth of this link. */
  sent(call: Call, number: number): void {
    if (call.phase === "replaying") {
      call.replays += 1;
      this.#counts.replays += 1;
    }
    this.#waiting.delete(call);
    this.#replaying.delete(call);
    call.phase = "sent";
    call.link = this.#link;
    call.number = number;
    if (!this.#mayReplay(call)) call.frame = undefined;
    if (call.request.expects === "nothing") this.#end(call, "answered")?.resolve(undefined);
  }

  /** The call that an answer with this id is for. */
  sentWith(id: CallId): Call | undefined {
    const call = this.#table.get(id);
    return call?.phase === "sent" ? call : undefined;
  }

  /** Is this the id of a call that was given up? It is counted, and no second answer to it is expected. */
  takeLate(id: CallId): boolean {
    if (!this.#late.delete(id)) return false;
    this.#counts.late += 1;
    return true;
  }

  /** Its answer has come: `read` gives the result, or throws what it is rejected with. */
  answer(call: Call, read: () => unknown): void {
    let result: unknown;
    try {
      result = read();
    } catch (error) {
      this.#end(call, "failed")?.reject(error);
      return;
    }
    this.#end(call, "answered")?.resolve(result);
  }

  /** The links before this one are over: nothing of them will come any more. */
  lose(before: number, ending: Ending): void {
    for (const call of [...this.#table.values()]) {
      if (call.phase !== "sent" || call.link >= before) continue;
      call.sent = this.#sentOf(call);
      if (this.#mayReplay(call)) {
        call.phase = "replaying";
        this.#replaying.add(call);
      } else {
        this.#lost(call, ending);
      }
    }
  }

  /** No answer to a call that was given up can come any more: the connection is over. */
  forgetLate(): void {
    this.#late.clear();
  }

  /** There will be no link any more. */
  terminate(ending: Ending): void {
    for (const call of [...this.#table.values()]) {
      call.sent = this.#sentOf(call);
      this.#lost(call, ending);
    }
    this.#late.clear();
  }

  // ── Inside ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #counted<T>(make: () => T): T {
    try {
      return make();
    } catch (error) {
      this.#counts.notSent += 1;
      throw error;
    }
  }

  #make(request: CallRequest, settle: Settle): Call {
    const { maxPending, clock } = this.#options;
    const { method, origin, timeout } = request;
    if (origin === "caller" && this.#bounded >= maxPending) throw new TooManyCallsError(maxPending, method);
    const id = this.#freeId(method);
    const frame = this.#port.encode(id, request);
    const fault: FrameFault | undefined = faultOf(frame);
    if (fault !== undefined) throw new CallNotSentError("refused", fault.message, method);
    return new Call(id, frame, request, settle, clock.now() + timeout);
  }

  // A protocol whose ids are a byte or two wraps around; one that is pending, or whose answer may still come, is passed over.
  #freeId(method: string): CallId {
    const taken = this.#table.size + this.#late.size;
    for (let tries = 0; tries <= taken; tries += 1) {
      this.#ids += 1;
      const id = this.#port.id(this.#ids);
      if (!this.#table.has(id) && !this.#late.has(id)) return id;
    }
    throw new TooManyCallsError(this.#table.size, method);
  }

  #mayReplay(call: Call): boolean {
    const { options, expects } = call.request;
    return options.idempotent === true && expects === "answer" && call.replays < this.#options.maxReplays;
  }

  #sentOf(call: Call): Sent {
    if (call.phase !== "sent" || call.link !== this.#link) return call.sent;
    return call.sent === "yes" || this.#port.isGiven(call) ? "yes" : "unknown";
  }

  #timeOut(call: Call): void {
    const { method, timeout } = { method: call.method, timeout: call.request.timeout };
    const sent = this.#sentOf(call);
    if (call.phase === "sent") this.#expectLate(call);
    this.#end(call, "timedOut")?.reject(new CallTimeoutError(timeout, { method, sent }));
  }

  #lost(call: Call, { words, cause }: Ending): void {
    const { method, sent } = call;
    this.#end(call, "lost")?.reject(new ConnectionLostError(words, { method, sent, cause }));
  }

  // Bounded: of so many that were given up, the oldest answers are the least likely to come.
  #expectLate(call: Call): void {
    if (this.#late.size >= LATE_PER_PENDING * this.#options.maxPending) {
      const [oldest] = this.#late;
      if (oldest !== undefined) this.#late.delete(oldest);
    }
    this.#late.add(call.id);
  }

  /** Takes it out of everything; undefined when it has been settled before. */
  #end(call: Call, how: Ended): Settle | undefined {
    if (call.phase === "settled") return undefined;
    call.phase = "settled";
    call.frame = undefined;
    this.#table.delete(call.id);
    this.#waiting.delete(call);
    this.#replaying.delete(call);
    if (call.request.origin === "caller") this.#bounded -= 1;
    if (call.timer !== undefined) this.#options.clock.cancel(call.timer);
    call.forgetSignal();
    this.#counts[how] += 1;
    return call.settle;
  }
}
