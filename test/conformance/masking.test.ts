/** Masks on the wire: every frame of a client has one, each its own; no frame of a server has (RFC 6455 §5.1, §5.3, §10.3). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { binary, type Frame, ping, pong, text } from "../../src/index.ts";
import { Engine } from "../../src/protocol/engine.ts";
import { closePayload, rawFrame } from "../../src/testing/index.ts";
import { Conversation } from "./conversation.ts";
import { ROLES } from "./endpoint.ts";
import { framesIn } from "./frames-on-wire.ts";

const FRAMES: readonly Frame[] = [
  text(""),
  text("short"),
  text("é".repeat(100)),
  text("x".repeat(70_000)),
  binary(new Uint8Array(0)),
  binary(new Uint8Array(5)),
  binary(new Uint8Array(300)),
  binary(new Uint8Array(70_000)),
  ping(""),
  ping("x".repeat(125)),
  pong("y"),
  { type: "close", code: 1000, reason: "bye" },
];

describe("a frame of every sort", () => {
  for (const role of ROLES) {
    it(`that a ${role} sends is ${role === "client" ? "masked" : "not masked"}, its answers too`, () => {
      const engine = new Engine({ role, maxMessageSize: 1000, maxFragments: 1 });
      for (const event of engine.receive(rawFrame({ opcode: "ping", masked: role === "server" }))) {
        assert.equal(event.type, "ping");
      }
      for (const frame of FRAMES) assert.equal(engine.encode(frame), undefined);
      const headers = framesIn(engine.take() as Uint8Array);
      assert.deepEqual(
        headers.map(({ opcode }) => opcode),
        [10, 1, 1, 1, 1, 2, 2, 2, 2, 9, 9, 10, 8],
      );
      assert.ok(headers.every(({ masked }) => masked === (role === "client")));
    });

    it(`that a ${role} answers by itself is ${role === "client" ? "masked" : "not masked"}: echo and complaint`, () => {
      for (const bytes of [
        rawFrame({ opcode: "close", payload: closePayload(1000), masked: role === "server" }),
        [0x83],
      ]) {
        const engine = new Engine({ role, maxMessageSize: 1000, maxFragments: 1 });
        assert.equal([...engine.receive(Uint8Array.from(bytes))].length, 1);
        const headers = framesIn(engine.take() as Uint8Array);
        assert.deepEqual(
          headers.map(({ opcode, masked }) => [opcode, masked]),
          [[8, role === "client"]],
        );
      }
    });
  }

  it("goes out masked from a whole connection, each with a mask of its own, whatever is in it", async () => {
    await using conversation = await Conversation.open();
    const { peer, connection } = conversation;
    // The same bytes time and again: with masks that repeat, or follow from each other, the wire would, too.
    const count = 2000;
    for (let sent = 0; sent < count; sent++) connection.send("the same");
    for (const frame of FRAMES) connection.send(frame);
    await peer.receive("close");
    const headers = conversation.framesSent;
    assert.equal(headers.length, count + FRAMES.length);
    assert.ok(headers.every(({ masked }) => masked));
    const masks = headers.map(({ mask }) => Number.parseInt(mask, 16));
    // Of two thousand fair draws of 32 bits, more than a few that meet are a sign that they aren't.
    assert.ok(new Set(masks).size > masks.length - 5);
    const steps = masks.slice(1).map((mask, index) => mask ^ (masks[index] as number));
    assert.ok(new Set(steps).size > steps.length - 5);
    for (let bit = 0; bit < 32; bit++) {
      const ones = masks.filter((mask) => ((mask >>> bit) & 1) === 1).length;
      assert.ok(ones > count * 0.4 && ones < count * 0.62, `bit ${bit} is set in ${ones} of ${masks.length} masks`);
    }
    assert.equal(peer.violation, undefined);
  });
});
