import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsOf } from "../../../src/protocol/deflate/options.ts";

test("what is left out, or undefined, has its default", () => {
  const defaults = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: true,
    threshold: 64,
    level: 3,
    memLevel: 8,
  };
  assert.deepEqual(settingsOf({}), defaults);
  assert.deepEqual(settingsOf({ level: undefined } as object), defaults);
  assert.deepEqual(settingsOf({ level: 9, threshold: Number.POSITIVE_INFINITY, clientMaxWindowBits: false }), {
    ...defaults,
    level: 9,
    threshold: Number.POSITIVE_INFINITY,
    clientMaxWindowBits: false,
  });
});

test("each number may be the least and the most that it can be", () => {
  for (const ends of [
    { level: 0, memLevel: 1, serverMaxWindowBits: 8, clientMaxWindowBits: 8, threshold: 0 },
    { level: 9, memLevel: 9, serverMaxWindowBits: 15, clientMaxWindowBits: 15 },
  ]) {
    const { level, memLevel, serverMaxWindowBits, clientMaxWindowBits } = settingsOf(ends);
    assert.deepEqual({ ...ends, level, memLevel, serverMaxWindowBits, clientMaxWindowBits }, ends);
  }
});

test("an option that can't be taken throws a TypeError that names it and what it takes", () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ treshold: 5 }, /no option "treshold"; it has serverNoContextTakeover, .*threshold/],
    [{ constructor: 5 }, /no option "constructor"/],
    [{ serverNoContextTakeover: 1 }, /serverNoContextTakeover takes true or false; it got 1/],
    [{ clientNoContextTakeover: "no" }, /clientNoContextTakeover takes true or false/],
    [{ serverMaxWindowBits: 7 }, /serverMaxWindowBits takes a whole number from 8 to 15; it got 7/],
    [{ serverMaxWindowBits: true }, /serverMaxWindowBits takes a whole number from 8 to 15/],
    [{ clientMaxWindowBits: 16 }, /clientMaxWindowBits takes a whole number from 8 to 15/],
    [{ clientMaxWindowBits: 9.5 }, /clientMaxWindowBits/],
    [{ level: 10 }, /level takes a whole number from 0 to 9/],
    [{ level: -1 }, /level/],
    [{ memLevel: 0 }, /memLevel takes a whole number from 1 to 9/],
    [{ threshold: -1 }, /threshold takes a number of bytes from 0 to Infinity; it got -1/],
    [{ threshold: Number.NaN }, /threshold/],
    [{ threshold: "64" }, /threshold/],
  ];
  for (const [options, message] of wrong) assert.throws(() => settingsOf(options), { name: "TypeError", message });
  assert.throws(() => settingsOf(null as never), { name: "TypeError", message: /takes an object/ });
});
