import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { isUsable, SyncStream } from "../../../src/protocol/deflate/sync-stream.ts";

const DEFLATE = { windowBits: 15, level: 6, memLevel: 8 };

function run(stream: SyncStream, input: Uint8Array, room = 1000): Buffer {
  const space = Buffer.alloc(room);
  stream.write(input, 0, space, 0);
  return space.subarray(0, room - stream.roomLeft);
}

test("this Node's zlib can be driven synchronously", () => {
  assert.equal(isUsable(), true);
});

test("the window lasts from one call to the next, and a dictionary stands for it in a new stream", () => {
  const deflate = SyncStream.deflate(DEFLATE);
  const inflate = SyncStream.inflate({ windowBits: 15 });
  const text = Buffer.from("a sentence that comes twice");
  const first = run(deflate, text);
  const second = run(deflate, text);
  assert.ok(second.length < 15 && first.length > 20);
  assert.deepEqual(run(inflate, first), text);
  const other = SyncStream.inflate({ windowBits: 15, dictionary: text });
  assert.deepEqual(run(other, second), text);
  for (const stream of [deflate, inflate, other]) stream.close();
});

test("what finds no room comes with the next call", () => {
  const inflate = SyncStream.inflate({ windowBits: 15 });
  const data = deflateRawSync(Buffer.alloc(100, "x"));
  const first = run(inflate, data, 60);
  assert.equal(inflate.roomLeft, 0);
  const second = run(inflate, Buffer.alloc(0), 60);
  assert.equal(first.length + second.length, 100);
  inflate.close();
});

test("input behind the end of the stream is left alone, and bad data is said to be bad, until a reset", () => {
  const inflate = SyncStream.inflate({ windowBits: 15 });
  const ended = deflateRawSync("x");
  run(inflate, Buffer.concat([ended, Buffer.alloc(7)]));
  assert.equal(inflate.inputLeft, 7);
  assert.equal(inflate.failed, false);
  inflate.reset();
  assert.equal(run(inflate, ended).toString(), "x");
  inflate.reset();
  run(inflate, Buffer.from([0xff]));
  assert.equal(inflate.failed, true);
  inflate.close();
});
