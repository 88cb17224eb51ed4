/** Bytes become the same lines however they are cut, and nothing that can't be a message becomes one. */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { type InputLine, LineSplitter, linesOf } from "../../../src/cli/connect/lines.ts";

function split(chunks: readonly (string | Uint8Array)[], maxBytes?: number): readonly InputLine[] {
  const splitter = new LineSplitter(maxBytes);
  const lines = chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))]);
  const last = splitter.end();
  return last === undefined ? lines : [...lines, last];
}

const texts = (...lines: readonly string[]) => lines.map((text) => ({ text }));

test("a line ends with a line feed, with or without a carriage return before it", () => {
  assert.deepEqual(split(["one\ntwo\r\nthree\n"]), texts("one", "two", "three"));
});

test("what stands behind the last line feed is a line, unless it is empty", () => {
  assert.deepEqual(split(["one\nlast"]), texts("one", "last"));
  assert.deepEqual(split(["one\n"]), texts("one"));
  assert.deepEqual(split([]), []);
});

test("empty lines are lines", () => {
  assert.deepEqual(split(["\n\r\n\n"]), texts("", "", ""));
});

test("a carriage return within a line, a byte order mark and a separator of Unicode end nothing and stay", () => {
  assert.deepEqual(split(["\ufeffa\rb\u2028c\n\ufeffd\n"]), texts("\ufeffa\rb\u2028c", "\ufeffd"));
});

test("the lines are the same wherever the bytes are cut", () => {
  const line = fc.string({ unit: "grapheme" }).filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
      const pieces: Uint8Array[] = [];
      for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
        const length = cuts[cut % cuts.length] as number;
        pieces.push(bytes.subarray(at, at + length));
        at += length;
      }
      assert.deepEqual(split(pieces), texts(...lines));
    }),
  );
});

test("a line that is not UTF-8 is a fault with its number, and the next line is a line again", () => {
  const [first, fault, last] = split(["good\n", Uint8Array.of(0xff, 0x0a), "good\n"]);
  assert.deepEqual([first, last], texts("good", "good"));
  assert.match((fault as { fault: string }).fault, /^line 2 is not UTF-8/);
});

test("a line that is too long is a fault, and little of it is kept", () => {
  const [fault, next] = split([...Array.from({ length: 100 }, () => "x".repeat(10)), "\nshort\n"], 100);
  assert.deepEqual(fault, { fault: "line 1 has more than 100 bytes" });
  assert.deepEqual(next, { text: "short" });
});

test("a stream's lines come as they are asked for, the last one too", async () => {
  const lines: InputLine[] = [];
  for await (const line of linesOf(Readable.from([Buffer.from("a\nb"), Buffer.from("c\nd")]))) lines.push(line);
  assert.deepEqual(lines, texts("a", "bc", "d"));
});

test("no more is read than is asked for", async () => {
  let chunks = 0;
  const endless = new Readable({
    highWaterMark: 1,
    read() {
      chunks += 1;
      this.push("line\n");
    },
  });
  const lines = linesOf(endless);
  await lines.next();
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.ok(chunks < 10, `${chunks} chunks were read for one line`);
  endless.destroy();
});
