/**
 * Closing in each phase: who speaks first, what still counts behind a close frame, who ends TCP, and what the module hears
 * (RFC 6455 §5.5.1, §7.1, §7.2).
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { type FreshError, ping } from "../../src/index.ts";
import { closePayload, type RawFrame, rawFrame } from "../../src/testing/index.ts";
import { TappedAgent } from "../transport/tapped-agent.ts";
import { Conversation } from "./conversation.ts";
import { allTowards, hear, ROLES } from "./endpoint.ts";

const close = (code: number, reason = ""): RawFrame => ({ opcode: "close", payload: closePayload(code, reason) });
const all = (...frames: readonly RawFrame[]) => allTowards("client", frames);
const CLOSE = 8;
const PONG = 10;
/** What must come soon. */
const SOON = () => ({ signal: AbortSignal.timeout(5000) });
/** closeTimeout where nothing may wait for it. */
const NEVER = { closeTimeout: 60_000 };

describe("the server closes", () => {
  for (const [how, pieceBytes] of [
    ["in one write", Infinity],
    ["byte by byte", 1],
  ] as const) {
    it(`and what came before its close frame is handled before it, ${how}`, async () => {
      await using conversation = await Conversation.open();
      const { peer, recorder } = conversation;
      const bytes = all({ opcode: "text", payload: "last" }, { opcode: "ping" }, close(1001, "bye"));
      await peer.sendInPieces(bytes, Math.min(pieceBytes, bytes.length), 0);
      assert.deepEqual(await peer.receive(), { type: "pong", data: new Uint8Array(0) });
      assert.deepEqual(await peer.receive(), { type: "close", code: 1001, reason: "bye" });
      await recorder.call("handleDisconnect");
      assert.deepEqual(conversation.lines, [
        'handleIn text "last"',
        'handleControl ping ""',
        "handleDisconnect 1001 bye",
      ]);
    });
  }

  it("and the client leaves it to the server to end TCP, then ends it too", async () => {
    const agent = new TappedAgent();
    await using conversation = await Conversation.open({ options: { ...NEVER, transportOptions: { agent } } });
    const { peer, recorder } = conversation;
    peer.sendRaw(all(close(1000)));
    await peer.receive("close");
    await recorder.call("handleDisconnect");
    const { socket } = agent;
    assert.deepEqual([socket.destroyed, socket.writableEnded], [false, false]);
    const closed = once(socket, "close", SOON());
    peer.end();
    await closed;
    assert.equal((await conversation.ended()).type, "closed");
  });

  it("and never ends TCP: the client does after closeTimeout", async () => {
    await using conversation = await Conversation.open({ options: { closeTimeout: 60 } });
    const { peer, recorder } = conversation;
    const before = performance.now();
    peer.sendRaw(all(close(1000)));
    await recorder.call("handleDisconnect");
    assert.equal((await conversation.ended()).type, "closed");
    assert.ok(performance.now() - before >= 59);
  });

  it("and what follows its close frame is ignored: messages, pings, violations, a second close", async () => {
    const followers: readonly Uint8Array[] = [
      all({ opcode: "text", payload: "late" }),
      all({ opcode: "ping", payload: "late" }),
      all({ opcode: 3 }),
      all({ opcode: "text", fin: false, payload: "late" }),
      all(close(1011, "second")),
      Buffer.alloc(4096, 0xff),
    ];
    for (const together of [true, false]) {
      for (const follower of followers) {
        await using conversation = await Conversation.open();
        const { peer, recorder } = conversation;
        const first = all(close(1000, "first"));
        if (together) peer.sendRaw(Buffer.concat([first, follower]));
        else {
          peer.sendRaw(first);
          await recorder.call("handleDisconnect");
          peer.sendRaw(follower);
        }
        peer.end();
        assert.deepEqual(await conversation.ended(), { type: "closed", code: 1000, reason: "first" });
        assert.deepEqual(conversation.lines, ["handleDisconnect 1000 first"]);
        conversation.sent(CLOSE);
      }
    }
  });

  it("in the middle of a fragmented message: the message is dropped, the close frame counts", async () => {
    for (const role of ROLES) {
      const frames: readonly RawFrame[] = [
        { opcode: "text", fin: false, payload: "half" },
        close(1000),
        { opcode: "continuation", payload: " whole" },
      ];
      const { events, answers } = hear(role, allTowards(role, frames), 1);
      assert.deepEqual(events, [{ type: "close", code: 1000, reason: "" }]);
      assert.deepEqual(answers, [{ type: "close", code: 1000, reason: "" }]);
    }
    await using conversation = await Conversation.open();
    const { peer, recorder } = conversation;
    peer.sendRaw(all({ opcode: "binary", fin: false, payload: "half" }, close(1001), { opcode: "continuation" }));
    assert.deepEqual(await peer.receive(), { type: "close", code: 1001, reason: "" });
    await recorder.call("handleDisconnect");
    assert.deepEqual(conversation.lines, ["handleDisconnect 1001 "]);
  });

  it("and ends TCP with the same write: the disconnect is the one of its close frame", async () => {
    await using conversation = await Conversation.open();
    const { peer, recorder } = conversation;
    peer.sendRaw(all(close(1012, "restart")));
    peer.end();
    assert.deepEqual((await recorder.call("handleDisconnect")).given, [1012, "restart"]);
    assert.deepEqual(await conversation.ended(), { type: "closed", code: 1012, reason: "restart" });
    assert.equal(conversation.lines.length, 1);
  });

  it("and nothing can be sent any more: a message waits for the next connection", async () => {
    await using conversation = await Conversation.open();
    const { peer, connection, recorder } = conversation;
    peer.sendRaw(all(close(1000)));
    await recorder.call("handleDisconnect");
    assert.equal(connection.send("late"), "queued");
    assert.equal(connection.send(ping()), "queued");
    peer.end();
    await conversation.ended();
    conversation.sent(CLOSE);
  });
});

describe("the client closes", () => {
  it("and what still comes is handled: messages, the rest of a fragmented one; then the server's answer", async () => {
    await using conversation = await Conversation.open();
    const { peer, connection, recorder } = conversation;
    peer.sendRaw(all({ opcode: "text", fin: false, payload: "begun before, " }, { opcode: "ping", payload: "1" }));
    await recorder.call("handleControl");
    connection.close(1000, "done");
    await peer.receive("close");
    peer.sendRaw(all({ opcode: "continuation", payload: "ended after" }, { opcode: "binary", payload: "more" }));
    peer.sendRaw(all(close(1000, "done")));
    await recorder.call("handleDisconnect");
    assert.deepEqual(conversation.lines, [
      'handleControl ping "1"',
      'handleIn text "begun before, ended after"',
      "handleIn binary 4",
      "handleDisconnect 1000 done",
    ]);
  });

  it("and sends nothing behind its close frame but the pong that a ping asks for: no message, no second close", async () => {
    await using conversation = await Conversation.open();
    const { peer, connection, recorder } = conversation;
    connection.close(1000);
    assert.equal(connection.send("late"), "queued");
    connection.close(1001);
    peer.sendRaw(all({ opcode: "ping", payload: "late" }));
    await recorder.call("handleControl");
    peer.sendRaw(all(close(1000)));
    await recorder.call("handleDisconnect");
    peer.end();
    await conversation.ended();
    conversation.sent(CLOSE, PONG);
  });

  it("and waits for the server to end TCP, though it has its answer", async () => {
    const agent = new TappedAgent();
    await using conversation = await Conversation.open({ options: { ...NEVER, transportOptions: { agent } } });
    const { peer, connection, recorder } = conversation;
    connection.close(1000);
    await peer.receive("close");
    peer.sendRaw(all(close(1000)));
    await recorder.call("handleDisconnect");
    const { socket } = agent;
    assert.deepEqual([socket.destroyed, socket.writableEnded], [false, false]);
    const closed = once(socket, "close", SOON());
    peer.end();
    await closed;
  });

  it("and is told the server's code and reason, whatever its own were", async () => {
    for (const [code, reason] of [
      [1000, "as you wish"],
      [4001, ""],
      [undefined, undefined],
    ] as const) {
      await using conversation = await Conversation.open();
      const { peer, connection, recorder } = conversation;
      connection.close(3000, "ours");
      await peer.receive("close");
      peer.close(code, reason);
      assert.deepEqual((await recorder.call("handleDisconnect")).given, [code, reason]);
    }
  });

  it("and has no answer: after closeTimeout it ends TCP, and the disconnect has no code", async () => {
    await using conversation = await Conversation.open({ options: { closeTimeout: 60 } });
    const { connection, recorder } = conversation;
    const before = performance.now();
    connection.close(1000, "hello?");
    assert.deepEqual((await recorder.call("handleDisconnect")).given, [undefined, undefined]);
    assert.ok(performance.now() - before >= 59);
    assert.deepEqual(await conversation.ended(), { type: "closed", code: 1000, reason: "hello?" });
  });

  it("and the server ends TCP instead of answering: at once, the disconnect has no code", async () => {
    for (const how of ["end", "reset", "drop"] as const) {
      await using conversation = await Conversation.open({ options: NEVER });
      const { peer, connection, recorder } = conversation;
      connection.close(1000);
      await peer.receive("close");
      peer[how]();
      assert.deepEqual((await recorder.call("handleDisconnect")).given, [undefined, undefined]);
      assert.equal(conversation.lines.length, 1);
    }
  });

  it("and the server answers with what breaks the protocol: it is told, without a second close frame", async () => {
    await using conversation = await Conversation.open();
    const { peer, connection, recorder } = conversation;
    connection.close(1000);
    await peer.receive("close");
    peer.sendRaw(all({ opcode: "close", payload: closePayload(1005) }));
    assert.equal((await recorder.call("handleError")).given[0].reason, "close_code");
    peer.end();
    await conversation.ended();
    conversation.sent(CLOSE);
    assert.equal(conversation.lines.length, 1);
  });
});

describe("both close at once", () => {
  it("and each sends one close frame; the client is told the server's", async () => {
    await using conversation = await Conversation.open();
    const { peer, connection, recorder } = conversation;
    // Neither has read the other's.
    peer.sendRaw(all(close(4002, "server's")));
    connection.close(4001, "client's");
    assert.deepEqual(await peer.receive(), { type: "close", code: 4001, reason: "client's" });
    assert.deepEqual((await recorder.call("handleDisconnect")).given, [4002, "server's"]);
    peer.end();
    assert.deepEqual(await conversation.ended(), { type: "closed", code: 4001, reason: "client's" });
    conversation.sent(CLOSE);
    assert.equal(conversation.lines.length, 1);
  });
});

describe("TCP ends without a close frame", () => {
  const unfinished: Readonly<Record<string, Uint8Array>> = {
    "between frames": new Uint8Array(0),
    "in a header": rawFrame({ opcode: "binary", length: 70_000 }).subarray(0, 5),
    "in a payload": rawFrame({ opcode: "text", payload: "cut", length: 10 }),
    "between fragments": rawFrame({ opcode: "text", fin: false, payload: "cut" }),
    "in a close frame": rawFrame({ opcode: "close", payload: closePayload(1000, "cut off") }).subarray(0, 5),
  };
  for (const [where, bytes] of Object.entries(unfinished)) {
    it(`and that is an error, not a disconnect, and nothing unfinished is delivered: ${where}`, async () => {
      await using conversation = await Conversation.open();
      const { peer, recorder } = conversation;
      if (bytes.length > 0) peer.sendRaw(bytes);
      peer.end();
      const [error] = (await recorder.call("handleError")).given;
      assert.deepEqual([error.kind, error.reason, error.closeCode], ["streaming_failed", "ended", undefined]);
      assert.equal(conversation.lines.length, 1);
    });
  }
});

describe("the server breaks the protocol", () => {
  it("and what follows is not looked at, a close frame included: one error is told", async () => {
    const followers = [
      all({ opcode: "text", payload: "late" }),
      all({ opcode: "ping" }),
      all(close(1000, "sorry")),
      Buffer.alloc(100_000, 0x81),
    ];
    for (const follower of followers) {
      await using conversation = await Conversation.open();
      const { peer } = conversation;
      peer.sendRaw(Buffer.concat([all({ opcode: "text", payload: Uint8Array.of(0xff) }), follower]));
      await conversation.fails(1007, "invalid_utf8");
      if (peer.socket.writable) peer.sendRaw(follower);
      peer.end();
      conversation.sent(CLOSE);
      assert.equal(conversation.lines.length, 1);
    }
  });

  it("and the client ends TCP behind its close frame, without waiting for closeTimeout or an answer", async () => {
    const agent = new TappedAgent();
    await using conversation = await Conversation.open({ options: { ...NEVER, transportOptions: { agent } } });
    const { peer } = conversation;
    peer.sendRaw(all({ opcode: 0xb }));
    await conversation.fails(1002, "reserved_opcode");
    assert.equal(agent.socket.writableEnded, true);
    const closed = once(agent.socket, "close", SOON());
    peer.end();
    await closed;
  });

  it("and never ends TCP: the client is gone after closeTimeout", async () => {
    const agent = new TappedAgent();
    await using conversation = await Conversation.open({
      options: { closeTimeout: 60, transportOptions: { agent } },
    });
    const { peer, recorder } = conversation;
    peer.sendRaw(all({ opcode: 0xb }));
    const error: FreshError = (await recorder.call("handleError")).given[0];
    assert.equal(error.reason, "reserved_opcode");
    if (!agent.socket.destroyed) await once(agent.socket, "close", SOON());
    assert.equal(conversation.lines.length, 1);
  });

  it("after its close frame has been answered: nobody hears of it", async () => {
    await using conversation = await Conversation.open();
    const { peer, recorder } = conversation;
    peer.sendRaw(all(close(1000)));
    await recorder.call("handleDisconnect");
    peer.sendRaw(all({ opcode: 7, rsv: 7 }));
    peer.end();
    await conversation.ended();
    assert.deepEqual(conversation.lines, ["handleDisconnect 1000 "]);
  });
});
