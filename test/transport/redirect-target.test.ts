import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { describeTarget, isRedirect, redirectTarget } from "../../src/transport/redirect-target.ts";

const from = (url: string, ...locations: readonly string[]) =>
  redirectTarget(
    locations.map((location) => ["location", location] as const),
    new URL(url),
  );

/** The address, with "=" before it on the same origin and "!" on another; or the reason why not. */
function brief(url: string, ...locations: readonly string[]): string {
  const target = from(url, ...locations);
  return target.type === "fault" ? target.reason : `${target.sameOrigin ? "=" : "!"}${target.url.href}`;
}

test("301, 302, 303, 307 and 308 are redirects; no other status is", () => {
  const redirects = Array.from({ length: 600 }, (_, status) => status).filter(isRedirect);
  assert.deepEqual(redirects, [301, 302, 303, 307, 308]);
});

test("a location is resolved against the address that answered, and http: stands for ws:", () => {
  const cases: readonly (readonly [location: string, target: string])[] = [
    ["/b", "=ws://h:81/b"],
    ["b?x=2", "=ws://h:81/a/b?x=2"],
    ["?x=2", "=ws://h:81/a/p?x=2"],
    ["../b", "=ws://h:81/b"],
    ["//h:81/b", "=ws://h:81/b"],
    ["//other/b", "!ws://other/b"],
    ["ws://h:81/b", "=ws://h:81/b"],
    ["http://h:81/b", "=ws://h:81/b"],
    ["HTTP://H:81/b", "=ws://h:81/b"],
    ["https://h:81/b", "!wss://h:81/b"],
    ["wss://h:81/b", "!wss://h:81/b"],
    ["http://h/b", "!ws://h/b"],
    ["http://h.:81/b", "!ws://h.:81/b"],
    ["http://h:82/b", "!ws://h:82/b"],
    ["http://sub.h:81/b", "!ws://sub.h:81/b"],
    ["\\\\other\\b", "!ws://other/b"],
    ["http://[::1]:81/b", "!ws://[::1]:81/b"],
  ];
  for (const [location, target] of cases) assert.equal(brief("ws://h:81/a/p?x=1", location), target, location);
});

test("a scheme's own port is no other origin", () => {
  assert.equal(brief("ws://h/", "http://h:80/b"), "=ws://h/b");
  assert.equal(brief("wss://h/", "https://h:443/b"), "=wss://h/b");
  assert.equal(brief("ws://h/", "http://h:443/b"), "!ws://h:443/b");
});

test("userinfo and fragment of a location are left out", () => {
  assert.equal(brief("ws://h/", "http://user:secret@h/b#top"), "=ws://h/b");
  assert.equal(brief("ws://h/", "#top"), "=ws://h/");
});

test("a location that is missing, doubled, empty or no address is invalid", () => {
  assert.equal(brief("ws://h/"), "invalid_redirect");
  assert.equal(brief("ws://h/", "/b", "/b"), "invalid_redirect");
  for (const location of [
    "",
    " ",
    "/a b",
    "\xa0/b",
    "/caf\xe9",
    "/\x00",
    "/a\x7fb",
    "/a\tb",
    "http://",
    "http://h:99999/",
    "http://a%00b/",
    "ftp://h/",
    "javascript:alert(1)",
    "data:,x",
    "file:///etc/passwd",
    "mailto:x@h",
  ]) {
    assert.equal(brief("ws://h/", location), "invalid_redirect", JSON.stringify(location));
  }
});

test("from wss: never to ws:, not even on the same host", () => {
  for (const location of ["ws://h/b", "http://h/b", "http://h:443/b", "http://other/b"]) {
    assert.equal(brief("wss://h/", location), "insecure_redirect", location);
  }
  assert.equal(brief("wss://h/", "/b"), "=wss://h/b");
  assert.equal(brief("wss://h/", "//other/b"), "!wss://other/b");
});

test("from the network never to a unix socket, and from a unix socket only to itself", () => {
  for (const scheme of ["ws", "wss"]) {
    assert.equal(brief(`${scheme}://h/`, "ws+unix:/run/a.sock:/b"), "insecure_redirect");
  }
  const socket = "ws+unix:/run/a%20b.sock:/a/p?x=1";
  assert.equal(brief(socket, "/b?y"), "=ws+unix:/run/a%20b.sock:/b?y");
  assert.equal(brief(socket, "b"), "=ws+unix:/run/a%20b.sock:/a/b");
  assert.equal(brief(socket, "http://localhost/b:c"), "=ws+unix:/run/a%20b.sock:/b:c");
  assert.equal(brief("ws+unix:/run/a.sock", "?z"), "=ws+unix:/run/a.sock:/?z");
  for (const location of [
    "http://h/",
    "//h/",
    "http://localhost:81/",
    "https://localhost/",
    "ws+unix:/run/b.sock:/b",
    "ws+unix:/run/a%20b.sock:/b",
  ]) {
    assert.equal(brief(socket, location), "insecure_redirect", location);
  }
});

test("in a sentence a target has no query", () => {
  assert.equal(describeTarget(new URL("wss://h:81/b/c?token=secret")), "wss://h:81/b/c");
  assert.equal(describeTarget(new URL("ws+unix:/run/a.sock:/b?token=secret")), "/b");
});

test("no location makes it throw, and what it gives is ws:, wss: or the same socket", () => {
  const location = fc.oneof(fc.string({ unit: "binary" }), fc.webUrl(), fc.webPath());
  fc.assert(
    fc.property(location, fc.constantFrom("ws://h/a", "wss://h/a", "ws+unix:/s:/a"), (value, url) => {
      const target = from(url, value);
      if (target.type === "fault") return;
      const { protocol, username, password, hash, href } = target.url;
      assert.equal(username + password + hash, "");
      if (url.startsWith("ws+unix:")) assert.ok(href.startsWith("ws+unix:/s:/"), href);
      else assert.ok(protocol === "wss:" || (protocol === "ws:" && url.startsWith("ws:")), href);
    }),
  );
});
