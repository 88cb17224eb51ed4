/** A command line is understood whole, or refused with a sentence that says what to write instead. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type OptionTable, parseArguments } from "../../src/cli/arguments.ts";
import { UsageError } from "../../src/cli/exit-code.ts";

const TABLE = {
  header: { short: "H", value: "'NAME: VALUE'", repeatable: true, doc: "" },
  json: { doc: "" },
  port: { value: "PORT", doc: "" },
} as const satisfies OptionTable;

const parse = (...args: readonly string[]) => parseArguments(args, TABLE);
const refusal = (message: RegExp) => (error: unknown) => error instanceof UsageError && message.test(error.message);

test("options, their values and positionals come in any order; short ones too", () => {
  const args = parse("one", "--json", "-H", "a: b", "--port=80", "two", "--header", "c: d");
  assert.deepEqual(args.positionals, ["one", "two"]);
  assert.deepEqual(args.values("header"), ["a: b", "c: d"]);
  assert.equal(args.value("port"), "80");
  assert.ok(args.has("json"));
  assert.ok(!parse().has("json"));
  assert.deepEqual(parse().values("header"), []);
});

test("of an option given twice the last value counts", () => {
  assert.equal(parse("--port", "1", "--port", "2").value("port"), "2");
});

test("what stands behind -- is no option", () => {
  assert.deepEqual(parse("--", "--json").positionals, ["--json"]);
});

test("every command takes --help and -h", () => {
  assert.ok(parse("-h").has("help"));
  assert.ok(parse("--help").has("help"));
});

test("an unknown option is refused, with the nearest known one if it is near", () => {
  assert.throws(() => parse("--jsn"), refusal(/^There is no option --jsn\. Did you mean --json\?$/));
  assert.throws(() => parse("--verbose"), refusal(/^There is no option --verbose\.$/));
  assert.throws(() => parse("-x"), refusal(/^There is no option -x\.$/));
  assert.throws(() => parse("--constructor"), refusal(/^There is no option --constructor\.$/));
});

test("no value that might be secret is in a refusal", () => {
  assert.throws(
    () => parse("--headr=Authorization: hunter2"),
    (error: Error) => !error.message.includes("hunter2"),
  );
  assert.throws(
    () => parse("--json=hunter2"),
    (error: Error) => !error.message.includes("hunter2"),
  );
});

test("a missing value and one too many are refused", () => {
  assert.throws(() => parse("--port"), refusal(/^--port takes a value: --port PORT\.$/));
  assert.throws(() => parse("--json=yes"), refusal(/^--json takes no value\./));
});

test("an option is never taken for the value of the one before it, unless that is said", () => {
  assert.throws(() => parse("--port", "--json"), refusal(/an option follows it.*--port=PORT/));
  assert.throws(() => parse("-H", "-x"), refusal(/an option follows it.*--header=/));
  assert.equal(parse("--port=-1").value("port"), "-1");
});

test("a whole number is one, and within its bounds", () => {
  const range = { least: 1, most: 10 };
  assert.equal(parse("--port", "10").wholeNumber("port", range), 10);
  assert.equal(parse().wholeNumber("port", range), undefined);
  for (const wrong of ["0", "11", "1.5", "1e1", "0x5", "", " 5", "five", "9".repeat(40)]) {
    assert.throws(
      () => parse(`--port=${wrong}`).wholeNumber("port", range),
      refusal(/^--port takes a whole number from 1 to 10; it got "/),
      wrong,
    );
  }
});

test("milliseconds go from none to a day", () => {
  assert.equal(parse("--port=0").milliseconds("port"), 0);
  assert.equal(parse("--port=86400000").milliseconds("port"), 86_400_000);
  assert.throws(() => parse("--port=86400001").milliseconds("port"), UsageError);
});
