/**
 * A module's callbacks with a session in front of them: it sees frames first, and hears of every connection's beginning and end.
 */
import {
  type Callbacks,
  type Connection,
  type ConnectionResponse,
  type ExitReason,
  type FreshError,
  type GenericResponse,
  ignore,
  ok,
  reconnect,
} from "../index.ts";
import type { CallId } from "./protocol.ts";
import { type LinkEnding, Note, type Session } from "./session.ts";

type Awaitable<T> = T | Promise<T>;

/** `sessionOf` gives a connection's session, a new one if it has none. */
export function wrapCallbacks<S, Message, Id extends CallId>(
  own: Partial<Callbacks<S>>,
  sessionOf: (connection: Connection<S>) => Session<Message, Id>,
): Partial<Callbacks<S>> {
  return {
    ...(own.handleControl === undefined ? {} : { handleControl: own.handleControl.bind(own) }),

    handleConnect(status, headers, state, self) {
      const session = sessionOf(self);
      session.connecting();
      const response = own.handleConnect === undefined ? ok(state) : own.handleConnect(status, headers, state, self);
      return isPromise(response) ? response.then((settled) => session.connected(settled)) : session.connected(response);
    },

    handleIn(frame, state, self): Awaitable<GenericResponse<S>> {
      const taken = sessionOf(self).take(frame);
      if (taken === false) return own.handleIn === undefined ? ok(state) : own.handleIn(frame, state, self);
      return taken === true ? ok(state) : taken.then(() => ok(state));
    },

    handleInfo(message, state, self) {
      if (message instanceof Note) {
        message.deliver();
        return ok(state);
      }
      return own.handleInfo === undefined ? ok(state) : own.handleInfo(message, state, self);
    },

    handleDisconnect(code, reason, state, self) {
      sessionOf(self).ended(closedBy(code, reason));
      return own.handleDisconnect === undefined ? reconnect() : own.handleDisconnect(code, reason, state, self);
    },

    handleError(error, state, self): Awaitable<ConnectionResponse<S>> {
      const session = sessionOf(self);
      const ending: LinkEnding = {
        words: `The connection was lost (${error.kind}, ${error.reason})`,
        reason: "failed",
        cause: error,
      };
      if (!isFrameFault(error)) {
        session.ended(ending);
        return own.handleError === undefined ? reconnect() : own.handleError(error, state, self);
      }
      const response = own.handleError === undefined ? ignore(state) : own.handleError(error, state, self);
      // A module may leave the connection because of it; then nothing else tells of the end.
      const leave = (settled: ConnectionResponse<S>): ConnectionResponse<S> => {
        if (settled?.type === "reconnect" || settled?.type === "stop") session.ended(ending);
        return settled;
      };
      return isPromise(response) ? response.then(leave) : leave(response);
    },

    handleTerminate(reason, state, self) {
      sessionOf(self).terminated({ words: "The connection terminated", ...causeOf(reason) });
      return own.handleTerminate?.(reason, state, self);
    },
  };
}

/** An error that ends no attempt: a frame is at fault. */
function isFrameFault({ kind }: FreshError): boolean {
  return kind === "encoding_failed" || kind === "casting_failed";
}

function closedBy(code: number | undefined, reason: string | undefined): LinkEnding {
  const how =
    code === undefined ? "" : ` (${code}${reason === undefined || reason === "" ? "" : `, ${JSON.stringify(reason)}`})`;
  return { words: `The connection was closed${how}`, reason: "closed" };
}

function causeOf(reason: ExitReason): { readonly cause?: unknown } {
  if (typeof reason === "string") return {};
  if (reason instanceof Error) return { cause: reason };
  return { cause: "error" in reason ? reason.error : reason };
}

function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
