/** Compressed messages as they go out, for each sort of agreement, read by zlib and by the other end (RFC 7692 §6.1, §7.2.1). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type PermessageDeflateOptions, permessageDeflate, reply } from "../../src/index.ts";
import { rawFrame } from "../../src/testing/index.ts";
import { FAR_APART, noiseOf, SIZES, textOf } from "./compressible.ts";
import { Conversation } from "./conversation.ts";
import { agreement, engineOf, eventsOf, inflated, openCompressed, RSV1 } from "./deflate-pair.ts";
import { ROLES } from "./endpoint.ts";
import { framesIn } from "./frames-on-wire.ts";

/** Agreements that differ in what each end may do: the client's options, the server's, and the answer. */
const AGREEMENTS: readonly (readonly [
  client: PermessageDeflateOptions,
  server: PermessageDeflateOptions,
  answer: string,
])[] = [
  [{}, {}, ""],
  [{ serverNoContextTakeover: true }, {}, "; server_no_context_takeover"],
  [{ clientNoContextTakeover: true }, {}, "; client_no_context_takeover"],
  [
    {},
    { serverNoContextTakeover: true, clientNoContextTakeover: true },
    "; server_no_context_takeover; client_no_context_takeover",
  ],
  ...[8, 9, 10, 12, 14].flatMap((bits) => [
    [{ serverMaxWindowBits: bits }, {}, `; server_max_window_bits=${bits}`] as const,
    [{}, { clientMaxWindowBits: bits }, `; client_max_window_bits=${bits}`] as const,
  ]),
  [{ serverMaxWindowBits: 15 }, { clientMaxWindowBits: 15 }, "; server_max_window_bits=15"],
  [
    { serverMaxWindowBits: 9, clientMaxWindowBits: 10, serverNoContextTakeover: true, clientNoContextTakeover: true },
    {},
    "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=10",
  ],
];

describe("a message that is sent, whatever was agreed on,", () => {
  for (const [client, server, parameters] of AGREEMENTS) {
    it(`is marked, compressed within its window, and read by zlib: permessage-deflate${parameters}`, () => {
      const made = agreement({ client: { ...client, threshold: 0 }, server: { ...server, threshold: 0 } });
      assert.equal(made.answer, `permessage-deflate${parameters}`);
      for (const role of ROLES) {
        const takeover = !parameters.includes(`${role}_no_context_takeover`);
        const bits = Number(new RegExp(`${role}_max_window_bits=(\\d+)`).exec(parameters)?.[1] ?? 15);
        const engine = engineOf(role, { client: { ...client, threshold: 0 }, server: { ...server, threshold: 0 } });
        let window = Buffer.alloc(0);
        for (const message of [...FAR_APART, ...FAR_APART, textOf(70_000)]) {
          const [frame, ...others] = framesIn(engine.send(message) as Uint8Array);
          assert.ok(frame !== undefined && others.length === 0);
          assert.deepEqual([frame.fin, frame.opcode, frame.masked], [true, 1, role === "client"]);
          // Without takeover, what would be no shorter goes out as it is.
          if (frame.rsv === 0 && !takeover) {
            assert.equal(frame.payload.toString(), message);
            continue;
          }
          assert.equal(frame.rsv, RSV1);
          const known = takeover && window.length > 0 ? { window: window.subarray(-(2 ** bits)) } : {};
          assert.equal(inflated(frame.payload, { bits, ...known }).toString(), message);
          assert.notDeepEqual(frame.payload.subarray(-4), Buffer.from([0, 0, 0xff, 0xff]));
          window = Buffer.concat([window, Buffer.from(message)]);
        }
      }
    });

    it(`is understood by the other end, both ways: permessage-deflate${parameters}`, () => {
      const sides = { client: { ...client, threshold: 0 }, server: { ...server, threshold: 0 } };
      const ends = { client: engineOf("client", sides), server: engineOf("server", sides) };
      for (const [from, to] of [
        [ends.client, ends.server],
        [ends.server, ends.client],
      ] as const) {
        for (const size of SIZES.slice(0, -1)) {
          for (const message of [textOf(size, size + 1), noiseOf(size)]) {
            const [event] = eventsOf(to, from.send(message) as Uint8Array, 4099);
            assert.ok(event?.type === "text" || event?.type === "binary");
            assert.ok(Buffer.from(event.data as string).equals(Buffer.from(message as string)), `${size} bytes`);
          }
        }
      }
    });
  }

  it("without takeover in the offer is so without it in the answer", async () => {
    await using conversation = await openCompressed("", {}, { clientNoContextTakeover: true, threshold: 0 });
    const { peer, connection } = conversation;
    const message = textOf(500);
    for (let count = 0; count < 3; count++) connection.send(message);
    peer.sendRaw(rawFrame({ opcode: "close" }));
    peer.end();
    await conversation.ended();
    const frames = conversation.framesSent.filter(({ rsv }) => rsv === RSV1);
    assert.equal(frames.length, 3);
    // Each can be read by itself.
    for (const { payload } of frames) assert.equal(inflated(payload).toString(), message);
  });

  it("leaves control frames alone: none is compressed or marked, in either role", () => {
    for (const role of ROLES) {
      const engine = engineOf(role, { client: { threshold: 0 }, server: { threshold: 0 } });
      engine.encode("a message that is compressed, a message that is compressed");
      const data = Buffer.from("ping ping ping ping ping ping ping ping");
      engine.encode({ type: "ping", data });
      engine.encode({ type: "pong", data });
      engine.encode({ type: "close", code: 1000, reason: "bye bye bye bye bye" });
      const frames = framesIn(engine.take() as Uint8Array);
      assert.deepEqual(
        frames.map(({ opcode, rsv }) => [opcode, rsv]),
        [
          [1, RSV1],
          [9, 0],
          [10, 0],
          [8, 0],
        ],
      );
      assert.ok(frames[1]?.payload.equals(data));
    }
  });

  it("goes through a whole connection both ways, of every size", async () => {
    await using conversation = await Conversation.open({
      callbacks: { handleIn: (frame, state) => reply(frame, state) },
      options: { upgradeOptions: { extensions: [permessageDeflate()] } },
      accept: { extensions: [permessageDeflate()] },
    });
    const { peer, connection } = conversation;
    assert.equal(connection.extensions, "permessage-deflate");
    for (const size of SIZES) {
      for (const message of [textOf(size, size + 1), noiseOf(size)]) {
        peer.send(message);
        const echo = await peer.receive(typeof message === "string" ? "text" : "binary");
        assert.ok(Buffer.from(echo.data as string).equals(Buffer.from(message as string)), `${size} bytes`);
      }
    }
    assert.equal(peer.violation, undefined);
    assert.ok(conversation.framesSent.some(({ rsv }) => rsv === RSV1));
    assert.ok(conversation.framesSent.some(({ rsv }) => rsv === 0));
  });
});
