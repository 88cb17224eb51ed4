/**
 * The front door of `everfresh/rpc`: `createRpc` makes of a protocol the functions that call, subscribe and define modules.
 *
 * It is a user of the library like any other: it sees a connection through the callbacks of a module, and sends through `send`.
 */
import { type Callbacks, type Connection, type ConnectionRef, Fresh, type FreshModule } from "../index.ts";
import type { CallOptions } from "./call.ts";
import type { RpcStats } from "./calls.ts";
import { ForeignConnectionError } from "./errors.ts";
import { type RpcOptions, resolveRpcOptions } from "./options.ts";
import type { AnyMethods, CallArguments, CallId, CallResult, RpcProtocol } from "./protocol.ts";
import { Session } from "./session.ts";
import type { SubscribeOptions, Subscription } from "./subscribing.ts";
import { wrapCallbacks } from "./wrapped-module.ts";

export interface Rpc<Message, Methods = AnyMethods> {
  /**
   * Makes a module, as `Fresh.define` does, on whose connections calls can be made. Its handleIn gets what answers no call, belongs to
   * no subscription and has no handler.
   * @throws TypeError as Fresh.define does
   */
  define<S>(name: string, callbacks: Partial<Callbacks<S>>): FreshModule<S>;
  /**
   * Calls a method and resolves with its answer. While the connection isn't open the call waits, within its timeout. A callback must not
   * await it: its answer is handled when the callback is done.
   *
   * Rejects with what the protocol's `answer` throws (RpcError), CallTimeoutError, ConnectionLostError, CallNotSentError,
   * TooManyCallsError, the signal's reason, NoSuchConnectionError, ForeignConnectionError, or InvalidOptionError.
   */
  call<Name extends keyof Methods & string>(
    ref: ConnectionRef,
    method: Name,
    ...args: CallArguments<Methods[Name], CallOptions>
  ): Promise<CallResult<Methods[Name]>>;
  /** Sends what wants no answer, under the same rules; resolves when it has been handed to the connection. */
  notify(
    ref: ConnectionRef,
    method: string,
    params?: unknown,
    options?: Omit<CallOptions, "idempotent">,
  ): Promise<void>;
  /**
   * Subscribes now or as soon as there is a connection, and again on each one that follows. Ends with `unsubscribe()`, with a refusal, and
   * with the connection's termination.
   * @throws NoSuchConnectionError, ForeignConnectionError, InvalidOptionError
   */
  subscribe<Params = unknown, Item = Message, Confirmation = unknown>(
    ref: ConnectionRef,
    options: SubscribeOptions<Message, Params, Item, Confirmation>,
  ): Subscription<Item>;
  /** With `ready: "told"`: the server knows who we are, on this connection. Everything that waited for it goes out. */
  ready(ref: ConnectionRef): void;
  /** What has become of the calls on this connection. */
  stats(ref: ConnectionRef): RpcStats;
}

/**
 * Makes of a protocol the functions that speak it. One serves any number of modules and connections.
 * @example const rpc = createRpc(jsonRpc<{ subtract(params: [number, number]): number }>(), { timeout: 5000 });
 * @throws InvalidOptionError
 */
export function createRpc<Message, Methods = AnyMethods, Id extends CallId = number>(
  protocol: RpcProtocol<Message, Methods, Id>,
  options?: RpcOptions,
): Rpc<Message, Methods> {
  const resolved = resolveRpcOptions(options);
  const modules = new WeakSet<object>();
  const sessions = new WeakMap<object, Session<Message, Id>>();

  const sessionOf = (connection: object): Session<Message, Id> => {
    const known = sessions.get(connection);
    if (known !== undefined) return known;
    const session = new Session<Message, Id>(connection as Connection<unknown>, protocol, resolved);
    sessions.set(connection, session);
    return session;
  };
  const find = (ref: ConnectionRef): Session<Message, Id> => {
    const connection = connectionOf(ref);
    if (!modules.has(connection.module)) throw new ForeignConnectionError(connection.module.name);
    return sessionOf(connection);
  };

  return {
    define(name, callbacks) {
      // The library says what is wrong with the callbacks; those of the wrapped module are all right.
      const plain = Fresh.define(name, callbacks);
      const module = Fresh.define(name, wrapCallbacks(plain.callbacks, sessionOf));
      modules.add(module);
      return module;
    },
    async call(ref, method, ...args) {
      const [params, callOptions = {}] = args as readonly [params?: unknown, options?: CallOptions];
      return (await find(ref).call(method, params, callOptions, "answer")) as CallResult<Methods[typeof method]>;
    },
    async notify(ref, method, params, callOptions = {}) {
      await find(ref).call(method, params, callOptions, "nothing");
    },
    subscribe: (ref, subscribeOptions) => find(ref).subscribe(subscribeOptions),
    ready: (ref) => find(ref).ready(),
    stats: (ref) => find(ref).stats,
  };
}

function connectionOf(ref: ConnectionRef): Connection<unknown> {
  // Throws for what refers to no connection, in the library's words.
  Fresh.isOpen(ref);
  return typeof ref === "object" && "send" in ref ? ref : (Fresh.whereis(ref) as Connection<unknown>);
}
