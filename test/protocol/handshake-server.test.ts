import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { requestHeaders, validateResponse } from "../../src/protocol/handshake-client.ts";
import { createKey } from "../../src/protocol/handshake-key.ts";
import { responseHeaders, type UpgradeRequest, validateRequest } from "../../src/protocol/handshake-server.ts";
import type { HeaderField } from "../../src/protocol/header-field.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const good: readonly HeaderField[] = [["host", "localhost"], ...requestHeaders({ key })];

function request(...fields: readonly HeaderField[]): UpgradeRequest {
  const names = fields.map(([name]) => name);
  const headers = [
    ...good.filter(([name]) => !names.includes(name)),
    ...fields.filter(([, value]) => value !== "(none)"),
  ];
  return { method: "GET", httpVersion: "1.1", headers };
}

function refusal(asked: UpgradeRequest) {
  const result = validateRequest(asked);
  assert.ok(result.type === "refused", JSON.stringify(result));
  assert.ok(result.message.length > 30);
  return result;
}

describe("a request", () => {
  it("may have spaces and tabs around its key and version, and no other white space", () => {
    assert.equal(validateRequest(request(["sec-websocket-key", ` ${key}\t`])).type, "accepted");
    for (const space of ["\u00a0", "\v", "\r", "\n"]) {
      assert.equal(refusal(request(["sec-websocket-key", `${key}${space}`])).status, 400);
      assert.equal(refusal(request(["sec-websocket-version", `${space}13`])).status, 426);
    }
  });

  it("is accepted with what it asks for", () => {
    const asked = request(
      ["origin", "http://example.com"],
      ["sec-websocket-protocol", "chat, v2"],
      ["sec-websocket-extensions", "permessage-deflate; client_max_window_bits"],
    );
    assert.deepEqual(validateRequest(asked), {
      type: "accepted",
      key,
      subprotocols: ["chat", "v2"],
      extensions: [{ name: "permessage-deflate", parameters: [["client_max_window_bits", undefined]] }],
      origin: "http://example.com",
    });
  });

  it("is accepted with nothing but the handshake, whatever the case of its fields", () => {
    const headers = good.map(([name, value]): HeaderField => [name.toUpperCase(), value]);
    assert.deepEqual(validateRequest({ method: "GET", headers }), {
      type: "accepted",
      key,
      subprotocols: [],
      extensions: [],
    });
    assert.equal(
      validateRequest(request(["upgrade", "WebSocket"], ["connection", "keep-alive, Upgrade"])).type,
      "accepted",
    );
    assert.equal(validateRequest({ ...request(), httpVersion: "2.0" }).type, "accepted");
  });

  it("is answered 405 with another method", () => {
    const { status, headers } = refusal({ ...request(), method: "POST" });
    assert.equal(status, 405);
    assert.deepEqual(headers, [["allow", "GET"]]);
  });

  for (const httpVersion of ["1.0", "0.9", "x"]) {
    it(`is answered 400 over HTTP/${httpVersion}`, () => {
      assert.equal(refusal({ ...request(), httpVersion }).status, 400);
    });
  }

  for (const value of ["(none)", "h2c"]) {
    it(`is answered 426 with the Upgrade ${value}, and told which`, () => {
      const { status, headers } = refusal(request(["upgrade", value]));
      assert.equal(status, 426);
      assert.deepEqual(headers[0], ["upgrade", "websocket"]);
    });
  }

  it("is answered 400 when Connection doesn't name upgrade", () => {
    assert.equal(refusal(request(["connection", "keep-alive"])).status, 400);
    assert.equal(refusal(request(["connection", "(none)"])).status, 400);
  });

  for (const value of ["(none)", "8", "", "13, 8"]) {
    it(`is answered 426 with the version ${JSON.stringify(value)}, and told 13 (RFC 6455 §4.4)`, () => {
      const { status, headers } = refusal(request(["sec-websocket-version", value]));
      assert.equal(status, 426);
      assert.deepEqual(headers[0], ["sec-websocket-version", "13"]);
    });
  }

  for (const value of [
    "(none)",
    "",
    "abc",
    `${key}=`,
    key.slice(1),
    "dGhlIHNhbXBsZSBub25jZQ=A",
    "dGhlIHNhbXBsZSBub25j-_==",
    "dGhlIHNhbXBsZSBub25jZ\u0151==",
  ]) {
    it(`is answered 400 with the key ${JSON.stringify(value)}`, () => {
      assert.equal(refusal(request(["sec-websocket-key", value])).status, 400);
    });
  }

  it("is answered 426 with two versions, even if both are 13", () => {
    assert.equal(refusal(request(["sec-websocket-version", "13"], ["sec-websocket-version", "13"])).status, 426);
  });

  it("is answered 400 with two keys", () => {
    assert.equal(refusal(request(["sec-websocket-key", key], ["sec-websocket-key", key])).status, 400);
  });

  for (const [name, value] of [
    ["sec-websocket-protocol", "a b"],
    ["sec-websocket-protocol", "a, a"],
    ["sec-websocket-protocol", ""],
    ["sec-websocket-extensions", "a; ="],
    ["sec-websocket-extensions", ""],
  ] as const) {
    it(`is answered 400 with the ${name} ${JSON.stringify(value)}`, () => {
      assert.equal(refusal(request([name, value])).status, 400);
    });
  }

  it("never makes it throw", () => {
    const names = [
      ...good.map(([name]) => name),
      "origin",
      "sec-websocket-protocol",
      "sec-websocket-extensions",
      "__proto__",
    ];
    const field = fc.tuple(fc.constantFrom(...names), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(field), (method, httpVersion, headers) => {
        validateRequest({ method, httpVersion, headers });
        validateRequest(request(...headers));
      }),
    );
  });
});

describe("the answer", () => {
  it("is one our own client accepts", () => {
    const asked = { key: createKey(), subprotocols: ["chat"], extensions: ["foo; bar"] };
    const result = validateRequest({ method: "GET", headers: requestHeaders(asked) });
    assert.ok(result.type === "accepted");
    const headers = responseHeaders({ key: result.key, protocol: "chat", extensions: "foo" });
    assert.deepEqual(
      validateResponse(
        { status: 101, headers },
        { key: asked.key, subprotocols: ["chat"], offeredExtensions: asked.extensions },
      ),
      { type: "accepted", protocol: "chat", extensions: "foo" },
    );
  });

  it("names neither subprotocol nor extensions where there are none", () => {
    assert.deepEqual(responseHeaders({ key, protocol: "", extensions: "" }), [
      ["upgrade", "websocket"],
      ["connection", "Upgrade"],
      ["sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    ]);
  });
});
