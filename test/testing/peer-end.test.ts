import assert from "node:assert/strict";
import { test } from "node:test";
import { closedBy, describeClose, describeEnd } from "../../src/testing/peer-end.ts";

test("a close frame becomes an end with its code and reason, and nothing it doesn't have", () => {
  assert.deepEqual(closedBy({ type: "close", code: 1000, reason: "bye" }), {
    type: "closed",
    code: 1000,
    reason: "bye",
  });
  assert.deepEqual(closedBy({ type: "close" }), { type: "closed" });
});

test("each end has words", () => {
  assert.equal(describeEnd({ type: "closed", code: 1000, reason: 'b"e' }), `the client's close frame: 1000 "b\\"e"`);
  assert.equal(describeEnd({ type: "fin" }), "the client's FIN, without a close frame");
  assert.equal(describeEnd({ type: "reset", cause: new Error("why") }), "a reset or another fault: why");
  assert.equal(describeEnd({ type: "destroyed" }), "the server's own doing");
  assert.equal(describeClose({}), "an empty one");
  assert.equal(describeClose({ code: 1001, reason: "" }), "1001");
});
