import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ping, pong, text } from "../../src/frame.ts";
import { Engine } from "../../src/protocol/engine.ts";
import type { ProtocolEvent } from "../../src/protocol/event.ts";
import { brokenStreamArbitrary } from "./streams.ts";
import { cutAt, frame, hex, opcodes, toHex, utf8 } from "./wire.ts";

const limits = { maxMessageSize: 1 << 20, maxFragments: 16 };
/** A client whose masks are 0, so that what it sends can be read. */
const clientEngine = () => new Engine({ role: "client", ...limits, nextMask: () => 0 });
const serverEngine = () => new Engine({ role: "server", ...limits });

/** Everything this engine makes of these bytes. */
const all = (engine: Engine, bytes: string | Uint8Array): ProtocolEvent[] => [
  ...engine.receive(typeof bytes === "string" ? hex(bytes) : bytes),
];
const taken = (engine: Engine): string => toHex(engine.take());

describe("events", () => {
  it("are pulled one at a time, in order, out of what was pushed", () => {
    const engine = clientEngine();
    engine.push(hex("81 01 61 81"));
    engine.push(hex("01 62 81 01 63"));
    assert.deepEqual(engine.next(), text("a"));
    engine.push(hex("81 01 64"));
    assert.deepEqual([engine.next(), engine.next(), engine.next()], [text("b"), text("c"), text("d")]);
    assert.equal(engine.next(), undefined);
  });

  it("are decoded by receive() as they are asked for, and the rest waits for the next call", () => {
    const engine = clientEngine();
    for (const event of engine.receive(hex("89 00 81 01 61 89 00"))) {
      assert.equal(event.type, "ping");
      break;
    }
    assert.equal(taken(engine), "8a 80 00 00 00 00", "the second ping was answered before it was asked for");
    assert.deepEqual(all(engine, "81 01 62"), [text("a"), ping(), text("b")]);
  });

  it("keep the bytes of receive() in order even if its events are never asked for", () => {
    const engine = clientEngine();
    engine.receive(hex("81 01"));
    engine.receive(hex("61"));
    assert.deepEqual(engine.next(), text("a"));
  });
});

describe("pings", () => {
  it("are answered with a pong of the same payload before the event is given", () => {
    const engine = clientEngine();
    engine.push(hex("89 02 68 69"));
    assert.equal(engine.pendingBytes, 0);
    assert.deepEqual(engine.next(), ping("hi"));
    assert.equal(taken(engine), "8a 82 00 00 00 00 68 69");
  });

  it("are answered in order with what the owner encodes", () => {
    const engine = serverEngine();
    const mask = hex("00 00 00 00");
    engine.encode("1");
    all(engine, frame({ opcode: opcodes.ping, payload: utf8("p"), mask }));
    engine.encode("2");
    assert.equal(taken(engine), "81 01 31 8a 01 70 81 01 32");
  });

  it("are answered after our close frame too, until the peer's has come (RFC 6455 §5.5.2)", () => {
    const engine = clientEngine();
    engine.send({ type: "close", code: 1000 });
    assert.deepEqual(all(engine, "89 00"), [ping()]);
    assert.equal(taken(engine), "8a 80 00 00 00 00");
    assert.deepEqual(all(engine, "89 01 62 88 02 03 e8"), [ping("b"), { type: "close", code: 1000, reason: "" }]);
    all(engine, "89 01 63");
    assert.equal(taken(engine), "8a 81 00 00 00 00 62");
  });

  it("need no answer when they are pongs", () => {
    const engine = clientEngine();
    assert.deepEqual(all(engine, "8a 01 61"), [pong("a")]);
    assert.equal(engine.pendingBytes, 0);
  });

  it("are under congestion answered once, with the newest payload, when it ends (RFC 6455 §5.5.3)", () => {
    const engine = clientEngine();
    engine.congested = true;
    assert.equal(engine.congested, true);
    for (let round = 0; round < 1000; round++) assert.equal(all(engine, "89 01 61").length, 1);
    all(engine, "89 01 7a");
    assert.equal(engine.pendingBytes, 0);
    engine.congested = false;
    assert.equal(taken(engine), "8a 81 00 00 00 00 7a");
    engine.congested = false;
    assert.equal(engine.take(), undefined);
    all(engine, "89 01 62");
    assert.equal(taken(engine), "8a 81 00 00 00 00 62");
  });

  it("are answered with what came, whatever the callback does to the bytes it was given meanwhile", () => {
    const engine = clientEngine();
    engine.congested = true;
    const [event] = all(engine, "89 01 61");
    assert.ok(event?.type === "ping");
    event.data.fill(0);
    engine.congested = false;
    assert.equal(taken(engine), "8a 81 00 00 00 00 61");
  });

  it("that congestion held back are answered behind our close frame, and forgotten once the peer's has come", () => {
    const engine = clientEngine();
    engine.congested = true;
    all(engine, "89 01 61");
    engine.send({ type: "close" });
    engine.congested = false;
    assert.equal(taken(engine), "8a 81 00 00 00 00 61");
    engine.congested = true;
    all(engine, "89 01 62 88 00");
    engine.congested = false;
    assert.equal(engine.take(), undefined);
  });
});

describe("the closing handshake", () => {
  it("echoes code and reason of the peer's close frame", () => {
    const engine = clientEngine();
    assert.deepEqual(all(engine, "88 04 03 e9 62 79"), [{ type: "close", code: 1001, reason: "by" }]);
    assert.equal(taken(engine), "88 84 00 00 00 00 03 e9 62 79");
    assert.deepEqual([engine.closeSent, engine.closeReceived, engine.finished], [true, true, true]);
  });

  it("echoes an empty close frame with an empty one", () => {
    const engine = clientEngine();
    assert.deepEqual(all(engine, "88 00"), [{ type: "close" }]);
    assert.equal(taken(engine), "88 80 00 00 00 00");
  });

  it("echoes under congestion too", () => {
    const engine = clientEngine();
    engine.congested = true;
    all(engine, "89 00 88 00");
    assert.equal(taken(engine), "88 80 00 00 00 00");
  });

  it("sends no second close frame when the peer answers ours", () => {
    const engine = clientEngine();
    engine.send({ type: "close", code: 1000, reason: "" });
    assert.deepEqual([engine.closeSent, engine.closeReceived, engine.finished], [true, false, false]);
    assert.deepEqual(all(engine, "88 02 03 e8"), [{ type: "close", code: 1000, reason: "" }]);
    assert.equal(engine.take(), undefined);
    assert.deepEqual([engine.closeSent, engine.closeReceived, engine.finished], [true, true, true]);
  });

  it("lets nothing follow our close frame (RFC 6455 §5.5.1)", () => {
    const engine = clientEngine();
    engine.send({ type: "close" });
    for (const late of ["a", Uint8Array.of(1), ping(), pong(), { type: "close" } as const]) {
      const fault = engine.encode(late);
      assert.equal(fault?.reason, "close_sent");
      assert.equal(engine.send(late), fault);
    }
    assert.equal(engine.take(), undefined);
  });

  it("lets nothing follow the echo", () => {
    const engine = clientEngine();
    all(engine, "88 00");
    assert.equal(engine.encode("a")?.reason, "close_sent");
  });

  it("still gives messages that come after our close frame", () => {
    const engine = clientEngine();
    engine.send({ type: "close", code: 1000 });
    assert.deepEqual(all(engine, "81 01 61 82 00"), [text("a"), { type: "binary", data: new Uint8Array(0) }]);
  });

  it("gives nothing that follows the peer's close frame, in the same chunk or later", () => {
    const engine = clientEngine();
    assert.equal(all(engine, "88 00 81 01 61 ff").length, 1);
    assert.deepEqual(all(engine, "81 01 61"), []);
    engine.push(hex("ff"));
    assert.equal(engine.next(), undefined);
  });

  it("is not begun by anything else that is sent, or may not be", () => {
    const engine = clientEngine();
    for (const other of ["close", Uint8Array.of(0x88, 0), ping("close"), text("close"), null, undefined, 8, {}, []]) {
      engine.encode(other as never);
      assert.equal(engine.closeSent, false);
    }
  });

  it("stays open when a close frame may not be sent", () => {
    const engine = clientEngine();
    assert.equal(engine.encode({ type: "close", code: 1006 })?.reason, "close_code");
    assert.equal(engine.closeSent, false);
    assert.equal(engine.encode("a"), undefined);
  });
});

describe("violations", () => {
  for (const [bytes, code, reason] of [
    ["83", 1002, "reserved_opcode"],
    ["81 01 ff", 1007, "invalid_utf8"],
    ["82 7f 00 00 00 00 7f ff ff ff", 1009, "message_too_long"],
  ] as const) {
    it(`are answered with ${code} and a few words (${reason})`, () => {
      const engine = clientEngine();
      const [event] = all(engine, bytes);
      assert.ok(event?.type === "violation");
      assert.deepEqual([event.closeCode, event.reason], [code, reason]);
      const answer = engine.take() as Uint8Array;
      assert.equal(toHex(answer.subarray(0, 1)), "88");
      assert.equal(((answer[6] as number) << 8) | (answer[7] as number), code);
      assert.match(new TextDecoder().decode(answer.subarray(8)), /^[\x20-\x7e]{5,60}$/);
      assert.deepEqual([engine.closeSent, engine.closeReceived, engine.finished], [true, false, true]);
      assert.equal(engine.encode("a")?.reason, "close_sent");
    });
  }

  it("need no close frame when ours was sent already", () => {
    const engine = clientEngine();
    engine.send({ type: "close" });
    assert.equal(all(engine, "83")[0]?.type, "violation");
    assert.equal(engine.take(), undefined);
  });

  it("let nothing come after them, whatever is pushed, and nothing ever throws", () => {
    for (const role of ["client", "server"] as const) {
      fc.assert(
        fc.property(brokenStreamArbitrary(role), fc.array(fc.nat(3000), { maxLength: 10 }), (stream, cuts) => {
          const engine = new Engine({ role, ...limits });
          const events = [...cutAt(stream, cuts), stream].flatMap((chunk) => all(engine, chunk));
          const end = events.findIndex(({ type }) => type === "violation" || type === "close");
          assert.ok(end === -1 || end === events.length - 1);
          assert.equal(engine.finished, end !== -1);
          assert.equal(engine.closeSent, end !== -1);
        }),
        { numRuns: 1000 },
      );
    }
  });
});

describe("two engines", () => {
  it("understand each other in both directions, and finish with one close frame each", () => {
    const one = new Engine({ role: "client", ...limits });
    const other = serverEngine();
    for (const message of ["hello", "é".repeat(5000)]) {
      assert.deepEqual(all(other, one.send(message) as Uint8Array), [text(message)]);
      assert.deepEqual(all(one, other.send(message) as Uint8Array), [text(message)]);
    }
    all(other, one.send({ type: "close", code: 4000, reason: "done" }) as Uint8Array);
    assert.deepEqual(all(one, other.take() as Uint8Array), [{ type: "close", code: 4000, reason: "done" }]);
    assert.ok(one.finished && other.finished);
    assert.equal(one.take(), undefined);
  });
});

describe("sending", () => {
  it("gives a frame's bytes behind whatever had not been taken yet", () => {
    const engine = serverEngine();
    engine.encode("a");
    assert.equal(toHex(engine.send("b") as Uint8Array), "81 01 61 81 01 62");
  });

  it("answers a fault instead of bytes, and leaves the batch alone", () => {
    const engine = serverEngine();
    engine.encode("a");
    const fault = engine.send("\ud800");
    assert.ok(!(fault instanceof Uint8Array) && fault.reason === "lone_surrogate");
    assert.equal(taken(engine), "81 01 61");
  });
});

describe("limits", () => {
  for (const [name, options] of [
    ["maxMessageSize", { maxMessageSize: Number.NaN, maxFragments: 1 }],
    ["maxMessageSize", { maxMessageSize: -1, maxFragments: 1 }],
    ["maxFragments", { maxMessageSize: 1, maxFragments: 0 }],
    ["maxFragments", { maxMessageSize: 1, maxFragments: "1" as unknown as number }],
  ] as const) {
    it(`refuse a ${name} of ${String(options[name])}: no comparison would ever hold`, () => {
      assert.throws(() => new Engine({ role: "client", ...options }), {
        name: "RangeError",
        message: new RegExp(name),
      });
    });
  }
});
