import assert from "node:assert/strict";
import { test } from "node:test";
import { type Frame, ping, text } from "../../src/frame.ts";
import { PeerError } from "../../src/testing/errors.ts";
import { Inbox, MAX_UNREAD_FRAMES } from "../../src/testing/inbox.ts";

const any = (): boolean => true;
const isText = (frame: Frame): boolean => frame.type === "text";
const ended = (what: string): PeerError => new PeerError("ended", `no ${what} any more`);

test("a frame is read once, whether it came before the read or after", async () => {
  const inbox = new Inbox(1000, 10);
  inbox.add(text("1"));
  assert.deepEqual(await inbox.read(any, "a frame"), text("1"));
  const waiting = inbox.read(any, "a frame");
  inbox.add(text("2"));
  assert.deepEqual(await waiting, text("2"));
  await assert.rejects(inbox.read(any, "a frame", 1), { reason: "timeout" });
});

test("a read passes over what doesn't match, before it and while it waits", async () => {
  const inbox = new Inbox(1000, 10);
  inbox.add(ping("1"));
  const waiting = inbox.read(isText, "a text frame");
  inbox.add(ping("2"));
  inbox.add(text("3"));
  assert.deepEqual(await waiting, text("3"));
  await assert.rejects(inbox.read(any, "a frame", 1), { reason: "timeout" });
  assert.equal(inbox.record.length, 3);
});

test("several who wait are served in the order they came, each with what he wants", async () => {
  const inbox = new Inbox(1000, 10);
  const reads = [inbox.read(isText, "a text frame"), inbox.read(any, "a frame"), inbox.read(isText, "a text frame")];
  inbox.add(ping("1"));
  inbox.add(text("2"));
  inbox.add(text("3"));
  assert.deepEqual(await Promise.all(reads), [text("2"), ping("1"), text("3")]);
});

test("a read has its own deadline or the inbox's, and its error says what was waited for", async () => {
  const inbox = new Inbox(2, 10);
  await assert.rejects(inbox.read(isText, "a text frame"), {
    reason: "timeout",
    message: "The script waited 2 ms for a text frame, and the client sent none.",
  });
  const patient = inbox.read(isText, "a text frame", 1000);
  await assert.rejects(inbox.read(any, "a frame", 1), { reason: "timeout" });
  inbox.add(text("kept for the one who still waits"));
  assert.equal((await patient).type, "text");
});

test("at the end those who wait are told why, the frames that came can be read, and only the first end counts", async () => {
  const inbox = new Inbox(1000, 10);
  const waiting = inbox.read(isText, "a text frame");
  inbox.end(ended);
  inbox.end(() => new PeerError("stopped", "too late"));
  await assert.rejects(waiting, { reason: "ended", message: "no a text frame any more" });
  await assert.rejects(inbox.read(isText, "a text frame"), { reason: "ended" });

  const other = new Inbox(1000, 10);
  other.add(text("1"));
  other.end(ended);
  assert.deepEqual(await other.read(any, "a frame"), text("1"));
  await assert.rejects(other.read(any, "a frame"), { reason: "ended" });
});

test("frames lost unread make every later read fail", async () => {
  const inbox = new Inbox(1000, 10);
  for (let index = 0; index < MAX_UNREAD_FRAMES + 5; index++) inbox.add(text("x"));
  for (let round = 0; round < 2; round++) {
    await assert.rejects(inbox.read(any, "a frame"), {
      reason: "overrun",
      message: /^5 frames of the client were lost/,
    });
  }
  assert.equal(inbox.record.length, 10);
});
