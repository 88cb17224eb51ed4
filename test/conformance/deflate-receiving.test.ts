/** Compressed messages as they come: where RSV1 may stand, fragments, sizes, windows, bad data, in both roles and through the whole client (RFC 7692 §6, §7.2.2). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Engine } from "../../src/protocol/index.ts";
import type { RawFrame } from "../../src/testing/index.ts";
import { hex } from "../protocol/wire.ts";
import { noiseOf, SIZES, textOf } from "./compressible.ts";
import { deflated, engineOf, eventsOf, marked, openCompressed, RSV1, reasonOf } from "./deflate-pair.ts";
import { allTowards, ROLES, towards } from "./endpoint.ts";
import { BROKEN, UNFINISHED, VALID } from "./utf8-samples.ts";

describe("RSV1, with permessage-deflate agreed on,", () => {
  const before: readonly (readonly [string, readonly RawFrame[]])[] = [
    ["between messages", []],
    ["inside a plain message", [{ opcode: "text", fin: false, payload: "half" }]],
    [
      "inside a compressed message",
      [{ opcode: "text", fin: false, rsv: RSV1, payload: deflated("half").subarray(0, 3) }],
    ],
  ];
  for (const [where, frames] of before) {
    it(`may stand on the first frame of a message and nowhere else, and no other bit anywhere, ${where}`, () => {
      for (const role of ROLES) {
        const started = allTowards(role, frames);
        for (let rsv = 1; rsv < 8; rsv++) {
          for (let opcode = 0; opcode < 16; opcode++) {
            for (const fin of [true, false]) {
              const first = towards(role, { opcode, fin, rsv }).subarray(0, 1);
              const last = eventsOf(engineOf(role), Buffer.concat([started, first])).at(-1);
              const allowed = rsv === RSV1 && (opcode === 1 || opcode === 2);
              // Inside a message, a frame that may be marked is out of place for another reason, and so is what has no meaning.
              const reserved = rsv === RSV1 && opcode > 2 && opcode < 8 ? "reserved_opcode" : "reserved_bits";
              const wanted = !allowed ? reserved : frames.length > 0 ? "expected_continuation" : undefined;
              assert.equal(reasonOf(last), wanted, `${role}: opcode ${opcode}, bits ${rsv}, FIN ${fin}`);
            }
          }
        }
      }
    });
  }

  for (const [what, frames] of [
    ["a ping", [{ opcode: "ping", rsv: RSV1, payload: "x" }]],
    ["a pong", [{ opcode: "pong", rsv: RSV1 }]],
    ["a close frame", [{ opcode: "close", rsv: RSV1 }]],
    [
      "a continuation of a compressed message",
      [
        { opcode: "text", fin: false, rsv: RSV1, payload: deflated("half").subarray(0, 3) },
        { opcode: "continuation", rsv: RSV1, payload: deflated("half").subarray(3) },
      ],
    ],
    [
      "a continuation of a plain message",
      [
        { opcode: "binary", fin: false, payload: "half" },
        { opcode: "continuation", rsv: RSV1, payload: deflated("half") },
      ],
    ],
  ] as const satisfies readonly (readonly [string, readonly RawFrame[]])[]) {
    it(`fails a whole connection with 1002 on ${what}`, async () => {
      await using conversation = await openCompressed();
      conversation.peer.sendRaw(allTowards("client", frames));
      await conversation.fails(1002, "reserved_bits");
    });
  }
});

describe("a compressed message", () => {
  for (const role of ROLES) {
    for (const type of ["text", "binary"] as const) {
      it(`of ${type} of every size reaches a ${role} as it was, in one frame and in pieces of any size`, () => {
        for (const size of SIZES) {
          const data = type === "text" ? Buffer.from(textOf(size)) : Buffer.from(noiseOf(size));
          const bytes = towards(role, { opcode: type, rsv: RSV1, payload: deflated(data) });
          for (const pieceBytes of [Infinity, 997, ...(size < 100_000 ? [1] : [])]) {
            const [event, ...others] = eventsOf(engineOf(role), bytes, pieceBytes);
            assert.deepEqual(others, []);
            assert.ok(event?.type === type && Buffer.from(event.data as string).equals(data), `${size} bytes`);
          }
        }
      });
    }

    it(`reaches a ${role} whole, cut into fragments anywhere, empty ones too, with control frames between`, () => {
      const message = "Hello, Größe! Hello, Größe!";
      const payload = deflated(message);
      const ping: RawFrame = { opcode: "ping", payload: "p" };
      const nothing = new Uint8Array(0);
      for (let first = 0; first <= payload.length; first++) {
        for (let second = first; second <= payload.length; second++) {
          const parts = [payload.subarray(0, first), payload.subarray(first, second), payload.subarray(second)];
          for (const cut of [parts, [nothing, ...parts, nothing]]) {
            const events = eventsOf(engineOf(role), allTowards(role, marked("text", cut, [ping])), 3);
            const last = events.pop();
            assert.deepEqual(last, { type: "text", data: message });
            assert.deepEqual(
              events.map(({ type }) => type),
              cut.slice(1).map(() => "ping"),
            );
          }
        }
      }
    });

    it(`may refer to the ones before it, and plain ones between count for nothing, at a ${role}`, () => {
      const noise = Buffer.from(noiseOf(9000)).toString("base64");
      const messages = Array.from({ length: 20 }, (_, index) =>
        noise.slice((index % 4) * 3000, (index % 4) * 3000 + 3000),
      );
      let window = Buffer.alloc(0);
      const frames = messages.flatMap((message, index): RawFrame[] => {
        const payload = deflated(message, window.length > 0 ? { window: window.subarray(-32_768) } : {});
        window = Buffer.concat([window, Buffer.from(message)]);
        if (index >= 4) assert.ok(payload.length < 200, "it refers to nothing");
        return [{ opcode: "text", payload: "plain" }, ...marked("text", [payload.subarray(0, 5), payload.subarray(5)])];
      });
      const events = eventsOf(engineOf(role), allTowards(role, frames), 97);
      assert.deepEqual(
        events,
        messages.flatMap((data) => [
          { type: "text", data: "plain" },
          { type: "text", data },
        ]),
      );
    });

    it(`may not refer beyond the agreed window or takeover, or be no DEFLATE data, at a ${role}: 1007`, () => {
      const noTakeover = { client: { serverNoContextTakeover: true, clientNoContextTakeover: true } };
      const again = deflated("Hello", { window: Buffer.from("Hello") });
      const wrong: readonly (readonly [string, Engine, readonly Uint8Array[]])[] = [
        ["before anything came", engineOf(role), [again]],
        ["where each is for itself", engineOf(role, noTakeover), [deflated("Hello"), again]],
        ["an unknown type of block", engineOf(role), [hex("06")]],
        ["a stored block of a wrong length", engineOf(role), [hex("00 05 00 00 00 48 65")]],
        ["a block that breaks off", engineOf(role), [deflated(textOf(500)).subarray(0, 100)]],
        ["what was never compressed", engineOf(role), [Buffer.from("Hello, not compressed at all")]],
      ];
      for (const [what, engine, payloads] of wrong) {
        const frames = payloads.flatMap((payload) => marked("text", [payload]));
        const last = eventsOf(engine, allTowards(role, frames)).at(-1);
        assert.ok(last?.type === "violation" && last.closeCode === 1007, `${what}: ${JSON.stringify(last)}`);
      }
    });

    it(`of more than maxMessageSize, as it was before, ends the connection of a ${role} with 1009`, () => {
      const bomb = marked("binary", [deflated(new Uint8Array(3 * 1024 * 1024))]);
      const fragments = marked(
        "binary",
        [bomb[0]?.payload as Uint8Array].flatMap((all) => [all.subarray(0, 50), all.subarray(50)]),
      );
      for (const frames of [bomb, fragments]) {
        const last = eventsOf(engineOf(role), allTowards(role, frames)).at(-1);
        assert.ok(last?.type === "violation" && last.closeCode === 1009 && last.reason === "message_too_long");
      }
    });
  }

  const EXAMPLES: readonly (readonly [string, string, readonly string[]])[] = [
    ["7.2.3.1 in one frame", "Hello", ["f2 48 cd c9 c9 07 00"]],
    ["7.2.3.1 in two", "Hello", ["f2 48 cd", "c9 c9 07 00"]],
    ["7.2.3.3 a block without compression", "Hello", ["00 05 00 fa ff 48 65 6c 6c 6f 00"]],
    ["7.2.3.4 BFINAL set", "Hello", ["f3 48 cd c9 c9 07 00 00"]],
    ["7.2.3.5 two blocks", "Hello", ["f2 48 05 00 00 00 ff ff ca c9 c9 07 00"]],
    ["7.2.3.6 an empty fragment at the end", "Hello", ["f2 48 05 00 00 00 ff ff ca c9 c9 07 00 00 00 ff ff", "00"]],
    ["7.2.3.6 an empty message", "", ["00"]],
  ];
  for (const [name, message, parts] of EXAMPLES) {
    it(`of RFC 7692's examples is read in both roles and by a whole connection: ${name}`, async () => {
      const frames = marked("text", parts.map(hex));
      for (const role of ROLES) {
        for (const pieceBytes of [Infinity, 1]) {
          const events = eventsOf(engineOf(role), allTowards(role, frames), pieceBytes);
          assert.deepEqual(events, [{ type: "text", data: message }]);
        }
      }
      await using conversation = await openCompressed();
      conversation.peer.sendRaw(allTowards("client", frames));
      assert.deepEqual((await conversation.recorder.call("handleIn")).given, [{ type: "text", data: message }]);
    });
  }

  it("of RFC 7692's examples shares its window with the one before: 7.2.3.2", async () => {
    await using conversation = await openCompressed();
    const frames = ["f2 48 cd c9 c9 07 00", "f2 00 11 00 00"].flatMap((payload) => marked("text", [hex(payload)]));
    conversation.peer.sendRaw(allTowards("client", frames));
    assert.deepEqual((await conversation.recorder.call("handleIn", 2)).given, [{ type: "text", data: "Hello" }]);
  });

  it("is text only when it has been inflated: UTF-8 is judged there, in both roles", () => {
    for (const role of ROLES) {
      const engine = engineOf(role);
      for (const { bytes } of VALID) {
        for (let cut = 0; cut <= bytes.length; cut++) {
          // Two blocks, each aligned to a byte: the cut goes through the code point before and after inflating.
          const parts = [
            Buffer.concat([deflated(bytes.subarray(0, cut)), hex("00 00 ff ff")]),
            deflated(bytes.subarray(cut)),
          ];
          const [event] = eventsOf(engine, allTowards(role, marked("text", parts)));
          assert.deepEqual(event, { type: "text", data: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes) });
        }
      }
      for (const { bytes } of [...BROKEN, ...UNFINISHED]) {
        const payload = deflated(bytes);
        for (const parts of [[payload], [payload.subarray(0, 2), payload.subarray(2)]]) {
          const last = eventsOf(engineOf(role), allTowards(role, marked("text", parts))).at(-1);
          assert.ok(last?.type === "violation" && last.closeCode === 1007 && last.reason === "invalid_utf8");
          assert.equal(eventsOf(engineOf(role), allTowards(role, marked("binary", parts))).at(-1)?.type, "binary");
        }
      }
    }
  });

  it("fails a whole connection with 1007 when it is no DEFLATE data, or text that is no UTF-8", async () => {
    for (const [payload, reason] of [
      [hex("ff ff"), "extension_data"],
      [deflated(Uint8Array.of(0x61, 0xed, 0xa0, 0x80)), "invalid_utf8"],
    ] as const) {
      await using conversation = await openCompressed();
      conversation.peer.sendRaw(allTowards("client", marked("text", [payload])));
      await conversation.fails(1007, reason);
    }
  });
});
