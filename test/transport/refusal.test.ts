import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { type RefusalLimits, RefusalReader } from "../../src/transport/refusal.ts";

/** A body that a test writes, and what the reader makes of it. */
function reading(limits: Partial<RefusalLimits> = {}) {
  const body = new PassThrough();
  const results: string[] = [];
  let reader: RefusalReader | undefined;
  const done = new Promise<string>((resolve) => {
    reader = new RefusalReader(body as unknown as IncomingMessage, { ref: true, ...limits }, (text) => {
      results.push(text);
      resolve(text);
    });
  });
  return { body, done, results, reader: reader as RefusalReader };
}

test("a body is handed over when it ends, characters cut between chunks included", async () => {
  const { body, done } = reading();
  const bytes = Buffer.from("grüße €");
  for (const byte of bytes) body.write(Uint8Array.of(byte));
  body.end();
  assert.equal(await done, "grüße €");
});

test("of a long body the first 64 KiB are handed over without waiting for more", async () => {
  const { body, done, results } = reading();
  body.write("a".repeat(65535));
  body.write("bc");
  assert.equal(await done, `${"a".repeat(65535)}b`);
  body.end("more");
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(results.length, 1);
});

test("half a character at the end of the 64 KiB is left out, and bytes that are no UTF-8 are replaced", async () => {
  const long = reading();
  long.body.write(Buffer.from(`${"a".repeat(65535)}€`));
  assert.equal(await long.done, "a".repeat(65535));
  const broken = reading();
  broken.body.end(Buffer.from([0x61, 0xff, 0x62]));
  assert.equal(await broken.done, "a\ufffdb");
});

test("a body that breaks off is handed over as far as it came", async () => {
  for (const error of [new Error("aborted"), undefined]) {
    const { body, done } = reading();
    body.write("half");
    const started = performance.now();
    setImmediate(() => body.destroy(error));
    assert.equal(await done, "half");
    assert.ok(performance.now() - started < 900, "without waiting for more");
  }
});

test("a body without an end is handed over after some silence, counted from its last bytes", async () => {
  const { body, done } = reading({ silence: 60, time: 10000 });
  const started = performance.now();
  body.write("a");
  const later = setTimeout(() => body.write("b"), 40);
  assert.equal(await done, "ab");
  assert.ok(performance.now() - started >= 95, "the second chunk began the silence anew");
  clearTimeout(later);
});

test("a body that drips is handed over when its time is up", async () => {
  const { body, done } = reading({ silence: 10000, time: 50 });
  const drip = setInterval(() => body.write("x"), 5);
  const text = await done;
  clearInterval(drip);
  assert.match(text, /^x+$/);
});

test("a cancelled reader calls back no more and keeps no timer", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const { body, results, reader } = reading();
  assert.equal(timers(), before + 2);
  reader.cancel();
  assert.equal(timers(), before);
  body.end("x");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(results, []);
});

test("the timers of an unreferenced attempt keep no process", () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  const { reader } = reading({ ref: false });
  assert.equal(timers(), before);
  reader.cancel();
});
