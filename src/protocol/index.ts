/** The `everfresh/protocol` entry: RFC 6455 with no I/O, both roles. */
export { Engine, type EngineOptions, type SendFault } from "./engine.ts";
export type { ProtocolEvent, Violation, ViolationCloseCode, ViolationReason } from "./event.ts";
