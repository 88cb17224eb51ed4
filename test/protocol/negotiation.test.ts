import assert from "node:assert/strict";
import { test } from "node:test";
import { agreeTo, answerTo, type Extension, extensionsOf, offersOf } from "../../src/protocol/index.ts";
import { inverted, prefix } from "./toy-extensions.ts";

const CLIENT = { role: "client", maxMessageSize: 1000, hibernates: false } as const;
const SERVER = { ...CLIENT, role: "server" } as const;

const entries = (text: string) => extensionsOf([text]) ?? assert.fail(text);

test("offers stand in order of preference, an entry each, with their parameters", () => {
  const several: Extension = { ...prefix("x-a", "A"), offers: [[["level", "9"], ["fast"]], [["level", "1"]], []] };
  assert.deepEqual(offersOf([several, prefix("x-b", "B")]), ["x-a; level=9; fast", "x-a; level=1", "x-a", "x-b"]);
  assert.deepEqual(offersOf([]), []);
});

test("no extension in the answer is no extension in use, whatever was offered (RFC 6455 §4.1)", () => {
  assert.deepEqual(agreeTo([], [prefix("x-a", "A")], CLIENT), { type: "agreed", stack: undefined });
});

test("an extension is handed the answer's parameters, and what the connection is", () => {
  const seen: unknown[] = [];
  const extension: Extension = {
    ...prefix("x-a", "A"),
    accept(parameters, settings) {
      seen.push(parameters, settings);
      return { refused: "enough seen." };
    },
  };
  assert.deepEqual(agreeTo(entries('x-a; a=1; b; c="d"'), [extension], CLIENT), {
    type: "refused",
    message: "The server's answer for the extension x-a can't be agreed to: enough seen.",
  });
  assert.deepEqual(seen, [
    [
      ["a", "1"],
      ["b", undefined],
      ["c", "d"],
    ],
    CLIENT,
  ]);
});

test("one name twice, two owners of one bit, and bits that there aren't are refused; sessions made so far are ended", () => {
  const ended: string[] = [];
  const first = inverted({ close: () => ended.push("first") });
  const rival = { ...prefix("x-rival", "", { reservedBits: 0b011, close: () => ended.push("rival") }) };
  const odd = prefix("x-odd", "", { reservedBits: 8, close: () => ended.push("odd") });
  const cases = [
    ["x-inverted, x-inverted", /names the extension x-inverted twice/, ["first"]],
    ["x-inverted, x-rival", /x-rival .*uses a reserved bit that x-inverted uses as well/, ["first", "rival"]],
    ["x-inverted, x-odd", /other bits than the three reserved ones/, ["first", "odd"]],
    ["x-inverted, x-unknown", /it was not offered/, ["first"]],
  ] as const;
  for (const [answer, why, endings] of cases) {
    ended.length = 0;
    const result = agreeTo(entries(answer), [first, rival, odd], CLIENT);
    assert.ok(result.type === "refused" && why.test(result.message), answer);
    assert.deepEqual([...ended].sort(), [...endings].sort());
  }
});

test("an extension that throws on the answer refuses it, and another of its name may agree", () => {
  const throws: Extension = {
    ...prefix("x-a", "A"),
    accept() {
      throw new Error("unexpected");
    },
  };
  const result = agreeTo(entries("x-a"), [throws], CLIENT);
  assert.ok(result.type === "refused" && /it failed on it: unexpected/.test(result.message));
  assert.equal(agreeTo(entries("x-a"), [throws, prefix("x-a", "A")], CLIENT).type, "agreed");
});

test("of several extensions with one name that all refuse, the first says why", () => {
  const refusing = (why: string): Extension => ({ ...prefix("x-a", "A"), accept: () => ({ refused: why }) });
  const throwing: Extension = {
    ...prefix("x-a", "A"),
    accept() {
      throw new Error("second.");
    },
  };
  for (const others of [[throwing], [refusing("second.")]]) {
    const result = agreeTo(entries("x-a"), [refusing("first."), ...others], CLIENT);
    assert.ok(result.type === "refused" && /: first\.$/.test(result.message));
  }
});

test("a server takes the first offer that suits it of each name, in the client's order, and passes over the rest", () => {
  const picky: Extension = {
    ...prefix("x-a", "A"),
    answer: (offer, settings) =>
      offer.some(([name]) => name === "fine")
        ? { parameters: [["so", "be-it"]], session: sessionOf(prefix("x-a", "A"), settings) }
        : undefined,
  };
  const offers = entries("x-unknown, x-b, x-a, x-a; fine, x-a; fine; more");
  assert.equal(answerTo(offers, [picky, prefix("x-b", "B")], SERVER)?.header, "x-b, x-a; so=be-it");
  assert.equal(answerTo(entries("x-unknown"), [picky], SERVER), undefined);
  assert.equal(answerTo([], [picky], SERVER), undefined);
});

test("a server declines what collides with what it has agreed to, and what is for clients only", () => {
  let ended = 0;
  const rival = prefix("x-rival", "", { reservedBits: 0b001, close: () => ended++ });
  assert.equal(answerTo(entries("x-inverted, x-rival"), [inverted(), rival], SERVER)?.header, "x-inverted");
  assert.equal(ended, 1);
  const { answer: _answer, ...clientOnly } = prefix("x-a", "A");
  assert.equal(answerTo(entries("x-a"), [clientOnly], SERVER), undefined);
});

function sessionOf(extension: Extension, settings: Parameters<Extension["accept"]>[1]) {
  const session = extension.accept([], settings);
  return "refused" in session ? assert.fail() : session;
}

test("what accept makes must be a session: an answer for anything else is refused, and says why", () => {
  const made: readonly (readonly [unknown, RegExp])[] = [
    [Promise.resolve({}), /no session with encode and decode; it makes one at once/],
    [{ reservedBits: 0, scope: "message", takes: "every", encode: () => undefined }, /no session/],
    [sessionLike({ scope: "frames" }), /another scope/],
    [sessionLike({ takes: undefined }), /takes something else/],
    [sessionLike({ reservedBits: 0.5 }), /other bits/],
    [undefined, /it failed on it/],
  ];
  for (const [session, why] of made) {
    const extension: Extension = { ...prefix("x-a", "A"), accept: () => session as never };
    const result = agreeTo(entries("x-a"), [extension], CLIENT);
    assert.ok(result.type === "refused" && why.test(result.message), JSON.stringify(result));
  }
});

test("a session that fails when it is closed changes nothing about a refusal", () => {
  const closing = prefix("x-a", "A", {
    close: () => {
      throw new Error("unheard");
    },
  });
  const result = agreeTo(entries("x-a, x-a"), [closing], CLIENT);
  assert.ok(result.type === "refused" && /twice/.test(result.message));
});

test("what an extension throws on an offer is the server's to hear, and the sessions made so far are ended", () => {
  let ended = 0;
  const throws: Extension = {
    ...prefix("x-b", "B"),
    answer() {
      throw new Error("unexpected");
    },
  };
  const first = prefix("x-a", "A", { close: () => ended++ });
  assert.throws(() => answerTo(entries("x-a, x-b"), [first, throws], SERVER), /unexpected/);
  assert.equal(ended, 1);
});

function sessionLike(overrides: object): unknown {
  return { ...sessionOf(prefix("x-a", "A"), CLIENT), ...overrides };
}
