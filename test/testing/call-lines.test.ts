import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallbackName } from "../../src/behaviour.ts";
import { binary, ping, text } from "../../src/frame.ts";
import { compareCalls, describeCall } from "../../src/testing/call-lines.ts";

const call = (name: CallbackName, ...values: unknown[]) => ({ connection: "1", name, arguments: values });

test("a call is a line that a person reads", () => {
  assert.equal(describeCall(call("handleConnect", 101, new Headers({ a: "b" }))), "handleConnect 101");
  assert.equal(describeCall(call("handleIn", text("hi"))), 'handleIn text "hi"');
  assert.equal(describeCall(call("handleIn", binary(new Uint8Array(3)))), "handleIn binary <3 bytes>");
  assert.equal(describeCall(call("handleControl", ping())), "handleControl ping <0 bytes>");
  assert.equal(describeCall(call("handleDisconnect", undefined, undefined)), "handleDisconnect undefined undefined");
  assert.equal(describeCall(call("handleInfo", { a: [1] })), "handleInfo { a: [ 1 ] }");
  assert.equal(describeCall(call("handleInfo", new TypeError("x"))), "handleInfo TypeError: x");
  assert.equal(describeCall(call("handleInfo", 10n ** 3n)), "handleInfo 1000n");
  assert.ok(describeCall(call("handleIn", text("x".repeat(1000)))).length < 120);
});

test("of an argument's object only what is given is compared, bytes and lists as a whole", () => {
  const message = call("handleIn", binary(Uint8Array.of(1, 2)));
  assert.equal(compareCalls([message], [["handleIn", { type: "binary" }]]), undefined);
  assert.equal(compareCalls([message], [["handleIn", { data: Uint8Array.of(1, 2) }]]), undefined);
  assert.notEqual(compareCalls([message], [["handleIn", { data: Uint8Array.of(1) }]]), undefined);
  const info = call("handleInfo", { nested: { a: 1, b: 2 }, list: [1, 2] });
  assert.equal(compareCalls([info], [["handleInfo", { nested: { a: 1 } }]]), undefined);
  assert.notEqual(compareCalls([info], [["handleInfo", { list: [1] }]]), undefined);
  assert.notEqual(compareCalls([call("handleDisconnect", undefined)], [["handleDisconnect", 1000]]), undefined);
});

test("one too many, one too few and another order are told where they are", () => {
  const calls = [call("handleConnect", 101), call("handleIn", text("1")), call("handleDisconnect", 1000, "")];
  const lines = (...expected: Parameters<typeof compareCalls>[1]) =>
    compareCalls(calls, expected)?.split("\n").slice(1);
  assert.deepEqual(lines("handleConnect", "handleDisconnect"), [
    "    handleConnect 101",
    '  + handleIn text "1"',
    '    handleDisconnect 1000 ""',
  ]);
  assert.deepEqual(lines("handleConnect", "handleIn", "handleControl", "handleDisconnect"), [
    "    handleConnect 101",
    '    handleIn text "1"',
    "  - handleControl",
    '    handleDisconnect 1000 ""',
  ]);
  assert.equal(lines("handleIn", "handleConnect", "handleDisconnect")?.length, 4);
});

test("with several connections a line tells whose it is", () => {
  const other = { ...call("handleConnect", 101), connection: "2" };
  assert.match(
    compareCalls([call("handleConnect", 101), other], []) ?? "",
    /handleConnect 101 {2}\(1\)\n.*handleConnect 101 {2}\(2\)/,
  );
});

test("lists of many thousands are compared one by one", () => {
  const many = Array.from({ length: 5000 }, () => call("handleIn", text("x")));
  const expected = Array.from({ length: 5000 }, () => "handleIn" as const);
  assert.equal(compareCalls(many, expected), undefined);
  assert.match(compareCalls(many, expected.slice(1)) ?? "", /\n {2}\+ handleIn text "x"$/);
});
