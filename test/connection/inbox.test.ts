import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Inbox } from "../../src/connection/inbox.ts";
import { binary, text } from "../../src/frame.ts";

test("reading is to pause once, when a bound is reached, and to go on once, at a quarter of it", () => {
  const inbox = new Inbox({ maxMessages: 8, maxBytes: 1_000_000 });
  const held = Array.from({ length: 10 }, (_, index) => text(String(index)));
  assert.deepEqual(
    held.map((frame) => inbox.hold(frame)),
    [...Array(7).fill(false), true, false, false],
  );
  assert.deepEqual(
    held.map((frame) => inbox.release(frame)),
    [...Array(7).fill(false), true, false, false],
  );
  assert.equal(inbox.length, 0);
});

test("bytes are bounded too, as UTF-8, and one message over the bound is still taken", () => {
  const inbox = new Inbox({ maxMessages: 64, maxBytes: 4 });
  assert.equal(inbox.hold(text("é")), false);
  assert.equal(inbox.hold(binary(new Uint8Array(500))), true);
});

test("a new link is read from the start, and what waits goes on waiting", () => {
  const inbox = new Inbox({ maxMessages: 1, maxBytes: 100 });
  assert.equal(inbox.hold(text("old")), true);
  inbox.linkEnded();
  assert.equal(inbox.length, 1);
  assert.equal(inbox.release(text("old")), false, "there is nothing to go on with: the link that was paused is gone");
  assert.equal(inbox.hold(text("new")), true);
});

test("whatever is held and released: pauses and resumes alternate, and an empty inbox never leaves reading paused", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3, max: 20 }), { maxLength: 100 }), (plan) => {
      const inbox = new Inbox({ maxMessages: 5, maxBytes: 40 });
      const waiting: ReturnType<typeof text>[] = [];
      let paused = false;
      for (const size of plan) {
        if (size >= 0) {
          const frame = text("x".repeat(size));
          waiting.push(frame);
          if (inbox.hold(frame)) {
            assert.equal(paused, false);
            paused = true;
          }
        } else {
          const frame = waiting.shift();
          if (frame !== undefined && inbox.release(frame)) {
            assert.equal(paused, true);
            paused = false;
          }
        }
        assert.equal(inbox.length, waiting.length);
        if (waiting.length === 0) assert.equal(paused, false);
      }
    }),
  );
});
