/**
 * What a module's callbacks went through: which ran, with what, on which state, what they answered, and which attempts that makes.
 *
 *     const history = connectionHistory(Counter);                      // a FreshModule, or plain callbacks
 *     const client = history.module.start({ uri: server.url, state: 0 });
 *     await history.next("handleConnect");                             // as soon as it has answered
 *     history.assertCalls(["handleConnect", ["handleIn", { data: "1" }]]);
 */
import { AssertionError } from "node:assert";
import {
  CALLBACK_NAMES,
  type CallbackName,
  type Callbacks,
  type Connection,
  DEFAULT_CALLBACKS,
  type FreshModule,
} from "../behaviour.ts";
import { Fresh } from "../fresh.ts";
import { type Attempt, attemptsOf } from "./attempts.ts";
import { compareCalls, describeCall, type ExpectedCall } from "./call-lines.ts";
import { startWait, type Wait } from "./wait.ts";

/** What a callback gets, without the state and the connection. */
export type CallArguments<S, Name extends CallbackName> =
  Parameters<Callbacks<S>[Name]> extends [...infer Arguments, S, Connection<S>] ? Arguments : never;

/** What became of a call: under way, answered, or thrown, which terminates the connection. */
export type CallOutcome<Response> =
  | { readonly type: "pending" }
  | { readonly type: "answered"; readonly response: Response }
  | { readonly type: "threw"; readonly error: unknown };

/** One call of a callback. */
export type HistoryCall<S, Name extends CallbackName = CallbackName> = Name extends CallbackName
  ? {
      /** The id of the connection. */
      readonly connection: string;
      readonly name: Name;
      readonly arguments: CallArguments<S, Name>;
      /** The state before it. */
      readonly state: S;
      readonly outcome: CallOutcome<Awaited<ReturnType<Callbacks<S>[Name]>>>;
    }
  : never;

export type HistoryOptions = {
  /** ms that next() and until() wait. Default 5000. */
  readonly timeout?: number;
  /** How many calls are kept, the newest. Default 10 000. */
  readonly limit?: number;
};

/** The calls of all connections of a module, or of one of them. */
export interface CallHistory<S> {
  /** Oldest first. */
  readonly calls: readonly HistoryCall<S>[];
  /** The names of these. */
  readonly names: readonly CallbackName[];
  /** What the calls say of attempts: of each, whether it came to be open, and how it ended. Attempts that nothing has been heard of aren't in it. */
  readonly attempts: readonly Attempt[];
  /**
   * The next call of this name that has answered, or thrown, and that no next() has given before. Calls before it are passed over. Rejects with an
   * AssertionError when none comes in time.
   */
  next<Name extends CallbackName>(name: Name, options?: { readonly timeout?: number }): Promise<HistoryCall<S, Name>>;
  /** Resolves as soon as the predicate says so; it is asked now and after each change. Rejects with an AssertionError when that takes too long. */
  until(
    predicate: (calls: readonly HistoryCall<S>[]) => boolean,
    options?: { readonly timeout?: number },
  ): Promise<void>;
  /**
   * Asserts that exactly these calls ran, in this order. Each is a name, or `[name, ...arguments]`, of which as many are compared as are given; of objects,
   * the properties that are given. @throws AssertionError, which shows both lists side by side
   */
  assertCalls(expected: readonly ExpectedCall[]): void;
}

/** The history of a module. */
export interface ConnectionHistory<S> extends CallHistory<S> {
  /** The module to start connections with. It does what the given one does. */
  readonly module: FreshModule<S>;
  /** The ids of the connections that have been heard of, in the order in which they were. */
  readonly connections: readonly string[];
  /** The calls of one connection, with a next() of its own. */
  of(connection: Connection<S> | string): CallHistory<S>;
}

/** Records what the callbacks of all connections of `history.module` go through. */
export function connectionHistory<S>(
  module: FreshModule<S> | Partial<Callbacks<S>>,
  options: HistoryOptions = {},
): ConnectionHistory<S> {
  return new History(module, options);
}

type MutableCall<S> = { -readonly [Key in keyof HistoryCall<S>]: HistoryCall<S>[Key] };

/** A part of the calls, with a place up to which next() has gone. */
class View<S> implements CallHistory<S> {
  readonly #timeout: number;
  readonly #limit: number;
  readonly #waits = new Set<() => void>();
  #calls: HistoryCall<S>[] = [];
  /** Calls that next() has passed. */
  #next = 0;

  constructor({ timeout = 5000, limit = 10_000 }: HistoryOptions) {
    this.#timeout = timeout;
    this.#limit = limit;
  }

  get calls(): readonly HistoryCall<S>[] {
    return [...this.#calls];
  }

  get names(): readonly CallbackName[] {
    return this.#calls.map(({ name }) => name);
  }

  get attempts(): readonly Attempt[] {
    return attemptsOf(this.#calls);
  }

  add(call: HistoryCall<S>): void {
    this.#calls.push(call);
    if (this.#calls.length > this.#limit) {
      this.#calls.shift();
      this.#next = Math.max(0, this.#next - 1);
    }
    this.changed();
  }

  /** A call has come, or has answered. */
  changed(): void {
    for (const look of [...this.#waits]) look();
  }

  async next<Name extends CallbackName>(
    name: Name,
    { timeout = this.#timeout }: { readonly timeout?: number } = {},
  ): Promise<HistoryCall<S, Name>> {
    const found = await this.#wait(() => this.#take(name), timeout, `a ${name}`);
    return found as HistoryCall<S, Name>;
  }

  async until(
    predicate: (calls: readonly HistoryCall<S>[]) => boolean,
    { timeout = this.#timeout }: { readonly timeout?: number } = {},
  ): Promise<void> {
    await this.#wait(() => (predicate(this.calls) ? true : undefined), timeout, "what it was to see");
  }

  assertCalls(expected: readonly ExpectedCall[]): void {
    const difference = compareCalls(this.#calls, expected);
    if (difference === undefined) return;
    throw new AssertionError({
      message: difference,
      actual: this.#calls.map(describeCall),
      expected,
      operator: "assertCalls",
      stackStartFn: this.assertCalls,
    });
  }

  #take(name: CallbackName): HistoryCall<S> | undefined {
    for (let index = this.#next; index < this.#calls.length; index += 1) {
      const call = this.#calls[index] as HistoryCall<S>;
      if (call.name !== name || call.outcome.type === "pending") continue;
      this.#next = index + 1;
      return call;
    }
    return undefined;
  }

  #wait<T>(look: () => T | undefined, timeout: number, what: string): Promise<T> {
    const found = look();
    if (found !== undefined) return Promise.resolve(found);
    const wait: Wait<T> = startWait<T>(timeout, () => {
      this.#waits.delete(again);
      return new AssertionError({ message: this.#notSeen(timeout, what), operator: "history" });
    });
    const again = () => {
      try {
        const seen = look();
        if (seen === undefined) return;
        wait.resolve(seen);
      } catch (error) {
        wait.reject(error as Error);
      }
      this.#waits.delete(again);
    };
    this.#waits.add(again);
    return wait.promise;
  }

  #notSeen(timeout: number, what: string): string {
    const ran =
      this.#calls.length === 0
        ? " no callback ran."
        : `\n${this.#calls.map((call) => `    ${describeCall(call)}`).join("\n")}`;
    return `The history waited ${timeout} ms for ${what}, and it didn't come. So far:${ran}`;
  }
}

class History<S> extends View<S> implements ConnectionHistory<S> {
  readonly module: FreshModule<S>;
  readonly #options: HistoryOptions;
  readonly #views = new Map<string, View<S>>();

  constructor(module: FreshModule<S> | Partial<Callbacks<S>>, options: HistoryOptions) {
    super(options);
    this.#options = options;
    const isModule = "callbacks" in module;
    const callbacks = isModule ? module.callbacks : module;
    const recording = Object.fromEntries(CALLBACK_NAMES.map((name) => [name, this.#recording(name, callbacks)]));
    this.module = Fresh.define<S>(isModule ? module.name : "Recorded", recording as Partial<Callbacks<S>>);
  }

  get connections(): readonly string[] {
    return [...this.#views].filter(([, view]) => view.calls.length > 0).map(([id]) => id);
  }

  of(connection: Connection<S> | string): View<S> {
    const id = typeof connection === "string" ? connection : connection.id;
    const known = this.#views.get(id);
    if (known !== undefined) return known;
    const view = new View<S>(this.#options);
    this.#views.set(id, view);
    return view;
  }

  // A callback that answers at once does so still: a promise more would change the order of things.
  #recording(name: CallbackName, callbacks: Partial<Callbacks<S>>) {
    const own = (callbacks[name] ?? DEFAULT_CALLBACKS[name]) as (...values: readonly unknown[]) => unknown;
    return (...values: readonly unknown[]): unknown => {
      const [state, self] = values.slice(-2) as [S, Connection<S>];
      const call = {
        connection: self.id,
        name,
        arguments: values.slice(0, -2),
        state,
        outcome: { type: "pending" },
      } as unknown as MutableCall<S>;
      const view = this.of(self);
      this.add(call as HistoryCall<S>);
      view.add(call as HistoryCall<S>);
      const settle = (outcome: CallOutcome<unknown>) => {
        call.outcome = outcome as MutableCall<S>["outcome"];
        this.changed();
        view.changed();
      };
      try {
        const response = own.apply(callbacks, [...values]);
        if (!isPromise(response)) {
          settle({ type: "answered", response });
          return response;
        }
        return response.then(
          (value) => {
            settle({ type: "answered", response: value });
            return value;
          },
          (error: unknown) => {
            settle({ type: "threw", error });
            throw error;
          },
        );
      } catch (error) {
        settle({ type: "threw", error });
        throw error;
      }
    };
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
