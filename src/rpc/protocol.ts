/**
 * What a request/response protocol is to this layer: a reader of frames, and a maker of requests. Any protocol will do that says
 * somewhere in an answer which request it answers.
 */
import type { Connection, DataFrame, FrameLike } from "../index.ts";
import type { RpcError } from "./errors.ts";

/** What a request and its answer have in common. Compared as a Map compares its keys. */
export type CallId = string | number | bigint;

/** Methods that nothing is known of. */
export type AnyMethods = Readonly<Record<string, (params?: unknown) => unknown>>;

/** What `call` takes behind the method's name, of a method that is written as a function: `add(params: [number, number]): number`. */
export type CallArguments<Method, Options> = Method extends (...args: infer Params) => unknown
  ? Params extends readonly []
    ? [params?: undefined, options?: Options]
    : [] extends Params
      ? [params?: Params[0], options?: Options]
      : [params: Params[0], options?: Options]
  : never;

/** What a method answers. */
export type CallResult<Method> = Method extends (...args: never[]) => infer Result ? Awaited<Result> : never;

/**
 * A protocol. `Message` is what it reads from a frame, once, for all that look at it; `Methods` a map of what may be called, as functions.
 */
export interface RpcProtocol<Message, Methods = AnyMethods, Id extends CallId = number> {
  /** Only a type: it carries the map of methods to `call`. Never set. */
  readonly methods?: Methods;
  /**
   * Reads a frame. Of one that isn't this protocol's it gives undefined or throws; that one goes to the module's handleIn. Called for each
   * frame while there are calls, subscriptions or handlers, and else not at all.
   */
  read(frame: DataFrame): Message | undefined;
  /** The id of the request that this message answers; undefined when it is no answer. */
  correlate(message: Message): CallId | undefined;
  /** The result that an answer carries. What it throws rejects the call: an RpcError, say. */
  answer(message: Message): unknown;
  /** The frame of a request. What it throws rejects the call, which isn't sent then. */
  request(id: Id, method: string, params: unknown): FrameLike;
  /** The frame of a message that wants no answer; without it, `notify` can't be used. */
  notification?(method: string, params: unknown): FrameLike;
  /** What a server asks or tells by itself; undefined when a message is neither. Only called if there are handlers. */
  incoming?(message: Message): Incoming | undefined;
  /** The nth request's id, from 1; default n itself. An id that is in use is passed over, so a narrow counter may wrap. */
  id?(count: number): Id;
}

/** A request or notification of the server. */
export type Incoming = {
  readonly method: string;
  readonly params: unknown;
  /** The frame of the answer; absent when none is wanted. */
  readonly respond?: (outcome: Outcome) => FrameLike;
};

export type Outcome = { readonly result: unknown } | { readonly error: RpcError };

/** Answers a server's request: its result, or a promise of it. An RpcError thrown is the answer's error. */
export type Handler = (params: unknown, connection: Connection<unknown>) => unknown;

export type Handlers = Readonly<Record<string, Handler>>;
