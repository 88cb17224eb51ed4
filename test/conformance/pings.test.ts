/** Pings and pongs of every size (RFC 6455 §5.5, §5.5.2, §5.5.3). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ok, ping, pong } from "../../src/index.ts";
import { type RawFrame, rawFrame } from "../../src/testing/index.ts";
import { Conversation } from "./conversation.ts";
import { allTowards, hear, ROLES, towards, violates } from "./endpoint.ts";

const SIZES = Array.from({ length: 126 }, (_, size) => size);
/** Bytes that are no UTF-8: a ping's payload is anything (§5.5.2). */
const payloadOf = (size: number) => new Uint8Array(size).map((_, index) => (index * 37 + size + 0x80) & 0xff);

describe("a ping", () => {
  for (const role of ROLES) {
    it(`of every size from 0 to 125 bytes is answered by a ${role} with its payload, in any pieces`, () => {
      for (const size of SIZES) {
        for (const pieceBytes of [Infinity, 7, 1]) {
          const data = payloadOf(size);
          const { events, answers } = hear(role, towards(role, { opcode: "ping", payload: data }), pieceBytes);
          assert.deepEqual(events, [{ type: "ping", data }]);
          assert.deepEqual(answers, [{ type: "pong", data }]);
        }
      }
    });
  }

  it("of every size from 0 to 125 bytes is answered by a whole connection, in order", async () => {
    await using conversation = await Conversation.open();
    const { peer, recorder } = conversation;
    for (const size of SIZES) peer.sendRaw(rawFrame({ opcode: "ping", payload: payloadOf(size) }));
    for (const size of SIZES) {
      assert.deepEqual(new Uint8Array((await peer.receive("pong")).data), payloadOf(size));
    }
    assert.deepEqual(
      recorder.all("handleControl").map(({ given }) => given[0]),
      SIZES.map((size) => ping(payloadOf(size))),
    );
    assert.equal(peer.received.length, SIZES.length);
  });

  for (const [how, pieceBytes] of [
    ["in one write", Infinity],
    ["byte by byte", 1],
  ] as const) {
    it(`is answered each time when ten come in a row, ${how}`, async () => {
      await using conversation = await Conversation.open();
      const { peer } = conversation;
      const payloads = Array.from({ length: 10 }, (_, index) => `ping ${index}`);
      const bytes = allTowards(
        "client",
        payloads.map((payload) => ({ opcode: "ping", payload })),
      );
      await peer.sendInPieces(bytes, Math.min(pieceBytes, bytes.length), 0);
      for (const payload of payloads) {
        assert.equal(Buffer.from((await peer.receive("pong")).data).toString(), payload);
      }
    });
  }

  it("is answered between chops of a message's fragment, as soon as it is whole", async () => {
    await using conversation = await Conversation.open();
    const { peer, recorder } = conversation;
    const [start, cut, end] = [
      rawFrame({ opcode: "text", fin: false, payload: "half " }),
      rawFrame({ opcode: "ping", payload: "now" }),
      rawFrame({ opcode: "continuation", payload: "whole" }),
    ];
    peer.sendRaw(start);
    await peer.sendInPieces(cut, 1, 0);
    assert.equal(Buffer.from((await peer.receive("pong")).data).toString(), "now");
    assert.equal(recorder.all("handleIn").length, 0);
    await peer.sendInPieces(end, 1, 0);
    assert.deepEqual((await recorder.call("handleIn")).given, [{ type: "text", data: "half whole" }]);
  });

  it("is masked when the client sends one of its own, and its pong reaches the module", async () => {
    await using conversation = await Conversation.open();
    const { peer, connection, recorder } = conversation;
    for (const size of [0, 1, 125]) {
      assert.equal(connection.send(ping(payloadOf(size))), "sent");
      const { data } = await peer.receive("ping");
      assert.deepEqual(new Uint8Array(data), payloadOf(size));
      peer.send(pong(data));
    }
    assert.deepEqual((await recorder.call("handleControl", 3)).given, [pong(payloadOf(125))]);
    // The server's engine refuses an unmasked frame.
    assert.equal(peer.violation, undefined);
  });
});

describe("a pong that nobody asked for", () => {
  for (const role of ROLES) {
    it(`of every size from 0 to 125 bytes is taken by a ${role} and not answered`, () => {
      const frames = SIZES.map((size): RawFrame => ({ opcode: "pong", payload: payloadOf(size) }));
      const { events, answers } = hear(role, allTowards(role, frames), 61);
      assert.deepEqual(
        events,
        SIZES.map((size) => pong(payloadOf(size))),
      );
      assert.deepEqual(answers, []);
    });
  }

  it("is told to the module of a whole connection, and nothing goes out", async () => {
    await using conversation = await Conversation.open({ callbacks: { handleControl: (_frame, state) => ok(state) } });
    const { peer, recorder } = conversation;
    for (const payload of ["", "unasked", "x".repeat(125)]) peer.sendRaw(rawFrame({ opcode: "pong", payload }));
    peer.sendRaw(rawFrame({ opcode: "ping", payload: "after them" }));
    // Had a pong been answered, the answer would come first.
    const first = await peer.receive();
    assert.ok(first.type === "pong" && Buffer.from(first.data).toString() === "after them");
    assert.equal(recorder.all("handleControl").length, 4);
  });
});

describe("a control frame of more than 125 bytes", () => {
  for (const opcode of ["ping", "pong", "close"] as const) {
    it(`is refused at its second byte in both roles, whatever length it announces: ${opcode}`, () => {
      for (const role of ROLES) {
        for (const length of [126, 127, 128, 65_535, 65_536, 2 ** 40]) {
          violates(role, towards(role, { opcode, length }).subarray(0, 2), "control_too_long", 1002);
        }
        // The longer forms of the length, too, for what would fit.
        for (const lengthEncoding of ["16-bit", "64-bit"] as const) {
          violates(role, towards(role, { opcode, lengthEncoding }).subarray(0, 2), "control_too_long", 1002);
        }
      }
    });

    it(`fails a whole connection with 1002, and is not answered: ${opcode}`, async () => {
      for (const size of [126, 65_536]) {
        await using conversation = await Conversation.open();
        conversation.peer.sendRaw(rawFrame({ opcode, payload: Buffer.alloc(size, 1) }));
        await conversation.fails(1002, "control_too_long");
        conversation.sent(8);
      }
    });
  }
});
