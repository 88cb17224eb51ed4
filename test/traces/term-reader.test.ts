import assert from "node:assert/strict";
import { test } from "node:test";
import { readScenarios } from "./scenario.ts";
import { parseTerm } from "./term-reader.ts";
import { atom, binary, evaluateTerm, matchesTerm, number, showTerm, string, tuple } from "./terms.ts";

test("every kind of term of the data is read and printed in one form", () => {
  const forms: readonly (readonly [source: string, printed: string])[] = [
    [":ok", ":ok"],
    ["nil", "nil"],
    ["Mint.HTTP1", "Mint.HTTP1"],
    ["-5", "-5"],
    ['"a\\r\\nb: \\"c\\""', '"a\\r\\nb: \\"c\\""'],
    ['"héllo 暴走 🚀"', '"héllo 暴走 🚀"'],
    ["<<0, 255, 1>>", "<<0, 255, 1>>"],
    ["<<97, 98>>", '"ab"'],
    ["<<4::size(3)>>", "<<4::size(3)>>"],
    ["'TLS client\\n'", "'TLS client\\n'"],
    ['[text: "a", binary: <<1>>]', '[{:text, "a"}, {:binary, <<1>>}]'],
    ["[:ping, {:close, 1000}]", "[:ping, {:close, 1000}]"],
    ["%{a: 1}", "%{:a => 1}"],
    ["%Mint.TransportError{reason: :closed}", "%Mint.TransportError{:reason => :closed}"],
    ["{:ok, <pid>}", "{:ok, <pid>}"],
    ["{:badarg, <stack: A.b/3 < :c.d/11>}", "{:badarg, <stack>}"],
    ["{:ok, state + 1}", "{:ok, state + 1}"],
  ];
  for (const [source, printed] of forms) assert.equal(showTerm(parseTerm(source)), printed);
});

test("a long binary known only by its digest gets bytes of its length and sort, and is printed as it was", () => {
  const name = "<binary bytes=100000 utf8=false sha256=92964304c4bdc139>";
  const term = parseTerm(`{:binary, ${name}}`);
  assert.ok(term.kind === "tuple" && term.items[1]?.kind === "binary");
  assert.equal(term.items[1].bytes.byteLength, 100_000);
  assert.equal(showTerm(term), `{:binary, ${name}}`);
  assert.equal(showTerm(binary(Uint8Array.from(term.items[1].bytes))), name);
});

test("a long binary that is there in full is printed by its digest, as the data prints it", () => {
  const name = "<binary bytes=70000 utf8=true sha256=66915c0872933db5>";
  assert.equal(showTerm(parseTerm(`"${"a".repeat(70_000)}"`)), name);
  assert.equal(showTerm(parseTerm(name)), name);
});

test("an answer over the state is worked out", () => {
  const answer = evaluateTerm(parseTerm('{:reply, [text: "a" <> "b"], state + 1}'), { state: number(7) });
  assert.equal(showTerm(answer), '{:reply, [{:text, "ab"}], 8}');
  assert.throws(() => evaluateTerm(parseTerm("other"), {}), RangeError);
});

test("a pattern fits its equals, and a variable fits everything", () => {
  const frame = tuple(atom("ping"), string("x"));
  assert.ok(matchesTerm(parseTerm('{:ping, "x"}'), frame));
  assert.ok(matchesTerm(parseTerm("{:ping, _}"), frame));
  assert.ok(!matchesTerm(parseTerm('{:pong, "x"}'), frame));
});

test("what can't be read is refused with its place", () => {
  assert.throws(() => parseTerm('{:ok, "open'), /Expected a closing " at \d+/);
  assert.throws(() => parseTerm(":a :b"), /Expected the end/);
});

test("every term of the recorded data is readable", () => {
  let terms = 0;
  for (const { client, observed } of readScenarios()) {
    const sources = [client.initialState, client.options];
    for (const rules of Object.values(client.callbacks)) {
      for (const { return: answer, match } of rules)
        sources.push(...[answer, match].filter((source) => source !== undefined));
    }
    for (const { args, stateBefore } of observed.callbacks) sources.push(...args, stateBefore);
    for (const source of sources) {
      assert.doesNotThrow(() => showTerm(parseTerm(source)), source);
      terms += 1;
    }
  }
  assert.ok(terms > 1000, String(terms));
});
