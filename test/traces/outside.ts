/**
 * What the caller does in a scenario: the sentences of its calls read into a union, and the coroutine that runs them.
 */
import type { OutsideStep, Scenario } from "./scenario.ts";
import { CONDITION_LIMIT, type Script } from "./script.ts";
import { parseTerm } from "./term-reader.ts";
import { number, string, type Term, tuple } from "./terms.ts";

/** Whom a call goes to: the process that was started, or a name. */
export type Target = { readonly type: "own" } | { readonly type: "name"; readonly name: Term };

export type OutsideCall =
  | { readonly type: "start"; readonly linked: boolean }
  /** Start with the name that is taken. */
  | { readonly type: "startAgain"; readonly linked: boolean }
  /** A second client under another name, whose state is 50. */
  | { readonly type: "startSecond"; readonly name: Term; readonly state: Term }
  /** start_link/1 of the module with these arguments only. */
  | { readonly type: "startFrom"; readonly args: Term }
  /** A linked parent that ends with this reason once the connection is open. */
  | { readonly type: "startUnderParent"; readonly reason: Term }
  | { readonly type: "send"; readonly messages: readonly { readonly to: Target; readonly frame: Term }[] }
  | { readonly type: "close"; readonly to: Target; readonly code: Term; readonly reason: Term }
  | { readonly type: "message"; readonly message: Term }
  /** A gen_statem call or cast that is none of the library's. */
  | { readonly type: "foreign"; readonly way: "call" | "cast"; readonly message: Term }
  | { readonly type: "exitSignal"; readonly reason: Term }
  | { readonly type: "stop"; readonly reason: Term }
  | { readonly type: "childSpec"; readonly macroOptions: string | undefined; readonly args: string }
  /** A default callback called directly. */
  | { readonly type: "callback"; readonly name: string; readonly args: readonly Term[] }
  | { readonly type: "supervisor"; readonly action: "start" | "counts" | "stop" }
  /** A module that has a function of the macro's name. */
  | { readonly type: "ownFunction"; readonly name: string };

export const OWN: Target = { type: "own" };

type Reading = readonly [pattern: RegExp, read: (found: readonly string[], step: OutsideStep) => OutsideCall];

const READINGS: readonly Reading[] = [
  [/^(?:module_)?start$/, () => ({ type: "start", linked: false })],
  [/^(?:module_)?start_link$/, () => ({ type: "start", linked: true })],
  [
    /^second (start|start_link) with the same name$/,
    ([, way]) => ({ type: "startAgain", linked: way === "start_link" }),
  ],
  [
    /^second client with name (.+)$/s,
    ([, name = ""]) => ({ type: "startSecond", name: parseTerm(name), state: number(50) }),
  ],
  [/^start(?:_link)?\((.*)\)$/s, ([, args = ""]) => ({ type: "startFrom", args: parseTerm(`[${args}]`) })],
  [
    /^start_link from a helper process, wait for the connection, then end the helper with (.+)$/,
    ([, reason = ""]) => ({ type: "startUnderParent", reason: parseTerm(reason) }),
  ],
  [/^send$/, (_, { frame = "" }) => ({ type: "send", messages: [{ to: OWN, frame: parseTerm(frame) }] })],
  [
    /^(\d+) sends of text (\d+)\.\.(\d+)$/,
    ([, , first = "1", last = "0"]) => ({
      type: "send",
      messages: Array.from({ length: Number(last) - Number(first) + 1 }, (_, at) => ({
        to: OWN,
        frame: text(String(Number(first) + at)),
      })),
    }),
  ],
  [
    /^send to (?:atom )?([:{].*)$/s,
    ([, name = ""]) => ({ type: "send", messages: [{ to: named(name), frame: text("by-name") }] }),
  ],
  [
    /^send (".*" to .*)$/s,
    ([, parts = ""]) => ({
      type: "send",
      messages: [...parts.matchAll(/"([^"]*)" to (\S+)/g)].map(([, payload = "", name = ""]) => ({
        to: named(name),
        frame: text(payload),
      })),
    }),
  ],
  [
    /^close$/,
    (_, { code = "1000", reason = '""' }) => ({
      type: "close",
      to: OWN,
      code: parseTerm(code),
      reason: parseTerm(reason),
    }),
  ],
  [
    /^close on (.+)$/s,
    ([, name = ""]) => ({ type: "close", to: named(name), code: number(1000), reason: string("n") }),
  ],
  [/^plain process message$/, (_, { message = "" }) => ({ type: "message", message: parseTerm(message) })],
  [
    /^generic (call|cast)$/,
    ([, way], { message = "" }) => ({
      type: "foreign",
      way: way === "call" ? "call" : "cast",
      message: parseTerm(message),
    }),
  ],
  [/^exit signal$/, (_, { reason = "" }) => ({ type: "exitSignal", reason: parseTerm(reason) })],
  [/^orderly stop$/, (_, { reason = ":normal" }) => ({ type: "stop", reason: parseTerm(reason) })],
  [
    /^child_spec of .*?(?:with use options (.*))?$/s,
    ([, macroOptions], { call = "" }) => ({
      type: "childSpec",
      macroOptions,
      args: /start options (\[.*\])/s.exec(call)?.[1] ?? "",
    }),
  ],
  [/^supervisor started /, () => ({ type: "supervisor", action: "start" })],
  [/^supervisor children counts$/, () => ({ type: "supervisor", action: "counts" })],
  [/^stop the supervisor$/, () => ({ type: "supervisor", action: "stop" })],
  [
    /^compile a module that uses the macro and defines its own (\w+)\/\d$/,
    ([, name = ""]) => ({ type: "ownFunction", name }),
  ],
  [/^(handle_\w+)\((.*)\)$/s, ([, name = "", args = ""]) => ({ type: "callback", name, args: itemsOf(args) })],
];

function text(payload: string): Term {
  return tuple({ kind: "atom", name: "text" }, string(payload));
}

function named(name: string): Target {
  return { type: "name", name: parseTerm(name) };
}

function itemsOf(args: string): readonly Term[] {
  const read = parseTerm(`[${args}]`);
  return read.kind === "list" ? read.items : [];
}

/** Reads a call. @throws RangeError for a sentence that has no interpretation here */
function readCall(step: OutsideStep): OutsideCall {
  const { call = "" } = step;
  for (const [pattern, read] of READINGS) {
    const found = pattern.exec(call);
    if (found !== null) return read([...found], step);
  }
  throw new RangeError(`No interpretation for the call "${call}".`);
}

/** Who carries a caller's calls out: the replay, or the model. The result is an Elixir term in its printed form. */
export interface Caller {
  call(call: OutsideCall): Script<string>;
}

/** What a caller can see. */
export interface Watch {
  callbacksSeen(name: string): number;
  /** How many frames of a kind, or "http_request"s, the peer has seen on all its connections. */
  peerSaw(op: string): number;
  /** The process has ended, or was never started. */
  exited(): boolean;
}

export type OutsideResult = { readonly call: string; readonly result: string };

/** Runs the caller's steps, then lets the window of observation pass. */
export function* outsideScript(scenario: Scenario, caller: Caller, watch: Watch, results: OutsideResult[]): Script {
  for (const step of scenario.client.outside) {
    if (step.when !== undefined) yield* waitFor(step.when, watch, results);
    if (step.call === undefined || step.call === "probe internal state") continue;
    const result = yield* caller.call(readCall(step));
    results.push({ call: titleOf(step), result });
  }
  yield { until: () => watch.exited(), limit: scenario.client.observeMsAfterLastStep };
}

function* waitFor(when: string, watch: Watch, results: OutsideResult[]): Script {
  const callback = /^after callback (\w+) number (\d+)$/.exec(when);
  if (callback !== null) {
    const [, name = "", nth] = callback;
    yield { until: () => watch.callbacksSeen(name) >= Number(nth) || watch.exited(), limit: CONDITION_LIMIT };
    return;
  }
  const seen = /^after the peer saw (\w+) number (\d+)$/.exec(when);
  if (seen !== null) {
    const [, op = "", nth] = seen;
    yield { until: () => watch.peerSaw(op) >= Number(nth) || watch.exited(), limit: CONDITION_LIMIT };
    return;
  }
  const later = /^(\d+(?:\.\d+)?) ms later$/.exec(when);
  if (later !== null) {
    yield { ms: Number(later[1]) };
    return;
  }
  const exit = /^wait for process exit, at most (\d+) ms$/.exec(when);
  if (exit === null) throw new RangeError(`No interpretation for the condition "${when}".`);
  yield { until: () => watch.exited(), limit: Number(exit[1]) };
  if (!watch.exited()) results.push({ call: "await exit", result: `still alive after ${exit[1]} ms` });
}

/** The words under which the data records a call. */
function titleOf({ call = "", frame, code, reason, message }: OutsideStep): string {
  if (frame !== undefined) return `${call} ${frame}`;
  if (code !== undefined) return `${call} code=${code} reason=${reason}`;
  if (message !== undefined) return `${call} ${message}`;
  if (call === "orderly stop") return `orderly stop request, reason ${reason}`;
  return reason === undefined ? call : `${call} ${reason}`;
}
