/** Values of header fields: read as the grammar has it, as ws reads them, and in time that grows with their length. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { parseRetryAfter } from "../../../src/connection/retry-after.ts";
import { extensionsOf, isToken, listNames, tokensOf } from "../../../src/protocol/header-field.ts";
import { assertLinear } from "../../support/growth.ts";
import { readExtensions, readTokens } from "../extension-grammar.ts";
import { latin1, TEXT_MUTATORS } from "../message-head.ts";
import type { Random } from "../random.ts";
import type { Target } from "../target.ts";

/** ws's own parser isn't among its exports; it is taken from beside the file that is. */
const require = createRequire(import.meta.url);
type WsEntries = Readonly<Record<string, readonly Readonly<Record<string, readonly (string | true)[]>>[]>>;
const { parse: parseWithWs } = require(require.resolve("ws").replace(/index\.js$/, "lib/extension.js")) as {
  parse(header: string): WsEntries;
};

/** A quarter of the longest field that anybody would take. */
const SHORT_OF_64_KIB = 16 * 1024;
/** Measuring is slow, so only some inputs are made long. */
const GROWN_ONCE_IN = 200;

/** Asserts that a reader takes time in proportion, for the input over and over again up to 64 KiB. */
function growsEvenly(text: string, random: Random, read: (long: string) => unknown): void {
  if (text === "" || !random.once(GROWN_ONCE_IN)) return;
  const long = text.repeat(Math.ceil((4 * SHORT_OF_64_KIB) / text.length));
  assertLinear((size) => read(long.slice(0, size)), SHORT_OF_64_KIB);
}

/** What ws makes of a field, in our form; undefined where it throws. Its entries are grouped by name. */
function entriesOfWs(value: string): readonly string[] | undefined {
  try {
    return Object.entries(parseWithWs(value)).flatMap(([name, offers]) =>
      offers.map((offer) => JSON.stringify([name, Object.entries(offer).map(([key, values]) => [key, ...values])])),
    );
  } catch {
    return undefined;
  }
}

export const extensionsField: Target = {
  name: "extensions-field",
  corpus: "extensions-field",
  mutators: TEXT_MUTATORS,
  check(input, random) {
    const value = latin1(input);
    const entries = extensionsOf([value]);
    assert.deepEqual(entries, readExtensions([value]));
    assert.deepEqual(tokensOf([value]), readTokens([value]));
    assert.equal(isToken(value), /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(value));
    const ofWs = entriesOfWs(value);
    if (ofWs !== undefined) {
      const ours = new Map<string, string[]>();
      for (const { name, parameters } of entries ?? []) {
        const values = new Map<string, (string | true)[]>();
        for (const [key, said] of parameters) values.set(key, [...(values.get(key) ?? []), said ?? true]);
        // As ws has them: keys that are numbers come first, in an object.
        const grouped = Object.entries(Object.fromEntries(values)).map(([key, all]) => [key, ...all]);
        ours.set(name, [...(ours.get(name) ?? []), JSON.stringify([name, grouped])]);
      }
      assert.deepEqual(Object.values(Object.fromEntries(ours)).flat(), ofWs, "ws reads it differently");
    }
    growsEvenly(value, random, (long) => {
      extensionsOf([long]);
      tokensOf([long]);
      listNames([long], "upgrade");
      isToken(long);
    });
    return entries === undefined ? "none" : entries.map(({ parameters }) => parameters.length).join(" ");
  },
};

/** A clock at which all dates of the corpus are either past or to come. */
const NOW = Date.UTC(2026, 0, 1);

export const retryAfterField: Target = {
  name: "retry-after",
  corpus: "retry-after",
  mutators: TEXT_MUTATORS,
  check(input, random) {
    const value = latin1(input);
    const wait = parseRetryAfter(value, NOW);
    if (wait !== undefined) assert.ok(Number.isFinite(wait) && wait >= 0, `a wait of ${wait}`);
    const seconds = /^\d+(?:\s*,\s*\d+)*$/.exec(value.trim());
    if (seconds !== null) {
      const longest = Math.max(...seconds[0].split(",").map(Number));
      assert.equal(wait, Math.min(Number.MAX_SAFE_INTEGER, longest * 1000));
    } else if (wait !== undefined) assert.match(value, /[A-Za-z]{3}/, "a wait that is neither a number nor a date");
    growsEvenly(value, random, (long) => parseRetryAfter(long, NOW));
    return wait === undefined
      ? "nothing"
      : seconds === null
        ? `date ${wait === 0}`
        : `seconds ${Math.min(20, seconds[0].length)}`;
  },
};
