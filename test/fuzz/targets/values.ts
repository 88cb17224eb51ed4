/**
 * What a program may hand over, JavaScript programs included: options of any shape, and things to send that are no frames. Whatever it
 * is, the answer is a sentence, never another error and never somebody's memory on the wire.
 *
 * An input is a list of pairs of bytes: a name of the list, and a value of the list. So any bytes are an object.
 */
import assert from "node:assert/strict";
import { InvalidOptionError } from "../../../src/connection/errors.ts";
import type { ConnectionOptions } from "../../../src/connection/option-types.ts";
import { OPTIONS, resolveOptions } from "../../../src/connection/options.ts";
import type { FrameLike } from "../../../src/frame.ts";
import { Engine } from "../../../src/protocol/engine.ts";
import type { Target } from "../target.ts";

const VALUES: readonly unknown[] = [
  ...[undefined, null, true, false, 0, 1, -1, 0.5, 1e9, 2 ** 53, Number.NaN, Infinity, -Infinity, 10n, Symbol("s")],
  ...["", "a", "text", "binary", "ping", "pong", "close", "full", "none", "reject", "drop-oldest", "x".repeat(200)],
  ...["\ud800", "a\r\nb: c", "chat", "constructor", "__proto__", "\0", "é"],
  ...[[], ["chat"], ["chat", "chat"], [["a", "b"]], [["a", "b\n"]], [[]], [undefined], new Array(3)],
  ...[{}, { max: 1 }, { max: "1" }, { maxMessages: 0 }, { maxMessages: 2, maxBytes: Number.NaN }, { a: ["1", "2"] }],
  ...[
    { a: "\n" },
    { error() {}, info() {} },
    { global: "x" },
    { via: {}, name: 1 },
    { extensions: [{}], subprotocols: "a" },
  ],
  ...[
    { subprotocols: ["a b"] },
    { subprotocols: new Array(1) },
    { tls: 1 },
    { headers: {} },
    Object.create(null),
    new Date(0),
    new Map(),
    /x/,
  ],
  ...[() => undefined, class {}, AbortSignal.abort(), new Headers({ a: "b" }), new URL("ws://x")],
  ...[new Uint8Array(3), new Uint8Array(126), new Uint16Array(2), new DataView(new ArrayBuffer(2)), new ArrayBuffer(8)],
  ...[Buffer.from("b"), 1000, 1005, 1006, 3000, 65536, "1000", "reason", "r".repeat(124), "é".repeat(62)],
];
const NAMES = [...Object.keys(OPTIONS), "pingintervall", "__proto__", "constructor", ""];
const FRAME_NAMES = ["type", "type", "data", "data", "code", "reason", "length", "byteLength"];

/** Takes pairs of bytes for an object; the same name twice is the later value. */
function objectOf(input: Uint8Array, names: readonly string[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let at = 0; at + 1 < input.length; at += 2) {
    const name = names[(input[at] as number) % names.length] as string;
    const value = VALUES[(input[at + 1] as number) % VALUES.length];
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

export const options: Target = {
  name: "options",
  corpus: "options",
  check(input) {
    const given = objectOf(input, NAMES);
    try {
      const resolved = resolveOptions(given as ConnectionOptions);
      assert.deepEqual(Object.keys(resolved), Object.keys(OPTIONS));
      assert.ok(resolved.upgradeOptions.subprotocols.every((one) => typeof one === "string"));
      return Object.keys(given).length.toString();
    } catch (error) {
      assert.ok(error instanceof InvalidOptionError, String(error));
      assert.ok(error.message.length < 1000, `a message of ${error.message.length} characters`);
      return error.option;
    }
  },
};

/** What may be sent of a value: an engine either refuses it and appends nothing, or sends one frame that says the same. */
export const sending: Target = {
  name: "sending",
  corpus: "options",
  check(input) {
    const value = input.length % 2 === 0 ? objectOf(input, FRAME_NAMES) : VALUES[(input[0] as number) % VALUES.length];
    const engine = new Engine({ role: "client", maxMessageSize: 1 << 20, maxFragments: 1 });
    const fault = engine.encode(value as FrameLike);
    if (fault !== undefined) {
      assert.equal(engine.take(), undefined, "something was appended");
      return fault.reason;
    }
    const other = new Engine({ role: "server", maxMessageSize: 1 << 20, maxFragments: 1 });
    const [event, ...more] = other.receive(engine.take() as Uint8Array);
    assert.deepEqual(more, []);
    if (typeof value === "string") assert.deepEqual(event, { type: "text", data: value });
    else if (value instanceof Uint8Array) assert.deepEqual(event, { type: "binary", data: new Uint8Array(value) });
    else {
      const { type, data, code, reason = "" } = value as Record<string, unknown>;
      const bytes = data instanceof Uint8Array ? new Uint8Array(data) : data;
      const close = code === undefined ? { type } : { type, code, reason };
      assert.deepEqual(event, type === "close" ? close : { type, data: bytes });
    }
    return event?.type ?? "nothing";
  },
};
