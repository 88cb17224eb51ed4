import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import fc from "fast-check";
import { binary, type FrameLike, ping, pong, text } from "../../src/frame.ts";
import { Encoder } from "../../src/protocol/encoder.ts";
import type { ProtocolEvent } from "../../src/protocol/event.ts";
import { client, eventsOf, server } from "./decoding.ts";
import { hex, toHex } from "./wire.ts";

/** An encoder whose masks are all the RFC's example. */
const clientEncoder = () => new Encoder({ role: "client", nextMask: () => 0x37fa213d });
const serverEncoder = () => new Encoder({ role: "server" });

function encoded(encoder: Encoder, ...frames: readonly FrameLike[]): string {
  for (const frame of frames) assert.equal(encoder.encode(frame), undefined);
  return toHex(encoder.take());
}

/** A text's frame laid out from RFC 6455 §5.2, unmasked, as hex of its header; the payload is compared apart. */
const lengths = [0, 1, 99, 100, 101, 125, 126, 127, 1000, 65535, 65536, 70_000, 200_000];

describe("frames on the wire", () => {
  it("masks the Hello of RFC 6455 §5.7", () => {
    assert.equal(encoded(clientEncoder(), "Hello"), "81 85 37 fa 21 3d 7f 9f 4d 51 58");
  });

  it("doesn't mask as a server", () => {
    assert.equal(encoded(serverEncoder(), "Hello"), "81 05 48 65 6c 6c 6f");
    assert.equal(encoded(serverEncoder(), Uint8Array.of(1, 255)), "82 02 01 ff");
  });

  it("takes a string for text and a Uint8Array for binary", () => {
    assert.equal(encoded(serverEncoder(), "a", text("a")), "81 01 61 81 01 61");
    assert.equal(encoded(serverEncoder(), hex("07"), binary(hex("07"))), "82 01 07 82 01 07");
  });

  it("writes pings, pongs and close frames", () => {
    assert.equal(encoded(serverEncoder(), ping("hi"), pong()), "89 02 68 69 8a 00");
    assert.equal(encoded(clientEncoder(), ping("Hello")), "89 85 37 fa 21 3d 7f 9f 4d 51 58");
    assert.equal(encoded(serverEncoder(), { type: "close" }), "88 00");
    assert.equal(encoded(clientEncoder(), { type: "close" }), "88 80 37 fa 21 3d");
    assert.equal(encoded(serverEncoder(), { type: "close", code: 1000 }), "88 02 03 e8");
    assert.equal(encoded(serverEncoder(), { type: "close", code: 4999, reason: "é" }), "88 04 13 87 c3 a9");
  });

  it("takes a ping of 125 bytes and a close reason of 123", () => {
    assert.equal(encoded(serverEncoder(), ping(new Uint8Array(125))).slice(0, 5), "89 7d");
    assert.equal(encoded(serverEncoder(), { type: "close", code: 1000, reason: "é".repeat(61) }).slice(0, 5), "88 7c");
  });

  for (const length of lengths) {
    it(`writes the shortest length for text and binary of ${length} bytes`, () => {
      const expected =
        length < 126
          ? [0x80 | length]
          : length < 65536
            ? [0x80 | 126, length >> 8, length & 255]
            : [0x80 | 127, 0, 0, 0, 0, 0, (length >> 16) & 255, (length >> 8) & 255, length & 255];
      for (const frame of ["a".repeat(length), new Uint8Array(length)]) {
        const encoder = clientEncoder();
        encoder.encode(frame);
        const run = encoder.take() as Uint8Array;
        assert.equal(run[0], typeof frame === "string" ? 0x81 : 0x82);
        assert.deepEqual([...run.subarray(1, 1 + expected.length)], expected);
        assert.equal(run.length, 1 + expected.length + 4 + length);
      }
    });
  }

  it("carries text that is not ASCII whole, at every length at which its header may grow", () => {
    const lengths = [
      ...Array.from({ length: 130 }, (_, length) => length),
      21_844,
      21_845,
      21_846,
      32_767,
      32_768,
      65_535,
      65_536,
    ];
    for (const [role, peer] of [
      ["client", server],
      ["server", client],
    ] as const) {
      for (const length of lengths) {
        for (const data of ["é".repeat(length), "€".repeat(length), `${"a".repeat(length)}😀`]) {
          const encoder = new Encoder({ role });
          encoder.encode(data);
          assert.deepEqual(eventsOf([encoder.take() as Uint8Array], peer), [text(data)]);
        }
      }
    }
  });

  it("counts a text's length in bytes, not in characters", () => {
    assert.equal(encoded(serverEncoder(), "é".repeat(63)).slice(0, 11), "81 7e 00 7e");
    assert.equal(encoded(serverEncoder(), "€".repeat(21846)).slice(0, 29), "81 7f 00 00 00 00 00 01 00 02");
  });
});

describe("encode, then decode", () => {
  const frameArbitrary: fc.Arbitrary<FrameLike> = fc.oneof(
    fc.string({ maxLength: 150, size: "max" }),
    fc.string({ unit: "binary", maxLength: 150, size: "max" }),
    fc
      .tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 5 }), fc.nat(40_000))
      .map(([s, times]) => s.repeat(times)),
    fc.uint8Array({ maxLength: 300, size: "max" }),
    fc.nat(150_000).map((length) => Uint8Array.from({ length }, (_, index) => index * 7)),
    fc.uint8Array({ maxLength: 125 }).map(ping),
    fc.uint8Array({ maxLength: 125 }).map(pong),
  );
  const asEvent = (frame: FrameLike): ProtocolEvent =>
    typeof frame === "string"
      ? { type: "text", data: frame }
      : frame instanceof Uint8Array
        ? { type: "binary", data: frame }
        : frame;

  for (const [role, peer] of [
    ["client", server],
    ["server", client],
  ] as const) {
    it(`is identity for what a ${role} sends, frame by frame and in one batch`, () => {
      fc.assert(
        fc.property(fc.array(frameArbitrary, { maxLength: 6 }), (frames) => {
          const roomy = { ...peer, maxMessageSize: Number.POSITIVE_INFINITY };
          const encoder = new Encoder({ role });
          for (const frame of frames) encoder.encode(frame);
          const batch = encoder.take();
          assert.deepEqual(eventsOf(batch === undefined ? [] : [batch], roomy), frames.map(asEvent));
          const runs = frames.map((frame) => {
            encoder.encode(frame);
            return encoder.take() as Uint8Array;
          });
          assert.deepEqual(eventsOf(runs, roomy), frames.map(asEvent));
        }),
        { numRuns: 150 },
      );
    });
  }
});

describe("masks", () => {
  it("takes a fresh mask for each frame", () => {
    const encoder = new Encoder({ role: "client" });
    const masks = new Set<string>();
    const shapes: FrameLike[] = ["short", "x".repeat(500), "é", new Uint8Array(3), ping("p"), pong("p")];
    for (let round = 0; round < 1000; round++) {
      const frame = shapes[round % shapes.length] as FrameLike;
      encoder.encode(frame);
      const run = encoder.take() as Uint8Array;
      const at = run[1] === (0x80 | 126) ? 4 : 2;
      masks.add(toHex(run.subarray(at, at + 4)));
    }
    assert.ok(masks.size >= 999, `${masks.size} masks in 1000 frames`);
  });

  it("never touches the caller's bytes", () => {
    for (const length of [5, 500, 200_000]) {
      const bytes = Uint8Array.from({ length }, (_, index) => index);
      const before = bytes.slice();
      const encoder = new Encoder({ role: "client" });
      encoder.encode(bytes);
      encoder.take();
      assert.deepEqual(bytes, before);
    }
  });

  it("copies the caller's bytes when they are encoded: what is written to them later doesn't go out", () => {
    const encoder = serverEncoder();
    const bytes = hex("01 02");
    encoder.encode(bytes);
    bytes.fill(9);
    assert.equal(toHex(encoder.take()), "82 02 01 02");
  });
});

describe("faults", () => {
  const faults: readonly (readonly [string, unknown, string])[] = [
    ["a lone surrogate in short text", "a\ud800", "lone_surrogate"],
    ["a lone surrogate in long text", `${"a".repeat(500)}\udc00`, "lone_surrogate"],
    ["a lone surrogate in very long text", `${"a".repeat(50_000)}\ud800`, "lone_surrogate"],
    ["a lone surrogate in a text frame", text("\ud800"), "lone_surrogate"],
    ["a ping of 126 bytes", ping(new Uint8Array(126)), "control_too_long"],
    ["a pong of 126 bytes", pong(new Uint8Array(126)), "control_too_long"],
    ["a close code that is not for the wire", { type: "close", code: 1005 }, "close_code"],
    ["a close code of no kind", { type: "close", code: "1000" }, "close_code"],
    ["a reason without a code", { type: "close", reason: "x" }, "close_reason_without_code"],
    ["a reason of 124 bytes", { type: "close", code: 1000, reason: "é".repeat(62) }, "close_reason_too_long"],
    ["a number", 5, "wrong_type"],
    ["null", null, "wrong_type"],
    ["undefined", undefined, "wrong_type"],
    ["an array", [1, 2], "wrong_type"],
    ["an ArrayBuffer", new ArrayBuffer(4), "wrong_type"],
    ["an unknown type", { type: "data", data: "x" }, "wrong_type"],
    ["text of a number: no memory of that length goes out", { type: "text", data: 100 }, "wrong_type"],
    ["binary of a number", { type: "binary", data: 100 }, "wrong_type"],
    ["binary of a string", { type: "binary", data: "x" }, "wrong_type"],
    ["binary of a wider typed array", { type: "binary", data: new Float64Array(2) }, "wrong_type"],
    ["a ping of a string", { type: "ping", data: "x" }, "wrong_type"],
    ["a pong of nothing", { type: "pong" }, "wrong_type"],
  ];

  for (const [what, frame, reason] of faults) {
    it(`answers ${reason} for ${what}, and writes nothing`, () => {
      for (const encoder of [new Encoder({ role: "client" }), serverEncoder()]) {
        encoder.encode("before");
        const before = encoder.pendingBytes;
        const fault = encoder.encode(frame as FrameLike);
        assert.equal(fault?.reason, reason);
        assert.ok(fault.message.length > 20);
        assert.equal(encoder.pendingBytes, before);
        encoder.encode("after");
        const role = encoder.take() as Uint8Array;
        const peer = ((role[1] as number) & 0x80) === 0 ? client : server;
        assert.deepEqual(eventsOf([role], peer), [text("before"), text("after")]);
      }
    });
  }
});

describe("batches", () => {
  it("has nothing to give before the first frame and after a take", () => {
    const encoder = serverEncoder();
    assert.equal(encoder.take(), undefined);
    assert.equal(encoder.pendingBytes, 0);
    encoder.encode("a");
    assert.equal(encoder.pendingBytes, 3);
    assert.equal(encoder.take()?.length, 3);
    assert.equal(encoder.pendingBytes, 0);
    assert.equal(encoder.take(), undefined);
  });

  it("gives all frames since the last take as one run, in order, however long", () => {
    const encoder = serverEncoder();
    const frames = [
      "a",
      new Uint8Array(100_000).fill(1),
      "b".repeat(70_000),
      "c",
      new Uint8Array(300_000).fill(2),
      "d",
    ];
    for (const frame of frames) encoder.encode(frame);
    const run = encoder.take() as Uint8Array;
    assert.deepEqual(
      eventsOf([run]).map((event) => ("data" in event ? event.data : event)),
      frames,
    );
  });

  it("never writes to a run that was taken, over many slabs and several encoders", () => {
    const encoders = [new Encoder({ role: "client" }), new Encoder({ role: "client" }), serverEncoder()];
    const taken: { run: Uint8Array; copy: Uint8Array }[] = [];
    for (let round = 0; round < 3000; round++) {
      const encoder = encoders[round % 3] as Encoder;
      encoder.encode("x".repeat((round * 37) % 300));
      encoder.encode(new Uint8Array((round * 91) % 700));
      if (round % 500 === 0) encoder.encode(new Uint8Array(80_000));
      if (round % 5 !== 0) continue;
      const run = encoder.take() as Uint8Array;
      taken.push({ run, copy: run.slice() });
    }
    for (const { run, copy } of taken) assert.ok(Buffer.compare(run, copy) === 0);
  });

  it("gives each encoder its own bytes when several gather at once", () => {
    const encoders = Array.from({ length: 20 }, serverEncoder);
    for (const word of ["one", "two"]) {
      for (const [index, encoder] of encoders.entries()) encoder.encode(`${word} ${index}`);
    }
    for (const [index, encoder] of encoders.entries()) {
      assert.deepEqual(eventsOf([encoder.take() as Uint8Array]), [text(`one ${index}`), text(`two ${index}`)]);
    }
  });
});
