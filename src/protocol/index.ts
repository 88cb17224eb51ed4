/** The `everfresh/protocol` entry: RFC 6455 with no I/O, both roles. */
export type { Role } from "./decoder.ts";
export { Engine, type EngineOptions, type SendFault } from "./engine.ts";
export type { ProtocolEvent, Violation, ViolationCloseCode, ViolationReason } from "./event.ts";
export {
  type HandshakeExpectation,
  type HandshakeRefusalReason,
  type HandshakeRequest,
  type HandshakeResult,
  requestHeaders,
  subprotocolsFault,
  validateResponse,
} from "./handshake-client.ts";
export { acceptKeyOf, createKey } from "./handshake-key.ts";
export { type RequestResult, responseHeaders, type UpgradeRequest, validateRequest } from "./handshake-server.ts";
export { type ExtensionEntry, extensionsOf, type HeaderField, isToken, tokensOf, valuesOf } from "./header-field.ts";
