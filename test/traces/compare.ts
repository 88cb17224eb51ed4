/**
 * Compares traces: what differs, by aspect, and in words. Times are no part of a trace, but how often something happens within
 * a time is; so the pings of a timer and the attempts of a storm are compared without their exact number.
 */
import type { Aspect } from "./differences.ts";
import type { Scenario } from "./scenario.ts";
import { ANY_TEXT, type Called, type Sent, type Trace } from "./trace.ts";

/** More attempts than this in one scenario are a storm: how many there are is a matter of speed. */
const STORM = 10;
/** By how many a count of timed pings may be off. */
const PING_TOLERANCE = 2;

/** The aspects in which two traces of a scenario differ, each with what was expected and what was found. */
export function compareTraces(scenario: Scenario, expected: Trace, actual: Trace): ReadonlyMap<Aspect, string> {
  const differences = new Map<Aspect, string>();
  const note = (aspect: Aspect, wanted: unknown, found: unknown): void => {
    if (!differences.has(aspect))
      differences.set(aspect, `${aspect}:\n  expected ${show(wanted)}\n  found    ${show(found)}`);
  };
  const storm = isStorm(expected) || isStorm(actual);
  compareCallbacks(withoutRepeats(expected.callbacks, storm), withoutRepeats(actual.callbacks, storm), note);
  // The last connection of a storm is cut off by the end of the observation.
  const connections = ({ connections: all }: Trace): readonly Sent[] =>
    storm ? withoutRepeats(all.slice(0, -1).map(withoutReasons), storm) : all;
  compareConnections(scenario, connections(expected), connections(actual), note);
  const results = (trace: Trace): readonly string[] => trace.results.map(({ call, result }) => `${call} → ${result}`);
  if (!same(results(expected), results(actual))) note("results", results(expected), results(actual));
  if (!same(expected.exit, actual.exit)) note("exit", expected.exit, actual.exit);
  if (!same(expected.links, actual.links)) note("links", expected.links, actual.links);
  return differences;
}

type Note = (aspect: Aspect, wanted: unknown, found: unknown) => void;

function compareCallbacks(expected: readonly Called[], actual: readonly Called[], note: Note): void {
  const names = (calls: readonly Called[]): readonly string[] => calls.map(({ name }) => name);
  if (!same(names(expected), names(actual))) note("callbacks", expected.map(showCalled), actual.map(showCalled));
  // Each call is held against the one of its name and number, so that one that is missing doesn't shift the others.
  for (const [key, wanted] of numbered(expected)) {
    const found = numbered(actual).get(key);
    if (found === undefined) continue;
    if (!same(wanted.args, found.args)) note("arguments", showCalled(wanted), showCalled(found));
    if (wanted.stateBefore !== found.stateBefore || wanted.returned !== found.returned) {
      note("states", showCalled(wanted), showCalled(found));
    }
  }
}

function numbered(calls: readonly Called[]): ReadonlyMap<string, Called> {
  const counts = new Map<string, number>();
  return new Map(
    calls.map((call) => {
      const nth = (counts.get(call.name) ?? 0) + 1;
      counts.set(call.name, nth);
      return [`${call.name} ${nth}`, call];
    }),
  );
}

function compareConnections(scenario: Scenario, expected: readonly Sent[], actual: readonly Sent[], note: Note): void {
  const requests = (sent: readonly Sent[]): unknown => sent.map(({ request, headers }) => [request, ...headers]);
  const ours = expected.slice(0, Math.min(expected.length, actual.length));
  const theirs = actual.slice(0, ours.length);
  if (!same(requests(ours), requests(theirs))) note("request", requests(ours), requests(theirs));
  if (expected.length !== actual.length) {
    note("callbacks", `${expected.length} connections`, `${actual.length} connections`);
    note("frames", frames(expected), frames(actual));
  }
  for (const [at, wanted] of ours.entries()) {
    if (!sameFrames(scenario, wanted.frames, theirs[at]?.frames ?? []))
      note("frames", frames(expected), frames(actual));
  }
}

const frames = (sent: readonly Sent[]): unknown => sent.map((one) => one.frames);

function sameFrames(scenario: Scenario, expected: readonly string[], actual: readonly string[]): boolean {
  const timed = scenario.client.options.includes("ping_interval");
  const isPing = (frame: string): boolean => timed && frame === '{:ping, ""}';
  const rest = (all: readonly string[]): readonly string[] => all.filter((frame) => !isPing(frame));
  const pings = (all: readonly string[]): number => all.filter(isPing).length;
  if (Math.abs(pings(expected) - pings(actual)) > PING_TOLERANCE) return false;
  if (pings(expected) > PING_TOLERANCE && pings(actual) === 0) return false;
  const [wanted, found] = [rest(expected), rest(actual)];
  return wanted.length === found.length && wanted.every((frame, at) => fitsFrame(frame, found[at] as string));
}

function fitsFrame(expected: string, actual: string): boolean {
  const [before, after] = expected.split(ANY_TEXT);
  return after === undefined ? expected === actual : actual.startsWith(before ?? "") && actual.endsWith(after);
}

const isStorm = (trace: Trace): boolean =>
  trace.callbacks.filter(({ name }) => name === "handle_error" || name === "handle_disconnect").length > STORM;

/** What is said of a violation would part connections of a storm that are the same to a trace without it. */
function withoutReasons(sent: Sent): Sent {
  const frame = (shown: string): string => shown.replace(/^(\{:close, (?:1002|1007), ).*\}$/s, `$1${ANY_TEXT}}`);
  return { ...sent, frames: sent.frames.map(frame) };
}

/** A cycle of a storm has no more callbacks than this: an opening, some frames, an end. */
const LONGEST_CYCLE = 12;

/** In a storm, what repeats itself stands once; what the end of the observation cut off is left out. */
function withoutRepeats<Item>(items: readonly Item[], storm: boolean): readonly Item[] {
  if (!storm) return items;
  const kept: { readonly item: Item; readonly shown: string }[] = [];
  // Do the last ones stand `before` places earlier, too?
  const repeats = (last: number, before: number): boolean =>
    kept.length >= last + before &&
    kept.slice(-last).every(({ shown }, at) => shown === kept[kept.length - last - before + at]?.shown);
  for (const item of items) {
    kept.push({ item, shown: JSON.stringify(item) });
    for (let period = 1; period <= LONGEST_CYCLE; period += 1) if (repeats(period, period)) kept.splice(-period);
  }
  // A cycle that was begun a last time and not finished.
  for (let period = LONGEST_CYCLE; period > 1; period -= 1) {
    for (let begun = period - 1; begun >= 1; begun -= 1) if (repeats(begun, period)) kept.splice(-begun);
  }
  return kept.map(({ item }) => item);
}

/** A trace cut where the recording was cut: its lists have at most 40 entries, so its last connection may be unfinished. */
export function cutLike(scenario: Scenario, recorded: Trace, trace: Trace): Trace {
  const { truncated, wire } = scenario.observed;
  if (truncated === undefined) return trace;
  const callbacks = trace.callbacks.slice(0, CUT);
  if (wire.length < CUT) return { ...trace, callbacks };
  const last = recorded.connections.length - 1;
  const connections = trace.connections
    .slice(0, last + 1)
    .map((sent, at) =>
      at < last ? sent : { ...sent, frames: sent.frames.slice(0, recorded.connections[at]?.frames.length) },
    );
  return { ...trace, callbacks, connections };
}

/** The recording kept this many entries of a list. */
const CUT = 40;

/** An error's class is everfresh's own; the recording only says that something was raised. */
export const withoutErrorNames = (trace: Trace): Trace => ({
  ...trace,
  results: trace.results.map(({ call, result }) => ({
    call,
    result: /^(raised\b|\{:raised, :error)/.test(result) ? "raised" : result,
  })),
});

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function showCalled({ name, args, stateBefore, returned }: Called): string {
  return `${name}(${args.join(", ")}) with ${stateBefore} → ${returned}`;
}

/** As much of a trace as a message needs. */
const SHOWN = 1500;

function show(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value, undefined, 1).replaceAll("\n", "\n  ");
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)} …`;
}
