/**
 * `everfresh connect` at work: one connection, fed with lines, told as events, ended for one of several causes.
 */
import {
  type Connection,
  type ConnectionOptions,
  type ConnectionResponse,
  type ControlFrame,
  type DataFrame,
  type ExitReason,
  Fresh,
  type FreshError,
  type GenericResponse,
  ignore,
  ok,
  reconnect,
  stop,
  text,
} from "../../index.ts";
import { EXIT_DONE, EXIT_FAILED } from "../exit-code.ts";
import type { ConnectEvent, EndCause } from "./event.ts";
import type { InputLine } from "./lines.ts";
import { Silence } from "./silence.ts";

export type SessionPlan = {
  readonly uri: string;
  readonly options: Pick<
    ConnectionOptions,
    | "headers"
    | "upgradeOptions"
    | "maxRedirects"
    | "transportOptions"
    | "pingInterval"
    | "connectTimeout"
    | "upgradeTimeout"
  >;
  /** What follows the end of a connection: another attempt, or the end of the session. */
  readonly afterEnd: "reconnect" | "exit";
  /** Infinity: no limit. */
  readonly maxMessages: number;
  /** After the input's end, once all is sent: how long, in ms, nothing may come before the session ends. Infinity: for ever. */
  readonly lingerAfter: (input: "empty" | "lines") => number;
};

/** Tells an event; a promise while whoever it is told to can't take more. */
export type Tell = (event: ConnectEvent) => Promise<void> | undefined;

export type Verdict = { readonly code: number; readonly cause: EndCause };

// What may wait to be sent before no more of the input is read: bytes, and lines while nothing is open.
const MAX_BUFFERED = 256 * 1024;
const MAX_QUEUED_LINES = 1000;

export class Session {
  /** Resolves with the verdict when the connection has terminated and all has been told. */
  readonly ended: Promise<Verdict>;
  readonly #plan: SessionPlan;
  readonly #tell: Tell;
  /** Its state is the number of messages told. */
  readonly #connection: Connection<number>;
  #verdict: Verdict | undefined;
  #unsent = 0;
  /** "held": whoever is told can't take more. What the peer sends waits unread meanwhile, so no silence is counted. */
  #hearing: "free" | "held" = "free";
  /** Once all of the input has been sent: the next end of the connection is the session's. */
  #silence: Silence | undefined;

  /** Starts at once. @throws InvalidUriError, InvalidOptionError */
  constructor(plan: SessionPlan, tell: Tell) {
    this.#plan = plan;
    this.#tell = tell;
    this.#connection = Fresh.start<number>(plan.uri, this.#module(), 0, {
      ...plan.options,
      // The input is held back while nothing is open, so nothing of it is ever dropped for want of room or for its age.
      outbox: {
        maxMessages: Number.POSITIVE_INFINITY,
        maxBytes: Number.POSITIVE_INFINITY,
        maxAge: Number.POSITIVE_INFINITY,
      },
      onDrop: () => {
        this.#unsent += 1;
      },
      // Ends and errors are told by the callbacks, each once.
      errorLogging: false,
      infoLogging: false,
      logger: { error: () => {}, info: () => {}, debug: (fields) => this.#progress(fields) },
    });
    this.ended = this.#connection.exited.then((reason) => this.#finish(reason));
  }

  /** Ends the session for this cause, in an orderly way; the first cause counts, but for a signal, which always does. */
  end(verdict: Verdict, reason: ExitReason = "normal"): void {
    if (this.#verdict !== undefined && verdict.cause !== "interrupted") return;
    this.#verdict = verdict;
    this.#silence?.stop();
    if (this.#connection.isOpen) this.#tell({ type: "closing" });
    void this.#connection.stop(reason);
  }

  /** Sends lines as they come, until their end or the session's. Rejects when they can't be read. */
  async feed(lines: AsyncIterable<InputLine>): Promise<void> {
    let input: "empty" | "lines" = "empty";
    let queued = 0;
    for await (const line of lines) {
      if (this.#verdict !== undefined) return;
      input = "lines";
      if ("fault" in line) {
        this.#unsent += 1;
        this.#tell({ type: "unsent", lines: 1, why: line.fault });
        continue;
      }
      this.#connection.send(text(line.text));
      queued = this.#connection.isOpen ? 0 : queued + 1;
      if (queued >= MAX_QUEUED_LINES || this.#connection.bufferedAmount > MAX_BUFFERED) await this.#allSent();
    }
    const linger = this.#plan.lingerAfter(input);
    if (linger === Number.POSITIVE_INFINITY || !(await this.#allSent())) return;
    this.#silence = new Silence(linger, () => this.end({ code: EXIT_DONE, cause: "input_ended" }));
    if (this.#hearing === "held") this.#silence.suspend();
  }

  // Whether the connection lives to see it: all that was sent has been given to the system.
  async #allSent(): Promise<boolean> {
    const connection = this.#connection;
    while (this.#verdict === undefined && connection.status !== "terminated") {
      try {
        await connection.opened();
        await connection.drain();
        if (connection.isOpen) return true;
      } catch {
        // The connection was lost with something unsent, which handleError tells; or it has terminated.
      }
    }
    return false;
  }

  #module() {
    return Fresh.define<number>("connect", {
      handleConnect: (_status, _headers, count, { protocol, extensions, attempt }): GenericResponse<number> => {
        this.#tell({ type: "open", protocol, extensions, attempt });
        return ok(count);
      },
      handleIn: (frame, count) => this.#message(frame, count),
      handleControl: (frame, count) => this.#control(frame, count),
      handleDisconnect: (code, reason, count) => {
        this.#tell({ type: "close", code, reason });
        const clean = code === undefined || code === 1000;
        return this.#afterEnd({ code: clean ? EXIT_DONE : EXIT_FAILED, cause: "closed" }, count);
      },
      handleError: (error, count) => this.#failed(error, count),
    });
  }

  #message(frame: DataFrame, count: number): GenericResponse<number> | Promise<GenericResponse<number>> {
    // What still arrives after our close frame is told too, but never more than was asked for.
    if (count >= this.#plan.maxMessages) return ok(count);
    const told =
      frame.type === "text"
        ? this.#tell({ type: "message", data: frame.data })
        : this.#tell({ type: "binary", data: frame.data });
    const next = ok(count + 1);
    if (next.state >= this.#plan.maxMessages) this.end({ code: EXIT_DONE, cause: "max_messages" });
    if (told === undefined) {
      this.#silence?.broken();
      return next;
    }
    this.#hearing = "held";
    this.#silence?.suspend();
    return told.then(() => {
      this.#hearing = "free";
      this.#silence?.broken();
      return next;
    });
  }

  #control(frame: ControlFrame, count: number): GenericResponse<number> | Promise<GenericResponse<number>> {
    const told = this.#tell({ type: frame.type, data: frame.data });
    return told === undefined ? ok(count) : told.then(() => ok(count));
  }

  #failed(error: FreshError, count: number): ConnectionResponse<number> {
    this.#tell({ type: "error", error });
    // Neither ends the connection; the second says that something we sent is lost.
    if (error.kind === "encoding_failed" || error.kind === "casting_failed") {
      this.#unsent += 1;
      return ignore(count);
    }
    return this.#afterEnd({ code: EXIT_FAILED, cause: "failed" }, count);
  }

  #afterEnd(verdict: Verdict, count: number): ConnectionResponse<number> {
    if (this.#plan.afterEnd === "reconnect" && this.#silence === undefined) return reconnect(count);
    this.#verdict ??= verdict;
    return stop();
  }

  // Attempts and waits have no callback; the logger is told of them.
  #progress(fields: Readonly<Record<string, unknown>>): void {
    if (typeof fields.uri === "string") {
      this.#tell({ type: "connecting", uri: fields.uri, attempt: Number(fields.attempt) });
    } else if (typeof fields.wait === "number") {
      this.#tell({ type: "waiting", wait: fields.wait });
    }
  }

  #finish(reason: ExitReason): Verdict {
    this.#silence?.stop();
    // A fault of this command itself.
    if (typeof reason === "object" && "error" in reason) throw reason.error;
    const verdict = this.#verdict ?? { code: EXIT_FAILED, cause: "failed" };
    const { terminated } = this.#connection.stats.dropped;
    if (terminated > 0) this.#tell({ type: "unsent", lines: terminated, why: "the command ended first." });
    // All of the input is what was asked for, unless an end before it was.
    const complete = this.#unsent === 0 || (verdict.cause !== "input_ended" && verdict.cause !== "closed");
    return complete ? verdict : { ...verdict, code: EXIT_FAILED };
  }
}
