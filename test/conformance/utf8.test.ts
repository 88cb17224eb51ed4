/** UTF-8 that is none, of every kind, at every split, in messages and in close reasons, found at its first bad byte (RFC 6455 §5.6, §8.1). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type RawFrame, rawFrame } from "../../src/testing/index.ts";
import { Conversation } from "./conversation.ts";
import { allTowards, hear, ROLES, type Role, towards, violates } from "./endpoint.ts";
import { BROKEN, firstBadByte, SAMPLES, UNFINISHED, VALID } from "./utf8-samples.ts";

const decode = (bytes: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
const BEFORE: readonly string[] = ["", "κ", "κόσμε".repeat(20)];

/** The bytes in two frames, cut here. */
function inTwoFrames(role: Role, bytes: Uint8Array, cut: number): Uint8Array {
  return allTowards(role, [
    { opcode: "text", fin: false, payload: bytes.subarray(0, cut) },
    { opcode: "continuation", payload: bytes.subarray(cut) },
  ]);
}

/** A text frame up to its payload's byte number `end`, with more announced. */
function unfinishedFrame(role: Role, payload: Uint8Array, end: number): Uint8Array {
  const length = payload.length + 10;
  const whole = towards(role, { opcode: "text", payload, length });
  return whole.subarray(0, whole.length - payload.length + end);
}

it("the samples hold UTF-8, sequences with a bad byte, and such as only end too early", () => {
  assert.equal(VALID.length + BROKEN.length + UNFINISHED.length, SAMPLES.length);
  assert.ok(VALID.length >= 75 && BROKEN.length >= 95 && UNFINISHED.length >= 6);
});

describe("a text of valid UTF-8", () => {
  for (const { name, bytes } of VALID) {
    it(`is taken in both roles, cut anywhere between fragments and chunks: ${name}`, () => {
      for (const role of ROLES) {
        for (const before of BEFORE) {
          const payload = Buffer.concat([Buffer.from(before), bytes, Buffer.from("z")]);
          const wanted = [{ type: "text", data: decode(payload) }];
          assert.deepEqual(hear(role, towards(role, { opcode: "text", payload })).events, wanted);
          assert.deepEqual(hear(role, towards(role, { opcode: "text", payload }), 1).events, wanted);
          for (let cut = Buffer.byteLength(before); cut <= payload.length; cut++) {
            assert.deepEqual(hear(role, inTwoFrames(role, payload, cut)).events, wanted);
            assert.deepEqual(hear(role, inTwoFrames(role, payload, cut), 3).events, wanted);
          }
        }
      }
    });
  }

  it("is given to the module of a whole connection as it came, each sample in every cut", async () => {
    await using conversation = await Conversation.open({ options: { inbox: { maxMessages: 10_000 } } });
    const { peer, recorder } = conversation;
    const wanted: string[] = [];
    for (const { bytes } of VALID) {
      for (let cut = 0; cut <= bytes.length; cut++) {
        peer.sendRaw(inTwoFrames("client", bytes, cut));
        wanted.push(decode(bytes));
      }
    }
    await recorder.call("handleIn", wanted.length);
    assert.deepEqual(
      recorder.all("handleIn").map(({ given }) => given[0].data),
      wanted,
    );
  });
});

describe("a text with a byte that no ending makes good", () => {
  for (const { name, bytes } of BROKEN) {
    const bad = firstBadByte(bytes) as number;

    it(`is refused at that byte in both roles, in an unfinished frame and at every cut: ${name}`, () => {
      for (const role of ROLES) {
        for (const before of BEFORE) {
          const offset = Buffer.byteLength(before);
          const payload = Buffer.concat([Buffer.from(before), bytes]);
          violates(role, unfinishedFrame(role, payload, offset + bad + 1), "invalid_utf8", 1007);
          for (let cut = offset; cut <= offset + bad; cut++) {
            const first = towards(role, { opcode: "text", fin: false, payload: payload.subarray(0, cut) });
            const rest: RawFrame = { opcode: "continuation", payload: payload.subarray(cut, offset + bad + 1) };
            const second = towards(role, { ...rest, length: 100 });
            violates(role, Buffer.concat([first, second]), "invalid_utf8", 1007);
          }
        }
      }
    });

    it(`fails a whole connection with 1007 before the frame is whole: ${name}`, async () => {
      await using conversation = await Conversation.open();
      conversation.peer.sendRaw(unfinishedFrame("client", bytes, bad + 1));
      await conversation.fails(1007, "invalid_utf8");
      assert.equal(conversation.recorder.all("handleIn").length, 0);
    });
  }

  it("fails a whole connection with 1007 at that byte, whatever stands before it and however it is cut", async () => {
    const payload = Buffer.concat([Buffer.from("κόσμε"), Uint8Array.of(0xed, 0xa0, 0x80), Buffer.from("edited")]);
    const bad = 11;
    const ways: readonly (readonly Uint8Array[])[] = [
      [unfinishedFrame("client", payload, bad + 1)],
      [unfinishedFrame("client", payload, bad), payload.subarray(bad, bad + 1)],
      [
        rawFrame({ opcode: "text", fin: false, payload: payload.subarray(0, bad) }),
        rawFrame({ opcode: "continuation", fin: false, payload: payload.subarray(bad, bad + 1) }),
      ],
      Array.from(unfinishedFrame("client", payload, bad + 1), (byte) => Uint8Array.of(byte)),
    ];
    for (const pieces of ways) {
      await using conversation = await Conversation.open();
      for (const piece of pieces) await conversation.peer.sendInPieces(piece, piece.length);
      await conversation.fails(1007, "invalid_utf8");
    }
  });
});

describe("a text that ends inside a code point", () => {
  for (const { name, bytes } of UNFINISHED) {
    it(`is refused in both roles when its last frame ends, and no sooner: ${name}`, () => {
      for (const role of ROLES) {
        for (const before of BEFORE) {
          const payload = Buffer.concat([Buffer.from(before), bytes]);
          violates(role, towards(role, { opcode: "text", payload }), "invalid_utf8", 1007);
          const open = towards(role, { opcode: "text", fin: false, payload });
          const events = hear(role, open).events;
          assert.deepEqual(events, []);
          // The last frame is empty, so its header is all of it.
          violates(role, Buffer.concat([open, towards(role, { opcode: "continuation" })]), "invalid_utf8", 1007);
        }
      }
    });

    it(`fails a whole connection with 1007: ${name}`, async () => {
      await using conversation = await Conversation.open();
      conversation.peer.sendRaw(rawFrame({ opcode: "text", payload: bytes }));
      await conversation.fails(1007, "invalid_utf8");
    });
  }
});

describe("what is no UTF-8", () => {
  it("is nothing to a binary message, in both roles", () => {
    for (const role of ROLES) {
      for (const { bytes } of [...BROKEN, ...UNFINISHED]) {
        const { events } = hear(role, towards(role, { opcode: "binary", payload: bytes }), 1);
        assert.deepEqual(events, [{ type: "binary", data: bytes }]);
      }
    }
  });

  it("is refused with 1007 as a close reason, in both roles", () => {
    for (const role of ROLES) {
      for (const { bytes } of [...BROKEN, ...UNFINISHED]) {
        const payload = Buffer.concat([Uint8Array.of(0x03, 0xe8), Buffer.from("why"), bytes]);
        violates(role, towards(role, { opcode: "close", payload }), "invalid_utf8", 1007);
      }
    }
  });

  it("fails a whole connection with 1007 as a close reason, and no disconnect is told", async () => {
    for (const { bytes } of [...BROKEN, ...UNFINISHED]) {
      await using conversation = await Conversation.open();
      const payload = Buffer.concat([Uint8Array.of(0x03, 0xe8), bytes]);
      conversation.peer.sendRaw(rawFrame({ opcode: "close", payload }));
      await conversation.fails(1007, "invalid_utf8");
    }
  });
});

describe("a close reason of valid UTF-8", () => {
  it("is echoed and told as it came, each sample, in both roles", () => {
    for (const role of ROLES) {
      for (const { bytes } of VALID) {
        const payload = Buffer.concat([Uint8Array.of(0x0b, 0xb8), bytes]);
        const wanted = [{ type: "close", code: 3000, reason: decode(bytes) }];
        const { events, answers } = hear(role, towards(role, { opcode: "close", payload }));
        assert.deepEqual(events, wanted);
        assert.deepEqual(answers, wanted);
      }
    }
  });
});
