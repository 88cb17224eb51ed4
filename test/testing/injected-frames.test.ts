import assert from "node:assert/strict";
import { test } from "node:test";
import { rawFrame, seededRandom } from "../../src/testing/index.ts";
import { closeFrame, garbage, injectedChunks, isControl, tlsAlert } from "../../src/testing/injected-frames.ts";

test("frames in one go come in a few chunks of whole frames, and none is missing", () => {
  const frame = rawFrame({ opcode: "ping", payload: "x".repeat(125) });
  const chunks = [...injectedChunks({ type: "inject", frame: { opcode: "ping", size: 125 }, times: 1000 }, "toClient")];
  assert.equal(chunks.length, Math.ceil(1000 / Math.floor((64 * 1024) / 127)));
  for (const chunk of chunks) assert.equal(chunk.byteLength % frame.byteLength, 0);
  const all = Buffer.concat(chunks);
  assert.equal(all.byteLength, 1000 * frame.byteLength);
  assert.deepEqual(all.subarray(-frame.byteLength), Buffer.from(frame));
});

test("frames with a pause between them come one by one", () => {
  const chunks = [...injectedChunks({ type: "inject", frame: { opcode: "ping" }, times: 3, every: 1 }, "toClient")];
  assert.deepEqual(chunks, new Array(3).fill(rawFrame({ opcode: "ping" })));
});

test("a frame larger than a chunk is one chunk", () => {
  const [chunk, ...others] = injectedChunks({ type: "inject", frame: { opcode: "binary", size: 200_000 } }, "toClient");
  assert.equal(chunk?.byteLength, 200_010);
  assert.deepEqual(others, []);
});

test("a frame of no bytes to speak of can be sent ten million times without being built at once", () => {
  let bytes = 0;
  for (const chunk of injectedChunks({ type: "inject", frame: { opcode: "ping" }, times: 10_000_000 }, "toClient")) {
    bytes += chunk.byteLength;
  }
  assert.equal(bytes, 20_000_000);
});

test("what goes to the server is masked, unless told otherwise", () => {
  const maskBit = (chunks: Iterable<Uint8Array>) => ([...chunks][0]?.[1] as number) & 0x80;
  assert.equal(maskBit(injectedChunks({ type: "inject", frame: { opcode: "text" } }, "toServer")), 0x80);
  assert.equal(maskBit(injectedChunks({ type: "inject", frame: { opcode: "text", masked: false } }, "toServer")), 0);
  assert.equal((closeFrame(1000, "", "toServer")[1] as number) & 0x80, 0x80);
});

test("a close frame without a code is empty", () => {
  assert.deepEqual(closeFrame(undefined, "lost", "toClient"), Buffer.from([0x88, 0]));
  assert.deepEqual(closeFrame(1001, "x", "toClient"), Buffer.from([0x88, 3, 0x03, 0xe9, 0x78]));
});

test("an alert is a record of TLS, fatal", () => {
  assert.deepEqual([...tlsAlert(40)], [21, 3, 3, 0, 2, 2, 40]);
});

test("control frames are told by name and by number", () => {
  assert.deepEqual(
    ["text", 2, "ping", 8, 11].map((opcode) => isControl(opcode as never)),
    [false, false, true, true, true],
  );
});

test("garbage is drawn from the chance that it is given", () => {
  assert.deepEqual(garbage(32, seededRandom(3)), garbage(32, seededRandom(3)));
  assert.notDeepEqual(garbage(32, seededRandom(3)), garbage(32, seededRandom(4)));
});
