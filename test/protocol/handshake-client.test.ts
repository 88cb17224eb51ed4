import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type HandshakeExpectation,
  requestHeaders,
  subprotocolsFault,
  validateResponse,
} from "../../src/protocol/handshake-client.ts";
import type { HeaderField } from "../../src/protocol/header-field.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const asked: HandshakeExpectation = { key, subprotocols: [], offeredExtensions: [] };
const good: readonly HeaderField[] = [
  ["upgrade", "websocket"],
  ["connection", "Upgrade"],
  ["sec-websocket-accept", accept],
];

/** The good answer with the fields of these names replaced. */
function answer(...fields: readonly HeaderField[]): readonly HeaderField[] {
  const names = fields.map(([name]) => name.toLowerCase());
  return [...good.filter(([name]) => !names.includes(name)), ...fields.filter(([, value]) => value !== "(none)")];
}

function refusal(headers: readonly HeaderField[], expectation = asked, status = 101) {
  const result = validateResponse({ status, headers }, expectation);
  assert.equal(result.type, "refused");
  assert.ok(result.type === "refused" && result.message.length > 30);
  return result;
}

describe("the request", () => {
  it("has the handshake's fields in lower case, in Fresh's order", () => {
    assert.deepEqual(requestHeaders({ key }), [
      ["upgrade", "websocket"],
      ["connection", "upgrade"],
      ["sec-websocket-version", "13"],
      ["sec-websocket-key", key],
    ]);
  });

  it("lists subprotocols and extensions where there are some", () => {
    assert.deepEqual(
      requestHeaders({ key, subprotocols: ["v2.chat", "chat"], extensions: ["permessage-deflate; a=1", "foo"] }).slice(
        4,
      ),
      [
        ["sec-websocket-protocol", "v2.chat, chat"],
        ["sec-websocket-extensions", "permessage-deflate; a=1, foo"],
      ],
    );
  });

  for (const subprotocols of [[""], ["a b"], ["a,b"], ["a\r\nx: y"], ["é"], ["a", "a"], [5 as unknown as string]]) {
    it(`is not made with the subprotocols ${JSON.stringify(subprotocols)}`, () => {
      assert.throws(() => requestHeaders({ key, subprotocols }), { name: "TypeError", message: /subprotocol/ });
      assert.equal(typeof subprotocolsFault(subprotocols), "string");
    });
  }

  it("takes subprotocols that are tokens, each once", () => {
    assert.equal(subprotocolsFault(["a", "A", "graphql-transport-ws"]), undefined);
  });
});

describe("the answer", () => {
  it("is accepted when it proves that the server read our key", () => {
    assert.deepEqual(validateResponse({ status: 101, headers: good }, asked), {
      type: "accepted",
      protocol: "",
      extensions: "",
    });
  });

  for (const status of [100, 200, 301, 401, 503]) {
    it(`is refused with status ${status}`, () => {
      const { reason, message } = refusal(good, asked, status);
      assert.equal(reason, "status");
      assert.match(message, new RegExp(`${status}`));
    });
  }

  it("takes spaces and tabs around a value for nothing, and whatever else is called white for a part of it", () => {
    assert.equal(
      validateResponse({ status: 101, headers: answer(["sec-websocket-accept", ` ${accept}\t`]) }, asked).type,
      "accepted",
    );
    for (const space of ["\u00a0", "\v", "\f", "\r", "\n", "\ufeff"]) {
      assert.equal(refusal(answer(["sec-websocket-accept", `${space}${accept}`])).reason, "accept");
      assert.equal(refusal(answer(["upgrade", `websocket${space}`])).reason, "upgrade");
      const expectation = { ...asked, subprotocols: ["chat"] };
      assert.equal(refusal(answer(["sec-websocket-protocol", `chat${space}`]), expectation).reason, "subprotocol");
    }
  });

  it("takes Upgrade without regard to case, and Connection as a list too, in one field or several", () => {
    for (const headers of [
      answer(["Upgrade", "WebSocket"], ["Connection", "keep-alive, Upgrade"]),
      answer(["upgrade", "\twebsocket "], ["connection", "keep-alive"], ["connection", "UPGRADE"]),
    ]) {
      assert.equal(validateResponse({ status: 101, headers }, asked).type, "accepted");
    }
  });

  it("is refused over another HTTP than 1.1, of which the version is only checked where it is given", () => {
    const over = (httpVersion: string) => validateResponse({ status: 101, httpVersion, headers: good }, asked);
    assert.equal(over("1.1").type, "accepted");
    for (const httpVersion of ["1.0", "0.9", "2.0", "3.0", "1", "", "11", "1.1\n"]) {
      const result = over(httpVersion);
      assert.equal(result.type === "refused" && result.reason, "http_version", httpVersion);
    }
    const late = validateResponse({ status: 200, httpVersion: "1.0", headers: good }, asked);
    assert.equal(late.type === "refused" && late.reason, "status", "of another status the version says nothing");
  });

  it("is refused with two Upgrade fields, even if both are right", () => {
    assert.equal(refusal([...good, ["upgrade", "websocket"]]).reason, "upgrade");
    assert.equal(refusal([...good, ["upgrade", "h2c"]]).reason, "upgrade");
  });

  for (const value of ["(none)", "", "h2c", "websockets", "web socket", "h2c, websocket", "websocket, websocket"]) {
    it(`is refused with the Upgrade ${JSON.stringify(value)}`, () => {
      assert.equal(refusal(answer(["upgrade", value])).reason, "upgrade");
    });
  }

  for (const value of ["(none)", "", "keep-alive", "close", "upgraded"]) {
    it(`is refused with the Connection ${JSON.stringify(value)}`, () => {
      assert.equal(refusal(answer(["connection", value])).reason, "connection");
    });
  }

  for (const value of ["(none)", "", accept.toLowerCase(), `${accept}=`, accept.slice(0, -1), key]) {
    it(`is refused with the accept key ${JSON.stringify(value)}`, () => {
      assert.equal(refusal(answer(["sec-websocket-accept", value])).reason, "accept");
    });
  }

  it("is refused with two accept keys, even if both are right", () => {
    const { reason, message } = refusal([...good, ["sec-websocket-accept", accept]]);
    assert.equal(reason, "accept");
    assert.match(message, /2 sec-websocket-accept/);
  });

  it("may choose one of the subprotocols we asked for, or none", () => {
    const expectation = { ...asked, subprotocols: ["chat", "v2"] };
    const chosen = validateResponse({ status: 101, headers: answer(["sec-websocket-protocol", "v2"]) }, expectation);
    assert.equal(chosen.type === "accepted" && chosen.protocol, "v2");
    const none = validateResponse({ status: 101, headers: good }, expectation);
    assert.equal(none.type === "accepted" && none.protocol, "");
  });

  for (const value of ["v3", "V2", "", "chat, v2", "constructor"]) {
    it(`is refused with the subprotocol ${JSON.stringify(value)} that we didn't ask for`, () => {
      const expectation = { ...asked, subprotocols: ["chat", "v2"] };
      assert.equal(refusal(answer(["sec-websocket-protocol", value]), expectation).reason, "subprotocol");
      assert.equal(refusal(answer(["sec-websocket-protocol", value])).reason, "subprotocol");
    });
  }

  it("is refused without a word of what was asked for: some services take a token for a subprotocol", () => {
    const expectation = { ...asked, subprotocols: ["chat", "s3cret"] };
    for (const value of ["mqtt", "chat, s3cret", "S3CRET"]) {
      const { message } = refusal(answer(["sec-websocket-protocol", value]), expectation);
      assert.doesNotMatch(message, /s3cret/i);
      assert.match(message, value === "mqtt" ? /"mqtt".* 2 / : /more than one of the 2/);
    }
    for (const subprotocols of [
      ["s3cret", "s3cret"],
      ["chat", "Bearer s3cret"],
    ]) {
      assert.match(subprotocolsFault(subprotocols) ?? "", /^The subprotocol at place 2 (?!.*s3cret)/);
    }
  });

  it("is refused with two subprotocol fields", () => {
    const expectation = { ...asked, subprotocols: ["chat"] };
    const headers = answer(["sec-websocket-protocol", "chat"], ["sec-websocket-protocol", "chat"]);
    assert.equal(refusal(headers, expectation).reason, "subprotocol");
  });

  it("may choose extensions we offered, and gives them as the server named them", () => {
    const expectation = { ...asked, offeredExtensions: ["permessage-deflate; client_max_window_bits", "foo"] };
    const headers = answer(
      ["sec-websocket-extensions", "foo"],
      ["sec-websocket-extensions", "permessage-deflate; x=8"],
    );
    const result = validateResponse({ status: 101, headers }, expectation);
    assert.equal(result.type === "accepted" && result.extensions, "foo, permessage-deflate; x=8");
  });

  for (const value of ["permessage-deflate", "toString", "foo; ", "foo bar", ""]) {
    it(`is refused with the extensions ${JSON.stringify(value)} that we didn't offer`, () => {
      assert.equal(refusal(answer(["sec-websocket-extensions", value])).reason, "extensions");
      const expectation = { ...asked, offeredExtensions: ["foo"] };
      assert.equal(refusal(answer(["sec-websocket-extensions", value]), expectation).reason, "extensions");
    });
  }

  it("never puts a peer's control characters or endless words into the sentence", () => {
    const { message } = refusal(answer(["sec-websocket-protocol", `\x1b[31m\x9b${"x".repeat(5000)}`]));
    assert.match(message, /^[\x20-\x7e\u00a7]+$/);
    assert.ok(message.length < 400);
  });

  it("never makes it throw", () => {
    const field = fc.tuple(
      fc.constantFrom(
        "upgrade",
        "connection",
        "sec-websocket-accept",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
        "__proto__",
      ),
      fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("websocket", "upgrade", accept, "foo; bar")),
    );
    fc.assert(
      fc.property(fc.integer(), fc.array(field), (status, headers) => {
        validateResponse({ status, headers }, asked);
        validateResponse({ status: 101, headers: [...good, ...headers] }, { ...asked, offeredExtensions: ["foo"] });
      }),
    );
  });
});
