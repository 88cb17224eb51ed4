/**
 * How a connection ended, as a value and in words.
 */
import type { CloseFrame } from "../frame.ts";

/** How a connection ended. */
export type PeerEnd =
  /** The client sent a close frame, and TCP ended after it. */
  | { readonly type: "closed"; readonly code?: number; readonly reason?: string }
  /** The client ended TCP (FIN) without a close frame. */
  | { readonly type: "fin" }
  /** The client reset the connection, or it failed otherwise. */
  | { readonly type: "reset"; readonly cause: Error }
  /** The server's own doing: reset(), drop(), a script that failed, or the server was stopped. */
  | { readonly type: "destroyed" };

/** The end of a connection whose client has sent this close frame. */
export function closedBy({ code, reason }: CloseFrame): PeerEnd {
  return { type: "closed", ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) };
}

/** For sentences: `1000 "bye"`. */
export function describeClose({ code, reason }: Pick<CloseFrame, "code" | "reason">): string {
  if (code === undefined) return "an empty one";
  return reason ? `${code} ${JSON.stringify(reason)}` : String(code);
}

/** For sentences, in brackets. */
export function describeEnd(end: PeerEnd): string {
  switch (end.type) {
    case "closed":
      return `the client's close frame: ${describeClose(end)}`;
    case "fin":
      return "the client's FIN, without a close frame";
    case "reset":
      return `a reset or another fault: ${end.cause.message}`;
    case "destroyed":
      return "the server's own doing";
  }
}
