/**
 * What can go wrong in a script: the client did not do what the script waited for, or the script failed.
 */

/**
 * Why a wait on a peer came to nothing, or a call on it was refused.
 * - `"ended"`: the connection has ended, or the client's close frame came first. - `"timeout"`: nothing came in time.
 * - `"stopped"`: the test server is being stopped; never counted as a script's failure.
 * - `"bad_request"`: what the client sent is no HTTP/1.1 request, is too long, or is no WebSocket handshake.
 * - `"violated"`: the client broke the WebSocket protocol. - `"overrun"`: frames were lost since nobody read them.
 * - `"extension_failed"`: an extension of the server's own threw.
 * - `"misused"`: the script asked for something that can't be done now, such as a frame before the 101.
 */
export type PeerErrorReason =
  | "ended"
  | "timeout"
  | "stopped"
  | "bad_request"
  | "violated"
  | "overrun"
  | "extension_failed"
  | "misused";

/** A wait on a peer that came to nothing, or a call on it that was refused. */
export class PeerError extends Error {
  override readonly name = "PeerError";
  readonly reason: PeerErrorReason;

  constructor(reason: PeerErrorReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/** A script threw or rejected; `cause` is what it threw. `TestServer.stop()` throws it. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
  /** The number of the connection whose script failed, from 1. */
  readonly connection: number;

  constructor(connection: number, cause: unknown) {
    super(`The script of connection ${connection} failed: ${describe(cause)}`, { cause });
    this.connection = connection;
  }
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
