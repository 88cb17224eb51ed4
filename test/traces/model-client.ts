/**
 * One client of the model: what DESIGN.md, section 2, says should happen, told a second time and much more simply than in
 * src/, with no sockets and in the model's time. Where it leaves what Fresh 0.3.0 does, it names the difference.
 */
import type { Answer } from "./answers.ts";
import type { DifferenceName } from "./differences.ts";
import { errorTerm, headersTerm } from "./errors.ts";
import { crashTerm, STANDING_OPTIONS } from "./everfresh.ts";
import {
  closeCodeOf,
  closeFault,
  type Decision,
  decisionOf,
  defaultDecision,
  isClose,
  isKind,
  readFrameTerm,
} from "./model-answers.ts";
import type { LinkOwner, ModelLink } from "./model-link.ts";
import type { Script } from "./script.ts";
import { atom, isAtom, number, showTerm, string, type Term, textOf } from "./terms.ts";
import type { VirtualTime } from "./time.ts";

type Pairs = readonly (readonly [name: string, value: string])[];
type Next = { readonly type: "ask" } | { readonly type: "stop"; readonly reason: Term };
type Status = "idle" | "connecting" | "open" | "closing" | "deciding" | "waiting" | "terminating" | "terminated";

type Item =
  | { readonly type: "generic"; readonly name: string; readonly args: readonly Term[] }
  | { readonly type: "connect"; readonly args: readonly Term[] }
  /** handle_disconnect, or the handle_error that ends an attempt. */
  | { readonly type: "ending"; readonly name: string; readonly args: readonly Term[] }
  /** An encoding_failed that nobody's reply made. */
  | { readonly type: "fault"; readonly error: Term }
  | { readonly type: "terminate"; readonly reason: Term };

/** What a client needs of its world. */
export interface World {
  readonly time: VirtualTime;
  differs(name: DifferenceName): void;
  /** Records a call and gives the module's answer. */
  answer(name: string, args: readonly Term[], state: Term): { readonly answer: Answer; readonly blocksForMs: number };
  /** Opens a connection for this owner; undefined when nobody listens, a reason when TLS says no. */
  connect(owner: LinkOwner): ModelLink | { readonly failed: string } | undefined;
  exited(client: ModelClient): void;
}

const ASK: Next = { type: "ask" };
const NIL = atom("nil");
const RETRIES_OF_A_STORM = 5;

export class ModelClient implements LinkOwner {
  readonly #world: World;
  readonly #initial: Term;
  readonly #pingInterval: number;
  readonly time: VirtualTime;
  exit: { readonly reason: Term; readonly crashed: boolean } | undefined;
  #state: Term;
  #status: Status = "idle";
  #next: Next = ASK;
  #link: ModelLink | undefined;
  #attempts = 0;
  /** How the newest attempt ended. */
  #end: "refused" | "handshake" | "closed" | "violated" | "lost" | undefined;
  #startedAt = 0;
  #attemptedAt = 0;
  /** Once handle_connect has answered: before, sends wait. */
  #ready = false;
  #outbox: Term[] = [];
  #mailbox: Item[] = [];
  #busy = false;
  #deadline: () => void = () => undefined;
  #pings: () => void = () => undefined;
  /** The state with which Fresh would start over, had it been given one. */
  #sticky: Term | undefined;
  /** The state that Fresh would hand to handle_terminate: the one from before the present read. */
  #stateBeforeRead: Term | undefined;

  constructor(world: World, initial: Term, pingInterval: number) {
    this.#world = world;
    this.time = world.time;
    this.#initial = initial;
    this.#state = initial;
    this.#pingInterval = pingInterval;
  }

  differs(name: DifferenceName): void {
    this.#world.differs(name);
  }

  // ── What the caller does ───────────────────────────────────────────────────────────────────────────────────────

  start(): void {
    this.#startedAt = this.time.now;
    this.#attempt();
  }

  info(message: Term): void {
    if (this.#status === "terminated") return;
    if (isAtom(message, "ping")) this.differs("ping-is-a-message");
    else if (this.#end === "refused") this.differs("info-in-every-state");
    this.#post({ type: "generic", name: "handle_info", args: [message] });
  }

  send(frame: Term): void {
    if (this.#status === "terminated") return;
    if (this.#busy && this.#ready) this.differs("sends-go-at-once");
    if (isClose(frame)) {
      this.#sendClose(frame);
      return;
    }
    const fault = this.#cast(frame);
    if (fault !== undefined) this.#post({ type: "fault", error: fault });
  }

  /** `code` and `reason` as they are given; nil is left out, and the defaults are 1000 and "". */
  close(code: Term, reason: Term): void {
    if (isAtom(code, "nil") || isAtom(reason, "nil")) this.differs("nil-is-left-out");
    this.#requestClose(isAtom(code, "nil") ? number(1000) : code, isAtom(reason, "nil") ? string("") : reason);
  }

  stop(reason: Term): void {
    if (this.#attempts > RETRIES_OF_A_STORM) this.differs("mailbox-is-read-between-attempts");
    switch (this.#status) {
      case "open":
        this.differs("goodbye");
        this.#sayClose(closeCodeOf(reason), "");
        this.#beginClosing({ type: "stop", reason });
        return;
      case "closing":
      case "deciding":
        // The first stop is the one that counts.
        if (this.#next.type !== "stop") this.#next = { type: "stop", reason };
        return;
      case "terminating":
      case "terminated":
        return;
      default:
        this.#drop();
        this.#terminate(reason);
    }
  }

  // ── What the link says ─────────────────────────────────────────────────────────────────────────────────────────

  opened(status: number, headers: Pairs): void {
    this.#status = "open";
    this.#end = undefined;
    if (this.#tickedWhileConnecting()) this.differs("pings-only-while-open");
    if (this.#pingInterval > 0) this.#schedulePing();
    this.#post({ type: "connect", args: [number(status), headersTerm(headers)] });
  }

  failed(error: Term): void {
    this.#end = isKind(error, ["connecting_failed"]) ? "refused" : "handshake";
    this.#decide(ASK, { type: "ending", name: "handle_error", args: [error] });
  }

  frame(op: string, frame: Term): void {
    const name = op === "ping" || op === "pong" ? "handle_control" : "handle_in";
    this.#stateBeforeRead ??= this.#state;
    this.time.after(0, () => {
      this.#stateBeforeRead = undefined;
    });
    this.#post({ type: "generic", name, args: [frame] });
  }

  peerClosed(code: number | undefined, reason: string | undefined): void {
    this.#end = "closed";
    this.#closed(code === undefined ? NIL : number(code), reason === undefined ? NIL : string(reason));
  }

  violated(reason: string): void {
    this.#end = "violated";
    if (this.#next.type === "stop") this.#closed(NIL, NIL);
    else this.#decide(ASK, { type: "ending", name: "handle_error", args: [errorTerm("decoding_failed", reason)] });
  }

  lost(reason: string): void {
    this.#end = "lost";
    if (this.#status === "closing") {
      this.differs("own-close-then-tcp-end");
      this.#closed(NIL, NIL);
    } else {
      this.#decide(ASK, { type: "ending", name: "handle_error", args: [errorTerm("streaming_failed", reason)] });
    }
  }

  waitsForAnswer(): boolean {
    return this.#status === "deciding" || this.#status === "idle";
  }

  // ── One connection's life ──────────────────────────────────────────────────────────────────────────────────────

  #attempt(): void {
    this.#status = "connecting";
    this.#attempts += 1;
    this.#attemptedAt = this.time.now;
    let given = false;
    this.#deadline = () => {
      given = true;
    };
    this.time.send(() => {
      if (given) return;
      const link = this.#world.connect(this);
      if (link === undefined) this.failed(errorTerm("connecting_failed", "refused"));
      else if ("failed" in link) this.failed(errorTerm("connecting_failed", link.failed));
      else this.#link = link;
    });
  }

  #wait(): void {
    this.#status = "waiting";
    this.#deadline = this.time.after(STANDING_OPTIONS.backoffInitial, () => this.#attempt());
  }

  /** The attempt is over; the module is asked what follows. */
  #decide(next: Next, item: Item): void {
    this.#deadline();
    this.#pings();
    this.#ready = false;
    this.#link = undefined;
    this.#status = "deciding";
    this.#next = next;
    this.#post(item);
  }

  #decided(decision: Decision): void {
    // A stop that came meanwhile is final, whatever the module answers.
    if (this.#status !== "deciding") return;
    if (this.#next.type === "stop") {
      this.#terminate(this.#next.reason);
    } else if (decision.type === "stop") {
      this.#terminate(decision.reason);
    } else if (decision.type === "reconnect") {
      this.#startOver(decision);
      this.#wait();
    } else {
      this.#state = decision.state;
      this.#status = "idle";
      if (this.#end === "closed" || this.#end === "lost") this.differs("ignore-leaves-idle");
    }
  }

  #startOver({ state }: Extract<Decision, { type: "reconnect" }>): void {
    if (state === undefined && this.#sticky !== undefined) this.differs("initial-state-stays");
    this.#sticky = state ?? this.#sticky;
    this.#state = state ?? this.#initial;
  }

  #requestClose(code: Term, reason: Term): void {
    const fault = closeFault(code, reason);
    if (fault !== undefined) {
      this.#post({ type: "fault", error: this.#closeError(fault) });
      return;
    }
    this.#closeWith(code.kind === "number" ? code.value : undefined, textOf(reason));
  }

  #closeError(fault: string): Term {
    if (fault === "close_payload") this.differs("outgoing-frames-are-checked");
    return errorTerm("encoding_failed", fault);
  }

  /** Our close frame, empty without a code. */
  #closeWith(code: number | undefined, reason: string | undefined): void {
    if (this.#status === "open") {
      this.#sayClose(code, reason);
      this.#beginClosing(ASK);
    } else if (this.#status === "connecting") {
      this.differs("close-while-connecting");
      this.#drop();
      this.#decide(ASK, { type: "ending", name: "handle_disconnect", args: [NIL, NIL] });
    } else if (this.#status === "closing") {
      this.differs("nothing-after-own-close");
    }
  }

  #sayClose(code: number | undefined, reason: string | undefined): void {
    if (code === undefined) this.#link?.send("close", Buffer.alloc(0));
    else this.#link?.send("close", Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason ?? "")]));
  }

  #beginClosing(next: Next): void {
    this.#pings();
    this.#status = "closing";
    this.#ready = false;
    this.#next = next;
    this.#deadline = this.time.after(STANDING_OPTIONS.closeTimeout, () => {
      if (this.#next.type === "ask") this.differs("close-deadline");
      this.#link?.destroy();
      this.#closed(NIL, NIL);
    });
  }

  #closed(code: Term, reason: Term): void {
    this.#deadline();
    if (this.#status === "closing" && this.#next.type === "stop") this.#terminate(this.#next.reason);
    else this.#decide(ASK, { type: "ending", name: "handle_disconnect", args: [code, reason] });
  }

  /** Gives up what there is of an attempt or a wait, silently. */
  #drop(): void {
    this.#deadline();
    this.#pings();
    this.#link?.destroy();
    this.#link = undefined;
    this.#ready = false;
  }

  #terminate(reason: Term): void {
    this.#drop();
    this.#status = "terminating";
    this.#post({ type: "terminate", reason });
  }

  #crash(callback: string, error: Term): void {
    this.differs("callback-faults");
    if (this.#status === "open") {
      this.differs("goodbye");
      this.#sayClose(1011, "");
    }
    this.#mailbox = [];
    this.#terminate(crashTerm(callback, error));
  }

  // ── The mailbox ────────────────────────────────────────────────────────────────────────────────────────────────

  #post(item: Item): void {
    this.#mailbox.push(item);
    if (!this.#busy) this.#work();
  }

  #work(): void {
    const item = this.#mailbox.shift();
    this.#busy = item !== undefined;
    if (item !== undefined) this.time.start(this.#process(item), () => this.#work());
  }

  *#process(item: Item): Script {
    if (this.#status === "terminated") return;
    switch (item.type) {
      case "generic":
        yield* this.#generic(item.name, yield* this.#call(item.name, item.args));
        return;
      case "connect": {
        const answer = yield* this.#call("handle_connect", item.args);
        this.#ready = this.#status === "open";
        yield* this.#generic("handle_connect", answer);
        this.#flush();
        return;
      }
      case "ending": {
        const decision = yield* this.#ask(item.name, item.args);
        if (decision !== undefined) this.#decided(decision);
        return;
      }
      case "fault":
        yield* this.#fault(item.error, "adopt");
        return;
      case "terminate":
        yield* this.#finish(item.reason);
    }
  }

  *#call(name: string, args: readonly Term[]): Script<Answer> {
    const { answer, blocksForMs } = this.#world.answer(name, args, this.#state);
    if (blocksForMs > 0) yield { ms: blocksForMs };
    return answer;
  }

  *#finish(reason: Term): Script {
    if (this.#stateBeforeRead !== undefined && showTerm(this.#stateBeforeRead) !== showTerm(this.#state)) {
      this.differs("newest-state-at-the-end");
    }
    const answer = yield* this.#call("handle_terminate", [reason]);
    this.#status = "terminated";
    if (answer.type === "fault") {
      this.differs("callback-faults");
      this.exit = { reason: crashTerm("handle_terminate", answer.term), crashed: true };
    } else {
      this.exit = { reason, crashed: isKind(reason, ["callback_failed"]) };
    }
    this.#world.exited(this);
  }

  // ── Answers ────────────────────────────────────────────────────────────────────────────────────────────────────

  *#generic(name: string, answer: Answer): Script {
    if (this.#status === "terminated" || answer.type === "default") return;
    if (answer.type === "fault") return this.#crash(name, answer.term);
    const { term } = answer;
    const [tag, first, second, third] = term.kind === "tuple" ? term.items : [];
    const size = term.kind === "tuple" ? term.items.length : 0;
    if (isAtom(tag, "ok") && size === 2 && first !== undefined) {
      this.#state = first;
    } else if (isAtom(tag, "reply") && size === 3 && first !== undefined && second !== undefined) {
      if (first.kind !== "list") this.differs("one-frame-is-a-reply");
      yield* this.#reply(first.kind === "list" ? first.items : [first], second);
    } else if (
      isAtom(tag, "close") &&
      size === 4 &&
      first !== undefined &&
      second !== undefined &&
      third !== undefined
    ) {
      if (isAtom(first, "nil") || isAtom(second, "nil")) this.differs("nil-is-left-out");
      const fault = isAtom(first, "nil") ? undefined : closeFault(first, second);
      if (fault === undefined) this.#closeWith(first.kind === "number" ? first.value : undefined, textOf(second));
      else if (yield* this.#fault(this.#closeError(fault), "pass over")) return;
      this.#state = third;
    } else {
      this.#crash(name, atom("bad_response"));
    }
  }

  /** The frames in their order; a fault is told at once, with the state from before, and what it answers may end the reply. */
  *#reply(frames: readonly Term[], state: Term): Script {
    for (const [at, frame] of frames.entries()) {
      if (isClose(frame) && this.#sendClose(frame)) continue;
      const fault = this.#cast(frame);
      if (fault === undefined) continue;
      const left = yield* this.#fault(fault, "pass over");
      if (!left) continue;
      if (at < frames.length - 1) this.differs("answers-are-final");
      return;
    }
    this.#state = state;
  }

  /** True when handle_error's answer has left the connection. */
  *#fault(error: Term, given: "adopt" | "pass over"): Script<boolean> {
    const decision = yield* this.#ask("handle_error", [error]);
    if (decision === undefined) return true;
    if (decision.type === "ignore") {
      if (given === "adopt") this.#state = decision.state;
      return false;
    }
    // A stop is final, and the handler that ends an attempt has the last word on what follows.
    if (this.#status === "terminating" || (this.#next.type === "stop" && this.#status !== "open")) return false;
    if (this.#status === "deciding" && decision.type === "reconnect") return false;
    if (this.#status === "open") {
      this.differs("goodbye");
      this.#sayClose(decision.type === "stop" ? closeCodeOf(decision.reason) : 1000, "");
    }
    if (decision.type === "stop") {
      this.#discardFrames();
      this.#terminate(decision.reason);
      return true;
    }
    this.#startOver(decision);
    if (this.#status === "connecting" || this.#status === "waiting") return false;
    this.#discardFrames();
    this.#drop();
    this.#wait();
    return true;
  }

  /** Nothing of an ended attempt arrives later. */
  #discardFrames(): void {
    this.#mailbox = this.#mailbox.filter((item) => item.type !== "generic" || item.name === "handle_info");
  }

  *#ask(name: string, args: readonly Term[]): Script<Decision | undefined> {
    const state = this.#state;
    const answer = yield* this.#call(name, args);
    if (answer.type === "fault") {
      this.#crash(name, answer.term);
      return undefined;
    }
    const decision = answer.type === "default" ? defaultDecision(name, args, state) : decisionOf(answer.term);
    if (decision === undefined) this.#crash(name, atom("bad_response"));
    return decision;
  }

  // ── Sending ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends, or queues while nothing is open; what can't be sent comes back as an error. */
  #cast(frame: Term): Term | undefined {
    const { op, payload, fault } = readFrameTerm(frame);
    if (fault !== undefined) {
      if (fault === "wrong_type") this.differs("bad-frame-is-an-error");
      else if (fault !== "too_long") this.differs("outgoing-frames-are-checked");
      return errorTerm("encoding_failed", fault);
    }
    if (this.#ready) {
      this.#link?.send(op, payload);
      return undefined;
    }
    this.#nameWaiting();
    if (this.#status !== "terminating") this.#outbox.push(frame);
    return undefined;
  }

  /** What Fresh does with a frame while nothing is open depends on why nothing is. */
  #nameWaiting(): void {
    if (this.#status === "closing") this.differs("nothing-after-own-close");
    else if (this.#end === "lost" && this.#status === "deciding") this.differs("dead-link-is-one-error");
    else if (this.#status !== "idle" || this.#end === "handshake") this.differs("outbox");
  }

  /** A close frame among other frames; false when it can't be sent, which #cast then says. */
  #sendClose(frame: Term): boolean {
    const [, code = NIL, reason = NIL] = frame.kind === "tuple" ? frame.items : [];
    if (closeFault(code, reason) !== undefined && !isAtom(code, "nil")) {
      this.#requestClose(code, reason);
      return true;
    }
    if (frame.kind === "tuple" && isAtom(code, "nil")) this.differs("nil-is-left-out");
    this.#closeWith(code.kind === "number" ? code.value : undefined, textOf(reason));
    return true;
  }

  #flush(): void {
    while (this.#ready && this.#outbox.length > 0) {
      const { op, payload } = readFrameTerm(this.#outbox.shift() as Term);
      this.#link?.send(op, payload);
    }
  }

  /** Fresh has one ping timer for its whole life, from the start of the process. */
  #tickedWhileConnecting(): boolean {
    const ticks = (at: number): number => Math.floor((at - this.#startedAt) / this.#pingInterval);
    return this.#pingInterval > 0 && ticks(this.time.now) > ticks(this.#attemptedAt);
  }

  #schedulePing(): void {
    this.#pings = this.time.after(this.#pingInterval, () => {
      this.#schedulePing();
      if (this.#ready) this.#link?.send("ping", Buffer.alloc(0));
    });
  }
}
