/** The `everfresh/protocol` entry: RFC 6455 with no I/O, both roles. */
export type { Role } from "./decoder.ts";
export type { PermessageDeflateOptions } from "./deflate/options.ts";
export { permessageDeflate } from "./deflate/permessage-deflate.ts";
export type { EncodeOptions } from "./encoder.ts";
export { Engine, type EngineOptions, type SendFault } from "./engine.ts";
export type { ExtensionFailure, ProtocolEvent, Violation, ViolationCloseCode, ViolationReason } from "./event.ts";
export {
  type Extension,
  type ExtensionAgreement,
  type ExtensionFault,
  type ExtensionOutput,
  type ExtensionParameters,
  type ExtensionRefusal,
  type ExtensionSession,
  type ExtensionSettings,
  type IncomingFrame,
  type OutgoingMessage,
  RSV1,
  RSV2,
  RSV3,
} from "./extension.ts";
export type { ExtensionStack } from "./extension-stack.ts";
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
export { agreeTo, answerTo, type NegotiationResult, offersOf } from "./negotiation.ts";
