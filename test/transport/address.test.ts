import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf } from "../../src/transport/address.ts";

const of = (url: string) => {
  const address = addressOf(new URL(url));
  assert.ok(address);
  return address;
};

test("host, port, Host header and label come from the address, the scheme's own port left out of the header", () => {
  const cases = [
    ["ws://example.test/", "example.test", 80, "example.test", "example.test:80"],
    ["ws://example.test:80/", "example.test", 80, "example.test", "example.test:80"],
    ["wss://example.test/", "example.test", 443, "example.test", "example.test:443"],
    ["wss://example.test:80/", "example.test", 80, "example.test:80", "example.test:80"],
    ["ws://127.0.0.1:8080/", "127.0.0.1", 8080, "127.0.0.1:8080", "127.0.0.1:8080"],
    ["ws://[::1]:8080/", "::1", 8080, "[::1]:8080", "[::1]:8080"],
  ] as const;
  for (const [url, host, port, authority, label] of cases) {
    const address = of(url);
    assert.deepEqual(address.where, { type: "tcp", host, port }, url);
    assert.equal(address.authority, authority, url);
    assert.equal(address.label, label, url);
    assert.equal(address.secure, url.startsWith("wss:"), url);
  }
});

test("path and query are asked for as they stand; without a path it is /", () => {
  assert.equal(of("ws://a.test").target, "/");
  assert.equal(of("ws://a.test?x=1").target, "/?x=1");
  assert.equal(of("ws://a.test/p/q?x=1&y=%20").target, "/p/q?x=1&y=%20");
});

test("userinfo and fragment are in no part of what is made of an address", () => {
  const made = JSON.stringify(of("ws://user:secret@a.test/p?q#fragment"));
  for (const word of ["user", "secret", "fragment", "#"]) assert.ok(!made.includes(word), word);
});

test("the label holds no query", () => {
  assert.equal(of("wss://a.test/p?token=secret").label, "a.test:443");
});

test("only a host name is looked up", () => {
  assert.equal(of("ws://localhost/").named, true);
  assert.equal(of("ws://127.0.0.1/").named, false);
  assert.equal(of("ws://[::1]/").named, false);
  assert.equal(of("ws+unix:/tmp/a.sock").named, false);
});

test("ws+unix: names a socket, then behind a colon what to ask for", () => {
  const cases = [
    ["ws+unix:/tmp/a.sock:/request/path?x=1", "/tmp/a.sock", "/request/path?x=1"],
    ["ws+unix:///tmp/a.sock:/request", "/tmp/a.sock", "/request"],
    ["ws+unix:/tmp/a.sock", "/tmp/a.sock", "/"],
    ["ws+unix:/tmp/a.sock?x=1", "/tmp/a.sock", "/?x=1"],
    ["ws+unix:/tmp/with space.sock:/", "/tmp/with space.sock", "/"],
    ["ws+unix:/tmp/a%3Ab.sock:/a:b", "/tmp/a:b.sock", "/a:b"],
    ["ws+unix:/tmp/100%.sock:/", "/tmp/100%.sock", "/"],
  ] as const;
  for (const [url, socketPath, target] of cases) {
    const address = of(url);
    assert.deepEqual(address.where, { type: "unix", socketPath }, url);
    assert.equal(address.target, target, url);
    assert.equal(address.authority, "localhost", url);
    assert.equal(address.secure, false, url);
  }
});

test("a socket's path with control characters is called by its encoded form, and one with a NUL is none", () => {
  assert.equal(of("ws+unix:/tmp/a b\u00e9.sock:/").label, "/tmp/a b\u00e9.sock");
  for (const code of ["01", "0A", "0D", "1B", "7F", "C2%85"]) {
    assert.equal(of(`ws+unix:/tmp/%${code}.sock:/`).label, `/tmp/%${code}.sock`);
  }
  assert.equal(addressOf(new URL("ws+unix:/tmp/a.sock%00b:/")), undefined);
  assert.deepEqual(of("ws+unix:%00name:/").where, { type: "unix", socketPath: "\0name" });
});

test("another scheme, or a ws+unix: without a socket, is no address of ours", () => {
  for (const url of ["http://a.test/", "ftp://a.test/", "ws+unix::/path", "data:text/plain,x"]) {
    assert.equal(addressOf(new URL(url)), undefined, url);
  }
});
