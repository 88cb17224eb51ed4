/** Output waits for a reader that is slow, and takes the loss of one for an event. */
import assert from "node:assert/strict";
import { PassThrough, Writable } from "node:stream";
import { test } from "node:test";
import { Output } from "../../src/cli/output.ts";

const terminal = () => Object.assign(new PassThrough(), { isTTY: true });

/** A stream whose reader takes nothing until told to. */
function stuck() {
  const taken: string[] = [];
  const callbacks: (() => void)[] = [];
  const stream = new Writable({
    highWaterMark: 4,
    write(chunk, _encoding, callback) {
      taken.push(String(chunk));
      callbacks.push(callback);
    },
  });
  return { stream, taken, release: () => callbacks.shift()?.() };
}

test("what fits is written at once", () => {
  const stream = new PassThrough();
  assert.equal(new Output(stream, {}).line("hello"), undefined);
  assert.equal(String(stream.read()), "hello\n");
});

test("a write that doesn't fit resolves when the reader has caught up", async () => {
  const { stream, release } = stuck();
  const written = new Output(stream, {}).line("too much");
  assert.ok(written instanceof Promise);
  release();
  await written;
});

test("flushed resolves when all has been taken", async () => {
  const { stream, taken, release } = stuck();
  const output = new Output(stream, {});
  output.line("first");
  output.line("second");
  let flushed = false;
  const done = output.flushed().then(() => {
    flushed = true;
  });
  release();
  await new Promise(setImmediate);
  assert.equal(flushed, false);
  while (!flushed) {
    release();
    await new Promise(setImmediate);
  }
  await done;
  assert.equal(taken.join(""), "first\nsecond\n");
});

test("an abandoned reader is waited for no more, neither by writes nor by flushed", async () => {
  const { stream } = stuck();
  const output = new Output(stream, {});
  const written = output.line("too much");
  const flushed = output.flushed();
  output.abandon();
  await written;
  await flushed;
  await output.flushed();
  assert.equal(output.line("more"), undefined);
});

test("the loss of the reader resolves broken, frees who waits, and makes later writes nothing", async () => {
  const { stream, taken } = stuck();
  const output = new Output(stream, {});
  const written = output.line("too much");
  stream.destroy(Object.assign(new Error("gone"), { code: "EPIPE" }));
  assert.equal((await output.broken).message, "gone");
  await written;
  await output.flushed();
  assert.equal(output.line("more"), undefined);
  assert.deepEqual(taken, ["too much\n"]);
});

test("colours need a terminal that isn't dumb, and no NO_COLOR", () => {
  assert.equal(new Output(new PassThrough(), {}).hasColours, false);
  assert.equal(new Output(terminal(), {}).hasColours, true);
  assert.equal(new Output(terminal(), { NO_COLOR: "1" }).hasColours, false);
  assert.equal(new Output(terminal(), { NO_COLOR: "" }).hasColours, true);
  assert.equal(new Output(terminal(), { TERM: "dumb" }).hasColours, false);
});

test("the cursor can be moved on a terminal that isn't dumb, colours or not", () => {
  assert.equal(new Output(terminal(), { NO_COLOR: "1" }).hasCursor, true);
  assert.equal(new Output(terminal(), { TERM: "dumb" }).hasCursor, false);
  assert.equal(new Output(new PassThrough(), {}).hasCursor, false);
});
