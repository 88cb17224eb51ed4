/**
 * Random streams for properties: messages in fragments with control frames between, valid as they come, and then,
 * where a test wants it, broken in ways a peer or a wire could break them.
 */
import fc from "fast-check";
import { concat, frame, opcodes, utf8, type WireFrame } from "./wire.ts";

const maskArbitrary = fc.uint8Array({ minLength: 4, maxLength: 4, size: "max" });

/** Text with every length of code point, sometimes long enough for the 16-bit length and for bulk validation. */
const textArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "binary", maxLength: 40, size: "max" }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 140, size: "max" }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 8, size: "max" }), fc.integer({ min: 1, max: 200 }))
      .map(([piece, times]) => piece.repeat(times)),
  },
);

const controlArbitrary = fc.record({
  opcode: fc.constantFrom(opcodes.ping, opcodes.pong),
  payload: fc.uint8Array({ maxLength: 125, size: "max" }),
});

/** A message as the frames that carry it: cut anywhere, also inside code points, with control frames between. */
const messageArbitrary: fc.Arbitrary<WireFrame[]> = fc
  .record({
    content: fc.oneof(
      textArbitrary.map((text) => ({ opcode: opcodes.text as number, payload: utf8(text) })),
      fc
        .oneof(
          { weight: 5, arbitrary: fc.uint8Array({ maxLength: 200, size: "max" }) },
          fc.uint8Array({ minLength: 120, maxLength: 800, size: "max" }),
        )
        .map((payload) => ({ opcode: opcodes.binary as number, payload })),
    ),
    cuts: fc.oneof({ weight: 2, arbitrary: fc.constant<number[]>([]) }, fc.array(fc.nat(1000), { maxLength: 4 })),
    between: fc.array(controlArbitrary, { maxLength: 2, size: "max" }),
  })
  .map(({ content: { opcode, payload }, cuts, between }) => {
    const places = cuts.map((cut) => cut % (payload.length + 1)).sort((a, b) => a - b);
    return [0, ...places].flatMap((start, index) => [
      ...(index === 0 ? [] : between),
      {
        opcode: index === 0 ? opcode : opcodes.continuation,
        final: index === places.length,
        payload: payload.slice(start, places[index] ?? payload.length),
      },
    ]);
  });

const closeArbitrary: fc.Arbitrary<WireFrame[]> = fc.oneof(
  fc.constant<WireFrame[]>([]),
  fc
    .tuple(
      fc.constantFrom(1000, 1001, 1011, 1014, 3000, 4999),
      fc.string({ unit: "binary", maxLength: 30, size: "max" }),
    )
    .map(([code, reason]) => [
      { opcode: opcodes.close, payload: concat(Uint8Array.of(code >> 8, code & 255), utf8(reason)) },
    ]),
  fc.constant<WireFrame[]>([{ opcode: opcodes.close }]),
);

/** Bytes at the edges of UTF-8: next to each other they make every kind of overlong, surrogate and broken-off form. */
const oddTextArbitrary = fc.array(
  fc.constantFrom(
    0x41,
    0x7f,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xed,
    0xef,
    0xf0,
    0xf4,
    0xf5,
    0xff,
  ),
  { minLength: 1, maxLength: 6 },
);
const paddedOddTextArbitrary = fc
  .tuple(fc.constantFrom(0, 1, 60, 126), oddTextArbitrary)
  .map(([padding, odd]) => Uint8Array.from([...new Array(padding).fill(0x61), ...odd]));

/** Lengths at the edges of their three forms and of exact arithmetic. */
const oddLengthArbitrary = fc.constantFrom(
  ...[
    0n,
    125n,
    126n,
    127n,
    65535n,
    65536n,
    1n << 31n,
    1n << 32n,
    (1n << 53n) - 1n,
    1n << 53n,
    (1n << 63n) - 1n,
    1n << 63n,
  ],
);

/** Frames that break a rule by themselves, wherever they come. */
const badFrameArbitrary: fc.Arbitrary<WireFrame> = fc.oneof(
  fc.record({ opcode: fc.integer({ min: 0, max: 15 }), reserved: fc.integer({ min: 0, max: 7 }), final: fc.boolean() }),
  fc.record({
    opcode: fc.constantFrom(1, 2, 0),
    payload: fc.uint8Array({ maxLength: 130, size: "max" }),
    lengthBits: fc.constantFrom(16 as const, 64 as const),
  }),
  fc.record({ opcode: fc.constantFrom(0, 1), payload: paddedOddTextArbitrary, final: fc.boolean() }),
  fc.record({
    opcode: fc.constantFrom(1, 2),
    claimed: oddLengthArbitrary,
    lengthBits: fc.constantFrom(16 as const, 64 as const),
  }),
  fc.record({
    opcode: fc.constantFrom(1, 2),
    claimed: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    lengthBits: fc.constant(64 as const),
  }),
  fc.record({
    opcode: fc.constantFrom(8, 9, 10),
    payload: fc.uint8Array({ minLength: 100, maxLength: 140, size: "max" }),
  }),
  fc.record({ opcode: fc.constant(8), payload: fc.uint8Array({ maxLength: 6, size: "max" }) }),
  fc.record({ opcode: fc.constant(1), payload: fc.uint8Array({ maxLength: 12, size: "max" }), final: fc.boolean() }),
  fc.record({ opcode: fc.constant(0), payload: fc.uint8Array({ maxLength: 12, size: "max" }), final: fc.boolean() }),
);

/** A valid stream to an endpoint of this role, as frames. */
function framesArbitrary(role: "client" | "server"): fc.Arbitrary<WireFrame[]> {
  return fc
    .tuple(
      fc.array(
        fc.oneof(
          messageArbitrary,
          controlArbitrary.map((control) => [control]),
        ),
        { maxLength: 6 },
      ),
      closeArbitrary,
      maskArbitrary,
    )
    .map(([messages, close, mask]) =>
      [...messages.flat(), ...close].map((one, index) =>
        role === "client" ? one : { ...one, mask: mask.map((byte) => byte + index) },
      ),
    );
}

/** A valid stream to an endpoint of this role, as bytes. */
export function streamArbitrary(role: "client" | "server"): fc.Arbitrary<Uint8Array> {
  return framesArbitrary(role).map((frames) => concat(...frames.map(frame)));
}

/** A stream with faults: bad frames put in, bits flipped, bytes overwritten, taken out, doubled, the end cut off. */
export function brokenStreamArbitrary(role: "client" | "server"): fc.Arbitrary<Uint8Array> {
  const withBadFrame = fc
    .tuple(framesArbitrary(role), badFrameArbitrary, fc.nat(20), maskArbitrary)
    .map(([frames, bad, place, mask]) => {
      const at = place % (frames.length + 1);
      const broken = role === "client" ? bad : { ...bad, mask };
      return concat(...[...frames.slice(0, at), broken, ...frames.slice(at)].map(frame));
    });
  const fault = fc.record({
    kind: fc.constantFrom("flip", "set", "remove", "double", "cut"),
    place: fc.nat(5000),
    value: fc.nat(255),
  });
  return fc
    .tuple(
      fc.oneof(streamArbitrary(role), { weight: 2, arbitrary: withBadFrame }),
      fc.array(fault, { maxLength: 3, size: "max" }),
    )
    .map(([stream, faults]) => faults.reduce(spoil, stream));
}

function spoil(stream: Uint8Array, { kind, place, value }: { kind: string; place: number; value: number }): Uint8Array {
  if (stream.length === 0) return stream;
  const at = place % stream.length;
  const [before, byte, after] = [stream.slice(0, at), stream[at] as number, stream.slice(at + 1)];
  switch (kind) {
    case "flip":
      return concat(before, Uint8Array.of(byte ^ (1 << (value & 7))), after);
    case "set":
      return concat(before, Uint8Array.of(value), after);
    case "remove":
      return concat(before, after);
    case "double":
      return concat(before, Uint8Array.of(byte, byte), after);
    default:
      return before;
  }
}
