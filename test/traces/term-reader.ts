/**
 * Reads Elixir terms as the recorded data writes them: atoms, numbers, strings, `<<bytes>>`, charlists, tuples, lists, keyword
 * lists, maps, structs, the data's placeholders (`<pid>`, `<correct>`, `<stack: …>`, `<binary bytes=N utf8=B sha256=H>`) and,
 * for the answers of callbacks, expressions over variables (`{:ok, state + 1}`).
 */
import { atom, binary, list, number, type Operator, standIn, string, type Term, tuple } from "./terms.ts";

const STAND_IN = /^<binary bytes=(\d+) utf8=(true|false) sha256=([0-9a-f]+)>$/;

/** Reads one term. @throws SyntaxError, with the place, for what it can't read to the end. */
export function parseTerm(source: string): Term {
  const reader = new Reader(source);
  const term = reader.expression();
  reader.end();
  return term;
}

const OPERATORS: readonly Operator[] = ["<>", "++", "+", "-", "*"];
const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  e: "\u001b",
  a: "\u0007",
  b: "\b",
  f: "\f",
  v: "\v",
  s: " ",
  d: "\u007f",
  "0": "\0",
};

class Reader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  expression(): Term {
    let left = this.#operand();
    for (;;) {
      const operator = OPERATORS.find((candidate) => this.#takes(candidate));
      if (operator === undefined) return left;
      left = { kind: "operation", operator, left, right: this.#operand() };
    }
  }

  end(): void {
    this.#space();
    if (this.#at < this.#source.length) this.#fail("the end");
  }

  #operand(): Term {
    this.#space();
    const rest = this.#source.slice(this.#at);
    if (rest.startsWith("<<")) return this.#bytes();
    if (rest.startsWith("<")) return this.#placeholder();
    if (rest.startsWith('"')) return string(this.#quoted('"'));
    if (rest.startsWith("'")) return { kind: "charlist", text: this.#quoted("'") };
    if (this.#takes("{")) return { kind: "tuple", items: this.#items("}") };
    if (this.#takes("[")) return list(this.#items("]"));
    if (rest.startsWith("%")) return this.#map();
    if (rest.startsWith(":")) return this.#colonAtom();
    const numeral = /^-?\d[\d_]*(\.\d+)?/.exec(rest)?.[0];
    if (numeral !== undefined) {
      this.#at += numeral.length;
      return number(Number(numeral.replaceAll("_", "")));
    }
    const name = /^[\p{L}_][\p{L}\d_.]*[?!]?/u.exec(rest)?.[0];
    if (name === undefined) return this.#fail("a term");
    this.#at += name.length;
    return /^(\p{Lu}|nil$|true$|false$)/u.test(name) ? atom(name) : { kind: "variable", name };
  }

  // `a: 1` in a tuple, list or map is short for `{:a, 1}`.
  #items(close: string): readonly Term[] {
    const items: Term[] = [];
    while (!this.#takes(close)) {
      const key = this.#keywordKey();
      items.push(key === undefined ? this.expression() : tuple(atom(key), this.expression()));
      if (this.#takes(",")) continue;
      if (!this.#takes(close)) this.#fail(`"," or "${close}"`);
      break;
    }
    return items;
  }

  #keywordKey(): string | undefined {
    this.#space();
    const found = /^([\p{L}_][\p{L}\d_]*[?!]?|"(?:[^"\\]|\\.)*"):(?=\s)/u.exec(this.#source.slice(this.#at));
    if (found === null) return undefined;
    this.#at += found[0].length;
    return found[1]?.replaceAll('"', "");
  }

  #map(): Term {
    this.#at += 1;
    const struct = /^[\p{Lu}][\p{L}\d_.]*/u.exec(this.#source.slice(this.#at))?.[0];
    this.#at += struct?.length ?? 0;
    if (!this.#takes("{")) this.#fail('"{"');
    const entries: [Term, Term][] = [];
    while (!this.#takes("}")) {
      const key = this.#keywordKey();
      if (key === undefined) {
        const given = this.expression();
        if (!this.#takes("=>")) this.#fail('"=>"');
        entries.push([given, this.expression()]);
      } else {
        entries.push([atom(key), this.expression()]);
      }
      if (this.#takes(",")) continue;
      if (!this.#takes("}")) this.#fail('"," or "}"');
      break;
    }
    return { kind: "map", struct, entries };
  }

  #bytes(): Term {
    const close = this.#source.indexOf(">>", this.#at);
    if (close < 0) this.#fail('">>"');
    const inside = this.#source.slice(this.#at + 2, close).trim();
    this.#at = close + 2;
    if (inside === "") return binary(new Uint8Array(0));
    const parts = inside.split(",").map((part) => part.trim());
    if (parts.some((part) => !/^\d+$/.test(part))) return { kind: "bits", text: parts.join(", ") };
    return binary(Uint8Array.from(parts, Number));
  }

  #placeholder(): Term {
    // A stack holds "<" between its frames; nothing else in the data has a ">" inside.
    const found =
      /^<stack:.*?>(?=[\s,\]})]|$)|^<[^<>]*>/s.exec(this.#source.slice(this.#at))?.[0] ?? this.#fail("a placeholder");
    this.#at += found.length;
    const stand = STAND_IN.exec(found);
    if (stand === null) return { kind: "placeholder", text: found.startsWith("<stack") ? "<stack>" : found };
    return binary(standIn(Number(stand[1]), stand[2] === "true", stand[3] ?? ""));
  }

  #colonAtom(): Term {
    this.#at += 1;
    if (this.#source[this.#at] === '"') return atom(this.#quoted('"'));
    const name = /^([\p{L}_][\p{L}\d_@.]*[?!]?|[-+*/<>=!&|^]+)/u.exec(this.#source.slice(this.#at))?.[0];
    if (name === undefined) return this.#fail("an atom's name");
    this.#at += name.length;
    return atom(name);
  }

  #quoted(quote: string): string {
    let text = "";
    for (let at = this.#at + 1; at < this.#source.length; at += 1) {
      const char = this.#source[at];
      if (char === quote) {
        this.#at = at + 1;
        return text;
      }
      if (char !== "\\") {
        text += char;
        continue;
      }
      const hex = /^\\(?:x([\dA-Fa-f]{2})|u([\dA-Fa-f]{4})|u\{([\dA-Fa-f]+)\})/.exec(this.#source.slice(at));
      if (hex !== null) {
        text += String.fromCodePoint(Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? "0", 16));
        at += hex[0].length - 1;
        continue;
      }
      at += 1;
      const escaped = this.#source[at] ?? "";
      text += ESCAPES[escaped] ?? escaped;
    }
    return this.#fail(`a closing ${quote}`);
  }

  #takes(token: string): boolean {
    this.#space();
    if (!this.#source.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #space(): void {
    while (/\s/.test(this.#source[this.#at] ?? "")) this.#at += 1;
  }

  #fail(wanted: string): never {
    throw new SyntaxError(`Expected ${wanted} at ${this.#at} of ${JSON.stringify(this.#source)}.`);
  }
}
