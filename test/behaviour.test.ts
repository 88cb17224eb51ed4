import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connection } from "../src/behaviour.ts";
import { CALLBACK_NAMES, close, DEFAULT_CALLBACKS, ignore, ok, reconnect, reply, stop } from "../src/behaviour.ts";
import { ERROR_KINDS, FreshError, type FreshErrorKind } from "../src/connection/errors.ts";
import { text } from "../src/frame.ts";

const self = {} as Connection<unknown>;

test("responses carry what they were given", () => {
  assert.deepEqual(ok(1), { type: "ok", state: 1 });
  assert.deepEqual(reply("x", 1), { type: "reply", frames: "x", state: 1 });
  assert.deepEqual(reply([text("x"), "y"], 1), { type: "reply", frames: [text("x"), "y"], state: 1 });
  assert.deepEqual(close(4001, "c", 1), { type: "close", code: 4001, reason: "c", state: 1 });
  assert.deepEqual(ignore(1), { type: "ignore", state: 1 });
  assert.deepEqual(stop(), { type: "stop", reason: "normal" });
  assert.deepEqual(stop("boom"), { type: "stop", reason: "boom" });
});

test("reconnect() asks for the initial state, reconnect(undefined) for the state undefined", () => {
  assert.deepEqual(reconnect(), { type: "reconnect", state: undefined, after: undefined });
  assert.deepEqual(reconnect(undefined), { type: "reconnect", state: { value: undefined }, after: undefined });
  assert.deepEqual(reconnect(5, { after: 100 }), { type: "reconnect", state: { value: 5 }, after: 100 });
});

test("an after below 0 is no wait, and one that is no number is refused: it would be an attempt without a pause", () => {
  assert.equal(reconnect(5, { after: -1 }).after, 0);
  assert.equal(reconnect(5, { after: Number.POSITIVE_INFINITY }).after, Number.POSITIVE_INFINITY);
  for (const after of [Number.NaN, "5", null]) {
    assert.throws(() => reconnect(5, { after: after as number }), {
      name: "TypeError",
      message: /takes after as a number/,
    });
  }
});

test("the defaults are Fresh's: carry on, reconnect, and ignore only encoding and casting faults", () => {
  assert.deepEqual(DEFAULT_CALLBACKS.handleConnect(101, new Headers(), "s", self), ok("s"));
  assert.deepEqual(DEFAULT_CALLBACKS.handleIn(text("x"), "s", self), ok("s"));
  assert.deepEqual(DEFAULT_CALLBACKS.handleControl({ type: "ping", data: new Uint8Array(0) }, "s", self), ok("s"));
  assert.deepEqual(DEFAULT_CALLBACKS.handleInfo("x", "s", self), ok("s"));
  assert.deepEqual(DEFAULT_CALLBACKS.handleDisconnect(1000, "", "s", self), reconnect());
  for (const kind of Object.keys(ERROR_KINDS) as FreshErrorKind[]) {
    const error = new FreshError({ kind, phase: "open", reason: "x", detail: "x." });
    const expected = kind === "encoding_failed" || kind === "casting_failed" ? ignore("s") : reconnect();
    assert.deepEqual(DEFAULT_CALLBACKS.handleError(error, "s", self), expected, kind);
  }
  assert.equal(DEFAULT_CALLBACKS.handleTerminate("normal", "s", self), undefined);
  assert.equal(CALLBACK_NAMES.length, 7);
});
