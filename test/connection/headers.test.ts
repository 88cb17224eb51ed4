import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseHeaders } from "../../src/connection/headers.ts";
import type { HeadersInput } from "../../src/connection/option-types.ts";

test("an object, pairs, a Headers and a Map give the same pairs, in their order", () => {
  const wanted = [
    ["x-a", "1"],
    ["x-b", "2"],
  ];
  assert.deepEqual(parseHeaders({ "x-a": "1", "x-b": "2" }), wanted);
  assert.deepEqual(
    parseHeaders([
      ["x-a", "1"],
      ["x-b", "2"],
    ]),
    wanted,
  );
  assert.deepEqual(parseHeaders(new Headers({ "x-a": "1", "x-b": "2" })), wanted);
  assert.deepEqual(
    parseHeaders(new Map(Object.entries({ "x-a": "1", "x-b": "2" })) as unknown as HeadersInput),
    wanted,
  );
});

test("several values of one header become several pairs, and names keep their case", () => {
  assert.deepEqual(parseHeaders({ "X-Dup": ["1", "2"] }), [
    ["X-Dup", "1"],
    ["X-Dup", "2"],
  ]);
});

test("no header that passes can end or split its line (RFC 9110 §5.5)", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (name, value) => {
      const parsed = parseHeaders([[name, value]]);
      if ("fault" in parsed) return;
      for (const [passedName, passedValue] of parsed) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
        assert.doesNotMatch(passedName, /[\s:\u0000-\u001f\u007f-\uffff]/);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
        assert.doesNotMatch(passedValue, /[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/);
      }
    }),
  );
});

test("what the handshake itself sends is refused", () => {
  for (const name of [
    "Connection",
    "UPGRADE",
    "sec-websocket-key",
    "Sec-WebSocket-Version",
    "sec-websocket-extensions",
    "content-length",
  ]) {
    const parsed = parseHeaders({ [name]: "x" });
    assert.ok("fault" in parsed && parsed.fault.startsWith(`may not contain ${name}`), name);
  }
});

test("a subprotocol header is the user's to give, as in Fresh", () => {
  assert.deepEqual(parseHeaders([["Sec-WebSocket-Protocol", "chat, v2"]]), [["Sec-WebSocket-Protocol", "chat, v2"]]);
});

test("what is no pair or no string is refused with a sentence, not an exception", () => {
  for (const input of [[["x"]], ["x"], { x: 5 }, { x: null }, { x: [undefined] }]) {
    assert.ok("fault" in parseHeaders(input as unknown as HeadersInput), JSON.stringify(input));
  }
});
