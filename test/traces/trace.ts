/**
 * A trace in the form in which traces are compared: what was called, what went over the wire, what came of it. Times are not in
 * it. All terms stand in their printed form, so that a difference can be read.
 */
import { rewriteRecordedAnswer } from "./answers.ts";
import { headerPairs, headersTerm, rewriteRecordedError } from "./errors.ts";
import type { OutsideResult } from "./outside.ts";
import type { ObservedWire, Scenario, WireFrame } from "./scenario.ts";
import { parseTerm } from "./term-reader.ts";
import { atom, binary, number, showTerm, type Term, tuple } from "./terms.ts";
import { payloadOf } from "./wire.ts";

export type Called = {
  readonly name: string;
  readonly args: readonly string[];
  readonly stateBefore: string;
  readonly returned: string;
};

/** What the client sent on one connection: its request, then its frames. */
export type Sent = {
  readonly request: string;
  readonly headers: readonly string[];
  readonly frames: readonly string[];
};

export type ExitClass = "alive" | "none" | "normal" | "shutdown" | "custom" | "crash" | "killed";

export type Trace = {
  readonly callbacks: readonly Called[];
  /** Only connections on which a request went out. */
  readonly connections: readonly Sent[];
  readonly results: readonly OutsideResult[];
  readonly exit: { readonly class: ExitClass; readonly reason: string };
  /** What linked callers were told. */
  readonly links: readonly string[];
};

/** A frame as a term, in the words of the library's frames: `{:text, "a"}`, `{:close, 1000, "bye"}`, `:close` for an empty one. */
export function frameTerm(op: string, payload: Uint8Array): Term {
  if (op !== "close") return tuple(atom(op), binary(payload));
  if (payload.byteLength < 2) return payload.byteLength === 0 ? atom("close") : tuple(atom("close"), binary(payload));
  const code = ((payload[0] as number) << 8) | (payload[1] as number);
  return tuple(atom("close"), number(code), binary(payload.subarray(2)));
}

/** What the data recorded, in this form. */
export function recordedTrace({ observed }: Scenario): Trace {
  return {
    callbacks: observed.callbacks.map(({ name, args, stateBefore, returned }) => ({
      name,
      args: args.map((arg, at) => showTerm(recordedArgument(name, at, parseTerm(arg)))),
      stateBefore: showTerm(parseTerm(stateBefore)),
      returned: rewriteRecordedAnswer(returned),
    })),
    connections: recordedConnections(observed.wire),
    results: observed.outsideCalls
      .filter(({ call }) => call !== "probe internal state")
      .map(({ call, result }) => ({ call, result: rewritten(String(result)) })),
    exit: recordedExit(observed.exit),
    links: observed.linkExitSignals.map(rewritten),
  };
}

function recordedArgument(callback: string, at: number, argument: Term): Term {
  if (callback === "handle_error" && at === 0) return rewriteRecordedError(argument);
  return callback === "handle_connect" && at === 1 ? headersTerm(headerPairs(argument)) : argument;
}

function recordedConnections(wire: readonly ObservedWire[]): readonly Sent[] {
  const connections = new Map<number, { request: string; headers: readonly string[]; frames: string[] }>();
  for (const { conn, dir, what } of wire) {
    if (dir !== "client->peer") continue;
    if (what.type === "http_request" && "line" in what) {
      const headers = (what.headers ?? []).map(([name, value]) => requestHeader(name, value));
      connections.set(conn, { request: what.line ?? "", headers, frames: [] });
    } else if (what.type === "frame") {
      const frame = what as WireFrame;
      connections.get(conn)?.frames.push(sentFrame(frame.op, payloadOf(frame), frame));
    }
  }
  return [...connections.values()];
}

/** A request header as it is compared: whose library it is, and which key, differs by its nature. */
export function requestHeader(name: string, value: string): string {
  if (name === "user-agent" && /^(mint|everfresh)\//.test(value)) return "user-agent: <library>";
  return name === "sec-websocket-key" ? "sec-websocket-key: <key>" : `${name}: ${value}`;
}

/** A frame of the client as it is compared; anything but a whole masked frame is said. */
export function sentFrame(
  op: string,
  payload: Uint8Array,
  { fin = true, rsv = 0, masked = false }: { readonly fin?: boolean; readonly rsv?: number; readonly masked?: boolean },
): string {
  const odd = [...(masked ? [] : ["unmasked"]), ...(fin ? [] : ["unfinished"]), ...(rsv === 0 ? [] : [`rsv ${rsv}`])];
  return [showTerm(frameTerm(op, payload)), ...odd].join(" ");
}

function recordedExit(exit: { readonly class: string; readonly reason: string }): Trace["exit"] {
  if (exit.class === "alive" || exit.class === "none") return { class: exit.class, reason: "" };
  return { class: exit.class as ExitClass, reason: rewritten(exit.reason) };
}

/** A term in one printed form; what is none stays as it is. */
function rewritten(source: string): string {
  try {
    return showTerm(parseTerm(source));
  } catch {
    return source;
  }
}
