/** Close frames: every sort of code, received and sent, and every size of payload (RFC 6455 §5.5.1, §7.1.5, §7.4). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Engine } from "../../src/protocol/engine.ts";
import { closePayload, rawFrame } from "../../src/testing/index.ts";
import { Conversation } from "./conversation.ts";
import { hear, ROLES, towards, violates } from "./endpoint.ts";

/** What may stand in a close frame: what §7.4.1 defines, what IANA's registry has added (1012 to 1014), and 3000 to 4999. */
const GOOD = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
/** Unused, reserved, for this end alone (1005, 1006, 1015), or of a future protocol. */
const BAD = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];

/** The longest reason is 123 bytes. */
const REASONS = ["", "a", "warum? Größe €😀", "x".repeat(123), "é".repeat(61)];

describe("a close code that may travel", () => {
  for (const code of GOOD) {
    it(`is echoed with its reason and told, in both roles: ${code}`, () => {
      for (const role of ROLES) {
        for (const reason of REASONS) {
          for (const pieceBytes of [Infinity, 1]) {
            const bytes = towards(role, { opcode: "close", payload: closePayload(code, reason) });
            const { events, answers } = hear(role, bytes, pieceBytes);
            assert.deepEqual(events, [{ type: "close", code, reason }]);
            assert.deepEqual(answers, [{ type: "close", code, reason }]);
          }
        }
      }
    });

    it(`is echoed by a whole connection and told to handleDisconnect: ${code}`, async () => {
      for (const reason of ["", "gruß"]) {
        await using conversation = await Conversation.open();
        const { peer, recorder } = conversation;
        peer.sendRaw(rawFrame({ opcode: "close", payload: closePayload(code, reason) }));
        assert.deepEqual(await peer.receive(), { type: "close", code, reason });
        assert.deepEqual((await recorder.call("handleDisconnect")).given, [code, reason]);
        peer.end();
        assert.deepEqual(await conversation.ended(), { type: "closed", code, reason });
        assert.equal(conversation.lines.length, 1);
      }
    });

    it(`can be sent by either role, and by a connection, whose server gets it: ${code}`, async () => {
      for (const role of ROLES) {
        const engine = new Engine({ role, maxMessageSize: 1000, maxFragments: 1 });
        assert.equal(engine.encode({ type: "close", code }), undefined);
      }
      await using conversation = await Conversation.open();
      const { peer, connection, recorder } = conversation;
      connection.close(code, "from here");
      assert.deepEqual(await peer.receive(), { type: "close", code, reason: "from here" });
      peer.close(code, "from here");
      assert.deepEqual((await recorder.call("handleDisconnect")).given, [code, "from here"]);
    });
  }
});

describe("a close code that may not travel", () => {
  for (const code of BAD) {
    it(`is refused with 1002 in both roles: ${code}`, () => {
      for (const role of ROLES) {
        for (const reason of ["", "why"]) {
          violates(role, towards(role, { opcode: "close", payload: closePayload(code, reason) }), "close_code", 1002);
        }
      }
    });

    it(`fails a whole connection with 1002, and is no disconnect: ${code}`, async () => {
      await using conversation = await Conversation.open();
      conversation.peer.sendRaw(rawFrame({ opcode: "close", payload: closePayload(code, "why") }));
      await conversation.fails(1002, "close_code");
    });

    it(`can't be sent, and the connection stays open: ${code}`, async () => {
      for (const role of ROLES) {
        const engine = new Engine({ role, maxMessageSize: 1000, maxFragments: 1 });
        assert.equal(engine.encode({ type: "close", code })?.reason, "close_code");
        assert.equal(engine.pendingBytes, 0);
        assert.equal(engine.closeSent, false);
      }
      await using conversation = await Conversation.open();
      const { peer, connection, recorder } = conversation;
      connection.close(code);
      const [error] = (await recorder.call("handleError")).given;
      assert.deepEqual([error.kind, error.reason], ["encoding_failed", "close_code"]);
      connection.send("still here");
      assert.deepEqual(await peer.receive(), { type: "text", data: "still here" });
    });
  }
});

describe("the payload of a close frame", () => {
  it("may be empty: then it is echoed empty, and there is neither code nor reason", async () => {
    for (const role of ROLES) {
      const { events, answers } = hear(role, towards(role, { opcode: "close" }));
      assert.deepEqual(events, [{ type: "close" }]);
      assert.deepEqual(answers, [{ type: "close" }]);
    }
    await using conversation = await Conversation.open();
    const { peer, recorder } = conversation;
    peer.sendRaw(rawFrame({ opcode: "close" }));
    assert.deepEqual(await peer.receive(), { type: "close" });
    assert.deepEqual((await recorder.call("handleDisconnect")).given, [undefined, undefined]);
  });

  it("may not be one byte: that is refused at the second byte of its header, with 1002", async () => {
    for (const role of ROLES) {
      violates(role, towards(role, { opcode: "close", length: 1 }).subarray(0, 2), "close_payload_length", 1002);
    }
    await using conversation = await Conversation.open();
    conversation.peer.sendRaw(rawFrame({ opcode: "close", payload: "x" }));
    await conversation.fails(1002, "close_payload_length");
  });

  it("may be two bytes to 125: a code and up to 123 bytes of reason, echoed whole", async () => {
    for (const length of [2, 3, 124, 125]) {
      const reason = "r".repeat(length - 2);
      await using conversation = await Conversation.open();
      const { peer, recorder } = conversation;
      const bytes = rawFrame({ opcode: "close", payload: closePayload(1000, reason) });
      await peer.sendInPieces(bytes, 1, 0);
      assert.deepEqual(await peer.receive(), { type: "close", code: 1000, reason });
      assert.deepEqual((await recorder.call("handleDisconnect")).given, [1000, reason]);
    }
  });

  it("may not be 126 bytes: that is refused with 1002, and a reason of 124 can't be sent", async () => {
    await using conversation = await Conversation.open();
    const { peer, connection, recorder } = conversation;
    connection.close(1000, "r".repeat(124));
    const [error] = (await recorder.call("handleError")).given;
    assert.deepEqual([error.kind, error.reason], ["encoding_failed", "close_reason_too_long"]);
    peer.sendRaw(rawFrame({ opcode: "close", payload: closePayload(1000, "r".repeat(124)) }));
    assert.equal((await peer.receive("close")).code, 1002);
    assert.equal((await recorder.call("handleError", 2)).given[0].reason, "control_too_long");
  });
});
