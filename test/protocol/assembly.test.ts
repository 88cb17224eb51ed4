import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Assembly } from "../../src/protocol/assembly.ts";
import { hex, utf8 } from "./wire.ts";

describe("Assembly", () => {
  it("keeps what was appended, over any number of enlargements", () => {
    const assembly = new Assembly();
    for (let piece = 0; piece < 1000; piece++) {
      assert.ok(assembly.reserve(3, assembly.length + 3, Infinity));
      assembly.append(Uint8Array.of(9, piece & 255, piece >> 8, 1, 9), 1, 4);
    }
    const bytes = assembly.takeBytes();
    assert.equal(bytes.length, 3000);
    for (let piece = 0; piece < 1000; piece++) {
      assert.deepEqual(bytes.subarray(piece * 3, piece * 3 + 3), Uint8Array.of(piece & 255, piece >> 8, 1));
    }
  });

  it("reserves exactly what is announced when that is modest", () => {
    const assembly = new Assembly();
    assembly.reserve(1, 40_000, 40_000);
    assert.equal(assembly.capacity, 40_000);
  });

  it("reserves 64 KiB at first when more is announced, then eight times what is here", () => {
    const assembly = new Assembly();
    assembly.reserve(10, 1e9, 1e9);
    assert.equal(assembly.capacity, 65536);
    assembly.append(new Uint8Array(10), 0, 10);
    assembly.reserve(65530, 1e9, 1e9);
    assert.equal(assembly.capacity, 8 * 65540);
  });

  it("reserves for a last fragment what is missing, and no more", () => {
    const assembly = new Assembly();
    assembly.reserve(60, 60, 1000);
    assembly.append(new Uint8Array(60), 0, 60);
    assembly.reserve(12, 72, 72);
    assert.equal(assembly.capacity, 72);
  });

  it("reserves for fragments no more than the message may come to", () => {
    const assembly = new Assembly();
    assembly.reserve(600, 600, 1000);
    assembly.append(new Uint8Array(600), 0, 600);
    assembly.reserve(1, 601, 1000);
    assert.equal(assembly.capacity, 1000);
  });

  it("is copied for fragments no more often than doubling copies it", () => {
    const assembly = new Assembly();
    let enlargements = 0;
    for (let piece = 0; piece < 10_000; piece++) {
      const before = assembly.capacity;
      assembly.reserve(1, assembly.length + 1, 1 << 20);
      if (assembly.capacity !== before) enlargements++;
      assembly.append(hex("61"), 0, 1);
    }
    assert.ok(enlargements <= 15, `${enlargements} enlargements`);
  });

  it("says so when the platform has no such memory", () => {
    assert.equal(new Assembly().reserve(2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1), false);
  });

  it("gives its bytes away and is empty afterwards", () => {
    const assembly = new Assembly();
    assembly.reserve(2, 2, 2);
    assembly.append(utf8("hi"), 0, 2);
    assert.equal(assembly.takeText(), "hi");
    assert.deepEqual([assembly.length, assembly.capacity], [0, 0]);
    assert.equal(assembly.takeText(), "");
    assert.deepEqual(assembly.takeBytes(), new Uint8Array(0));
  });
});
