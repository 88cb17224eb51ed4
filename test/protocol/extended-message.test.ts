import assert from "node:assert/strict";
import { test } from "node:test";
import { ExtendedMessage } from "../../src/protocol/extended-message.ts";
import { ExtensionStack } from "../../src/protocol/extension-stack.ts";
import { prefix } from "./toy-extensions.ts";

function stackOf(...[name, letter, overrides]: Parameters<typeof prefix>): ExtensionStack {
  const session = prefix(name, letter, overrides).accept([], {
    role: "client",
    maxMessageSize: 100,
    hibernates: false,
  });
  return "refused" in session ? assert.fail() : new ExtensionStack(name, [{ name, session }]);
}

test("frames are counted and measured as they came, and the session is told which is the first and which the last", () => {
  const seen: (readonly [boolean, boolean, number])[] = [];
  const stack = stackOf("x-a", "A", {
    decode(data, { first, final, reservedBits }, output) {
      seen.push([first, final, reservedBits]);
      output.write(data);
      return undefined;
    },
  });
  const message = new ExtendedMessage(stack, "text", 0b100, 100);
  assert.equal(message.takeFrame(Buffer.from("one "), 0b100, false), undefined);
  assert.equal(message.takeFrame(Buffer.from(""), 0, false), undefined);
  assert.equal(message.takeFrame(Buffer.from("two"), 0, true), undefined);
  assert.equal(message.wireLength, 7);
  assert.deepEqual(seen, [
    [true, false, 0b100],
    [false, false, 0b100],
    [false, true, 0b100],
  ]);
  assert.deepEqual(message.end(), { type: "text", data: "one two" });
});

test("on the wire a message may be a 64th and 1 KiB longer than what may come of it", () => {
  const message = new ExtendedMessage(stackOf("x-a", "A"), "binary", 0, 6400);
  assert.equal(message.wireRoom, 6400 + 100 + 1024);
  message.takeFrame(Buffer.from("Axyz"), 0, false);
  assert.equal(message.wireRoom, 6400 + 100 + 1020);
});
