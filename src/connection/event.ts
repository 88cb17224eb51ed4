/**
 * What a connection reports of itself, as typed events. log.ts is the first to listen; nothing else writes a log line.
 */
import type { CallbackName, ConnectionStatus } from "../behaviour.ts";
import type { ExitReason } from "../supervision/exit-reason.ts";
import type { FreshError } from "./errors.ts";
import type { DropCounter } from "./option-types.ts";

export type ConnectionEvent =
  /** An attempt begins. `uri` is redacted, and so are the headers. */
  | {
      readonly type: "attempt";
      readonly attempt: number;
      readonly uri: string;
      readonly headers: Readonly<Record<string, string>>;
    }
  /**
   * A redirect is being followed. `uri` is redacted. credentials "dropped": it, or one before it in this attempt, led to another
   * origin, so the caller's headers and credentials don't go along.
   */
  | {
      readonly type: "redirected";
      readonly attempt: number;
      readonly status: number;
      readonly uri: string;
      readonly credentials: "kept" | "dropped";
    }
  /** The 101 has come. */
  | { readonly type: "established"; readonly attempt: number; readonly protocol: string; readonly extensions: string }
  /** A close frame came, or our own close came to its end (then without code and reason). */
  | { readonly type: "closed"; readonly code: number | undefined; readonly reason: string | undefined }
  /** handleError is about to be told. */
  | { readonly type: "failed"; readonly error: FreshError }
  /** The connection before has ended ("destroy": was cut off), and what took its place is read now. */
  | { readonly type: "replaced"; readonly how: "ended" | "timed out" | "destroy" }
  /** The attempt that was to replace the live connection has failed; that one goes on. */
  | { readonly type: "replacementFailed"; readonly error: FreshError }
  /** A wait before the next attempt begins. `wait` in ms. */
  | { readonly type: "waiting"; readonly wait: number }
  /** A callback threw, rejected, or gave what is no response. */
  | { readonly type: "crashed"; readonly callback: string; readonly error: unknown }
  /** The first frame dropped for this cause since the last open; `stats.dropped` counts them all. */
  | { readonly type: "dropping"; readonly cause: DropCounter; readonly status: ConnectionStatus }
  /** `pending`: the callback that was still running, if the connection was cut off. */
  | { readonly type: "terminated"; readonly reason: ExitReason; readonly pending: CallbackName | undefined };
