/** The decoder, rule by rule. Inputs are the bytes of the wire in hex; a text payload of "Hello" is 48 65 6c 6c 6f. */
import assert from "node:assert/strict";
import { Buffer, constants } from "node:buffer";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Decoder, type DecoderOptions } from "../../src/protocol/decoder.ts";
import type { ProtocolEvent, ViolationReason } from "../../src/protocol/event.ts";
import { assertLinear } from "../support/growth.ts";
import { client, eventsOf, eventsOfQueued, server } from "./decoding.ts";
import { brokenStreamArbitrary, streamArbitrary } from "./streams.ts";
import { concat, cutAt, frame, hex, opcodes, singly, utf8 } from "./wire.ts";

/** The events of bytes given whole, singly and queued, which must be the same each time. */
function read(bytes: Uint8Array | string, options: DecoderOptions = client): ProtocolEvent[] {
  const run = typeof bytes === "string" ? hex(bytes) : bytes;
  const events = eventsOf([run], options);
  assert.deepEqual(eventsOf(singly(run), options), events, "one byte at a time gives other events");
  assert.deepEqual(eventsOfQueued(singly(run), options), events, "queued single bytes give other events");
  return events;
}

/** Asserts that these bytes are a violation of this kind, found at their last byte and not before. */
function violates(bytes: Uint8Array | string, reason: ViolationReason, options: DecoderOptions = client): string {
  const run = typeof bytes === "string" ? hex(bytes) : bytes;
  const events = read(run, options);
  const last = events.at(-1);
  assert.ok(last?.type === "violation", `${JSON.stringify(events)} has no violation`);
  assert.equal(last.reason, reason);
  const early = eventsOf([run.subarray(0, -1)], options).at(-1);
  assert.notEqual(early?.type, "violation", "the violation was found before the last byte");
  return last.message;
}

const textEvent = (data: string): ProtocolEvent => ({ type: "text", data });
const binaryEvent = (text: string): ProtocolEvent => ({ type: "binary", data: hex(text) });

describe("messages", () => {
  it("reads the unmasked text of RFC 6455 §5.7", () => {
    assert.deepEqual(read("81 05 48 65 6c 6c 6f"), [textEvent("Hello")]);
  });

  it("reads the masked text of RFC 6455 §5.7 as a server", () => {
    assert.deepEqual(read("81 85 37 fa 21 3d 7f 9f 4d 51 58", server), [textEvent("Hello")]);
  });

  it("joins the fragments of RFC 6455 §5.7", () => {
    assert.deepEqual(read("01 03 48 65 6c 80 02 6c 6f"), [textEvent("Hello")]);
  });

  it("reads binary, empty text and empty binary", () => {
    assert.deepEqual(read("82 03 00 ff 80  81 00  82 00"), [binaryEvent("00 ff 80"), textEvent(""), binaryEvent("")]);
  });

  it("reads empty fragments, also when all of a message's are empty", () => {
    assert.deepEqual(read("01 00 00 00 80 00  02 00 00 01 07 80 00"), [textEvent(""), binaryEvent("07")]);
  });

  it("starts the mask afresh with each fragment", () => {
    const mask = hex("0a 0b 0c 0d");
    const run = concat(
      frame({ opcode: opcodes.binary, payload: hex("01 02 03"), final: false, mask }),
      frame({ opcode: opcodes.continuation, payload: hex("04 05"), final: false, mask }),
      frame({ opcode: opcodes.continuation, payload: new Uint8Array(100).fill(6), mask }),
    );
    assert.deepEqual(read(run, server), [
      { type: "binary", data: concat(hex("01 02 03 04 05"), new Uint8Array(100).fill(6)) },
    ]);
  });

  it("gives control frames between fragments at once, and the message when it ends", () => {
    assert.deepEqual(read("01 01 48  89 02 70 69  00 01 65  8a 00  80 01 79"), [
      { type: "ping", data: hex("70 69") },
      { type: "pong", data: hex("") },
      textEvent("Hey"),
    ]);
  });

  it("reads many messages out of one chunk, in order", () => {
    const run = concat(
      ...Array.from({ length: 300 }, (_, index) => frame({ opcode: opcodes.text, payload: utf8(`${index}`) })),
    );
    assert.deepEqual(
      read(run),
      Array.from({ length: 300 }, (_, index) => textEvent(`${index}`)),
    );
  });

  for (const length of [0, 1, 125, 126, 127, 128, 129, 65535, 65536, 70000]) {
    it(`reads text and binary of ${length} bytes in their shortest length form`, () => {
      const payload = new Uint8Array(length).fill(0x61);
      for (const options of [client, server]) {
        const mask = options === server ? { mask: hex("01 82 03 84") } : {};
        const run = concat(
          frame({ opcode: opcodes.text, payload, ...mask }),
          frame({ opcode: opcodes.binary, payload, ...mask }),
        );
        const expected = [textEvent("a".repeat(length)), { type: "binary", data: payload }];
        assert.deepEqual(eventsOf([run], options), expected);
        assert.deepEqual(eventsOf(cutAt(run, [1, 3, 4, 7, 11, 12, 13, 1000, 65540]), options), expected);
      }
    });
  }

  it("keeps a byte order mark: it is a character of the text", () => {
    assert.deepEqual(read("81 04 ef bb bf 61"), [textEvent("\ufeffa")]);
    const long = `\ufeff${"é".repeat(200)}`;
    assert.deepEqual(eventsOf([frame({ opcode: opcodes.text, payload: utf8(long) })]), [textEvent(long)]);
  });

  it("keeps U+FFFD that the peer really sent", () => {
    assert.deepEqual(read("81 03 ef bf bd"), [textEvent("\ufffd")]);
    const long = "\ufffd".repeat(100);
    assert.deepEqual(read(frame({ opcode: opcodes.text, payload: utf8(long) })), [textEvent(long)]);
  });

  it("gives plain Uint8Arrays, never Buffers, on every path", () => {
    const whole = concat(
      hex("82 02 01 02  89 01 07  8a 01 08"),
      frame({ opcode: opcodes.binary, payload: new Uint8Array(300) }),
    );
    for (const chunks of [[Buffer.from(whole)], singly(whole)]) {
      for (const event of eventsOf(chunks)) {
        assert.ok("data" in event && Object.getPrototypeOf(event.data) === Uint8Array.prototype, event.type);
      }
    }
  });

  it("gives the binary of a whole frame as a view of the chunk: nothing is copied", () => {
    const chunk = frame({ opcode: opcodes.binary, payload: new Uint8Array(1000) });
    const [event] = eventsOf([chunk]);
    assert.ok(event?.type === "binary" && event.data.buffer === chunk.buffer);
  });

  it("reads a chunk that starts in the middle of its ArrayBuffer", () => {
    const run = hex("ff ff ff 81 02 68 69 82 01 05 ff");
    assert.deepEqual(eventsOf([run.subarray(3, 10)]), [textEvent("hi"), binaryEvent("05")]);
  });

  it("takes any number of queued chunks in time that grows with their number", () => {
    assertLinear((count) => {
      const decoder = new Decoder(client);
      const byte = hex("00");
      decoder.push(frame({ opcode: opcodes.binary, claimed: BigInt(count) }));
      for (let pushed = 0; pushed < count; pushed++) decoder.push(byte);
      assert.equal(decoder.next()?.type, "binary");
    }, 20_000);
  });

  it("takes empty chunks for nothing", () => {
    const empty = new Uint8Array(0);
    assert.deepEqual(eventsOf([empty, hex("81"), empty, hex("01"), empty, hex("61"), empty]), [textEvent("a")]);
  });

  it("keeps chunks in order when one is pushed after another was read to its end", () => {
    const decoder = new Decoder(client);
    decoder.push(hex("81 01 61"));
    decoder.push(hex("81 01 62"));
    assert.deepEqual(decoder.next(), textEvent("a"));
    decoder.push(hex("81 01 63"));
    assert.deepEqual([decoder.next(), decoder.next(), decoder.next()], [textEvent("b"), textEvent("c"), undefined]);
  });

  it("never writes to the bytes it was given", () => {
    fc.assert(
      fc.property(streamArbitrary("server"), fc.array(fc.nat(3000)), (stream, cuts) => {
        const chunks = cutAt(stream, cuts);
        const before = chunks.map((chunk) => chunk.slice());
        eventsOf(chunks, server);
        assert.deepEqual(chunks, before);
      }),
    );
  });

  it("has a message's binary stand by itself: a later message doesn't write over it", () => {
    const decoder = new Decoder(server);
    const mask = hex("00 00 00 00");
    decoder.push(frame({ opcode: opcodes.binary, payload: hex("01 02 03"), mask }));
    const first = decoder.next();
    decoder.push(frame({ opcode: opcodes.binary, payload: hex("09 09 09"), mask }));
    decoder.next();
    assert.deepEqual(first, binaryEvent("01 02 03"));
  });
});

describe("splits", () => {
  for (const [role, options] of [
    ["client", client],
    ["server", server],
  ] as const) {
    it(`gives a ${role} the same events for every split of the bytes, valid or not`, () => {
      fc.assert(
        fc.property(
          fc.oneof(streamArbitrary(role), brokenStreamArbitrary(role)),
          fc.array(fc.nat(3000), { maxLength: 30 }),
          (stream, cuts) => {
            const whole = eventsOf([stream], options);
            assert.deepEqual(eventsOf(cutAt(stream, cuts), options), whole);
            assert.deepEqual(eventsOfQueued(cutAt(stream, cuts), options), whole);
            assert.deepEqual(eventsOf(singly(stream), options), whole);
          },
        ),
        { numRuns: 400 },
      );
    });

    it(`gives a ${role} the same events however pushes and reads alternate`, () => {
      fc.assert(
        fc.property(
          brokenStreamArbitrary(role),
          fc.array(fc.nat(3000), { maxLength: 30 }),
          fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }),
          (stream, cuts, readsBetween) => {
            const decoder = new Decoder(options);
            const events: ProtocolEvent[] = [];
            let ended = false;
            const take = (most: number): void => {
              for (let taken = 0; taken < most && !ended; taken++) {
                const event = decoder.next();
                if (event === undefined) return;
                events.push(event);
                ended = event.type === "violation" || event.type === "close";
              }
            };
            for (const [index, chunk] of cutAt(stream, cuts).entries()) {
              decoder.push(chunk);
              take(readsBetween[index % readsBetween.length] as number);
            }
            take(Number.POSITIVE_INFINITY);
            assert.deepEqual(events, eventsOf([stream], options));
          },
        ),
        { numRuns: 400 },
      );
    });

    it(`gives a ${role} for a prefix of the bytes a prefix of the events`, () => {
      fc.assert(
        fc.property(fc.oneof(streamArbitrary(role), brokenStreamArbitrary(role)), fc.nat(3000), (stream, place) => {
          const whole = eventsOf([stream], options);
          const prefix = eventsOf([stream.subarray(0, place % (stream.length + 1))], options);
          assert.deepEqual(prefix, whole.slice(0, prefix.length));
        }),
        { numRuns: 400 },
      );
    });
  }
});

describe("headers", () => {
  for (const first of ["c1", "a1", "91", "f1", "c0", "c9", "b8"]) {
    it(`refuses reserved bits at the first byte (${first})`, () => {
      violates(first, "reserved_bits");
      violates(`81 01 61 ${first}`, "reserved_bits");
    });
  }

  it("names the reserved bits it saw", () => {
    assert.match(violates("c1", "reserved_bits"), /text frame .* 100; no extension/);
    assert.match(violates("91", "reserved_bits"), /001; no extension/);
  });

  for (const opcode of ["3", "4", "5", "6", "7", "b", "c", "d", "e", "f"]) {
    it(`refuses the reserved opcode 0x${opcode}, with and without FIN, at the first byte`, () => {
      assert.match(violates(`8${opcode}`, "reserved_opcode"), new RegExp(`0x${opcode}`));
      violates(`0${opcode}`, "reserved_opcode");
      violates(`01 01 61 8${opcode}`, "reserved_opcode");
    });
  }

  it("refuses a masked frame as a client, at the second byte", () => {
    violates("81 80", "masked_frame");
    violates("89 85", "masked_frame");
  });

  it("refuses an unmasked frame as a server, at the second byte", () => {
    violates("81 00", "unmasked_frame", server);
    violates("88 02", "unmasked_frame", server);
  });

  it("refuses a continuation of nothing", () => {
    violates("80", "unexpected_continuation");
    violates("00", "unexpected_continuation");
    violates("81 01 61 80", "unexpected_continuation");
    violates("01 01 61 80 01 62 80", "unexpected_continuation");
  });

  it("refuses a new message inside an unfinished one", () => {
    violates("01 01 61 81", "expected_continuation");
    violates("02 01 61 01", "expected_continuation");
    assert.match(violates("02 01 61 89 00 82", "expected_continuation"), /binary frame .* binary message/);
  });

  it("refuses a length that is not in its shortest form, when the length is complete", () => {
    violates("82 7e 00 00", "non_minimal_length");
    assert.match(violates("82 7e 00 7d", "non_minimal_length"), /125 .* 16 bits/);
    violates("82 7f 00 00 00 00 00 00 00 05", "non_minimal_length");
    assert.match(violates("82 7f 00 00 00 00 00 00 ff ff", "non_minimal_length"), /65535 .* 64 bits/);
    violates("81 fe 00 7d", "non_minimal_length", server);
  });

  it("refuses a 64-bit length with its top bit set", () => {
    violates("82 7f 80 00 00 00 00 00 00 00", "length_top_bit");
    violates("81 7f ff ff ff ff ff ff ff ff", "length_top_bit", { ...client, maxMessageSize: Infinity });
  });
});

describe("control frames", () => {
  it("gives pings and pongs with their payload, up to 125 bytes", () => {
    const payload = new Uint8Array(125).fill(7);
    assert.deepEqual(read(concat(frame({ opcode: opcodes.ping, payload }), hex("8a 00"))), [
      { type: "ping", data: payload },
      { type: "pong", data: new Uint8Array(0) },
    ]);
  });

  for (const [name, first] of [
    ["close", "08"],
    ["ping", "09"],
    ["pong", "0a"],
  ] as const) {
    it(`refuses a fragmented ${name}, at the first byte`, () => {
      assert.match(violates(first, "control_fragmented"), new RegExp(`${name} frame`));
    });

    it(`refuses a ${name} of more than 125 bytes, at the second byte`, () => {
      violates(`8${first[1]} 7e`, "control_too_long");
      violates(`8${first[1]} 7f`, "control_too_long");
      violates(`8${first[1]} fe`, "control_too_long", server);
    });
  }

  it("doesn't count control frames against the limits of messages", () => {
    const options: DecoderOptions = { role: "client", maxMessageSize: 2, maxFragments: 2 };
    assert.deepEqual(read("01 01 61  89 03 01 02 03  8a 03 01 02 03  80 01 62", options), [
      { type: "ping", data: hex("01 02 03") },
      { type: "pong", data: hex("01 02 03") },
      textEvent("ab"),
    ]);
  });
});

describe("close frames", () => {
  it("gives neither code nor reason for an empty one", () => {
    assert.deepEqual(read("88 00"), [{ type: "close" }]);
  });

  it("gives the code and an empty reason for one of two bytes", () => {
    assert.deepEqual(read("88 02 03 e8"), [{ type: "close", code: 1000, reason: "" }]);
  });

  it("gives code and reason, masked as well", () => {
    assert.deepEqual(read("88 05 03 e9 62 c3 a9"), [{ type: "close", code: 1001, reason: "bé" }]);
    assert.deepEqual(
      read(frame({ opcode: opcodes.close, payload: hex("0f a0 6f 6b"), mask: hex("a1 b2 c3 d4") }), server),
      [{ type: "close", code: 4000, reason: "ok" }],
    );
  });

  it("comes between fragments as well", () => {
    assert.deepEqual(read("01 01 61 88 02 03 e8"), [{ type: "close", code: 1000, reason: "" }]);
  });

  it("refuses a payload of one byte, at the second header byte", () => {
    violates("88 01", "close_payload_length");
    violates("88 81", "close_payload_length", server);
  });

  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) {
    it(`refuses the code ${code}`, () => {
      const message = violates(
        frame({ opcode: opcodes.close, payload: Uint8Array.of(code >> 8, code & 255) }),
        "close_code",
      );
      assert.match(message, new RegExp(`code ${code};`));
    });
  }

  for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
    it(`takes the code ${code}`, () => {
      const [event] = read(frame({ opcode: opcodes.close, payload: Uint8Array.of(code >> 8, code & 255) }));
      assert.deepEqual(event, { type: "close", code, reason: "" });
    });
  }

  it("refuses a reason that is not UTF-8 with 1007", () => {
    violates("88 04 03 e8 c3 28", "invalid_utf8");
    violates("88 03 03 e8 c3", "invalid_utf8");
    violates("88 05 03 e8 ed a0 80", "invalid_utf8");
    const [event] = read("88 03 03 e8 ff");
    assert.ok(event?.type === "violation" && event.closeCode === 1007);
  });

  it("judges the code before the reason", () => {
    violates("88 03 03 ed ff", "close_code");
  });
});

describe("UTF-8", () => {
  // Each ends at the first byte that nothing can make good.
  const bad: readonly (readonly [string, string])[] = [
    ["80", "a continuation that opens"],
    ["bf", "a continuation that opens"],
    ["c0", "an overlong lead"],
    ["c1", "an overlong lead"],
    ["f5", "a lead beyond U+10FFFF"],
    ["ff", "no byte of UTF-8"],
    ["c3 28", "a broken pair"],
    ["c3 c3", "a lead after a lead"],
    ["e0 80", "an overlong three"],
    ["e0 9f", "an overlong three"],
    ["ed a0", "a surrogate"],
    ["ed bf", "a surrogate"],
    ["e1 80 7f", "a broken three"],
    ["f0 8f", "an overlong four"],
    ["f4 90", "beyond U+10FFFF"],
    ["f0 90 80 41", "a broken four"],
    ["f1 c0", "a lead within a four"],
  ];

  for (const [sequence, what] of bad) {
    it(`fails at the last byte of ${sequence} (${what}), wherever it stands`, () => {
      const bytes = hex(sequence);
      for (const before of [0, 1, 47, 48, 130, 5000]) {
        const payload = concat(new Uint8Array(before).fill(0x61), bytes);
        // The frame is announced longer, so its end has not come yet when the fault is found.
        const unfinished = frame({ opcode: opcodes.text, payload, claimed: BigInt(payload.length + 3) });
        const message = violates(unfinished, "invalid_utf8");
        assert.match(message, new RegExp(`0x${sequence.slice(-2)} at offset ${payload.length - 1} `));
        const masked = frame({
          opcode: opcodes.text,
          payload,
          claimed: BigInt(payload.length + 3),
          mask: hex("f1 0e 5c 33"),
        });
        violates(masked, "invalid_utf8", server);
        violates(frame({ opcode: opcodes.text, payload }), "invalid_utf8");
      }
    });

    it(`fails at the last byte of ${sequence} when fragments cut it anywhere`, () => {
      const bytes = hex(sequence);
      for (let cut = 0; cut < bytes.length; cut++) {
        const first = frame({ opcode: opcodes.text, payload: bytes.subarray(0, cut), final: false });
        const second = frame({
          opcode: opcodes.continuation,
          payload: concat(bytes.subarray(cut), hex("61 61")),
          final: false,
        });
        violates(concat(first, second.subarray(0, -2)), "invalid_utf8");
      }
    });
  }

  for (const sequence of ["c3", "e2", "e2 82", "f0", "f0 9f", "f0 9f 98"]) {
    it(`fails when a message ends inside a code point (${sequence})`, () => {
      const payload = hex(`61 ${sequence}`);
      assert.match(violates(frame({ opcode: opcodes.text, payload }), "invalid_utf8"), /inside a code point/);
      const open = frame({ opcode: opcodes.text, payload, final: false });
      violates(concat(open, hex("80 00")), "invalid_utf8");
    });
  }

  it("takes code points cut anywhere, over fragments and chunks", () => {
    const text = "aé€😀\u{10ffff}\u0800\ud7ff\ue000";
    const payload = utf8(text);
    for (let cut = 0; cut <= payload.length; cut++) {
      const run = concat(
        frame({ opcode: opcodes.text, payload: payload.subarray(0, cut), final: false }),
        hex("89 00"),
        frame({ opcode: opcodes.continuation, payload: payload.subarray(cut) }),
      );
      assert.deepEqual(read(run), [{ type: "ping", data: hex("") }, textEvent(text)]);
    }
  });

  it("starts each message afresh", () => {
    assert.deepEqual(read("01 02 c3 a9 80 01 61  81 02 c3 a9"), [textEvent("éa"), textEvent("é")]);
  });

  it("doesn't look for UTF-8 in binary", () => {
    assert.deepEqual(read("02 01 ff 80 01 c0"), [binaryEvent("ff c0")]);
  });
});

describe("limits", () => {
  const limited: DecoderOptions = { role: "client", maxMessageSize: 200, maxFragments: 3 };

  it("takes a message of exactly maxMessageSize, in one frame or several", () => {
    const payload = new Uint8Array(200).fill(0x61);
    assert.equal(read(frame({ opcode: opcodes.text, payload }), limited)[0]?.type, "text");
    const halves = concat(
      frame({ opcode: opcodes.binary, payload: payload.subarray(100), final: false }),
      frame({ opcode: opcodes.continuation, payload: payload.subarray(100) }),
    );
    assert.deepEqual(read(halves, limited), [{ type: "binary", data: payload }]);
  });

  it("refuses a longer one at its header, before a byte of the payload", () => {
    assert.match(violates("81 7e 00 c9", "message_too_long", limited), /201 bytes .* 200/);
    const [event] = read("82 7e 00 c9", limited);
    assert.ok(event?.type === "violation" && event.closeCode === 1009);
    violates("82 03", "message_too_long", { ...limited, maxMessageSize: 2 });
  });

  it("refuses a longer one that has come whole", () => {
    for (const opcode of [opcodes.text, opcodes.binary]) {
      for (const options of [limited, { ...limited, role: "server" } as const]) {
        const mask = options.role === "server" ? { mask: hex("01 02 03 04") } : {};
        const [event, ...more] = read(frame({ opcode, payload: new Uint8Array(201), ...mask }), options);
        assert.ok(event?.type === "violation" && event.reason === "message_too_long");
        assert.deepEqual(more, []);
      }
    }
  });

  it("counts all fragments of a message, and each message by itself", () => {
    const half = frame({ opcode: opcodes.binary, payload: new Uint8Array(150), final: false });
    assert.match(violates(concat(half, hex("80 33")), "message_too_long", limited), /150 bytes .* 51 .* 200/);
    const whole = frame({ opcode: opcodes.binary, payload: new Uint8Array(150) });
    assert.equal(read(concat(whole, whole), limited).length, 2);
    const whole2 = concat(half, frame({ opcode: opcodes.continuation, payload: new Uint8Array(50) }));
    assert.equal(read(concat(whole2, whole2), limited).length, 2);
  });

  it("names a length beyond 2^53 exactly", () => {
    const unlimited = { ...limited, maxMessageSize: Infinity };
    assert.match(violates("82 7f 00 20 00 00 00 00 00 01", "message_too_long", unlimited), /9007199254740993 bytes/);
    assert.match(violates("81 7f 7f ff ff ff ff ff ff ff", "message_too_long", limited), /9223372036854775807 bytes/);
  });

  it("reads a length over 2^32 without wrapping", () => {
    assert.match(violates("82 7f 00 00 00 01 00 00 00 01", "message_too_long", limited), /4294967297 bytes/);
  });

  it("takes Infinity for what the platform can hold", () => {
    const unlimited = { ...limited, maxMessageSize: Infinity };
    const lengthOf = (value: number) => frame({ opcode: opcodes.text, claimed: BigInt(value), lengthBits: 64 });
    assert.deepEqual(read(lengthOf(constants.MAX_STRING_LENGTH), unlimited), []);
    violates(lengthOf(constants.MAX_STRING_LENGTH + 1), "message_too_long", unlimited);
    const binaryOf = (value: number) => frame({ opcode: opcodes.binary, claimed: BigInt(value), lengthBits: 64 });
    assert.deepEqual(read(binaryOf(constants.MAX_LENGTH), unlimited), []);
    violates(binaryOf(constants.MAX_LENGTH + 1), "message_too_long", unlimited);
  });

  it("takes a message of exactly maxFragments frames and refuses the next frame at its first byte", () => {
    assert.deepEqual(read("01 01 61 00 01 62 80 01 63", limited), [textEvent("abc")]);
    assert.match(violates("01 01 61 00 01 62 00 00 80", "too_many_fragments", limited), /text message .* 3 frames/);
    const [event] = read("01 00 00 00 00 00 00", limited);
    assert.ok(event?.type === "violation" && event.closeCode === 1009);
  });

  it("counts the frames of each message by itself", () => {
    assert.equal(read("01 00 00 00 80 00  01 00 00 00 80 00", limited).length, 2);
    assert.deepEqual(read("81 01 61", { ...limited, maxFragments: 1 }), [textEvent("a")]);
    violates("01 01 61 80", "too_many_fragments", { ...limited, maxFragments: 1 });
  });
});

describe("memory", () => {
  it("holds for an announced message no more than 64 KiB or eight times what has come", () => {
    const decoder = new Decoder({ role: "client", maxMessageSize: Infinity, maxFragments: Infinity });
    decoder.push(frame({ opcode: opcodes.binary, claimed: 0xffff_ffffn, lengthBits: 64 }));
    assert.equal(decoder.next(), undefined);
    assert.equal(decoder.heldBytes, 0);
    const chunk = new Uint8Array(10_000);
    for (let arrived = chunk.length; arrived < 20_000_000; arrived += chunk.length) {
      decoder.push(chunk);
      assert.equal(decoder.next(), undefined);
      assert.ok(decoder.heldBytes <= Math.max(65536, 8 * arrived), `${decoder.heldBytes} held for ${arrived}`);
    }
  });

  it("holds for many tiny fragments no more than eight times their bytes", () => {
    const decoder = new Decoder({ role: "client", maxMessageSize: 1 << 20, maxFragments: Infinity });
    decoder.push(hex("02 00"));
    decoder.next();
    for (let arrived = 1; arrived < 5000; arrived++) {
      decoder.push(hex("00 01 61"));
      decoder.next();
      assert.ok(decoder.heldBytes <= 8 * arrived, `${decoder.heldBytes} held for ${arrived}`);
    }
  });

  // Words are reserved whole, so up to 3 bytes; a control frame between the fragments has its own 125.
  it("never holds more than maxMessageSize and 128 bytes, whatever comes and however it is cut", () => {
    for (const role of ["client", "server"] as const) {
      fc.assert(
        fc.property(
          fc.oneof(streamArbitrary(role), brokenStreamArbitrary(role)),
          fc.array(fc.nat(3000), { maxLength: 30 }),
          fc.integer({ min: 0, max: 900 }),
          (stream, cuts, maxMessageSize) => {
            const decoder = new Decoder({ role, maxMessageSize, maxFragments: 64 });
            for (const chunk of cutAt(stream, cuts)) {
              decoder.push(chunk);
              for (let event = decoder.next(); event !== undefined; event = decoder.next()) {
                if (event.type === "violation" || event.type === "close") return;
                assert.ok(decoder.heldBytes <= maxMessageSize + 128, `${decoder.heldBytes} held`);
              }
              assert.ok(decoder.heldBytes <= maxMessageSize + 128, `${decoder.heldBytes} held`);
            }
          },
        ),
        { numRuns: 1000 },
      );
    }
  });

  it("holds for growing fragments no more than maxMessageSize", () => {
    const decoder = new Decoder({ role: "client", maxMessageSize: 1000, maxFragments: 16 });
    decoder.push(frame({ opcode: opcodes.binary, payload: new Uint8Array(600), final: false }));
    decoder.push(frame({ opcode: opcodes.continuation, payload: new Uint8Array(1), final: false }));
    assert.equal(decoder.next(), undefined);
    assert.equal(decoder.heldBytes, 1000);
  });

  it("never holds more than a message's own length when its last frame is known", () => {
    const decoder = new Decoder(client);
    decoder.push(frame({ opcode: opcodes.binary, payload: new Uint8Array(100_000) }).subarray(0, 90_000));
    decoder.next();
    assert.equal(decoder.heldBytes, 100_000);
  });

  it("holds nothing between messages", () => {
    const decoder = new Decoder(client);
    for (const chunk of singly(
      concat(frame({ opcode: opcodes.text, payload: utf8("é".repeat(300)) }), hex("01 01 61 89 02 61 61 80 00")),
    )) {
      decoder.push(chunk);
      decoder.next();
    }
    assert.equal(decoder.heldBytes, 0);
  });
});
