import assert from "node:assert/strict";
import { test } from "node:test";
import { headFault } from "../../src/transport/response-head.ts";

const fault = (rawHeaders: string[], statusMessage = "Switching Protocols") => headFault({ rawHeaders, statusMessage });

/** Every byte as a character, and what stands for no byte at all. */
const CHARACTERS = [...Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)), "\u0100", "\u20ac"];
const CONTROLS = CHARACTERS.filter((character) => !/^[\t -~\x80-\xff]$/.test(character));

test("what HTTP allows is no fault: tokens, visible characters, blanks, Latin-1, no value, no reason phrase", () => {
  assert.equal(fault([]), undefined);
  assert.equal(fault(["X-A", "1"], ""), undefined);
  assert.equal(
    headFault({ rawHeaders: ["!#$%&'*+-.^_`|~9Az", " a\tb ", "x", "caf\xe9 \x80\xff", "x", ""] }),
    undefined,
  );
  assert.equal(fault(["X-A", "1"], "Tout va bien, m\xeame\tici"), undefined);
});

test("a field's name is a token, or the head is at fault, whichever field it is", () => {
  const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/;
  for (const character of CHARACTERS) {
    for (const name of [character, `x${character}`, `${character}x`]) {
      const said = fault(["X-A", "1", name, "secret", "X-B", "2"]);
      assert.equal(said !== undefined, !token.test(character), JSON.stringify(name));
      if (said !== undefined) assert.match(said, /^the name of a field is no token/);
    }
  }
  assert.match(fault(["", "a"]) ?? "", /no token/);
});

test("a control character in a value or in the reason phrase is a fault, and what stood there isn't told", () => {
  assert.equal(CONTROLS.length, 34);
  for (const character of CHARACTERS) {
    const wrong = CONTROLS.includes(character);
    const inValue = fault(["X-A", "1", "x", `secret${character}`]);
    assert.equal(inValue, wrong ? "the value of a field holds a control character (RFC 9110 §5.5)" : undefined);
    const inReason = fault(["X-A", "1"], `secret${character}x`);
    assert.equal(inReason, wrong ? "its reason phrase holds a control character (RFC 9112 §4)" : undefined);
  }
});
