import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { acceptKeyOf, createKey } from "../../src/protocol/handshake-key.ts";

describe("the handshake's key", () => {
  it("is answered as in the example of RFC 6455 §1.3", () => {
    assert.equal(acceptKeyOf("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  it("is 16 bytes in base64, new each time", () => {
    const keys = Array.from({ length: 100 }, createKey);
    assert.equal(new Set(keys).size, 100);
    for (const key of keys) {
      assert.equal(key.length, 24);
      assert.equal(Buffer.from(key, "base64").length, 16);
    }
  });
});
