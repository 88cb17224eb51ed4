/** A misspelt name finds the one that was meant, and no other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nearestName } from "../src/nearest.ts";

const KNOWN = ["header", "ping-interval", "json", "max-messages"];

test("a letter too many, too few, wrong or of the other case is forgiven", () => {
  assert.equal(nearestName("headers", KNOWN), "header");
  assert.equal(nearestName("pin-interval", KNOWN), "ping-interval");
  assert.equal(nearestName("pingInterval", KNOWN), "ping-interval");
  assert.equal(nearestName("JSON", KNOWN), "json");
});

test("the nearest of several is taken", () => {
  assert.equal(nearestName("cat", ["bat", "cart", "cat2", "caat"]), "bat");
  assert.equal(nearestName("connct", ["connecting", "connect"]), "connect");
});

test("what is like none of them was none of them", () => {
  assert.equal(nearestName("verbose", KNOWN), undefined);
  assert.equal(nearestName("x", []), undefined);
});
