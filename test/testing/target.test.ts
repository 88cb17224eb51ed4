import assert from "node:assert/strict";
import { test } from "node:test";
import { targetOf } from "../../src/testing/target.ts";

test("a URL, and a port of 127.0.0.1", () => {
  assert.deepEqual(targetOf("ws://localhost:8080/chat?x=1"), {
    place: { host: "localhost", port: 8080 },
    isTls: false,
    path: "/chat?x=1",
  });
  assert.deepEqual(targetOf(new URL("wss://[::1]/")), { place: { host: "::1", port: 443 }, isTls: true, path: "" });
  assert.deepEqual(targetOf("http://a.test").place, { host: "a.test", port: 80 });
  assert.equal(targetOf("https://a.test").isTls, true);
  assert.deepEqual(targetOf(1234), { place: { host: "127.0.0.1", port: 1234 }, isTls: false, path: "" });
});

test("a unix socket, with or without a path behind it", () => {
  assert.deepEqual(targetOf("ws+unix:/tmp/x.sock:/"), { place: { path: "/tmp/x.sock" }, isTls: false, path: "" });
  assert.deepEqual(targetOf("ws+unix:///tmp/x.sock:/chat"), {
    place: { path: "/tmp/x.sock" },
    isTls: false,
    path: "/chat",
  });
});

test("anything else is refused with a sentence", () => {
  for (const wrong of ["ftp://x", "localhost:80", "", 0, 65_536, 1.5]) {
    assert.throws(() => targetOf(wrong), { name: "TypeError", message: /target is the URL of a server .* it got/ });
  }
});
