/** Messages of every size class: each form of the length, its edges, and what is no shortest form (RFC 6455 §5.2). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { binary, type DataFrame, reply, text } from "../../src/index.ts";
import type { ProtocolEvent } from "../../src/protocol/event.ts";
import type { RawFrame } from "../../src/testing/index.ts";
import { rawFrame } from "../../src/testing/index.ts";
import { Conversation } from "./conversation.ts";
import { hear, ROLES, towards, violates } from "./endpoint.ts";

const MIB = 1024 * 1024;
const SIZES = [0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537, MIB];

/** A text of so many bytes, with characters of every length as far as they fit. */
function textOfBytes(size: number): string {
  const run = "aé€😀";
  const whole = Math.floor(size / 10);
  return run.repeat(whole) + "x".repeat(size - whole * 10);
}

function bytesOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

const messageOf = (type: "text" | "binary", size: number): DataFrame =>
  type === "text" ? text(textOfBytes(size)) : binary(bytesOf(size));

// Of a megabyte that isn't equal nobody wants the difference shown.
function sameMessage(got: unknown, wanted: DataFrame): boolean {
  const { type, data } = got as DataFrame;
  return type === wanted.type && Buffer.compare(Buffer.from(data as string), Buffer.from(wanted.data as string)) === 0;
}

describe("a message of any size", () => {
  for (const role of ROLES) {
    for (const type of ["text", "binary"] as const) {
      for (const size of SIZES) {
        it(`of ${size} bytes of ${type} reaches a ${role} whole, in one piece, in pieces of 997 bytes and byte by byte`, () => {
          const message = messageOf(type, size);
          const bytes = towards(role, { opcode: type, payload: message.data });
          for (const pieceBytes of [Infinity, 997, ...(size < MIB ? [1] : [])]) {
            const { events, answers } = hear(role, bytes, pieceBytes);
            assert.equal(events.length, 1);
            assert.ok(sameMessage(events[0], message), `not the message that was sent, in pieces of ${pieceBytes}`);
            assert.equal(answers.length, 0);
          }
        });
      }
    }
  }

  for (const [how, pieceBytes] of [
    ["one write", () => Infinity],
    ["pieces", (size: number) => (size <= 128 ? 1 : size < MIB ? 997 : 16_381)],
  ] as const) {
    it(`passes through a whole connection both ways, from the server in ${how}`, async () => {
      await using conversation = await Conversation.open({
        callbacks: { handleIn: (frame, state) => reply(frame, state) },
      });
      const { peer, recorder } = conversation;
      let count = 0;
      for (const size of SIZES) {
        for (const type of ["text", "binary"] as const) {
          const message = messageOf(type, size);
          const bytes = rawFrame({ opcode: type, payload: message.data });
          await peer.sendInPieces(bytes, Math.min(pieceBytes(size), bytes.length), 0);
          const [got] = (await recorder.call("handleIn", ++count)).given;
          assert.ok(sameMessage(got, message), `the client was given another ${type} of ${size} bytes`);
          assert.ok(sameMessage(await peer.receive(type), message), `the server got another ${type} of ${size} bytes`);
        }
      }
      assert.equal(peer.violation, undefined);
    });
  }
});

const reasonOf = (event: ProtocolEvent) => (event.type === "violation" ? event.reason : event.type);

describe("a length that is not in its shortest form", () => {
  const longer: readonly (readonly [number, NonNullable<RawFrame["lengthEncoding"]>])[] = [
    ...[0, 1, 124, 125].map((size) => [size, "16-bit"] as const),
    ...[0, 1, 125, 126, 127, 128, 65_534, 65_535].map((size) => [size, "64-bit"] as const),
  ];
  const header = (
    opcode: RawFrame["opcode"],
    length: number,
    lengthEncoding: NonNullable<RawFrame["lengthEncoding"]>,
  ) => ({ opcode, length, lengthEncoding, masked: false }) as const;

  for (const role of ROLES) {
    for (const [size, lengthEncoding] of longer) {
      it(`is refused by a ${role} as soon as it is complete: ${size} in ${lengthEncoding}`, () => {
        for (const before of [[], [{ opcode: "text", fin: false, payload: "a" }]] as const) {
          const opcodes = before.length === 0 ? (["text", "binary"] as const) : (["continuation"] as const);
          for (const opcode of opcodes) {
            // Of a masked frame, too, the length stands before the mask.
            const bytes = Buffer.from(rawFrame(header(opcode, size, lengthEncoding)));
            if (role === "server") bytes[1] = (bytes[1] as number) | 0x80;
            const started = before.map((frame) => towards(role, frame));
            violates(role, Buffer.concat([...started, bytes]), "non_minimal_length", 1002);
            const payload = new Uint8Array(size);
            const whole = towards(role, { opcode, lengthEncoding, payload });
            const { events } = hear(role, Buffer.concat([...started, whole]));
            assert.deepEqual(events.map(reasonOf), ["non_minimal_length"]);
          }
        }
      });
    }
  }

  for (const [size, lengthEncoding] of longer) {
    it(`fails a whole connection with 1002: ${size} in ${lengthEncoding}`, async () => {
      await using conversation = await Conversation.open();
      conversation.peer.sendRaw(rawFrame({ opcode: "binary", lengthEncoding, payload: new Uint8Array(size) }));
      await conversation.fails(1002, "non_minimal_length");
      assert.equal(conversation.recorder.all("handleIn").length, 0);
    });
  }
});
