import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalResponse, upgradeResponse } from "../../src/testing/response.ts";

const HEADERS = [
  ["upgrade", "websocket"],
  ["connection", "Upgrade"],
] as const;

const upgrade = (changes: Parameters<typeof upgradeResponse>[1] = {}): string =>
  Buffer.from(upgradeResponse(HEADERS, changes)).toString("latin1");
const refusal = (status: number, changes: Parameters<typeof refusalResponse>[1] = {}): string =>
  Buffer.from(refusalResponse(status, changes)).toString();

test("without changes a 101 has the headers it was given, in order", () => {
  assert.equal(upgrade(), "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n");
});

test("status line, headers and the whole head can be changed", () => {
  assert.equal(
    upgrade({
      status: 299,
      httpVersion: "HTTP/1.0",
      omit: ["UPGRADE"],
      replace: { Connection: "close", "X-New": "1" },
      headers: [
        ["X-Twice", "1"],
        ["X-Twice", "2"],
      ],
    }),
    "HTTP/1.0 299 Unnamed\r\nconnection: close\r\nX-New: 1\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\n",
  );
  assert.equal(upgrade({ rewrite: (head) => head.replaceAll("\r\n", "\n") }), upgrade().replaceAll("\r\n", "\n"));
  assert.equal(upgrade({ rewrite: () => Uint8Array.of(0xff, 0) }), "\xff\0");
});

test("header values go out as Latin-1, as they came in", () => {
  assert.equal(upgrade({ rewrite: () => "x: caf\xe9" }), "x: caf\xe9");
  assert.match(upgrade({ headers: [["x", "caf\xe9"]] }), /\r\nx: caf\xe9\r\n/);
});

test("a refusal has a length in bytes and says whether the connection stays", () => {
  assert.equal(refusal(404), "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  assert.equal(
    refusal(404, { body: "é", keepOpen: true }),
    "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\né",
  );
});

test("a chunked body comes in chunks and ends", () => {
  const head = "HTTP/1.1 403 Forbidden\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
  assert.equal(refusal(403, { body: "nope!", chunked: true }), `${head}3\r\nnop\r\n2\r\ne!\r\n0\r\n\r\n`);
  assert.equal(refusal(403, { body: "x", chunked: true }), `${head}1\r\nx\r\n0\r\n\r\n`);
  assert.equal(refusal(403, { chunked: true }), `${head}0\r\n\r\n`);
});

test("a script's own framing headers replace the server's, also when they lie", () => {
  assert.equal(
    refusal(403, {
      body: "nope",
      headers: [
        ["Content-Length", "400"],
        ["Connection", "upgrade"],
      ],
    }),
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 400\r\nConnection: upgrade\r\n\r\nnope",
  );
});
