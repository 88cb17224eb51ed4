import assert from "node:assert/strict";
import { test } from "node:test";
import { type DeflateParameters, readParameters, writeParameters } from "../../../src/protocol/deflate/parameters.ts";
import type { ExtensionParameters } from "../../../src/protocol/extension.ts";
import { extensionsOf } from "../../../src/protocol/header-field.ts";

const NONE: DeflateParameters = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: undefined,
  clientMaxWindowBits: undefined,
};

const parsed = (text: string): ExtensionParameters =>
  extensionsOf([`permessage-deflate; ${text}`])?.[0]?.parameters ?? [];

test("each parameter is read in an offer and in an answer, in any order", () => {
  for (const of of ["offer", "answer"] as const) {
    assert.deepEqual(readParameters([], { of }), NONE);
    assert.deepEqual(
      readParameters(
        parsed(
          "client_max_window_bits=9; server_no_context_takeover; server_max_window_bits=15; client_no_context_takeover",
        ),
        { of },
      ),
      { serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 15, clientMaxWindowBits: 9 },
    );
    for (let bits = 8; bits <= 15; bits++) {
      assert.deepEqual(readParameters(parsed(`server_max_window_bits=${bits}`), { of }), {
        ...NONE,
        serverMaxWindowBits: bits,
      });
      // RFC 7692 §7.1.2 has the quoted form as an example.
      assert.deepEqual(readParameters(parsed(`client_max_window_bits="${bits}"`), { of }), {
        ...NONE,
        clientMaxWindowBits: bits,
      });
    }
  }
});

test("client_max_window_bits may stand without a value in an offer, and only there (RFC 7692 §7.1.2.2)", () => {
  assert.deepEqual(readParameters([["client_max_window_bits"]], { of: "offer" }), {
    ...NONE,
    clientMaxWindowBits: true,
  });
  assert.ok("refused" in readParameters([["client_max_window_bits"]], { of: "answer" }));
});

test("what the grammar doesn't have is refused: unknown and repeated parameters, missing and surplus values, other numbers", () => {
  const wrong = [
    "foo",
    "foo=1",
    "Server_no_context_takeover",
    "server_no_context_takeover=1",
    "server_no_context_takeover=true",
    "client_no_context_takeover=0",
    "server_no_context_takeover; server_no_context_takeover",
    "client_no_context_takeover; client_no_context_takeover",
    "server_max_window_bits=10; server_max_window_bits=10",
    "client_max_window_bits=10; client_max_window_bits=11",
    "client_max_window_bits=10; client_max_window_bits",
    "server_max_window_bits",
    ...[
      "0",
      "7",
      "16",
      "08",
      "010",
      "015",
      "1e1",
      "0xa",
      "8.0",
      "9.5",
      "-8",
      "+8",
      "99999999999999999999",
      "x",
      "constructor",
    ].flatMap((value) => [`server_max_window_bits=${value}`, `client_max_window_bits=${value}`]),
    "constructor",
    "__proto__",
  ];
  for (const text of wrong) {
    for (const of of ["offer", "answer"] as const) {
      const read = readParameters(parsed(text), { of });
      assert.ok("refused" in read, `${text} in an ${of}`);
      assert.match(read.refused, /\(RFC 7692 §7\.1\)\.$/);
    }
  }
});

test("a refusal names the parameter and shows of a long word only its beginning", () => {
  const read = readParameters([["x".repeat(5000)]], { of: "answer" });
  assert.ok("refused" in read && read.refused.length < 200);
  const bits = readParameters([["server_max_window_bits", "016"]], { of: "answer" });
  assert.deepEqual(bits, {
    refused:
      'the parameter server_max_window_bits takes a number from 8 to 15 without leading zeros, and has "016" (RFC 7692 §7.1).',
  });
});

test("what is written is what is read again", () => {
  const all: DeflateParameters[] = [];
  for (const serverNoContextTakeover of [false, true])
    for (const clientNoContextTakeover of [false, true])
      for (const serverMaxWindowBits of [undefined, 8, 15])
        for (const clientMaxWindowBits of [undefined, true, 8, 15] as const)
          all.push({ serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits });
  for (const one of all) assert.deepEqual(readParameters(writeParameters(one), { of: "offer" }), one);
});
