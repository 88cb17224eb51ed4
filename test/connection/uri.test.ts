import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidUriError } from "../../src/connection/errors.ts";
import { parseUri } from "../../src/connection/uri.ts";

const TAKEN: readonly [string, string][] = [
  ["ws://host/path?x=1", "ws://host/path?x=1"],
  ["WS://HOST", "ws://host/"],
  ["wss://host:8443/a/b%20c?x=1&y=%2F", "wss://host:8443/a/b%20c?x=1&y=%2F"],
  ["http://host:8080/x", "ws://host:8080/x"],
  ["https://host", "wss://host/"],
  ["ws://user:secret@host/p?q#frag", "ws://host/p?q"],
  ["ws://[::1]:9000/", "ws://[::1]:9000/"],
  ["ws://host?x=1", "ws://host/?x=1"],
  ["ws+unix:/run/app.sock:/chat?room=1", "ws+unix:/run/app.sock:/chat?room=1"],
];

for (const [given, wanted] of TAKEN) {
  test(`${given} is taken as ${wanted}`, () => {
    assert.equal(parseUri(given).href, wanted);
    assert.equal(parseUri(new URL(given)).href, wanted);
  });
}

for (const given of [
  "",
  "host",
  "//host",
  "ftp://host/",
  "ws:///x",
  "ws:/x",
  "ws://",
  "mailto:a@b",
  "ws+unix:",
  "ws://host:99999/",
]) {
  test(`${JSON.stringify(given)} is refused with what an address looks like`, () => {
    assert.throws(
      () => parseUri(given),
      (error: Error) => error instanceof InvalidUriError && /It takes ws:\/\/host/.test(error.message),
    );
  });
}

test("what is no address at all is refused", () => {
  for (const given of [undefined, null, 5, {}, Symbol("x")]) {
    assert.throws(() => parseUri(given as unknown as string), InvalidUriError);
  }
});

test("a refusal shows neither userinfo nor query values", () => {
  for (const given of [
    "ftp://me:s3cret@host/?token=s3cret",
    "me:s3cret@host?token=s3cret#s3cret",
    "s3cret:@host",
    "ws:///x?token=s3cret",
  ]) {
    assert.throws(
      () => parseUri(given),
      (error: Error) => !/s3cret/.test(error.message),
    );
  }
});

test("the caller's URL object is not changed", () => {
  const url = new URL("https://user:pass@host/#x");
  parseUri(url);
  assert.equal(url.href, "https://user:pass@host/#x");
});
