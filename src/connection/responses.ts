/**
 * The module's side of a callback: its seven callbacks with the defaults filled in, and the reading of what they answer.
 */
import { type CallbackName, type Callbacks, type ConnectionResponse, DEFAULT_CALLBACKS } from "../behaviour.ts";
import type { Decision } from "./lifecycle.ts";

/** All seven callbacks, the module's own where it has them. Methods of a class instance keep their `this`. */
export function resolveCallbacks<S>(given: Partial<Callbacks<S>>): Callbacks<S> {
  const defaults = DEFAULT_CALLBACKS as unknown as Callbacks<S>;
  return {
    handleConnect: given.handleConnect?.bind(given) ?? defaults.handleConnect,
    handleControl: given.handleControl?.bind(given) ?? defaults.handleControl,
    handleIn: given.handleIn?.bind(given) ?? defaults.handleIn,
    handleInfo: given.handleInfo?.bind(given) ?? defaults.handleInfo,
    handleDisconnect: given.handleDisconnect?.bind(given) ?? defaults.handleDisconnect,
    handleError: given.handleError?.bind(given) ?? defaults.handleError,
    handleTerminate: given.handleTerminate?.bind(given) ?? defaults.handleTerminate,
  };
}

/** What handleDisconnect or handleError has decided, and the state that came with it, if one did. */
export type Decided<S> = { readonly decision: Decision; readonly given?: { readonly value: S } };

/** Reads the answer of handleDisconnect or handleError; undefined when it is no response of theirs. */
export function readDecision<S>(response: unknown): Decided<S> | undefined {
  if (typeof response !== "object" || response === null) return undefined;
  const answer = response as ConnectionResponse<S>;
  switch (answer.type) {
    case "ignore":
      return { decision: { type: "ignore" }, given: { value: answer.state } };
    case "reconnect": {
      const { state, after } = answer;
      return state === undefined
        ? { decision: { type: "reconnect", state: "initial", after } }
        : { decision: { type: "reconnect", state: "given", after }, given: state };
    }
    case "stop":
      return { decision: { type: "stop", reason: answer.reason } };
    default:
      return undefined;
  }
}

const TAKES: Readonly<Record<CallbackName, string>> = {
  handleConnect: "ok(), reply() or close()",
  handleControl: "ok(), reply() or close()",
  handleIn: "ok(), reply() or close()",
  handleInfo: "ok(), reply() or close()",
  handleDisconnect: "ignore(), reconnect() or stop()",
  handleError: "ignore(), reconnect() or stop()",
  handleTerminate: "nothing",
};

/** The fault of a callback that answered what is no response of its kind. */
export function badResponse(callback: CallbackName, response: unknown): TypeError {
  const type = typeof response === "object" && response !== null ? (response as { type?: unknown }).type : undefined;
  const got = typeof type === "string" ? `${type}()` : response === null ? "null" : typeof response;
  return new TypeError(`${callback} answered ${got}; it takes ${TAKES[callback]}. Did it forget its return?`);
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
