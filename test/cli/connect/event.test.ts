/** Every event is one line, for a program or for people, and nothing a peer sends breaks out of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConnectEvent, jsonLine, plainLine } from "../../../src/cli/connect/event.ts";
import { FreshError } from "../../../src/index.ts";

const NOW = new Date("2026-01-02T03:04:05.678Z");
const EVIL = "a\r\nb\u001b]0;x\u0007\u009b31m\u2028\u202e\u0000";
// biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left.
const RAW_CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/;

const refused = new FreshError({
  kind: "establishing_failed",
  phase: "upgrade",
  reason: "status",
  detail: `refused by ${EVIL}`,
  status: 503,
  headers: new Headers({ "retry-after": "1", "x-evil": "\u009b31m" }),
  body: `busy ${EVIL}`,
  retryAfter: 1000,
});

const json = (event: ConnectEvent) => JSON.parse(jsonLine(event, NOW));
const plain = (event: ConnectEvent) => plainLine(event)?.line;

test("as JSON an event has its type, its time and its members", () => {
  const time = NOW.toISOString();
  assert.deepEqual(json({ type: "connecting", uri: "ws://x/", attempt: 2 }), {
    type: "connecting",
    time,
    uri: "ws://x/",
    attempt: 2,
  });
  assert.deepEqual(json({ type: "open", protocol: "chat", extensions: "", attempt: 1 }), {
    type: "open",
    time,
    protocol: "chat",
    extensions: "",
    attempt: 1,
  });
  assert.deepEqual(json({ type: "message", data: "hi" }), { type: "message", time, data: "hi" });
  assert.deepEqual(json({ type: "waiting", wait: 12.6 }), { type: "waiting", time, wait: 13 });
  assert.deepEqual(json({ type: "closing" }), { type: "closing", time });
  assert.deepEqual(json({ type: "unsent", lines: 2, why: "no" }), { type: "unsent", time, lines: 2, why: "no" });
  assert.deepEqual(json({ type: "exit", code: 0, cause: "closed" }), { type: "exit", time, code: 0, cause: "closed" });
});

test("as JSON bytes are base64", () => {
  const data = new Uint8Array([9, 1, 2, 255, 9]).subarray(1, 4);
  for (const type of ["binary", "ping", "pong"] as const) {
    assert.deepEqual(json({ type, data }), { type, time: NOW.toISOString(), data: "AQL/" });
  }
});

test("as JSON a close without code and reason has null for both", () => {
  const { code, reason } = json({ type: "close", code: undefined, reason: undefined });
  assert.deepEqual([code, reason], [null, null]);
  assert.equal(json({ type: "close", code: 1001, reason: "bye" }).reason, "bye");
});

test("as JSON an error brings what is known of it, and no more", () => {
  const { type, time, message, headers, body, ...rest } = json({ type: "error", error: refused });
  assert.deepEqual(rest, {
    kind: "establishing_failed",
    phase: "upgrade",
    reason: "status",
    status: 503,
    retryAfter: 1000,
  });
  assert.equal(headers["retry-after"], "1");
  assert.equal(body, `busy ${EVIL}`);
  const lost = new FreshError({ kind: "streaming_failed", phase: "open", reason: "ended", detail: "gone." });
  assert.deepEqual(Object.keys(json({ type: "error", error: lost })), [
    "type",
    "time",
    "kind",
    "phase",
    "reason",
    "message",
  ]);
});

const EVENTS: readonly ConnectEvent[] = [
  { type: "connecting", uri: EVIL, attempt: 1 },
  { type: "open", protocol: EVIL, extensions: EVIL, attempt: 1 },
  { type: "message", data: EVIL },
  { type: "binary", data: Buffer.from(EVIL) },
  { type: "close", code: 4000, reason: EVIL },
  { type: "error", error: refused },
  { type: "unsent", lines: 1, why: EVIL },
];

for (const event of EVENTS) {
  test(`whatever is in it, a ${event.type} event is one line without a control character`, () => {
    assert.doesNotMatch(jsonLine(event, NOW), RAW_CONTROL);
    assert.doesNotMatch(plainLine(event)?.line ?? "", RAW_CONTROL);
  });
}

test("escaping changes nothing of what the JSON says", () => {
  assert.equal(json({ type: "message", data: EVIL }).data, EVIL);
  assert.equal(json({ type: "close", code: 4000, reason: EVIL }).reason, EVIL);
});

test("for people messages are the output, all else accompanies them, faults as such", () => {
  const places = EVENTS.map((event) => [event.type, plainLine(event)?.to]);
  assert.deepEqual(places, [
    ["connecting", "state"],
    ["open", "state"],
    ["message", "output"],
    ["binary", "output"],
    ["close", "state"],
    ["error", "error"],
    ["unsent", "error"],
  ]);
  for (const type of ["ping", "pong"] as const) assert.equal(plainLine({ type, data: new Uint8Array(0) }), undefined);
  assert.equal(plainLine({ type: "exit", code: 0, cause: "closed" }), undefined);
});

test("lines for people say what happened", () => {
  assert.equal(plain({ type: "connecting", uri: "ws://x/", attempt: 1 }), "connecting to ws://x/");
  assert.equal(plain({ type: "connecting", uri: "ws://x/", attempt: 3 }), "connecting to ws://x/, attempt 3");
  assert.equal(plain({ type: "open", protocol: "", extensions: "", attempt: 1 }), "open");
  assert.equal(plain({ type: "open", protocol: "chat", extensions: "", attempt: 1 }), "open, subprotocol chat");
  const extensions = "permessage-deflate";
  assert.equal(plain({ type: "open", protocol: "", extensions, attempt: 1 }), "open, permessage-deflate");
  assert.equal(plain({ type: "close", code: 1001, reason: "bye" }), "closed by the server, 1001: bye");
  assert.equal(plain({ type: "close", code: 1000, reason: "" }), "closed by the server, 1000");
  assert.equal(plain({ type: "close", code: undefined, reason: undefined }), "closed by the server without a code");
  assert.equal(plain({ type: "waiting", wait: 250.4 }), "next attempt in 250 ms");
  assert.equal(plain({ type: "closing" }), "closing");
  assert.equal(plain({ type: "unsent", lines: 1, why: "it ended." }), "1 line was not sent: it ended.");
  assert.equal(plain({ type: "unsent", lines: 2, why: "it ended." }), "2 lines were not sent: it ended.");
});

test("what a refusal's body says stands behind its sentence, cut when it is long", () => {
  assert.match(plain({ type: "error", error: refused }) as string, / It says: busy a\\r\\nb/);
  const long = new FreshError({
    kind: "establishing_failed",
    phase: "upgrade",
    reason: "status",
    detail: "no.",
    body: "x".repeat(999),
  });
  assert.match(plain({ type: "error", error: long }) as string, /no\. It says: x{200}…$/);
  const blank = new FreshError({
    kind: "establishing_failed",
    phase: "upgrade",
    reason: "status",
    detail: "no.",
    body: " \n",
  });
  assert.match(plain({ type: "error", error: blank }) as string, /no\.$/);
});
