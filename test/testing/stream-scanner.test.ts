import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rawFrame } from "../../src/testing/index.ts";
import { type Piece, StreamScanner } from "../../src/testing/stream-scanner.ts";
import { ANSWER, REQUEST } from "./raw-client.ts";

const scan = (scanner: StreamScanner, ...chunks: (string | Uint8Array)[]): Piece[] =>
  chunks.flatMap((chunk) => [...scanner.pieces(typeof chunk === "string" ? Buffer.from(chunk) : chunk)]);
const told = (pieces: readonly Piece[]) =>
  pieces.map(({ bytes, begins, ends }) => `${begins ? `${begins}:` : ""}${bytes.byteLength}:${ends}`);

const FRAMES = [
  rawFrame({ opcode: "text", payload: "one" }),
  rawFrame({ opcode: "binary", fin: false, payload: new Uint8Array(200) }),
  rawFrame({ opcode: "ping" }),
  rawFrame({ opcode: "continuation", payload: new Uint8Array(70_000), masked: true }),
  rawFrame({ opcode: "pong", payload: "x" }),
  rawFrame({ opcode: "close", payload: Uint8Array.of(3, 232) }),
];
const ENDS = ["message", "fragment", "fragment", "message", "control", "control"];

test("a request's head is held back until it is whole, and is one piece then", () => {
  const scanner = new StreamScanner("request");
  assert.deepEqual(scan(scanner, REQUEST.slice(0, 10), REQUEST.slice(10, -1)), []);
  const [head, frame] = scan(scanner, Buffer.concat([Buffer.from("\n"), FRAMES[0] as Uint8Array]));
  assert.equal(String(head?.bytes), REQUEST);
  assert.deepEqual([head?.begins, head?.ends, frame?.ends], ["head", "head", "message"]);
});

test("what is no head passes: at the stream's end, and when it is too long for one", () => {
  const cut = new StreamScanner("request");
  scan(cut, "GET / HT");
  assert.equal(String(cut.flush()), "GET / HT");
  const endless = new StreamScanner("request");
  const pieces = scan(endless, "x".repeat(40_000), "x".repeat(40_000), "more");
  assert.equal(Buffer.concat(pieces.map(({ bytes }) => bytes)).byteLength, 80_004);
  assert.ok(pieces.every(({ begins, ends }) => begins === undefined && ends === "inside"));
});

test("an answer passes as it comes; frames begin behind a 101, and nothing of the kind behind a refusal", () => {
  const scanner = new StreamScanner("answer");
  assert.deepEqual(told(scan(scanner, ANSWER.slice(0, 5), ANSWER.slice(5), FRAMES[0] as Uint8Array)), [
    "head:5:inside",
    `${ANSWER.length - 5}:head`,
    "5:message",
  ]);
  assert.equal(scanner.status, 101);
  const refused = new StreamScanner("answer");
  const refusal = "HTTP/1.1 503 Busy\r\n\r\n";
  assert.deepEqual(told(scan(refused, `${refusal}\x81\x01x`)), [`head:${refusal.length}:head`, "4:inside"]);
  assert.equal(refused.status, 503);
});

test("an interim answer comes before another", () => {
  const scanner = new StreamScanner("answer");
  const interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
  assert.deepEqual(told(scan(scanner, interim + ANSWER)), [
    `head:${interim.length}:head`,
    `head:${ANSWER.length}:head`,
  ]);
  assert.equal(scanner.status, 101);
});

test("frames are told apart, and messages of several frames with control frames between them", () => {
  const scanner = new StreamScanner("answer");
  scan(scanner, ANSWER);
  const pieces = scan(scanner, Buffer.concat(FRAMES));
  assert.deepEqual(
    pieces.map(({ ends }) => ends),
    ENDS,
  );
  assert.deepEqual(
    pieces.map(({ begins }) => begins),
    [undefined, undefined, undefined, undefined, undefined, "close"],
  );
});

test("however the stream is cut, the same bytes come out and the same ends are seen", () => {
  const stream = Buffer.concat([Buffer.from(ANSWER), ...FRAMES]);
  fc.assert(
    fc.property(fc.array(fc.nat(stream.byteLength), { maxLength: 20 }), fc.boolean(), (cuts, everyByte) => {
      const places = everyByte ? Array.from({ length: 600 }, (_, index) => index) : cuts;
      const sorted = [0, ...places.sort((one, other) => one - other), stream.byteLength];
      const chunks = sorted.slice(1).map((end, index) => stream.subarray(sorted[index], end));
      const pieces = scan(new StreamScanner("answer"), ...chunks);
      assert.deepEqual(Buffer.compare(Buffer.concat(pieces.map(({ bytes }) => bytes)), stream), 0);
      const ends = pieces.map((piece) => piece.ends).filter((end) => end !== "inside");
      assert.deepEqual(ends, ["head", ...ENDS]);
      assert.deepEqual(
        pieces.map(({ begins }) => begins).filter((begins) => begins !== undefined),
        ["head", "close"],
      );
    }),
    { numRuns: 50 },
  );
});

test("an opaque stream is one thing, and a header that announces 2^63 bytes is only bytes", () => {
  assert.deepEqual(told(scan(new StreamScanner("opaque"), REQUEST)), [`${REQUEST.length}:inside`]);
  const scanner = new StreamScanner("answer");
  scan(scanner, ANSWER);
  const lie = rawFrame({ opcode: "binary", length: 1n << 63n });
  assert.deepEqual(told(scan(scanner, lie, new Uint8Array(1000))), ["10:inside", "1000:inside"]);
});
