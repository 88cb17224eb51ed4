import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeaderPair } from "../../src/transport/channel.ts";
import { upgradeHeaders } from "../../src/transport/upgrade-request.ts";
import { USER_AGENT } from "../../src/transport/user-agent.ts";

const compose = (headers: readonly HeaderPair[], subprotocols: readonly string[] = []) =>
  upgradeHeaders({ authority: "a.test:81", key: "the key", headers, subprotocols, extensions: [] });

function pairsOf(headers: readonly HeaderPair[], subprotocols?: readonly string[]) {
  const composed = compose(headers, subprotocols);
  assert.equal(composed.type, "headers");
  return composed.type === "headers" ? composed : assert.fail();
}

function faultOf(headers: readonly HeaderPair[], subprotocols?: readonly string[]) {
  const composed = compose(headers, subprotocols);
  return composed.type === "fault" ? composed : assert.fail("no fault");
}

const HANDSHAKE = [
  ["upgrade", "websocket"],
  ["connection", "upgrade"],
  ["sec-websocket-version", "13"],
  ["sec-websocket-key", "the key"],
] as const;
const AGENT = ["user-agent", USER_AGENT] as const;

test("host and user-agent come first, then the handshake's own, then the caller's in order, case and number", () => {
  assert.deepEqual(
    pairsOf([
      ["Authorization", "Bearer x"],
      ["X-Dup", "1"],
      ["x-dup", "2"],
    ]).pairs,
    [["host", "a.test:81"], AGENT, ...HANDSHAKE, ["Authorization", "Bearer x"], ["X-Dup", "1"], ["x-dup", "2"]],
  );
});

test("the caller's Host and User-Agent replace ours, where the caller put them", () => {
  assert.deepEqual(
    pairsOf([
      ["X-First", "1"],
      ["Host", "other.test"],
      ["User-Agent", "mine/1"],
    ]).pairs,
    [...HANDSHAKE, ["X-First", "1"], ["Host", "other.test"], ["User-Agent", "mine/1"]],
  );
});

test("subprotocols of a header join those asked for, and are sent in one header, each once", () => {
  const composed = pairsOf(
    [
      ["Sec-WebSocket-Protocol", "chat, v2"],
      ["sec-websocket-protocol", "v3,chat"],
    ],
    ["v2", "v1"],
  );
  assert.deepEqual(composed.subprotocols, ["v2", "v1", "chat", "v3"]);
  assert.deepEqual(
    composed.pairs.filter(([name]) => name.toLowerCase() === "sec-websocket-protocol"),
    [["sec-websocket-protocol", "v2, v1, chat, v3"]],
  );
});

test("what the handshake says itself can't be said by the caller", () => {
  const reserved = [
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Extensions",
    "Content-Length",
    "Transfer-Encoding",
  ];
  for (const name of reserved) {
    const fault = faultOf([[name, "x-secret"]]);
    assert.equal(fault.reason, "reserved_header", name);
    assert.match(fault.message, new RegExp(`^The header ${name} can't be set by the caller: .*`));
    assert.ok(!fault.message.includes("x-secret"));
  }
});

test("an illegal name or value is a fault that names the header and never shows the value", () => {
  const cases: readonly (readonly [unknown, unknown, RegExp])[] = [
    ["", "x", /A header is named "", which is no token/],
    ["X Bad", "x", /A header is named "X Bad", which is no token/],
    ["X-Bad\r\nY", "x", /A header is named "X-Bad\\r\\nY", which is no token/],
    [undefined, "x", /A header is named undefined, which is no token/],
    ["X-Bad", "secret\r\nb: c", /The header X-Bad holds a control character/],
    ["X-Bad", "secret\0", /The header X-Bad holds a control character/],
    ["X-Bad", "secret\u20ac", /The header X-Bad holds .* Latin-1 doesn't have/],
    ["X-Bad", 7, /The header X-Bad has a value that is no string/],
    ["X-Bad", undefined, /The header X-Bad has a value that is no string/],
    ["Sec-WebSocket-Protocol", "a b", /The header Sec-WebSocket-Protocol holds something other than a list/],
  ];
  for (const [name, value, message] of cases) {
    const fault = faultOf([[name, value] as unknown as HeaderPair]);
    assert.equal(fault.reason, "invalid_header");
    assert.match(fault.message, message);
    assert.ok(!fault.message.includes("secret"));
  }
});

test("Latin-1 values pass", () => {
  assert.deepEqual(pairsOf([["X-Name", "Zo\u00eb\t1"]]).pairs.at(-1), ["X-Name", "Zo\u00eb\t1"]);
});

test("a second Host is a fault", () => {
  const fault = faultOf([
    ["Host", "a"],
    ["host", "b"],
  ]);
  assert.equal(fault.reason, "invalid_header");
});

test("subprotocols that are no tokens, or named twice by the option, are a fault", () => {
  assert.equal(faultOf([], ["a b"]).reason, "invalid_header");
  assert.equal(faultOf([], ["a", "a"]).reason, "invalid_header");
});
