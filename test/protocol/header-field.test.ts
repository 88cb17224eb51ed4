import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { extensionsOf, isToken, listNames, tokensOf, valuesOf } from "../../src/protocol/header-field.ts";

describe("valuesOf", () => {
  it("finds every field of a name, however it is written, in order", () => {
    const headers = [
      ["X-A", "1"],
      ["x-b", "2"],
      ["x-a", "3"],
    ] as const;
    assert.deepEqual(valuesOf(headers, "x-a"), ["1", "3"]);
    assert.deepEqual(valuesOf(headers, "constructor"), []);
  });
});

describe("isToken", () => {
  it("takes RFC 9110's token characters and nothing else", () => {
    const allowed = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (let code = 0; code < 0x250; code++) {
      const character = String.fromCharCode(code);
      assert.equal(isToken(character), allowed.includes(character), JSON.stringify(character));
    }
    assert.equal(isToken(""), false);
    assert.equal(isToken("graphql-transport-ws"), true);
    assert.equal(isToken("a b"), false);
  });
});

describe("tokensOf", () => {
  it("reads a list over several fields, with spaces, tabs and empty elements", () => {
    assert.deepEqual(tokensOf(["a, b\t,,c ", "", " , d"]), ["a", "b", "c", "d"]);
    assert.deepEqual(tokensOf([]), []);
  });

  for (const bad of ["a b", "a;b", "a=1", '"a"', "a, (b)", "é", "a\0"]) {
    it(`refuses ${JSON.stringify(bad)}`, () => {
      assert.equal(tokensOf([bad]), undefined);
    });
  }

  it("reads back any list of tokens", () => {
    const token = fc.string({ unit: fc.constantFrom(..."aZ09!~-."), minLength: 1, maxLength: 5 });
    fc.assert(fc.property(fc.array(token), (tokens) => assert.deepEqual(tokensOf([tokens.join(" ,\t")]), tokens)));
  });
});

describe("listNames", () => {
  it("finds a token in a list without regard to case, and no part of one", () => {
    assert.equal(listNames(["keep-alive, Upgrade"], "upgrade"), true);
    assert.equal(listNames(["keep-alive", "UPGRADE"], "upgrade"), true);
    assert.equal(listNames(["upgrades, xupgrade"], "upgrade"), false);
    assert.equal(listNames([], "upgrade"), false);
  });
});

describe("extensionsOf", () => {
  it("reads names, parameters, values and quoted values (RFC 6455 §9.1)", () => {
    assert.deepEqual(extensionsOf(['foo, bar; baz=2;qux ; q = "a\\b"', "", "zip"]), [
      { name: "foo", parameters: [] },
      {
        name: "bar",
        parameters: [
          ["baz", "2"],
          ["qux", undefined],
          ["q", "ab"],
        ],
      },
      { name: "zip", parameters: [] },
    ]);
  });

  it("keeps peer's names that mean something to JavaScript as plain words", () => {
    assert.deepEqual(extensionsOf(["__proto__; constructor=toString"]), [
      { name: "__proto__", parameters: [["constructor", "toString"]] },
    ]);
  });

  it("takes no field for no extension, and empty elements beside others", () => {
    assert.deepEqual(extensionsOf([]), []);
    assert.deepEqual(extensionsOf([", foo,", ""]), [{ name: "foo", parameters: [] }]);
  });

  for (const bad of [
    "",
    " , ,",
    "foo;",
    "foo; =1",
    "foo; a=",
    'foo; a="',
    'foo; a="b',
    'foo; a="b c"',
    'foo; a=""',
    'foo; a="\\',
    "foo bar",
    ";a",
    "foo; a=b c",
    "(foo)",
    'foo; a="b"c',
  ]) {
    it(`refuses ${JSON.stringify(bad)}`, () => {
      assert.equal(extensionsOf([bad]), undefined);
    });
  }

  it("never throws, and takes time in proportion to length", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom(...'ab=;,"\\ \t(') })), (values) => {
        extensionsOf(values);
        tokensOf(values);
      }),
    );
    // Quadratic work on these would take minutes; linear work takes milliseconds.
    for (const piece of [" ", ",", ";a", 'a;a="', "\\", "a,"]) extensionsOf([piece.repeat(500_000)]);
    assert.equal(extensionsOf([`a; b="${"\\c".repeat(500_000)}`]), undefined);
  });
});
