/** The first byte of a frame, every value of it: reserved opcodes, reserved bits, control frames without FIN (RFC 6455 §5.2, §5.5). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type RawFrame, rawFrame } from "../../src/testing/index.ts";
import { Conversation } from "./conversation.ts";
import { allTowards, hear, ROLES, towards, violates } from "./endpoint.ts";

const RESERVED_OPCODES = [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf];
const KNOWN_OPCODES = [0, 1, 2, 8, 9, 10];
const ALL_OPCODES = Array.from({ length: 16 }, (_, opcode) => opcode);
const RESERVED_BITS = [1, 2, 3, 4, 5, 6, 7];

/** What may have come before: nothing, a message, half a message. */
const BEFORE: readonly (readonly RawFrame[])[] = [
  [],
  [{ opcode: "text", payload: "first" }, { opcode: "ping" }],
  [{ opcode: "text", fin: false, payload: "half" }],
];

const inHex = (opcode: number) => `0x${opcode.toString(16)}`;

describe("a reserved opcode", () => {
  for (const opcode of RESERVED_OPCODES) {
    it(`is refused at its byte in both roles, with and without FIN, wherever it comes: ${inHex(opcode)}`, () => {
      for (const role of ROLES) {
        for (const before of BEFORE) {
          for (const fin of [true, false]) {
            const started = allTowards(role, before);
            violates(
              role,
              Buffer.concat([started, towards(role, { opcode, fin }).subarray(0, 1)]),
              "reserved_opcode",
              1002,
            );
          }
        }
      }
    });

    it(`fails a whole connection with 1002, with a payload or without: ${inHex(opcode)}`, async () => {
      for (const payload of ["", "data", "x".repeat(126)]) {
        await using conversation = await Conversation.open();
        const { peer, recorder } = conversation;
        peer.sendRaw(Buffer.concat([rawFrame({ opcode: "text", payload: "before" }), rawFrame({ opcode, payload })]));
        await conversation.fails(1002, "reserved_opcode");
        assert.deepEqual(
          recorder.all("handleIn").map(({ given }) => given[0]),
          [{ type: "text", data: "before" }],
        );
      }
    });
  }
});

describe("a reserved bit, without an extension that gives it a meaning,", () => {
  for (const rsv of RESERVED_BITS) {
    it(`is refused at its byte on every opcode, in both roles: ${rsv.toString(2).padStart(3, "0")}`, () => {
      for (const role of ROLES) {
        for (const before of BEFORE) {
          for (const opcode of ALL_OPCODES) {
            for (const fin of [true, false]) {
              const first = towards(role, { opcode, fin, rsv }).subarray(0, 1);
              violates(role, Buffer.concat([allTowards(role, before), first]), "reserved_bits", 1002);
            }
          }
        }
      }
    });

    for (const opcode of KNOWN_OPCODES) {
      it(`fails a whole connection with 1002: ${rsv.toString(2).padStart(3, "0")} on the opcode ${inHex(opcode)}`, async () => {
        await using conversation = await Conversation.open();
        const before = opcode === 0 ? [rawFrame({ opcode: "binary", fin: false, payload: "half" })] : [];
        conversation.peer.sendRaw(Buffer.concat([...before, rawFrame({ opcode, rsv, payload: "ab" })]));
        await conversation.fails(1002, "reserved_bits");
        assert.equal(conversation.lines.length, 1);
      });
    }
  }
});

describe("a control frame without FIN", () => {
  for (const opcode of ["close", "ping", "pong"] as const) {
    it(`is refused at its first byte in both roles, between fragments as well: ${opcode}`, () => {
      for (const role of ROLES) {
        for (const before of BEFORE) {
          const first = towards(role, { opcode, fin: false }).subarray(0, 1);
          violates(role, Buffer.concat([allTowards(role, before), first]), "control_fragmented", 1002);
        }
      }
    });

    it(`fails a whole connection with 1002, whatever continues it: ${opcode}`, async () => {
      for (const payload of ["", "ab"]) {
        await using conversation = await Conversation.open();
        const frames: readonly RawFrame[] = [
          { opcode, fin: false, payload },
          { opcode: "continuation", payload: "c" },
        ];
        conversation.peer.sendRaw(allTowards("client", frames));
        await conversation.fails(1002, "control_fragmented");
        assert.equal(conversation.lines.length, 1);
      }
    });
  }
});

describe("the mask bit", () => {
  for (const opcode of KNOWN_OPCODES) {
    it(`that is wrong for the role is refused at its byte: on the opcode ${inHex(opcode)}`, () => {
      for (const role of ROLES) {
        const before = opcode === 0 ? allTowards(role, [{ opcode: "text", fin: false }]) : new Uint8Array(0);
        const wrong = rawFrame({ opcode, masked: role === "client" }).subarray(0, 2);
        const reason = role === "client" ? "masked_frame" : "unmasked_frame";
        violates(role, Buffer.concat([before, wrong]), reason, 1002);
      }
    });

    it(`fails a whole connection with 1002 when the server masks: the opcode ${inHex(opcode)}`, async () => {
      await using conversation = await Conversation.open();
      const before = opcode === 0 ? [rawFrame({ opcode: "text", fin: false })] : [];
      const payload = opcode === 8 ? "" : "Hello";
      conversation.peer.sendRaw(Buffer.concat([...before, rawFrame({ opcode, masked: true, payload })]));
      await conversation.fails(1002, "masked_frame");
    });
  }
});

describe("every first byte", () => {
  it("is taken or refused as RFC 6455 §5.2 has it, in both roles", () => {
    // Those of the figure that may begin a connection: FIN with text, binary, close, ping, pong, and a first fragment of text or binary.
    const good = new Set([0x81, 0x82, 0x88, 0x89, 0x8a, 0x01, 0x02]);
    for (const role of ROLES) {
      for (let byte = 0; byte < 256; byte++) {
        const { events } = hear(role, Uint8Array.of(byte));
        assert.equal(events.length === 0, good.has(byte), `${role}, ${inHex(byte)}`);
      }
    }
  });
});
