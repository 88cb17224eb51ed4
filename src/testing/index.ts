/** The `everfresh/testing` entry: a scripted server, a fault proxy, histories of callbacks, a fake clock. The manual is docs/testing.md. */
// Declarations mention node's types, which TypeScript 6 loads only where they are named.
/// <reference types="node" preserve="true" />
export type { Attempt, AttemptEnd } from "./attempts.ts";
export type { ExpectedCall } from "./call-lines.ts";
export {
  type CallArguments,
  type CallHistory,
  type CallOutcome,
  type ConnectionHistory,
  connectionHistory,
  type HistoryCall,
  type HistoryOptions,
} from "./connection-history.ts";
export { PeerError, type PeerErrorReason, ScriptError } from "./errors.ts";
export { FakeClock, type FakeClockOptions, type RunOptions } from "./fake-clock.ts";
export type {
  Amount,
  DrawnFault,
  Fault,
  FaultDirection,
  FaultedConnections,
  FaultPhase,
  FaultPlan,
  FaultRule,
  FaultTrigger,
  FaultType,
  InjectedFrame,
} from "./fault.ts";
export { checkFaultPlan, FaultPlanError, parseFaultPlan } from "./fault-plan.ts";
export { type FaultDone, FaultProxy, type FaultProxyOptions, type FaultRecord } from "./fault-proxy.ts";
export type { Automatic } from "./frame-stream.ts";
export type { AcceptOptions, Peer, PeerEvent, WaitOptions } from "./peer.ts";
export type { PeerEnd } from "./peer-end.ts";
export { playing } from "./playing.ts";
export type { ConnectionEvent, ProxiedConnection } from "./proxied-connection.ts";
export { closePayload, type RawFrame, rawFrame } from "./raw-frame.ts";
export type { RequestHead } from "./request-head.ts";
export type { Refusal, ResponseChanges } from "./response.ts";
export { accepting, echo, refusing, type Script } from "./scripts.ts";
export { seededRandom } from "./seeded-random.ts";
export { TestServer, type TestServerOptions } from "./test-server.ts";
