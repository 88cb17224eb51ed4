/**
 * The attempts that a history of calls tells of. An attempt ends with exactly one handleDisconnect or fatal handleError, or with the connection itself.
 */
import type { CallbackName } from "../behaviour.ts";

/** How an attempt ended; undefined while it hasn't. */
export type AttemptEnd =
  | { readonly type: "disconnected"; readonly code: number | undefined; readonly reason: string | undefined }
  | { readonly type: "failed"; readonly kind: string; readonly reason: string }
  | { readonly type: "terminated" };

export type Attempt = {
  /** The id of its connection. */
  readonly connection: string;
  /** Did it come to be open? */
  readonly opened: boolean;
  readonly end: AttemptEnd | undefined;
};

type Call = { readonly connection: string; readonly name: CallbackName; readonly arguments: readonly unknown[] };
type Growing = { readonly connection: string; opened: boolean; end: AttemptEnd | undefined };

/** Of these calls, which may be of several connections, oldest first. */
export function attemptsOf(calls: readonly Call[]): readonly Attempt[] {
  const attempts: Growing[] = [];
  const underWay = new Map<string, Growing>();
  for (const { connection, name, arguments: values } of calls) {
    const end = endOf(name, values);
    if (end === undefined && name !== "handleConnect") continue;
    let attempt = underWay.get(connection);
    // A connection that terminates between two attempts ends none.
    if (attempt === undefined && end?.type === "terminated") continue;
    // A second 101 in one attempt is a replacement, which goes on with it.
    if (attempt === undefined) {
      attempt = { connection, opened: false, end: undefined };
      attempts.push(attempt);
      underWay.set(connection, attempt);
    }
    if (name === "handleConnect") attempt.opened = true;
    if (end === undefined) continue;
    attempt.end = end;
    underWay.delete(connection);
  }
  return attempts;
}

function endOf(name: CallbackName, values: readonly unknown[]): AttemptEnd | undefined {
  if (name === "handleTerminate") return { type: "terminated" };
  if (name === "handleDisconnect") {
    const [code, reason] = values as [number | undefined, string | undefined];
    return { type: "disconnected", code, reason };
  }
  if (name !== "handleError") return undefined;
  const { kind, reason } = values[0] as { readonly kind: string; readonly reason: string };
  // Of a frame that couldn't be sent the attempt doesn't end.
  return kind === "encoding_failed" || kind === "casting_failed" ? undefined : { type: "failed", kind, reason };
}
