import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  MAX_HEAD_BYTES,
  MAX_HEADER_COUNT,
  RequestHeadReader,
  type RequestHeadResult,
} from "../../src/testing/request-head.ts";

const HEAD = "GET /chat HTTP/1.1\r\nHost: example.test\r\nX-A:  1\t \r\nx-a: 2\r\nX-Empty:\r\nX-Latin: caf\xe9\r\n\r\n";

function read(text: string): RequestHeadResult | undefined {
  return new RequestHeadReader().push(Buffer.from(text, "latin1"));
}

function faultOf(text: string): { readonly status: number; readonly message: string } {
  const result = read(text);
  assert.equal(result?.type, "fault", JSON.stringify(text.slice(0, 80)));
  return result as { status: number; message: string };
}

test("a head is parsed with its headers in order, blanks around values taken off", () => {
  const result = read(`${HEAD}rest`);
  assert.ok(result?.type === "head");
  const { head, rest } = result;
  assert.equal(head.line, "GET /chat HTTP/1.1");
  assert.deepEqual([head.method, head.target, head.version], ["GET", "/chat", "HTTP/1.1"]);
  assert.deepEqual(head.headers, [
    ["Host", "example.test"],
    ["X-A", "1"],
    ["x-a", "2"],
    ["X-Empty", ""],
    ["X-Latin", "café"],
  ]);
  assert.equal(head.header("x-A"), "1");
  assert.equal(head.header("x-none"), undefined);
  assert.equal(Buffer.from(rest).toString(), "rest");
});

test("any split of the bytes gives the same head and the same rest", () => {
  const bytes = Buffer.from(`${HEAD}rest of it`, "latin1");
  const whole = read(bytes.toString("latin1"));
  assert.ok(whole?.type === "head");
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
      const reader = new RequestHeadReader();
      let at = 0;
      for (let index = 0; at < bytes.length; index++) {
        const size = sizes[index % sizes.length] as number;
        const result = reader.push(bytes.subarray(at, at + size));
        at += size;
        if (result === undefined) continue;
        assert.ok(result.type === "head");
        assert.deepEqual(result.head.headers, whole.head.headers);
        assert.deepEqual(Buffer.concat([result.rest, bytes.subarray(at)]).toString(), "rest of it");
        return;
      }
      assert.fail("no head was found");
    }),
  );
});

test("what isn't clean HTTP/1.1 is a fault with status 400, as soon as it can be seen", () => {
  for (const head of [
    "GET / HTTP/1.1\n",
    "\n",
    "\r\n",
    "GET /\r\n\r\n",
    "GET  / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1 \r\n\r\n",
    "GET / HTTP/2\r\n\r\n",
    "G(T / HTTP/1.1\r\n\r\n",
    "GET /\x7f HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nno colon\r\n\r\n",
    "GET / HTTP/1.1\r\n: no name\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "GET / HTTP/1.1\r\nX-A: 1\r\n folded\r\n\r\n",
    "GET / HTTP/1.1\r\nX-A: \x00\r\n\r\n",
    "GET / HTTP/1.1\r\nX-A: a\rb\r\n\r\n",
    "GET / HTTP/1.1\r\n X-A: 1\r\n\r\n",
    "GET /\r HTTP/1.1\r\n\r\n",
    "get / http/1.1\r\n\r\n",
    "GET / HTTP/1.10\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\x16\x03\x01\x02\0\x01\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\n\r\n",
  ]) {
    assert.equal(faultOf(head).status, 400);
  }
  assert.equal(
    faultOf("GET / HTTP/1.1\r\nX: 1\r\nno colon\r\n\r\n").message,
    "What the client sent is no request head: its line 3 is no header.",
  );
});

test("no control character passes, wherever it stands, but a tab within a value", () => {
  for (let code = 0; code < 0x80; code++) {
    if (code >= 0x20 && code !== 0x7f) continue;
    const control = String.fromCharCode(code);
    for (const head of [
      `G${control}T / HTTP/1.1\r\n\r\n`,
      `GET /${control} HTTP/1.1\r\n\r\n`,
      `GET / HTTP/1.1${control}\r\n\r\n`,
      `GET / HTTP/1.1\r\nX${control}: 1\r\n\r\n`,
      `GET / HTTP/1.1\r\nX: a${control}b\r\n\r\n`,
    ]) {
      if (read(head)?.type === "head") assert.deepEqual([control, head.includes("X: a")], ["\t", true]);
    }
  }
});

test("a head of exactly the longest length is read, and one byte more is a fault with status 431", () => {
  const frame = "GET / HTTP/1.1\r\nX: \r\n\r\n".length;
  const head = (bytes: number) => `GET / HTTP/1.1\r\nX: ${"x".repeat(bytes - frame)}\r\n\r\n`;
  assert.equal(read(head(MAX_HEAD_BYTES))?.type, "head");
  assert.equal(faultOf(head(MAX_HEAD_BYTES + 1)).status, 431);
  assert.equal(read("x".repeat(MAX_HEAD_BYTES - 1)), undefined);
  assert.equal(faultOf("x".repeat(MAX_HEAD_BYTES)).status, 431);
  assert.equal(faultOf("x".repeat(MAX_HEAD_BYTES * 10)).status, 431);
});

test("as many headers as allowed are read, and one more is a fault with status 431", () => {
  const head = (count: number) => `GET / HTTP/1.1\r\n${"X: 1\r\n".repeat(count)}\r\n`;
  const most = read(head(MAX_HEADER_COUNT));
  assert.ok(most?.type === "head");
  assert.equal(most.head.headers.length, MAX_HEADER_COUNT);
  assert.equal(faultOf(head(MAX_HEADER_COUNT + 1)).status, 431);
});

test("no bytes make it throw", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.uint8Array(),
          fc.string().map((text) => Buffer.from(`${text}\r\n`)),
        ),
      ),
      (chunks) => {
        const reader = new RequestHeadReader();
        for (const chunk of chunks) if (reader.push(chunk) !== undefined) return;
      },
    ),
  );
});
