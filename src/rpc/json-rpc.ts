/**
 * JSON-RPC 2.0 (https://www.jsonrpc.org/specification) over text frames, a message a frame. Batches aren't sent; one that
 * comes goes to the module, as everything does that is no JSON-RPC 2.0.
 */
import type { DataFrame } from "../index.ts";
import { RpcError } from "./errors.ts";
import type { AnyMethods, CallId, Incoming, Outcome, RpcProtocol } from "./protocol.ts";

/** By position or by name (section 4.2). */
export type JsonRpcParameters = readonly unknown[] | Readonly<Record<string, unknown>>;

/** A message as JSON has it: of an answer, exactly one of `result` and `error` is there; of a request or notification, `method`. */
export type JsonRpcMessage = {
  readonly jsonrpc: "2.0";
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: JsonRpcParameters;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
};

/** "Invalid JSON-RPC" has no code for an answer that can't be read; this one is of the range left to implementations. */
const UNREADABLE_ANSWER = -32000;

/**
 * JSON-RPC 2.0 for `createRpc`. `Methods` types its calls: a map of functions, each with at most one parameter.
 * @example createRpc(jsonRpc<{ subtract(params: [number, number]): number }>())
 */
export function jsonRpc<Methods = AnyMethods>(): RpcProtocol<JsonRpcMessage, Methods, number> {
  return {
    read,
    correlate: ({ id, method }) => (method === undefined && id !== null ? id : undefined),
    answer,
    request: (id, method, params) => JSON.stringify({ jsonrpc: "2.0", id, method, ...named(params) }),
    notification: (method, params) => JSON.stringify({ jsonrpc: "2.0", method, ...named(params) }),
    incoming,
  };
}

function named(params: unknown): { readonly params?: unknown } {
  if (params === undefined) return {};
  if (typeof params === "object" && params !== null) return { params };
  throw new TypeError(
    "JSON-RPC takes parameters as an array or an object (section 4.2), or none. Wrap a single value: [value].",
  );
}

function read(frame: DataFrame): JsonRpcMessage | undefined {
  // Some servers send JSON in binary frames.
  const data = frame.type === "text" ? frame.data : new TextDecoder().decode(frame.data);
  const message: unknown = JSON.parse(data);
  if (typeof message !== "object" || message === null) return undefined;
  return (message as { jsonrpc?: unknown }).jsonrpc === "2.0" ? (message as JsonRpcMessage) : undefined;
}

function answer(message: JsonRpcMessage): unknown {
  const { error } = message;
  if (error === undefined || error === null) {
    if ("result" in message) return message.result;
    throw new RpcError(UNREADABLE_ANSWER, "The server's answer has neither a result nor an error.", message);
  }
  if (typeof error.code !== "number") {
    throw new RpcError(UNREADABLE_ANSWER, "The server's answer has an error without a code.", message);
  }
  throw new RpcError(error.code, String(error.message), error.data);
}

function incoming({ id, method, params }: JsonRpcMessage): Incoming | undefined {
  if (typeof method !== "string") return undefined;
  return id === undefined ? { method, params } : { method, params, respond: (outcome) => response(id, outcome) };
}

function response(id: CallId | null, outcome: Outcome): string {
  if ("result" in outcome) return JSON.stringify({ jsonrpc: "2.0", id, result: outcome.result ?? null });
  const { code, message, data } = outcome.error;
  return JSON.stringify({ jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } });
}
