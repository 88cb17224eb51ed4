/**
 * What `everfresh connect` tells: each thing that happens as an event, and an event as a line of JSON or as a line for people.
 *
 * All that a peer has a hand in is escaped here: messages, close reasons, header values and bodies in errors, subprotocols.
 */
import { escapeControls } from "../../escape.ts";
import type { FreshError } from "../../index.ts";
import { messageLine } from "../message-line.ts";
import { inCommandTerms } from "./wording.ts";

export type EndCause =
  /** --max-messages messages have come. */
  | "max_messages"
  /** The input ended, all of it was sent, and nothing more came. */
  | "input_ended"
  /** The input can't be read. */
  | "input_failed"
  /** The peer's close frame ended the connection. */
  | "closed"
  /** The connection failed or was lost. */
  | "failed"
  /** A signal asked for the end. */
  | "interrupted"
  /** Nobody reads the output any more. */
  | "output_closed"
  /** The output can't be written. */
  | "output_failed";

export type ConnectEvent =
  | { readonly type: "connecting"; readonly uri: string; readonly attempt: number }
  | { readonly type: "open"; readonly protocol: string; readonly extensions: string; readonly attempt: number }
  | { readonly type: "message"; readonly data: string }
  | { readonly type: "binary"; readonly data: Uint8Array }
  | { readonly type: "ping" | "pong"; readonly data: Uint8Array }
  | { readonly type: "close"; readonly code: number | undefined; readonly reason: string | undefined }
  | { readonly type: "error"; readonly error: FreshError }
  /** Milliseconds until the next attempt. */
  | { readonly type: "waiting"; readonly wait: number }
  /** Lines of the input that were not sent, and never will be. */
  | { readonly type: "unsent"; readonly lines: number; readonly why: string }
  /** Our close frame goes out. */
  | { readonly type: "closing" }
  | { readonly type: "exit"; readonly code: number; readonly cause: EndCause };

/** Characters of a refusal's body that its line for people shows. */
const SHOWN_BODY = 200;

/** One object in one line; binary data in base64. Escaping changes no value: what is left to escape stands inside strings. */
export function jsonLine(event: ConnectEvent, now: Date): string {
  return escapeControls(JSON.stringify({ type: event.type, time: now.toISOString(), ...membersOf(event) }));
}

function membersOf(event: ConnectEvent): Readonly<Record<string, unknown>> {
  switch (event.type) {
    case "binary":
    case "ping":
    case "pong":
      return { data: base64(event.data) };
    case "close":
      return { code: event.code ?? null, reason: event.reason ?? null };
    case "error": {
      const { kind, phase, reason, message, status, retryAfter, closeCode, headers, body } = event.error;
      // Members without a value are left out by JSON itself.
      const heads = headers === undefined ? undefined : Object.fromEntries(headers);
      return {
        kind,
        phase,
        reason,
        message: inCommandTerms(message),
        status,
        retryAfter,
        closeCode,
        headers: heads,
        body,
      };
    }
    case "waiting":
      return { wait: Math.round(event.wait) };
    default: {
      const { type: _, ...members } = event;
      return members;
    }
  }
}

/** Where an event's line for people goes: what the peer sent is the output, all else accompanies it. */
export type PlainLine = { readonly to: "output" | "state" | "error"; readonly line: string };

/** A line for people; undefined for what they needn't see. */
export function plainLine(event: ConnectEvent): PlainLine | undefined {
  switch (event.type) {
    case "message":
      return { to: "output", line: messageLine(event.data) };
    case "binary":
      return { to: "output", line: messageLine(event.data) };
    case "ping":
    case "pong":
    case "exit":
      return undefined;
    case "connecting":
      return {
        to: "state",
        line: `connecting to ${escapeControls(event.uri)}${event.attempt > 1 ? `, attempt ${event.attempt}` : ""}`,
      };
    case "open":
      return {
        to: "state",
        line: `open${event.protocol === "" ? "" : `, subprotocol ${escapeControls(event.protocol)}`}${event.extensions === "" ? "" : `, ${escapeControls(event.extensions)}`}`,
      };
    case "close": {
      const reason = event.reason === undefined || event.reason === "" ? "" : `: ${escapeControls(event.reason)}`;
      return {
        to: "state",
        line:
          event.code === undefined
            ? "closed by the server without a code"
            : `closed by the server, ${event.code}${reason}`,
      };
    }
    case "waiting":
      return { to: "state", line: `next attempt in ${Math.round(event.wait)} ms` };
    case "closing":
      return { to: "state", line: "closing" };
    case "unsent":
      return {
        to: "error",
        line: `${event.lines} ${event.lines === 1 ? "line was" : "lines were"} not sent: ${escapeControls(event.why)}`,
      };
    case "error":
      return { to: "error", line: escapeControls(inCommandTerms(event.error.message)) + bodyOf(event.error) };
  }
}

function bodyOf({ body }: FreshError): string {
  const said = body?.trim() ?? "";
  if (said === "") return "";
  return ` It says: ${escapeControls(said.slice(0, SHOWN_BODY).toWellFormed())}${said.length > SHOWN_BODY ? "…" : ""}`;
}

function base64(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}
