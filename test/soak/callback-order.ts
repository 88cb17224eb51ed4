/**
 * The order of a connection's callbacks, judged while it runs: what docs/semantics.md says of attempts and their ends, without a look at what the
 * library thinks of itself, but for its count of attempts.
 */
import type { CallbackName, Callbacks, Connection } from "../../src/behaviour.ts";
import type { FreshError } from "../../src/index.ts";

/** Kinds of errors that tell of frames, and end no attempt. */
const NO_END = new Set(["encoding_failed", "casting_failed"]);

type Counted = Pick<Connection, "stats">;

export class CallbackOrder {
  /** How often each was called, and how often handleError for each kind. */
  readonly calls: Record<string, number> = {};
  /** Attempts that have ended with handleDisconnect or handleError. */
  ends = 0;
  readonly #violated: (sentence: string) => void;
  readonly #replaces: boolean;
  #connected = false;
  #running: CallbackName | undefined;
  #terminated = false;
  #opens = 0;
  #replacements = 0;

  /** `replaces`: the connection may be replaced, and attempts that replace nothing in the end have no ending of their own. */
  constructor(replaces: boolean, violated: (sentence: string) => void) {
    this.#replaces = replaces;
    this.#violated = violated;
  }

  begin(callback: CallbackName, self: Counted, error?: FreshError): void {
    this.calls[callback] = (this.calls[callback] ?? 0) + 1;
    if (error !== undefined) this.calls[error.kind] = (this.calls[error.kind] ?? 0) + 1;
    if (this.#terminated) this.#fault(`${callback} came after handleTerminate`);
    if (this.#running !== undefined && callback !== "handleTerminate") {
      this.#fault(`${callback} came while ${this.#running} was pending`);
    }
    this.#running = callback;
    switch (callback) {
      case "handleConnect":
        this.#connect(self);
        return;
      case "handleIn":
      case "handleControl":
        if (!this.#connected) this.#fault(`${callback} came without a connection`);
        return;
      case "handleDisconnect":
        this.#end(self, callback);
        return;
      case "handleError":
        if (error !== undefined && !NO_END.has(error.kind)) this.#end(self, `handleError (${error.kind})`);
        return;
      case "handleTerminate":
        this.#terminated = true;
        return;
      case "handleInfo":
        return;
    }
  }

  /** The callback has answered. */
  done(): void {
    this.#running = undefined;
  }

  #connect(self: Counted): void {
    const { opens, replacements } = self.stats;
    this.#opens += 1;
    if (this.#connected && replacements === this.#replacements) this.#fault("handleConnect came twice");
    if (opens !== this.#opens) this.#fault(`handleConnect came ${this.#opens} times for ${opens} opens`);
    this.#replacements = replacements;
    this.#connected = true;
  }

  #end(self: Counted, callback: string): void {
    const { attempts, replacements } = self.stats;
    this.ends += 1;
    const most = attempts - replacements;
    if (this.#replaces ? this.ends > most : this.ends !== most) {
      this.#fault(`${callback} is ending ${this.ends} of ${attempts} attempts and ${replacements} replacements`);
    }
    this.#connected = false;
  }

  #fault(sentence: string): void {
    this.#violated(`callbacks: ${sentence}`);
  }
}

/** The same callbacks, their order judged. */
export function watched<S>(callbacks: Callbacks<S>, order: CallbackOrder): Callbacks<S> {
  const through = <R>(answer: R): R => {
    if (answer instanceof Promise) answer.finally(() => order.done());
    else order.done();
    return answer;
  };
  return {
    handleConnect(status, headers, state, self) {
      order.begin("handleConnect", self);
      return through(callbacks.handleConnect(status, headers, state, self));
    },
    handleControl(frame, state, self) {
      order.begin("handleControl", self);
      return through(callbacks.handleControl(frame, state, self));
    },
    handleIn(frame, state, self) {
      order.begin("handleIn", self);
      return through(callbacks.handleIn(frame, state, self));
    },
    handleInfo(message, state, self) {
      order.begin("handleInfo", self);
      return through(callbacks.handleInfo(message, state, self));
    },
    handleDisconnect(code, reason, state, self) {
      order.begin("handleDisconnect", self);
      return through(callbacks.handleDisconnect(code, reason, state, self));
    },
    handleError(error, state, self) {
      order.begin("handleError", self, error);
      return through(callbacks.handleError(error, state, self));
    },
    handleTerminate(reason, state, self) {
      order.begin("handleTerminate", self);
      callbacks.handleTerminate(reason, state, self);
    },
  };
}
