/** In a terminal, what comes in is printed above the line that is being typed, and that line survives. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import { editLines } from "../../../src/cli/connect/line-editor.ts";

function typing(t: TestContext) {
  const input = new PassThrough();
  const terminal = Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY: true, columns: 80, rows: 24 });
  let interrupts = 0;
  const editor = editLines(input, terminal, () => {
    interrupts += 1;
  });
  t.after(() => editor.close());
  return { input, terminal, editor, interrupts: () => interrupts, screen: () => String(terminal.read() ?? "") };
}

test("entered lines come in their order, those entered before anybody asked too; Ctrl-D ends them", async (t) => {
  const { input, editor } = typing(t);
  input.write("one\rtwo\r");
  await new Promise(setImmediate);
  input.write("three\r\u0004");
  const lines: unknown[] = [];
  for await (const line of editor.lines) lines.push(line);
  assert.deepEqual(lines, [{ text: "one" }, { text: "two" }, { text: "three" }]);
});

test("what is written above a line that is being typed leaves it as it was", async (t) => {
  const { input, terminal, editor, screen } = typing(t);
  input.write("half a li");
  await new Promise(setImmediate);
  screen();
  editor.above(() => terminal.write("incoming\n"));
  // The line is wiped, the other one written, and the line put back.
  assert.match(screen(), /\[2Kincoming\n.*half a li/s);
  input.write("ne\r");
  const { value } = await editor.lines[Symbol.asyncIterator]().next();
  assert.deepEqual(value, { text: "half a line" });
});

test("above gives what the writing gives", (t) => {
  assert.equal(
    typing(t).editor.above(() => 7),
    7,
  );
});

test("Ctrl-C is an interrupt, not a line and no end", async (t) => {
  const { input, interrupts, editor } = typing(t);
  input.write("\u0003after\r");
  const { value } = await editor.lines[Symbol.asyncIterator]().next();
  assert.equal(interrupts(), 1);
  assert.deepEqual(value, { text: "after" });
});

test("once it is closed, lines are written plainly", (t) => {
  const { terminal, editor, screen } = typing(t);
  editor.close();
  screen();
  editor.above(() => terminal.write("incoming\n"));
  assert.equal(screen(), "incoming\n");
});
