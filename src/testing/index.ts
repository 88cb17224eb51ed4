/** The `everfresh/testing` entry: a scripted WebSocket server with faults. Its manual is the head of test-server.ts. */
export { PeerError, type PeerErrorReason, ScriptError } from "./errors.ts";
export type { AcceptOptions, Automatic, Peer, PeerEnd, WaitOptions } from "./peer.ts";
export { closePayload, type RawFrame, rawFrame } from "./raw-frame.ts";
export type { RequestHead } from "./request-head.ts";
export type { Refusal, ResponseChanges } from "./response.ts";
export { accepting, echo, refusing, type Script } from "./scripts.ts";
export { TestServer, type TestServerOptions } from "./test-server.ts";
