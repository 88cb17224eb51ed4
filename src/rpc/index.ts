/** The `everfresh/rpc` entry: calls with answers, and subscriptions that outlive connections. Its guide is docs/rpc.md. */
export type { CallOptions } from "./call.ts";
export type { RpcStats } from "./calls.ts";
export {
  CallError,
  CallNotSentError,
  type CallNotSentReason,
  CallTimeoutError,
  ConnectionLostError,
  ForeignConnectionError,
  RpcError,
  type Sent,
  SubscriptionOverflowError,
  SubscriptionRefusedError,
  TooManyCallsError,
} from "./errors.ts";
export { type JsonRpcMessage, type JsonRpcParameters, jsonRpc } from "./json-rpc.ts";
export type { RpcOptions } from "./options.ts";
export type {
  AnyMethods,
  CallArguments,
  CallId,
  CallResult,
  Handler,
  Handlers,
  Incoming,
  Outcome,
  RpcProtocol,
} from "./protocol.ts";
export { createRpc, type Rpc } from "./rpc.ts";
export type {
  Gap,
  SubscribeOptions,
  Subscription,
  SubscriptionEnd,
  SubscriptionEvent,
  SubscriptionStatus,
} from "./subscribing.ts";
