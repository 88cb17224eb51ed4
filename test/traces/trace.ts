/**
 * A trace in the form in which traces are compared: what was called, what went over the wire, what came of it. Times are not in
 * it. All terms stand in their printed form, so that a difference can be read.
 */
import { rewriteRecordedAnswer } from "./answers.ts";
import { clientTermsOf, Inflation, inOneOrder, RSV1 } from "./compression.ts";
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

/** A text that is for people, or that the recording doesn't hold: not compared. */
export const ANY_TEXT = "<any text>";

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
  const inflations = new Map<number, Inflation>();
  for (const { conn, dir, what } of wire) {
    if (what.type === "http_response" && "headers" in what) {
      const terms = clientTermsOf(
        (what.headers ?? []).flatMap(([name, value]) => (name === EXTENSIONS ? [value] : [])),
      );
      if (terms !== undefined) inflations.set(conn, new Inflation(terms));
    }
    if (dir !== "client->peer") continue;
    if (what.type === "http_request" && "line" in what) {
      const headers = (what.headers ?? []).map(([name, value]) => requestHeader(name, value));
      connections.set(conn, { request: what.line ?? "", headers, frames: [] });
    } else if (what.type === "frame") {
      connections.get(conn)?.frames.push(recordedFrame(what as WireFrame, inflations.get(conn)));
    }
  }
  return [...connections.values()];
}

/** Of a long compressed frame the recording holds no more than a digest, and of what refers back to it nothing that can be read. */
function recordedFrame(frame: WireFrame, inflation: Inflation | undefined): string {
  const payload = payloadOf(frame);
  if (inflation === undefined || !isDeflated(frame)) return sentFrame(frame.op, payload, frame);
  if (frame.sha256_16 !== undefined) inflation.forget();
  const inflated = frame.sha256_16 === undefined ? inflation.message(payload) : undefined;
  return inflated === undefined
    ? `{:${frame.op}, ${ANY_TEXT}}${DEFLATED}`
    : sentFrame(frame.op, inflated.data, { ...frame, rsv: 0, deflated: true });
}

/** A frame that a client has sent, as the peer reads it. */
export function readSent(
  frame: {
    readonly op: string;
    readonly payload: Buffer;
    readonly rsv: number;
    readonly fin: boolean;
    masked: boolean;
  },
  inflation: Inflation | undefined,
): string {
  const inflated = isDeflated(frame) ? inflation?.message(frame.payload) : undefined;
  return inflated === undefined
    ? sentFrame(frame.op, frame.payload, frame)
    : sentFrame(frame.op, inflated.data, { ...frame, rsv: 0, deflated: true });
}

const isDeflated = ({ op, rsv }: { readonly op: string; readonly rsv?: number }): boolean =>
  rsv === RSV1 && (op === "text" || op === "binary");

/** A request header as it is compared: whose library it is, which key, and the order of an extension's parameters, mean nothing. */
export function requestHeader(name: string, value: string): string {
  if (name === "user-agent" && /^(mint|everfresh)\//.test(value)) return "user-agent: <library>";
  if (name === EXTENSIONS) return `${name}: ${inOneOrder(value)}`;
  return name === "sec-websocket-key" ? "sec-websocket-key: <key>" : `${name}: ${value}`;
}

const EXTENSIONS = "sec-websocket-extensions";
/** Behind a message that went out compressed, and stands here as what it inflates to. */
const DEFLATED = " deflated";

type SentAs = {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly masked?: boolean;
  readonly deflated?: boolean;
};

/** A frame of the client as it is compared; anything but a whole masked frame is said. */
export function sentFrame(
  op: string,
  payload: Uint8Array,
  { fin = true, rsv = 0, masked = false, deflated = false }: SentAs,
): string {
  const odd = [...(masked ? [] : ["unmasked"]), ...(fin ? [] : ["unfinished"]), ...(rsv === 0 ? [] : [`rsv ${rsv}`])];
  return [showTerm(frameTerm(op, payload)) + (deflated ? DEFLATED : ""), ...odd].join(" ");
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
