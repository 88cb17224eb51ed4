/**
 * The module's answers and frames as the model reads them: what they ask for, and what is wrong with them.
 */
import { isWireCode } from "./model-link.ts";
import { atom, isAtom, type Term, textOf, tuple } from "./terms.ts";

export type Decision =
  | { readonly type: "ignore"; readonly state: Term }
  | { readonly type: "reconnect"; readonly state: Term | undefined }
  | { readonly type: "stop"; readonly reason: Term };

export const isClose = (frame: Term): boolean =>
  isAtom(frame, "close") || (frame.kind === "tuple" && isAtom(frame.items[0], "close"));

export const isKind = (term: Term | undefined, kinds: readonly string[]): boolean =>
  term?.kind === "tuple" && kinds.some((kind) => isAtom(term.items[0], kind));

/** 1001 for an orderly shutdown, else 1000 (RFC 6455 §7.4.1). */
export const closeCodeOf = (reason: Term): number =>
  isAtom(reason, "shutdown") || isKind(reason, ["shutdown"]) ? 1001 : 1000;

export function closeFault(code: Term, reason: Term): string | undefined {
  if (code.kind !== "number" || !isWireCode(code.value)) return "close_payload";
  if (isAtom(reason, "nil")) return undefined;
  if (textOf(reason) === undefined) return "lone_surrogate";
  return reason.kind === "binary" && reason.bytes.byteLength > 123 ? "too_long" : undefined;
}

type SentFrame = { readonly op: string; readonly payload: Uint8Array; readonly fault?: string };

export function readFrameTerm(frame: Term): SentFrame {
  const none = { op: "", payload: new Uint8Array(0) };
  if (frame.kind === "atom" && ["ping", "pong"].includes(frame.name)) return { ...none, op: frame.name };
  const [tag, payload] = frame.kind === "tuple" ? frame.items : [];
  if (tag?.kind !== "atom" || !["text", "binary", "ping", "pong"].includes(tag.name))
    return { ...none, fault: "wrong_type" };
  if (payload?.kind !== "binary") return { ...none, fault: "wrong_type" };
  const read = { op: tag.name, payload: payload.bytes };
  if (tag.name === "text" && textOf(payload) === undefined) return { ...read, fault: "lone_surrogate" };
  if (tag.name.endsWith("ng") && payload.bytes.byteLength > 125) return { ...read, fault: "too_long" };
  return read;
}

export function decisionOf(term: Term): Decision | undefined {
  if (isAtom(term, "close")) return { type: "stop", reason: atom("normal") };
  if (isAtom(term, "reconnect")) return { type: "reconnect", state: undefined };
  if (term.kind !== "tuple" || term.items.length !== 2 || term.items[1] === undefined) return undefined;
  const [tag, value] = term.items;
  if (isAtom(tag, "close")) return { type: "stop", reason: value };
  if (isAtom(tag, "reconnect")) return { type: "reconnect", state: value };
  return isAtom(tag, "ignore") ? { type: "ignore", state: value } : undefined;
}

/** Fresh's default answers, as its documentation gives them. */
export function defaultAnswer(name: string, args: readonly Term[], state: Term): Term {
  if (name === "handle_terminate") return atom("ok");
  if (name === "handle_error" && isKind(args[0], ["encoding_failed", "casting_failed"]))
    return tuple(atom("ignore"), state);
  return name === "handle_error" || name === "handle_disconnect" ? atom("reconnect") : tuple(atom("ok"), state);
}

export function defaultDecision(name: string, args: readonly Term[], state: Term): Decision | undefined {
  return decisionOf(defaultAnswer(name, args, state));
}
