import assert from "node:assert/strict";
import { test } from "node:test";
import { compareTraces } from "./compare.ts";
import { inventScenarios } from "./invented.ts";
import type { Scenario } from "./scenario.ts";
import { ANY_TEXT, type Called, type Trace } from "./trace.ts";

const [invented] = inventScenarios(1, 1) as readonly [Scenario];
const withOptions = (options: string): Scenario => ({ ...invented, client: { ...invented.client, options } });
const scenario = withOptions("[]");
const pinging = withOptions("[ping_interval: 60]");

const call = (name: string, more: Partial<Called> = {}): Called => ({
  name,
  args: [],
  stateBefore: "0",
  returned: ":ok",
  ...more,
});
const trace: Trace = {
  callbacks: [call("handle_connect", { args: ["101"] }), call("handle_in", { args: ['{:text, "a"}'] })],
  connections: [{ request: "GET / HTTP/1.1", headers: ["host: x"], frames: ['{:text, "r"}'] }],
  results: [{ call: "start", result: "{:ok, <pid>}" }],
  exit: { class: "normal", reason: ":normal" },
  links: [":boom"],
};
const aspects = (changed: Partial<Trace>, of: Scenario = scenario): readonly string[] => [
  ...compareTraces(of, trace, { ...trace, ...changed }).keys(),
];
const frames = (...sent: readonly string[]): Partial<Trace> => ({
  connections: [{ request: "GET / HTTP/1.1", headers: ["host: x"], frames: sent }],
});

test("equal traces don't differ", () => {
  assert.deepEqual(aspects({}), []);
});

test("a change in any part of a trace is found, and called by its aspect", () => {
  const [connect, received] = trace.callbacks as readonly [Called, Called];
  assert.deepEqual(aspects({ callbacks: [connect] }), ["callbacks"]);
  assert.deepEqual(aspects({ callbacks: [received, connect] }), ["callbacks"]);
  assert.deepEqual(aspects({ callbacks: [connect, { ...received, args: ['{:text, "b"}'] }] }), ["arguments"]);
  assert.deepEqual(aspects({ callbacks: [connect, { ...received, stateBefore: "1" }] }), ["states"]);
  assert.deepEqual(aspects({ callbacks: [connect, { ...received, returned: ":close" }] }), ["states"]);
  assert.deepEqual(aspects(frames()), ["frames"]);
  assert.deepEqual(aspects(frames('{:text, "r"}', ":close")), ["frames"]);
  assert.deepEqual(
    aspects({ connections: [{ request: "GET /x HTTP/1.1", headers: ["host: x"], frames: ['{:text, "r"}'] }] }),
    ["request"],
  );
  assert.deepEqual(aspects({ connections: [] }), ["callbacks", "frames"]);
  assert.deepEqual(aspects({ results: [] }), ["results"]);
  assert.deepEqual(aspects({ exit: { class: "alive", reason: "" } }), ["exit"]);
  assert.deepEqual(aspects({ links: [] }), ["links"]);
});

test("a reason that is for people isn't compared, its code is", () => {
  const expected = { ...trace, ...frames(`{:close, 1002, ${ANY_TEXT}}`) };
  const found = (frame: string): number => compareTraces(scenario, expected, { ...trace, ...frames(frame) }).size;
  assert.equal(found('{:close, 1002, "reserved opcode"}'), 0);
  assert.equal(found('{:close, 1007, "reserved opcode"}'), 1);
});

test("the pings of a timer may be two more or less, and only with a timer", () => {
  const ping = '{:ping, ""}';
  assert.deepEqual(aspects(frames(ping, '{:text, "r"}', ping), pinging), []);
  assert.deepEqual(aspects(frames(ping, ping, ping, '{:text, "r"}'), pinging), ["frames"]);
  assert.deepEqual(aspects(frames(ping, '{:text, "r"}')), ["frames"]);
});

test("in a storm connections that differ in a reason for people only repeat each other", () => {
  const violated = (reason: string) => ({
    request: "GET / HTTP/1.1",
    headers: [],
    frames: [`{:close, 1002, ${reason}}`],
  });
  const other = { request: "GET / HTTP/1.1", headers: [], frames: [] };
  const storm = (...reasons: readonly string[]): Trace => ({
    ...trace,
    callbacks: Array.from({ length: 12 }, () => call("handle_error", { returned: ":reconnect" })),
    connections: [...reasons.map(violated), other, other],
  });
  const predicted = storm(ANY_TEXT, ANY_TEXT, ANY_TEXT);
  assert.equal(compareTraces(scenario, predicted, storm('"bad code"', '"bad code"', '"bad opcode"')).size, 0);
});

test("in a storm what repeats itself counts once, whatever its number; what breaks the row counts", () => {
  const failed = call("handle_error", { returned: ":reconnect" });
  const storm = (count: number, ...last: readonly Called[]): Trace => ({
    ...trace,
    callbacks: [...Array.from({ length: count }, () => failed), ...last],
  });
  assert.equal(compareTraces(scenario, storm(12), storm(40)).size, 0);
  assert.deepEqual([...compareTraces(scenario, storm(12), storm(12, call("handle_terminate"))).keys()], ["callbacks"]);
  assert.deepEqual([...compareTraces(scenario, storm(2), storm(3)).keys()], ["callbacks"]);
  const cycle = [call("handle_connect"), call("handle_in"), failed];
  const cycles = (count: number, ...last: readonly Called[]): Trace => ({
    ...trace,
    callbacks: [...Array.from({ length: count }, () => cycle).flat(), ...last],
  });
  assert.equal(compareTraces(scenario, cycles(12), cycles(40, ...cycle.slice(0, 2))).size, 0);
  const broken = cycles(12, call("handle_control"));
  assert.deepEqual([...compareTraces(scenario, cycles(12), broken).keys()], ["callbacks"]);
});
