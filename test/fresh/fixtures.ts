/**
 * What the tests of the public API share: a module that records its calls, a logger that keeps its lines, and options
 * under which nothing takes long.
 */
import { type Callbacks, type Connection, DEFAULT_CALLBACKS } from "../../src/behaviour.ts";
import {
  type ControlFrame,
  type DataFrame,
  type ExitReason,
  Fresh,
  type FreshError,
  type FreshModule,
  type Logger,
  type Options,
} from "../../src/index.ts";
import { Ledger } from "./ledger.ts";

/** What each callback is given besides the state and the connection. */
type Given = {
  readonly handleConnect: readonly [status: number, headers: Headers];
  readonly handleControl: readonly [frame: ControlFrame];
  readonly handleIn: readonly [frame: DataFrame];
  readonly handleInfo: readonly [message: unknown];
  readonly handleDisconnect: readonly [code: number | undefined, reason: string | undefined];
  readonly handleError: readonly [error: FreshError];
  readonly handleTerminate: readonly [reason: ExitReason];
};
type Name = keyof Given;

export type Call<S, N extends Name = Name> = N extends Name
  ? { readonly callback: N; readonly given: Given[N]; readonly state: S; readonly self: Connection<S> }
  : never;

/** A module whose every call is kept; where it is given no callback of its own it answers as a module without it does. */
export class Recorder<S> {
  readonly module: FreshModule<S>;
  readonly calls = new Ledger<Call<S>>(describeCall<S>);

  constructor(callbacks: Partial<Callbacks<S>> = {}, name = "Recorder") {
    const answers: Callbacks<S> = { ...(DEFAULT_CALLBACKS as unknown as Callbacks<S>), ...callbacks };
    const keep = <N extends Name>(callback: N, state: S, self: Connection<S>, ...given: Given[N]): void =>
      this.calls.add({ callback, given, state, self } as unknown as Call<S>);
    this.module = Fresh.define<S>(name, {
      handleConnect(status, headers, state, self) {
        keep("handleConnect", state, self, status, headers);
        return answers.handleConnect(status, headers, state, self);
      },
      handleControl(frame, state, self) {
        keep("handleControl", state, self, frame);
        return answers.handleControl(frame, state, self);
      },
      handleIn(frame, state, self) {
        keep("handleIn", state, self, frame);
        return answers.handleIn(frame, state, self);
      },
      handleInfo(message, state, self) {
        keep("handleInfo", state, self, message);
        return answers.handleInfo(message, state, self);
      },
      handleDisconnect(code, reason, state, self) {
        keep("handleDisconnect", state, self, code, reason);
        return answers.handleDisconnect(code, reason, state, self);
      },
      handleError(error, state, self) {
        keep("handleError", state, self, error);
        return answers.handleError(error, state, self);
      },
      handleTerminate(reason, state, self) {
        keep("handleTerminate", state, self, reason);
        return answers.handleTerminate(reason, state, self);
      },
    });
  }

  /** The calls in words: `handleConnect 101`, `handleIn text "a"`, `handleDisconnect 1000 bye`. */
  get lines(): readonly string[] {
    return this.calls.lines;
  }

  /** The states that the calls were given. */
  get states(): readonly S[] {
    return this.calls.entries.map(({ state }) => state);
  }

  /** The how-manyth call of a callback, from 1, as soon as it is made. */
  call<N extends Name>(callback: N, number = 1): Promise<Call<S, N>> {
    return this.calls.nth(
      number,
      (call): call is Call<S> & Call<S, N> => call.callback === callback,
      `${callback} of the module`,
    );
  }

  /** The calls of one callback so far. */
  all<N extends Name>(callback: N): readonly Call<S, N>[] {
    return this.calls.entries.filter((call): call is Call<S> & Call<S, N> => call.callback === callback);
  }
}

function describeCall<S>(call: Call<S>): string {
  switch (call.callback) {
    case "handleConnect":
      return `handleConnect ${call.given[0]}`;
    case "handleControl":
      return `handleControl ${call.given[0].type} ${JSON.stringify(Buffer.from(call.given[0].data).toString())}`;
    case "handleIn": {
      const [frame] = call.given;
      return frame.type === "text"
        ? `handleIn text ${JSON.stringify(frame.data.length > 200 ? `${frame.data.slice(0, 200)}...` : frame.data)}`
        : `handleIn binary ${frame.data.length}`;
    }
    case "handleInfo":
      return `handleInfo ${JSON.stringify(call.given[0])}`;
    case "handleDisconnect":
      return `handleDisconnect ${call.given[0] ?? "-"} ${call.given[1] ?? "-"}`;
    case "handleError":
      return `handleError ${call.given[0].kind} ${call.given[0].reason}`;
    case "handleTerminate":
      return `handleTerminate ${typeof call.given[0] === "string" ? call.given[0] : JSON.stringify(call.given[0])}`;
  }
}

export type LogLine = {
  readonly level: "error" | "info" | "debug";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
};

/** A logger that keeps its lines. */
export class Log implements Logger {
  readonly lines: LogLine[] = [];
  readonly error: Logger["error"] = (fields, message) => this.lines.push({ level: "error", fields, message });
  readonly info: Logger["info"] = (fields, message) => this.lines.push({ level: "info", fields, message });
  readonly debug = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    this.lines.push({ level: "debug", fields, message });
  };

  /** The messages of one level. */
  messages(level: LogLine["level"]): readonly string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }
}

/** Options under which a test is quiet and doesn't wait: no console, hardly a backoff, short ends. */
export const QUICK = {
  logger: { error: () => undefined, info: () => undefined },
  backoffInitial: 1,
  backoffMax: 5,
  backoffJitter: "none",
  closeTimeout: 500,
} as const satisfies Options;

/** Starts a recorder's module, quick and quiet unless the options say otherwise. */
export function launch<S>(
  uri: { readonly url: string } | string,
  { module }: Recorder<S>,
  state: S,
  options: Options<S> = {},
): Connection<S> {
  return module.start({ uri: typeof uri === "string" ? uri : uri.url, state, options: { ...QUICK, ...options } });
}

/** A promise that a test settles itself. */
export function gate<T = void>(): { readonly promise: Promise<T>; readonly open: (value: T) => void } {
  let open!: (value: T) => void;
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
