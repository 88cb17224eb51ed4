/** start validates everything at once and throws before anything is opened. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fresh, InvalidOptionError, InvalidUriError, type Options } from "../../src/index.ts";
import { QUICK, Recorder } from "./fixtures.ts";
import { WsServer } from "./ws-server.ts";

/** Options that can't be taken, as JavaScript might give them: [what, the option that the error names, a part of its message]. */
const REFUSED: readonly (readonly [options: unknown, option: string, says: RegExp])[] = [
  // What isn't there at all, with the nearest that is.
  [{ pingIntervall: 1 }, "pingIntervall", /There is no option pingIntervall\. Did you mean pingInterval\?/],
  [{ PingInterval: 1 }, "PingInterval", /Did you mean pingInterval\?/],
  [{ ping_interval: 1 }, "ping_interval", /Did you mean pingInterval\?/],
  [{ header: {} }, "header", /Did you mean headers\?/],
  [{ colour: "red" }, "colour", /There are name, headers, /],
  [{ outbox: { maxMessage: 1 } }, "outbox.maxMessage", /Did you mean outbox\.maxMessages\?/],
  [{ inbox: { maxAge: 1 } }, "inbox.maxAge", /There is no option inbox\.maxAge/],
  [{ retryAfter: { maximum: 1 } }, "retryAfter.maximum", /retryAfter\.max\b/],
  [
    { upgradeOptions: { subprotocol: "x" } },
    "upgradeOptions.subprotocol",
    /Did you mean upgradeOptions\.subprotocols\?/,
  ],
  // What is of the wrong kind: what it takes, and what it got.
  ["options", "options", /no object/],
  [[], "options", /no object/],
  [{ name: "" }, "name", /a string that isn't empty/],
  [{ name: 7 }, "name", /it got 7/],
  [{ name: { global: "" } }, "name", /\{ global: "…" \}/],
  [{ name: { via: {}, name: 1 } }, "name", /\{ via: registry, name \}/],
  [{ headers: "Authorization: x" }, "headers", /it got "Authorization: x"/],
  [{ headers: { "bad name": "x" } }, "headers", /no token/],
  [{ headers: { a: "x\r\ny: z" } }, "headers", /control character/],
  [{ headers: { a: 7 } }, "headers", /a number, where a string is needed/],
  [{ headers: { Upgrade: "h2c" } }, "headers", /the handshake sets it/],
  [{ headers: { "Sec-WebSocket-Key": "x" } }, "headers", /the handshake sets it/],
  [{ headers: { "Content-Length": "5" } }, "headers", /no body/],
  [{ transportOptions: 1 }, "transportOptions", /takes an object/],
  [{ transportOptions: { host: "x" } }, "transportOptions.host", /the uri decides it/],
  [{ transportOptions: { headers: {} } }, "transportOptions.headers", /use the option headers/],
  [{ transportOptions: { tls: true } }, "transportOptions.tls", /takes an object; it got true/],
  [{ upgradeOptions: { subprotocols: ["a", "a"] } }, "upgradeOptions.subprotocols", /names one twice/],
  [{ upgradeOptions: { subprotocols: ["a b"] } }, "upgradeOptions.subprotocols", /list of tokens/],
  [
    { upgradeOptions: { extensions: [{ name: "permessage-deflate" }] } },
    "upgradeOptions.extensions",
    /has no list of offers/,
  ],
  [{ pingInterval: -5 }, "pingInterval", /0 or more, or Infinity; it got -5/],
  [{ pingInterval: "30s" }, "pingInterval", /it got "30s"/],
  [{ pingInterval: null }, "pingInterval", /it got null/],
  [{ pongTimeout: Number.NaN }, "pongTimeout", /it got NaN/],
  [{ errorLogging: 1 }, "errorLogging", /true or false; it got 1/],
  [{ infoLogging: "no" }, "infoLogging", /true or false/],
  [{ logger: {} }, "logger", /error and info/],
  [{ logger: { error: () => {}, info: () => {}, debug: 1 } }, "logger", /debug/],
  [{ backoffInitial: Number.POSITIVE_INFINITY }, "backoffInitial", /it got Infinity/],
  [{ backoffMax: -1 }, "backoffMax", /0 or more/],
  [{ backoffFactor: 0.5 }, "backoffFactor", /from 1 to/],
  [{ backoffJitter: "some" }, "backoffJitter", /"full" or "none"; it got "some"/],
  [{ stableAfter: -1 }, "stableAfter", /0 or more/],
  [{ retryAfter: true }, "retryAfter", /false or an object/],
  [{ retryAfter: { max: -1 } }, "retryAfter.max", /0 or more/],
  [{ providerTimeout: -1 }, "providerTimeout", /0 or more/],
  [{ connectTimeout: "x" }, "connectTimeout", /it got "x"/],
  [{ upgradeTimeout: {} }, "upgradeTimeout", /it got an object/],
  [{ closeTimeout: Number.POSITIVE_INFINITY }, "closeTimeout", /it got Infinity/],
  [{ outbox: true }, "outbox", /false or an object/],
  [{ outbox: { overflow: "drop-newest" } }, "outbox.overflow", /"reject" or "drop-oldest"/],
  [{ outbox: { maxBytes: 1.5 } }, "outbox.maxBytes", /a whole number/],
  [{ onDrop: "log" }, "onDrop", /a function/],
  [{ inbox: { maxMessages: 0 } }, "inbox.maxMessages", /1 or more/],
  [{ maxMessageSize: -1 }, "maxMessageSize", /0 or more/],
  [{ maxFragments: 1.5 }, "maxFragments", /a whole number/],
  [{ maxRedirects: -1 }, "maxRedirects", /a whole number, 0 or more/],
  [{ replaceAfter: -1 }, "replaceAfter", /more than 0, or Infinity/],
  [{ hibernateAfter: 0 }, "hibernateAfter", /more than 0/],
  [{ ref: "false" }, "ref", /true or false/],
  [{ signal: new AbortController() }, "signal", /an AbortSignal/],
];

for (const [options, option, says] of REFUSED) {
  const shown = JSON.stringify(options, (_key, value) => (typeof value === "function" ? "function" : value));
  test(`start refuses the options ${shown}: which, what it got, what it takes`, () => {
    assert.throws(
      () => Fresh.start("ws://127.0.0.1:9/", {}, null, options as Options<null>),
      (error) => {
        assert.ok(error instanceof InvalidOptionError);
        assert.ok(error instanceof TypeError);
        assert.equal(error.option, option);
        assert.match(error.message, says);
        assert.match(error.message, /[.?]$/);
        return true;
      },
    );
  });
}

/** Addresses that can't be connected to, each with a part of the message. */
const NO_ADDRESS: readonly (readonly [unknown, RegExp])[] = [
  ["ftp://127.0.0.1/", /the scheme ftp:/],
  ["127.0.0.1:80", /is not an address|the scheme/],
  ["", /is not an address/],
  ["ws://", /is not an address|names no host/],
  ["ws:///path", /names no host/],
  ["ws+unix:", /names no socket/],
  ["ws://127.0.0.1:99999/", /is not an address/],
  [undefined, /uri/],
  [42, /a number, not an address/],
  [null, /null, not an address/],
];

for (const [uri, says] of NO_ADDRESS) {
  test(`start refuses the uri ${JSON.stringify(uri)}`, () => {
    assert.throws(
      () => Fresh.start(uri as string, {}, null),
      (error) => {
        assert.ok(error instanceof InvalidUriError);
        assert.match(error.message, says);
        return true;
      },
    );
  });
}

test("a refused uri's message holds neither its userinfo nor its query values", () => {
  for (const uri of ["ftp://user:s3cr3t@127.0.0.1/?token=s3cr3t", "ws//user:s3cr3t@x?token=s3cr3t"]) {
    assert.throws(
      () => Fresh.start(uri, {}, null),
      (error) => error instanceof InvalidUriError && !error.message.includes("s3cr3t"),
    );
  }
});

test("what start refuses has opened nothing and taken no name", async () => {
  await using server = await WsServer.start();
  const { module } = new Recorder<null>();
  assert.throws(() => Fresh.start(server.url, module, null, { name: "refused", pingInterval: -1 }), InvalidOptionError);
  assert.throws(() => Fresh.start("ftp://x/", module, null, { name: "refused" }), InvalidUriError);
  assert.equal(Fresh.whereis("refused"), undefined);
  await using connection = Fresh.start(server.url, module, null, { ...QUICK, name: "refused" });
  await connection.opened();
  assert.equal(server.requests.entries.length, 1);
});

test("ws:, wss:, http:, https: and ws+unix: are taken, as strings and as URLs", async () => {
  const uris = [
    "ws://127.0.0.1:9/",
    "WS://127.0.0.1:9",
    "wss://127.0.0.1:9/",
    "http://127.0.0.1:9/",
    "https://127.0.0.1:9/",
    "ws+unix:/tmp/none.sock:/",
    new URL("ws://127.0.0.1:9/"),
  ];
  for (const uri of uris) {
    const connection = Fresh.start(uri, {}, null, QUICK);
    assert.equal(connection.uri, String(uri));
    assert.equal(await connection.stop(), "normal");
  }
});

test("a module's start takes uri and state, and says what is missing", () => {
  const { module } = new Recorder<null>();
  const start = module.start as (args: unknown) => unknown;
  assert.throws(() => start({ uri: "ws://x/" }), /state is missing/);
  assert.throws(() => start({ state: 1 }), /uri is missing/);
  assert.throws(() => start({}), /uri and state are missing/);
  assert.throws(() => start(undefined), /it got no object/);
});

test("define refuses what is no callback, and a handle… that there isn't", () => {
  const define = Fresh.define as (name: unknown, callbacks: unknown) => unknown;
  assert.throws(() => define("", {}), /a string that isn't empty/);
  assert.throws(() => define(undefined, {}), TypeError);
  assert.throws(() => define("M", undefined), /an object of callbacks/);
  assert.throws(() => define("M", { handleIn: 1 }), /handleIn that is no function/);
  assert.throws(() => define("M", { handleOpen: () => undefined }), /handleOpen, which is no callback.*handleConnect/);
  assert.doesNotThrow(() => define("M", { handleIn: undefined, own: 1 }));
});

test("a module's childSpec is what a supervisor needs: its name, transient, and how to start it", async () => {
  await using server = await WsServer.start();
  const { module } = new Recorder<number>({}, "Worker");
  const spec = module.childSpec({ uri: server.url, state: 1, options: QUICK });
  assert.equal(spec.id, "Worker");
  assert.equal(spec.restart, "transient");
  const child = await spec.start({ signal: new AbortController().signal });
  assert.ok(child !== undefined);
  await server.peer();
  await child.stop("shutdown", { timeout: 1000 });
  assert.equal(await child.exited, "shutdown");
});
