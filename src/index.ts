/** The public names of `everfresh`; nothing else. */
// Declarations mention node's types, which TypeScript 6 loads only where they are named.
/// <reference types="node" preserve="true" />
export {
  type Callbacks,
  type Connection,
  type ConnectionRef,
  type ConnectionResponse,
  type ConnectionStatus,
  close,
  type FreshModule,
  type GenericResponse,
  ignore,
  type Options,
  ok,
  reconnect,
  reply,
  type SendResult,
  type StartArguments,
  stop,
} from "./behaviour.ts";
export type { Credential, CredentialWanted, FetchCredential } from "./connection/credential-store.ts";
export {
  AlreadyStartedError,
  CredentialError,
  type CredentialErrorReason,
  FreshError,
  type FreshErrorKind,
  type FreshErrorPhase,
  InvalidOptionError,
  InvalidUriError,
  NoSuchConnectionError,
  TerminatedError,
} from "./connection/errors.ts";
export type {
  Asking,
  Clock,
  ConnectionOptions,
  ConnectionStats,
  DropCause,
  HeadersInput,
  InboxOptions,
  Logger,
  Name,
  NameRegistry,
  OutboxOptions,
  Provider,
  SendOptions,
  Timer,
  UpgradeOptions,
} from "./connection/option-types.ts";
export { type Refreshable, type RefreshableOptions, refreshable } from "./connection/refreshable.ts";
export {
  type BinaryFrame,
  binary,
  type CloseFrame,
  type ControlFrame,
  type DataFrame,
  type Frame,
  type FrameLike,
  type PingFrame,
  type PongFrame,
  ping,
  pong,
  type TextFrame,
  text,
} from "./frame.ts";
export { Fresh, type FreshApi } from "./fresh.ts";
export type { PermessageDeflateOptions } from "./protocol/deflate/options.ts";
export { permessageDeflate } from "./protocol/deflate/permessage-deflate.ts";
export type {
  Extension,
  ExtensionAgreement,
  ExtensionFault,
  ExtensionOutput,
  ExtensionParameters,
  ExtensionRefusal,
  ExtensionSession,
  ExtensionSettings,
  IncomingFrame,
  OutgoingMessage,
} from "./protocol/extension.ts";
export type { Child } from "./supervision/child.ts";
export type { ChildInput, ChildSpec, ChildSpecSource, Restart, StartContext } from "./supervision/child-spec.ts";
export { DynamicSupervisor, type DynamicSupervisorArguments } from "./supervision/dynamic-supervisor.ts";
export { AlreadyRegisteredError, SupervisorError, type SupervisorErrorReason } from "./supervision/errors.ts";
export type { ExitReason } from "./supervision/exit-reason.ts";
export { LinkedExitError } from "./supervision/link.ts";
export { type GlobalNames, NameTakenError, useGlobalNames } from "./supervision/names.ts";
export { Registry, type RegistryEntry, type RegistryEvent, type RegistryOptions } from "./supervision/registry.ts";
export type { SupervisorLogger } from "./supervision/report.ts";
export { Supervisor, type SupervisorArguments } from "./supervision/supervisor.ts";
export type {
  AutoShutdown,
  DynamicSupervisorOptions,
  Strategy,
  SupervisorOptions,
} from "./supervision/supervisor-options.ts";
export type { ChildCounts, ChildInfo } from "./supervision/supervisor-process.ts";
export { Task, type TaskFunction } from "./supervision/task.ts";
export type { TransportOptions } from "./transport/transport-options.ts";
