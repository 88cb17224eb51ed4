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

test("what a session lends of a frame that is no text ends the connection with that frame, not with the next (RFC 6455 §8.1)", () => {
  const lending = stackOf("x-a", "A", {
    decode(data, _frame, output) {
      output.lend(data);
      return undefined;
    },
  });
  const bad = new ExtendedMessage(lending, "text", 0b100, 100);
  const fault = bad.takeFrame(Uint8Array.of(0x61, 0xff), 0b100, false);
  assert.ok(fault?.type === "violation" && fault.reason === "invalid_utf8" && /0xff at offset 1/.test(fault.message));
  const cut = new ExtendedMessage(lending, "text", 0b100, 100);
  assert.equal(cut.takeFrame(Uint8Array.of(0xc3), 0b100, false), undefined);
  assert.equal(cut.takeFrame(Uint8Array.of(0xa9), 0, true), undefined);
  assert.deepEqual(cut.end(), { type: "text", data: "é" });
});

test("a fault is one with the frame that has it, also inside a message", () => {
  const faulty = stackOf("x-a", "A", { decode: () => ({ closeCode: 1002, message: "no." }) });
  const fault = new ExtendedMessage(faulty, "binary", 0, 100).takeFrame(Buffer.from("x"), 0, false);
  assert.ok(fault?.type === "violation" && fault.reason === "extension_data");
});
