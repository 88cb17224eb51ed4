import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidOptionError } from "../../src/connection/errors.ts";
import type { ConnectionOptions } from "../../src/connection/option-types.ts";
import { OPTIONS, resolveOptions } from "../../src/connection/options.ts";

function refusal(options: unknown): InvalidOptionError {
  try {
    resolveOptions(options as ConnectionOptions);
  } catch (error) {
    assert.ok(error instanceof InvalidOptionError, String(error));
    return error;
  }
  assert.fail(`accepted: ${JSON.stringify(options)}`);
}

test("without options every default of the table is filled in", () => {
  const resolved = resolveOptions(undefined) as unknown as Record<string, unknown>;
  for (const [name, entry] of Object.entries(OPTIONS)) assert.deepEqual(resolved[name], entry.fallback, name);
  assert.deepEqual(Object.keys(resolved).sort(), Object.keys(OPTIONS).sort());
});

test("the defaults are the design's", () => {
  const { outbox, inbox, retryAfter, ...rest } = resolveOptions(undefined);
  assert.deepEqual(outbox, { maxMessages: 1000, maxBytes: 1_048_576, maxAge: 30_000, overflow: "reject" });
  assert.deepEqual(inbox, { maxMessages: 64, maxBytes: 1_048_576 });
  assert.deepEqual(retryAfter, { max: 300_000 });
  const numbers = Object.fromEntries(Object.entries(rest).filter(([, value]) => typeof value === "number"));
  assert.deepEqual(numbers, {
    pingInterval: 30_000,
    pongTimeout: 10_000,
    backoffInitial: 250,
    backoffMax: 30_000,
    backoffFactor: 1.5,
    stableAfter: 10_000,
    providerTimeout: 10_000,
    connectTimeout: 10_000,
    upgradeTimeout: 10_000,
    closeTimeout: 3000,
    sendBuffer: 16_777_216,
    maxMessageSize: 16_777_216,
    maxFragments: 1024,
    maxRedirects: 0,
    replaceAfter: Number.POSITIVE_INFINITY,
    hibernateAfter: Number.POSITIVE_INFINITY,
  });
});

test("an unknown option is refused with the nearest known one", () => {
  assert.equal(refusal({ pingIntervall: 5 }).message, "There is no option pingIntervall. Did you mean pingInterval?");
  assert.equal(
    refusal({ outbox: { maxMesages: 5 } }).message,
    "There is no option outbox.maxMesages. Did you mean outbox.maxMessages?",
  );
  assert.match(refusal({ zzzzzzzzzz: 5 }).message, /^There is no option zzzzzzzzzz\. There are name, headers, /);
  assert.equal(refusal({ outbox: { maxBytes: -1 } }).option, "outbox.maxBytes");
});

test("undefined means that an option wasn't given, at the top and inside", () => {
  const resolved = resolveOptions({
    pingInterval: undefined,
    outbox: { maxAge: undefined, maxBytes: 5 },
  } as unknown as ConnectionOptions);
  assert.equal(resolved.pingInterval, 30_000);
  assert.deepEqual(resolved.outbox, { maxMessages: 1000, maxBytes: 5, maxAge: 30_000, overflow: "reject" });
});

const WRONG: readonly [unknown, RegExp][] = [
  [
    { pingInterval: -5 },
    /^The option pingInterval takes a number of milliseconds, 0 or more, or Infinity; it got -5\.$/,
  ],
  [{ pingInterval: null }, /it got null\.$/],
  [{ pingInterval: "30s" }, /it got "30s"\.$/],
  [
    { closeTimeout: Number.POSITIVE_INFINITY },
    /closeTimeout takes a number of milliseconds, 0 or more; it got Infinity/,
  ],
  [{ connectTimeout: Number.NaN }, /it got NaN/],
  [{ backoffFactor: 0.5 }, /backoffFactor takes a number from 1 to 100; it got 0\.5/],
  [{ backoffJitter: "some" }, /takes "full" or "none"; it got "some"/],
  [{ retryAfter: true }, /retryAfter takes false or an object with max; it got true/],
  [{ outbox: true }, /outbox takes false or an object with maxMessages, maxBytes, maxAge, overflow/],
  [{ outbox: { overflow: "explode" } }, /outbox\.overflow takes "reject" or "drop-oldest"/],
  [{ sendBuffer: -1 }, /sendBuffer takes a whole number, 0 or more, or Infinity; it got -1/],
  [{ inbox: { maxMessages: 0 } }, /inbox\.maxMessages takes a whole number, 1 or more/],
  [{ maxMessageSize: 1.5 }, /maxMessageSize takes a whole number/],
  [{ errorLogging: "no" }, /errorLogging takes true or false/],
  [{ logger: { info: () => undefined } }, /logger takes an object with the methods error and info/],
  [{ onDrop: 5 }, /onDrop takes a function/],
  [{ ref: 0 }, /ref takes true or false/],
  [{ signal: {} }, /signal takes an AbortSignal; it got an object \(Object\)/],
  [{ clock: 1 }, /clock takes an object with the functions now, wallClock, after, cancel, .* it got 1\.$/],
  [
    { clock: { now: () => 0, wallClock: () => 0, after: () => ({ timer: 0 }) } },
    /clock takes an object with the functions/,
  ],
  [{ random: 0.5 }, /random takes a function \(\) => number that gives numbers in \[0, 1\); it got 0\.5/],
  [{ name: "" }, /name takes a string that isn't empty, a symbol, /],
  [
    { name: { global: "" } },
    /takes a string that isn't empty, a symbol, \{ global: "…" \}, or \{ via: registry, name \}/,
  ],
  [{ name: { via: {}, name: 1 } }, /\{ via: registry, name \}/],
  [{ headers: "x: y" }, /headers takes an object/],
  [{ headers: { "X-Bad": "a\r\nb: c" } }, /has a X-Bad whose value holds a control character/],
  [{ headers: { "Sec-WebSocket-Key": "x" } }, /may not contain Sec-WebSocket-Key: the handshake sets it/],
  [{ headers: [["no good", "x"]] }, /a header named "no good", which is no token/],
  [{ transportOptions: { hostname: "x" } }, /transportOptions may not contain hostname: the uri decides it/],
  [{ transportOptions: { tls: true } }, /transportOptions\.tls takes an object/],
  [
    { transportOptions: { tls: { path: "/a.sock" } } },
    /transportOptions\.tls may not contain path: the uri decides it/,
  ],
  [{ transportOptions: 5 }, /transportOptions takes an object/],
  [{ upgradeOptions: { subprotocols: ["a b"] } }, /subprotocols takes a list of tokens/],
  [{ upgradeOptions: { subprotocols: new Array(1) } }, /subprotocols takes a list of tokens/],
  [{ upgradeOptions: { subprotocols: ["a", "a"] } }, /names one twice/],
  [{ upgradeOptions: { extension: [] } }, /Did you mean upgradeOptions\.extensions\?/],
  [{ upgradeOptions: { extensions: {} } }, /takes a list of extensions, such as \[permessageDeflate\(\)\]; it got/],
  [{ upgradeOptions: { extensions: ["permessage-deflate"] } }, /its entry 0, "permessage-deflate", is no object/],
  [{ upgradeOptions: { extensions: [{ name: "a b" }] } }, /has no name that is a token/],
  [{ upgradeOptions: { extensions: [{ name: "x" }] } }, /has no list of offers/],
  [{ upgradeOptions: { extensions: [{ name: "x", offers: [] }] } }, /has no list of offers/],
  [{ upgradeOptions: { extensions: [{ name: "x", offers: ["a"] }] } }, /has an offer that is no list of parameters/],
  [{ upgradeOptions: { extensions: [{ name: "x", offers: [[["a", "b;c"]]] }] } }, /has an offer that is no list/],
  [{ upgradeOptions: { extensions: [{ name: "x", offers: [[]] }] } }, /has no method accept/],
  [
    { upgradeOptions: { extensions: [{ name: "x", offers: [[]], accept: () => undefined, answer: 1 }] } },
    /has an answer that is no method/,
  ],
  [{ maxRedirects: Number.POSITIVE_INFINITY }, /maxRedirects takes a whole number, 0 or more; it got Infinity/],
  [{ replaceAfter: 0 }, /replaceAfter takes a number of milliseconds, more than 0, or Infinity; it got 0\.$/],
  [[], /The options are no object/],
];

for (const [options, message] of WRONG) {
  test(`a wrong option is refused with what it takes: ${message.source}`, () => {
    assert.match(refusal(options).message, message);
  });
}

test("a refusal never shows a header's value", () => {
  assert.doesNotMatch(refusal({ headers: { authorization: "Bearer s3cret\n" } }).message, /s3cret/);
});

test("the user's own objects are not kept: what is changed later has no effect", () => {
  const subprotocols = ["a"];
  const resolved = resolveOptions({ upgradeOptions: { subprotocols } });
  subprotocols.push("b");
  assert.deepEqual(resolved.upgradeOptions.subprotocols, ["a"]);
});
