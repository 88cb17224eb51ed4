/** Messages in fragments: cut everywhere, with empty ones, with control frames between; and fragments that belong to no message (RFC 6455 §5.4). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ProtocolEvent } from "../../src/protocol/event.ts";
import { type RawFrame, rawFrame } from "../../src/testing/index.ts";
import { Conversation } from "./conversation.ts";
import { allTowards, hear, ROLES, type Role, towards, violates } from "./endpoint.ts";

type Type = "text" | "binary";

/** Six bytes of UTF-8, so that most cuts go through a code point. */
const TEXT = "aé€";
const PAYLOAD = Buffer.from(TEXT);

/** Every way to cut the payload into one to six parts. */
const CUTS: readonly (readonly Uint8Array[])[] = Array.from({ length: 2 ** (PAYLOAD.length - 1) }, (_, cuts) => {
  const places = [...PAYLOAD.keys()].filter((at) => at > 0 && (cuts & (1 << (at - 1))) !== 0);
  return [0, ...places].map((start, index) => PAYLOAD.subarray(start, places[index]));
});

const NOTHING = new Uint8Array(0);
const EMPTY_FRAGMENTS: Readonly<Record<string, (parts: readonly Uint8Array[]) => readonly Uint8Array[]>> = {
  none: (parts) => parts,
  "one first": (parts) => [NOTHING, ...parts],
  "one after each": (parts) => parts.flatMap((part) => [part, NOTHING]),
  "two last": (parts) => [...parts, NOTHING, NOTHING],
};

const CONTROL_FRAMES: Readonly<Record<string, readonly RawFrame[]>> = {
  "nothing between": [],
  "a ping between": [{ opcode: "ping", payload: "p" }],
  "a pong and a ping between": [
    { opcode: "pong", payload: "" },
    { opcode: "ping", payload: Buffer.alloc(125, 7) },
  ],
};

/** The frames of a message in these parts, with control frames before each part but the first. */
function framesOf(type: Type, parts: readonly Uint8Array[], between: readonly RawFrame[] = []): RawFrame[] {
  return parts.flatMap((payload, index) => [
    ...(index === 0 ? [] : between),
    { opcode: index === 0 ? type : "continuation", fin: index === parts.length - 1, payload } as const,
  ]);
}

function messageEvent(type: Type, payload: Uint8Array): ProtocolEvent {
  return type === "text" ? { type, data: Buffer.from(payload).toString() } : { type, data: new Uint8Array(payload) };
}

function controlEvents(frames: readonly RawFrame[]): ProtocolEvent[] {
  return frames.flatMap(({ opcode, payload }) =>
    opcode === "ping" || opcode === "pong"
      ? [{ type: opcode, data: new Uint8Array(Buffer.from(payload as string)) }]
      : [],
  );
}

describe("a fragmented message", () => {
  for (const role of ROLES) {
    for (const [what, between] of Object.entries(CONTROL_FRAMES)) {
      it(`reaches a ${role} whole, cut in every way, with empty fragments anywhere, and ${what}`, () => {
        for (const type of ["text", "binary"] as const) {
          for (const withEmpty of Object.values(EMPTY_FRAGMENTS)) {
            for (const parts of CUTS.map(withEmpty)) {
              const frames = framesOf(type, parts, between);
              const controls = controlEvents(frames);
              for (const pieceBytes of [Infinity, 1]) {
                const { events, answers } = hear(role, allTowards(role, frames), pieceBytes);
                assert.deepEqual(events, [...controls, messageEvent(type, PAYLOAD)]);
                const pings = controls.filter((event) => event.type === "ping");
                assert.deepEqual(
                  answers,
                  pings.map((ping) => ({ ...ping, type: "pong" })),
                );
              }
            }
          }
        }
      });
    }

    it(`reaches a ${role} whole in 1 to 1024 fragments of equal size`, () => {
      for (const count of [1, 2, 3, 10, 100, 1023, 1024]) {
        for (const size of [1, 125, 126]) {
          const parts = Array.from({ length: count }, (_, index) => Buffer.alloc(size, 0x61 + (index % 26)));
          for (const type of ["text", "binary"] as const) {
            const { events } = hear(role, allTowards(role, framesOf(type, parts)), 997);
            assert.deepEqual(events, [messageEvent(type, Buffer.concat(parts))]);
          }
        }
      }
    });

    it(`that is empty reaches a ${role} as an empty message, in any number of fragments`, () => {
      for (const count of [1, 2, 3, 50]) {
        for (const type of ["text", "binary"] as const) {
          const frames = framesOf(type, Array<Uint8Array>(count).fill(NOTHING));
          assert.deepEqual(hear(role, allTowards(role, frames)).events, [messageEvent(type, NOTHING)]);
        }
      }
    });

    it(`is followed by other messages, each by itself, at a ${role}`, () => {
      const frames = CUTS.flatMap((parts, index) => framesOf(index % 2 === 0 ? "text" : "binary", parts));
      assert.deepEqual(
        hear(role, allTowards(role, frames), 3).events,
        CUTS.map((_, index) => messageEvent(index % 2 === 0 ? "text" : "binary", PAYLOAD)),
      );
    });
  }

  for (const [how, pieceBytes] of [
    ["a frame a write", Infinity],
    ["byte by byte", 1],
  ] as const) {
    it(`passes to the module of a whole connection, cut in every way, with pings between that are answered at once, ${how}`, async () => {
      await using conversation = await Conversation.open({ options: { inbox: { maxMessages: 1000 } } });
      const { peer, recorder } = conversation;
      const ping: RawFrame = { opcode: "ping", payload: "between" };
      const cuts = CUTS.map((parts) => [NOTHING, ...parts, NOTHING]);
      for (const [index, parts] of cuts.entries()) {
        const type = index % 2 === 0 ? "text" : "binary";
        // The message is not delivered, and the pings are answered, before the last fragment goes out.
        const frames = framesOf(type, parts, [ping]).map((frame) => rawFrame(frame));
        const [last, ...rest] = frames.reverse() as [Uint8Array, ...Uint8Array[]];
        for (const frame of rest.reverse()) await peer.sendInPieces(frame, Math.min(pieceBytes, frame.length), 0);
        for (let count = 1; count < parts.length; count++) {
          assert.equal(Buffer.from((await peer.receive("pong")).data).toString(), "between");
        }
        assert.equal(recorder.all("handleIn").length, index);
        await peer.sendInPieces(last, Math.min(pieceBytes, last.length), 0);
        const [frame] = (await recorder.call("handleIn", index + 1)).given;
        assert.deepEqual({ ...frame }, messageEvent(type, PAYLOAD));
      }
      assert.equal(
        recorder.all("handleControl").length,
        cuts.reduce((sum, parts) => sum + parts.length - 1, 0),
      );
    });
  }
});

// What a message may not be followed by, and what no message begins with; each frame's first byte tells.
const DATA: readonly (readonly [name: string, frame: RawFrame])[] = (["text", "binary"] as const).flatMap((opcode) =>
  [true, false].map((fin) => [`${opcode} ${fin ? "with" : "without"} FIN`, { opcode, fin }] as const),
);
const CONTINUATIONS: readonly (readonly [name: string, frame: RawFrame])[] = [true, false].map((fin) => [
  `a continuation ${fin ? "with" : "without"} FIN`,
  { opcode: "continuation", fin },
]);
const NO_MESSAGE: Readonly<Record<string, readonly RawFrame[]>> = {
  "at the start": [],
  "after a whole message": [{ opcode: "text", payload: "a" }],
  "after a message in fragments": framesOf("binary", [PAYLOAD, PAYLOAD]),
  "after control frames": [{ opcode: "ping" }, { opcode: "pong", payload: "x" }],
};
const UNFINISHED: Readonly<Record<string, readonly RawFrame[]>> = {
  "behind a first fragment of text": [{ opcode: "text", fin: false, payload: "a" }],
  "behind an empty first fragment": [{ opcode: "binary", fin: false }],
  "behind a later fragment": [
    { opcode: "binary", fin: false, payload: "a" },
    { opcode: "continuation", fin: false, payload: "b" },
  ],
  "behind a fragment and a ping": [{ opcode: "text", fin: false, payload: "a" }, { opcode: "ping" }],
};

const OFFENCES = [
  ...CONTINUATIONS.flatMap(([name, frame]) =>
    Object.entries(NO_MESSAGE).map(
      ([where, before]) => ({ name: `${name} ${where}`, before, frame, reason: "unexpected_continuation" }) as const,
    ),
  ),
  ...DATA.flatMap(([name, frame]) =>
    Object.entries(UNFINISHED).map(
      ([where, before]) => ({ name: `${name} ${where}`, before, frame, reason: "expected_continuation" }) as const,
    ),
  ),
];

/** The first byte of a frame behind other frames. */
function upToFirstByte(role: Role, before: readonly RawFrame[], frame: RawFrame): Uint8Array {
  return Buffer.concat([allTowards(role, before), towards(role, frame).subarray(0, 1)]);
}

describe("a frame that belongs to no message, or breaks into one", () => {
  for (const { name, before, frame, reason } of OFFENCES) {
    it(`is refused at its first byte in both roles: ${name}`, () => {
      for (const role of ROLES) violates(role, upToFirstByte(role, before, frame), reason, 1002);
    });

    it(`fails a whole connection with 1002 at its first byte: ${name}`, async () => {
      await using conversation = await Conversation.open();
      conversation.peer.sendRaw(upToFirstByte("client", before, frame));
      await conversation.fails(1002, reason);
      const messages = before.filter(({ fin = true, opcode }) => fin && opcode !== "ping" && opcode !== "pong");
      assert.equal(conversation.recorder.all("handleIn").length, messages.length);
    });
  }
});
