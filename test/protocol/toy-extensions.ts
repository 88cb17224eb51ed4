/** Small extensions for tests: what they do to a message can be seen in it. */
import type { Extension, ExtensionSession } from "../../src/protocol/extension.ts";

/** Puts a letter before each message and takes it off again; refuses a message that doesn't begin with it. */
export function prefix(name: string, letter: string, overrides: Partial<ExtensionSession> = {}): Extension {
  const own = letter.charCodeAt(0);
  const session = (): ExtensionSession => ({
    reservedBits: 0,
    scope: "message",
    takes: "every",
    encode: (data) => ({ data: Buffer.concat([Uint8Array.of(own), data]), reservedBits: 0 }),
    decode(data, { first }, output) {
      if (first && data[0] !== own)
        return { closeCode: 1002, message: `a message came that doesn't begin with ${letter}.` };
      output.write(first ? data.subarray(1) : data);
      return undefined;
    },
    ...overrides,
  });
  return {
    name,
    offers: [[]],
    accept: session,
    answer: () => ({ parameters: [], session: session() }),
  };
}

/** Turns the bits of every frame round, each for itself, and marks it with RSV3. */
export function inverted(overrides: Partial<ExtensionSession> = {}): Extension {
  const turn = (data: Uint8Array) => data.map((byte) => byte ^ 0xff);
  return prefix("x-inverted", "", {
    reservedBits: 0b001,
    scope: "frame",
    takes: "marked",
    encode: (data) => ({ data: turn(data), reservedBits: 0b001 }),
    decode(data, _frame, output) {
      output.write(turn(data));
      return undefined;
    },
    ...overrides,
  });
}
