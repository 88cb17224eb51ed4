import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  agreeTo,
  answerTo,
  Engine,
  type Extension,
  type ExtensionSession,
  type ExtensionStack,
  extensionsOf,
  offersOf,
  type ProtocolEvent,
  permessageDeflate,
} from "../../src/protocol/index.ts";
import { rawFrame } from "../../src/testing/raw-frame.ts";
import { inverted, prefix } from "./toy-extensions.ts";

const LIMITS = { maxMessageSize: 100_000, maxFragments: 100 };

/** Both ends of a connection that have agreed on these. */
function pair(extensions: readonly Extension[], limits = LIMITS) {
  const settings = { maxMessageSize: limits.maxMessageSize, hibernates: false };
  const offers = extensionsOf(offersOf(extensions)) ?? assert.fail();
  const theirs: ExtensionStack = answerTo(offers, extensions, { ...settings, role: "server" }) ?? assert.fail();
  const ours = agreeTo(extensionsOf([theirs.header]) ?? assert.fail(), extensions, { ...settings, role: "client" });
  assert.equal(ours.type, "agreed");
  return {
    header: theirs.header,
    client: new Engine({ role: "client", ...limits, extensions: ours.type === "agreed" ? ours.stack : undefined }),
    server: new Engine({ role: "server", ...limits, extensions: theirs }),
  };
}

function carried(from: Engine, to: Engine, message: string | Uint8Array): ProtocolEvent | undefined {
  assert.equal(from.encode(message), undefined);
  to.push(from.take() ?? assert.fail());
  return to.next();
}

/** The payload of the first frame of a server's bytes. */
const payloadOf = (bytes: Uint8Array) => Buffer.from(bytes.subarray(2));

test("messages pass the extensions in the order of the answer, and come in by the opposite one (RFC 6455 §9.1)", () => {
  const { client, server, header } = pair([prefix("x-a", "A"), prefix("x-b", "B")]);
  assert.equal(header, "x-a, x-b");
  server.encode("hello");
  const bytes = server.take() ?? assert.fail();
  assert.equal(payloadOf(bytes).toString(), "BAhello");
  client.push(bytes);
  assert.deepEqual(client.next(), { type: "text", data: "hello" });
});

test("extensions of every kind compose: whole messages, marked frames and permessage-deflate, at any split", () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray([prefix("x-a", "A"), inverted(), permessageDeflate({ threshold: 20 }), prefix("x-b", "B")], {
        minLength: 1,
      }),
      fc.array(fc.oneof(fc.string({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 })), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.integer({ min: 1, max: 50 }),
      (extensions, messages, step) => {
        const { client, server } = pair(extensions);
        for (const [from, to] of [
          [client, server],
          [server, client],
        ] as const) {
          for (const message of messages) assert.equal(from.encode(message), undefined);
          const bytes = from.take() ?? assert.fail();
          const events: unknown[] = [];
          for (let at = 0; at < bytes.length; at += step) events.push(...to.receive(bytes.subarray(at, at + step)));
          assert.deepEqual(
            events.map((event) => (event as { data: unknown }).data),
            messages,
          );
        }
      },
    ),
  );
});

test("control frames are no extension's business, also between the fragments of a message", () => {
  const { client } = pair([prefix("x-a", "A"), inverted()]);
  const turned = (text: string) => Buffer.from(text).map((byte) => byte ^ 0xff);
  client.push(
    Buffer.concat([
      rawFrame({ opcode: "text", fin: false, rsv: 1, payload: turned("Aone ") }),
      rawFrame({ opcode: "ping", payload: "as it is" }),
      rawFrame({ opcode: "continuation", fin: false, payload: "two " }),
      rawFrame({ opcode: "continuation", rsv: 1, payload: turned("three") }),
    ]),
  );
  assert.deepEqual(client.next(), { type: "ping", data: new Uint8Array(Buffer.from("as it is")) });
  assert.deepEqual(client.next(), { type: "text", data: "one two three" });
});

test("a reserved bit is a violation where no extension in use gives it a meaning (RFC 6455 §5.2, RFC 7692 §6)", () => {
  const cases: readonly (readonly [Extension[], Parameters<typeof rawFrame>[0][], boolean])[] = [
    [[permessageDeflate()], [{ opcode: "text", rsv: 4, payload: Buffer.from("f248cdc9c90700", "hex") }], true],
    [[permessageDeflate()], [{ opcode: "text", rsv: 2 }], false],
    [[permessageDeflate()], [{ opcode: "text", rsv: 5 }], false],
    [[permessageDeflate()], [{ opcode: "ping", rsv: 4 }], false],
    [[permessageDeflate()], [{ opcode: "close", rsv: 4 }], false],
    [
      [permessageDeflate()],
      [
        { opcode: "text", fin: false },
        { opcode: "continuation", rsv: 4 },
      ],
      false,
    ],
    [
      [permessageDeflate()],
      [
        { opcode: "text", fin: false, rsv: 4 },
        { opcode: "continuation", rsv: 4 },
      ],
      false,
    ],
    [
      [inverted()],
      [
        { opcode: "text", fin: false },
        { opcode: "continuation", rsv: 1 },
      ],
      true,
    ],
    [[inverted()], [{ opcode: "pong", rsv: 1 }], false],
    [[prefix("x-a", "A")], [{ opcode: "text", rsv: 4, payload: "A" }], false],
  ];
  for (const [extensions, frames, right] of cases) {
    const { client } = pair(extensions);
    const events = [...client.receive(Buffer.concat(frames.map(rawFrame)))];
    const last = events.at(-1);
    assert.equal(last?.type, right ? "text" : "violation", JSON.stringify(frames));
    if (last?.type === "violation") assert.equal(last.reason, "reserved_bits");
  }
});

test("what a session says is wrong with a frame ends the connection with its close code, and nothing follows", () => {
  const { client } = pair([prefix("x-a", "A")]);
  client.push(
    Buffer.concat([rawFrame({ opcode: "text", payload: "no A" }), rawFrame({ opcode: "text", payload: "Amore" })]),
  );
  const event = client.next();
  assert.deepEqual(event, {
    type: "violation",
    closeCode: 1002,
    reason: "extension_data",
    message: "The extension x-a: a message came that doesn't begin with A.",
  });
  assert.equal(client.next(), undefined);
  assert.equal(client.finished, true);
});

test("text is text only when every extension is off, and is checked then", () => {
  const { client } = pair([inverted()]);
  client.push(rawFrame({ opcode: "text", rsv: 1, payload: Buffer.from([0x00]) }));
  const event = client.next();
  assert.ok(event?.type === "violation" && event.closeCode === 1007 && event.reason === "invalid_utf8");
});

test("maxMessageSize holds for what comes out of the extensions, for each of them, and for what is on the wire", () => {
  const grows = prefix("x-grows", "", {
    encode: () => undefined,
    decode(data, _frame, output) {
      for (let times = 0; times < 100; times++) if (!output.write(data)) break;
      return undefined;
    },
  });
  for (const extensions of [
    [grows],
    [prefix("x-a", "A", { decode: (data, _frame, output) => void output.write(data) }), grows],
  ]) {
    const { client } = pair(extensions, { maxMessageSize: 1000, maxFragments: 10 });
    client.push(
      Buffer.concat([
        rawFrame({ opcode: "binary", payload: Buffer.alloc(10) }),
        rawFrame({ opcode: "binary", payload: Buffer.alloc(11) }),
      ]),
    );
    assert.equal(client.next()?.type, "binary");
    const event = client.next();
    assert.ok(event?.type === "violation" && event.closeCode === 1009 && event.reason === "message_too_long");
  }
  const { client } = pair([prefix("x-a", "A")], { maxMessageSize: 1000, maxFragments: 10 });
  // A length that no message within the limit can have is refused before a byte of it has come.
  client.push(rawFrame({ opcode: "binary", payload: Buffer.alloc(3000) }).subarray(0, 4));
  assert.equal(client.next()?.type, "violation");
});

test("an extension that throws on what came ends the connection with 1011, and is named", () => {
  const cause = new Error("out of order");
  const { client } = pair([
    prefix("x-a", "A", {
      decode: () => {
        throw cause;
      },
    }),
  ]);
  client.push(rawFrame({ opcode: "text", payload: "Ahello" }));
  assert.deepEqual(client.next(), {
    type: "extensionFailed",
    closeCode: 1011,
    extension: "x-a",
    message: "The extension x-a failed on a received frame: out of order",
    cause,
  });
  assert.equal(client.finished, true);
  assert.equal(client.closeSent, true);
});

test("an extension that fails on a message makes that one impossible to send, and the next is sent", () => {
  let failing = true;
  const { client, server } = pair([
    prefix("x-a", "A", {
      encode: (data) => {
        if (failing) throw new Error("not now");
        return { data: Buffer.concat([Buffer.from("A"), data]), reservedBits: 0 };
      },
    }),
  ]);
  assert.deepEqual(client.encode("hello"), {
    reason: "extension_failed",
    message: "The extension x-a failed on a message: not now",
  });
  assert.equal(client.pendingBytes, 0);
  failing = false;
  assert.deepEqual(carried(client, server, "hello"), { type: "text", data: "hello" });
});

test("an extension can't set a bit that isn't its own, or send what are no bytes", () => {
  const wrong = [
    [{ data: new Uint8Array(1), reservedBits: 0b100 }, /set a reserved bit that is not its own/],
    [{ data: "text" as never, reservedBits: 0 }, /made no Uint8Array/],
  ] as const;
  for (const [made, why] of wrong) {
    const { client } = pair([prefix("x-a", "A", { encode: () => made })]);
    const fault = client.encode("hello");
    assert.ok(fault?.reason === "extension_failed" && why.test(fault.message));
  }
});

test("text that has no UTF-8 is refused before an extension sees it", () => {
  const { client } = pair([prefix("x-a", "A", { encode: () => assert.fail("seen") })]);
  assert.equal(client.encode("\ud800")?.reason, "lone_surrogate");
});

test("each session is told of hibernation, and of the end once", () => {
  const told: string[] = [];
  const { client } = pair([
    prefix("x-a", "A", { hibernate: () => told.push("a sleeps"), close: () => told.push("a ends") }),
    prefix("x-b", "B", { close: () => told.push("b ends") }),
  ]);
  client.hibernate();
  client.close();
  client.close();
  assert.deepEqual(told, ["a sleeps", "a ends", "b ends"]);
});

test("a message that a later extension fails on leaves nothing behind in the earlier ones: the next means what it says", () => {
  let outcome: (() => ReturnType<ExtensionSession["encode"]>) | undefined;
  const picky = prefix("x-picky", "P", {
    encode: (data) => outcome?.() ?? { data: Buffer.concat([Buffer.from("P"), data]), reservedBits: 0 },
  });
  const { client, server } = pair([permessageDeflate({ threshold: 0 }), picky]);
  const message = "the same words in every message, which the second refers back to";
  assert.deepEqual(carried(client, server, message), { type: "text", data: message });
  const failures = [
    () => {
      throw new Error("not this one");
    },
    () => ({ data: new Uint8Array(1), reservedBits: 0b010 }),
  ];
  for (const [index, failing] of failures.entries()) {
    outcome = failing;
    assert.equal(client.encode(`lost, and never to be referred to: ${index}`)?.reason, "extension_failed");
    outcome = undefined;
    const next = `never to be referred to: ${index}`;
    assert.deepEqual(carried(client, server, next), { type: "text", data: next });
  }
});

test("of a message that doesn't go out, those that have encoded it are told, and their own failure changes nothing", () => {
  const told: string[] = [];
  const unsent = (name: string) => ({
    unsent: () => {
      told.push(name);
      throw new Error("unheard");
    },
  });
  const throwing = prefix("x-c", "C", {
    ...unsent("c"),
    encode: () => {
      throw new Error("not now");
    },
  });
  const { client } = pair([prefix("x-a", "A", unsent("a")), prefix("x-b", "B", unsent("b")), throwing]);
  assert.match(client.encode("hello")?.message ?? "", /x-c failed on a message: not now/);
  assert.deepEqual(told, ["a", "b"]);
});

test("where there is no memory for a frame, the extensions hear that it doesn't go out", () => {
  let told = 0;
  const huge = Object.defineProperty(new Uint8Array(1), "byteLength", { value: 2 ** 60 });
  const { client } = pair([
    prefix("x-a", "A", { encode: () => ({ data: huge, reservedBits: 0 }), unsent: () => void told++ }),
  ]);
  assert.throws(() => client.encode("hello"), RangeError);
  assert.equal(told, 1);
});

test("an extension may send on other connections while it encodes; on its own that is refused", () => {
  const other = pair([prefix("x-o", "O"), permessageDeflate({ threshold: 0 })]);
  const refusals: unknown[] = [];
  const outer: { client?: Engine } = {};
  const nosy = (letter: string) => ({
    encode: (data: Uint8Array) => {
      other.client.encode(`another message, ${letter}, which is longer than the first by far`);
      refusals.push(outer.client?.encode("inside")?.reason);
      return { data: Buffer.concat([Buffer.from(letter), data]), reservedBits: 0 };
    },
  });
  const { client, server } = pair([
    prefix("x-a", "A", nosy("A")),
    permessageDeflate({ threshold: 0 }),
    prefix("x-b", "B", nosy("B")),
  ]);
  outer.client = client;
  assert.deepEqual(carried(client, server, "a message"), { type: "text", data: "a message" });
  assert.deepEqual(refusals, ["extension_failed", "extension_failed"]);
  assert.deepEqual(carried(client, server, "and the next"), { type: "text", data: "and the next" });
});

test("sessions get plain Uint8Arrays, of which slice() is a copy", () => {
  const seen: unknown[] = [];
  const look = (name: string): Extension =>
    prefix(name, "", {
      encode(data) {
        seen.push(Object.getPrototypeOf(data) === Uint8Array.prototype);
        return { data: Buffer.from(data), reservedBits: 0 };
      },
      decode(data, _frame, output) {
        seen.push(Object.getPrototypeOf(data) === Uint8Array.prototype);
        output.write(Buffer.from(data));
        return undefined;
      },
    });
  const { client, server } = pair([look("x-a"), look("x-b")]);
  for (const message of ["text", Buffer.from("binary")]) carried(server, client, message);
  carried(client, server, "masked");
  assert.deepEqual(seen, Array(12).fill(true));
});

test("a message of maxMessageSize passes however much each extension puts before it", () => {
  const limits = { maxMessageSize: 1000, maxFragments: 10 };
  const { client, server } = pair([prefix("x-a", "A"), prefix("x-b", "B"), prefix("x-c", "C")], limits);
  assert.equal(carried(client, server, "x".repeat(1000))?.type, "text");
  const event = carried(client, server, "x".repeat(1001));
  assert.ok(event?.type === "violation" && event.reason === "message_too_long");
});

test("an answer of decode that is no fault fails the extension, and the peer hears 1011", () => {
  const answers: unknown[] = [
    true,
    null,
    {},
    { closeCode: 1000, message: "x" },
    { closeCode: 1002 },
    Promise.resolve(),
  ];
  for (const answer of answers) {
    const { client } = pair([prefix("x-a", "A", { decode: () => answer as undefined })]);
    client.push(rawFrame({ opcode: "text", payload: "Ahello" }));
    const event = client.next();
    assert.ok(event?.type === "extensionFailed" && event.cause === answer);
    assert.match(event.message, /^The extension x-a answered a received frame with something else than undefined/);
    assert.equal(client.closeSent, true);
  }
});

test("what an extension throws may have no words", () => {
  const thrower = () => {
    throw Object.create(null);
  };
  const { client } = pair([prefix("x-a", "A", { encode: thrower, decode: thrower })]);
  assert.match(client.encode("hello")?.message ?? "", /it threw something that has no words/);
  client.push(rawFrame({ opcode: "text", payload: "Ahello" }));
  assert.equal(client.next()?.type, "extensionFailed");
});

test("an extension that closes the engine while it decodes is the last that is called, and nothing is delivered", () => {
  const called: string[] = [];
  const outer: { client?: Engine } = {};
  const { client } = pair([
    prefix("x-a", "A", { decode: () => void called.push("a") }),
    prefix("x-b", "B", {
      decode: (data, _frame, output) => {
        outer.client?.close();
        output.write(data);
        return undefined;
      },
      close: () => void called.push("b ends"),
    }),
  ]);
  outer.client = client;
  client.push(rawFrame({ opcode: "text", payload: "BAhello" }));
  assert.equal(client.next(), undefined);
  assert.deepEqual(called, ["b ends"]);
});

test("an extension that fails when it hibernates ends the connection; once it is over, none is asked to", () => {
  let asked = 0;
  const cause = new Error("no sleep");
  const { client } = pair([
    prefix("x-a", "A", {
      hibernate: () => {
        asked += 1;
        throw cause;
      },
    }),
  ]);
  assert.deepEqual(client.hibernate(), {
    type: "extensionFailed",
    closeCode: 1011,
    extension: "x-a",
    message: "The extension x-a failed when the connection was idle: no sleep",
    cause,
  });
  assert.equal(client.closeSent, true);
  assert.equal(client.finished, true);
  assert.equal(client.hibernate(), undefined);
  assert.equal(asked, 1);
});

test("a session that fails when it is closed keeps no other from it", () => {
  const told: string[] = [];
  const { client } = pair([
    prefix("x-a", "A", {
      close: () => {
        throw new Error("unheard");
      },
    }),
    prefix("x-b", "B", { close: () => told.push("b ends") }),
  ]);
  client.close();
  assert.deepEqual(told, ["b ends"]);
});

test("a message goes through the extensions when it is marked, when one takes every message, or when a later frame may be marked", () => {
  const takes = (...extensions: Extension[]) => {
    const settings = { role: "server", maxMessageSize: 1000, hibernates: false } as const;
    const offers = extensionsOf(offersOf(extensions)) ?? assert.fail();
    const stack = answerTo(offers, extensions, settings) ?? assert.fail();
    return [stack.takes(0), stack.takes(0b100)];
  };
  assert.deepEqual(takes(permessageDeflate()), [false, true]);
  assert.deepEqual(takes(inverted()), [true, true]);
  assert.deepEqual(takes(permessageDeflate(), prefix("x-a", "A")), [true, true]);
});
