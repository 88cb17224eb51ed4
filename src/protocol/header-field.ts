/**
 * Header fields of the opening handshake, and the few grammars their values have (RFC 9110 §5.6, RFC 6455 §9.1).
 *
 * Every reader here walks its value once, from left to right; nothing backtracks, and no peer's word becomes a
 * key of a plain object.
 */

/** A header as it stands on the wire. Names are compared without regard to case. */
export type HeaderField = readonly [name: string, value: string];

/** One entry of Sec-WebSocket-Extensions: a name and its parameters, in order; a parameter without "=" has no value. */
export type ExtensionEntry = {
  readonly name: string;
  readonly parameters: readonly (readonly [name: string, value: string | undefined])[];
};

/** The values of all fields called `name` (lower case), in order. */
export function valuesOf(headers: readonly HeaderField[], name: string): readonly string[] {
  const values: string[] = [];
  for (const [field, value] of headers) {
    if (field.length === name.length && field.toLowerCase() === name) values.push(value);
  }
  return values;
}

/** Is `text` a token, such as a subprotocol must be: one or more of RFC 9110's token characters? */
export function isToken(text: string): boolean {
  return text.length > 0 && endOfToken(text, 0) === text.length;
}

/** The tokens of a comma-separated list over several fields, or undefined when something else stands in it. */
export function tokensOf(values: readonly string[]): readonly string[] | undefined {
  const tokens: string[] = [];
  for (const value of values) {
    let at = skipSpace(value, 0);
    while (at < value.length) {
      const end = endOfToken(value, at);
      if (end > at) tokens.push(value.slice(at, end));
      at = skipSpace(value, end);
      // An empty element is allowed in a list, and means nothing (RFC 9110 §5.6.1.2).
      if (at < value.length && value[at] !== ",") return undefined;
      at = skipSpace(value, at + 1);
    }
  }
  return tokens;
}

/** Does a comma-separated list name `token` (lower case), whatever else it holds and however it is written? */
export function listNames(values: readonly string[], token: string): boolean {
  return values.some((value) => value.split(",").some((element) => withoutSpace(element).toLowerCase() === token));
}

/** The value without what stands around it: spaces and tabs, and nothing else that a language may call white (RFC 9110 §5.6.3). */
export function withoutSpace(value: string): string {
  const start = skipSpace(value, 0);
  let end = value.length;
  while (end > start && (value[end - 1] === " " || value[end - 1] === "\t")) end--;
  return value.slice(start, end);
}

/** The entries of Sec-WebSocket-Extensions fields; undefined when they don't keep to its grammar, as fields without an entry. */
export function extensionsOf(values: readonly string[]): readonly ExtensionEntry[] | undefined {
  const entries: ExtensionEntry[] = [];
  for (const value of values) {
    const reader = new ExtensionReader(value);
    while (!reader.done) {
      if (reader.skips(",")) continue;
      const entry = reader.entry();
      if (entry === undefined || !(reader.done || reader.skips(","))) return undefined;
      entries.push(entry);
    }
  }
  return entries.length === 0 && values.length > 0 ? undefined : entries;
}

/** Reads one Sec-WebSocket-Extensions value from left to right, white space between its parts left out. */
class ExtensionReader {
  readonly #value: string;
  #at: number;

  constructor(value: string) {
    this.#value = value;
    this.#at = skipSpace(value, 0);
  }

  get done(): boolean {
    return this.#at >= this.#value.length;
  }

  skips(character: string): boolean {
    if (this.#value[this.#at] !== character) return false;
    this.#at = skipSpace(this.#value, this.#at + 1);
    return true;
  }

  entry(): ExtensionEntry | undefined {
    const name = this.#token();
    if (name === undefined) return undefined;
    const parameters: [string, string | undefined][] = [];
    while (this.skips(";")) {
      const parameter = this.#token();
      if (parameter === undefined) return undefined;
      if (!this.skips("=")) {
        parameters.push([parameter, undefined]);
        continue;
      }
      const value = this.#value[this.#at] === '"' ? this.#quoted() : this.#token();
      if (value === undefined) return undefined;
      parameters.push([parameter, value]);
    }
    return { name, parameters };
  }

  #token(): string | undefined {
    const end = endOfToken(this.#value, this.#at);
    if (end === this.#at) return undefined;
    const token = this.#value.slice(this.#at, end);
    this.#at = skipSpace(this.#value, end);
    return token;
  }

  /** A quoted string; what it says must be a token all the same (RFC 6455 §9.1). */
  #quoted(): string | undefined {
    let said = "";
    for (let at = this.#at + 1; at < this.#value.length; at++) {
      let character = this.#value[at] as string;
      if (character === '"') {
        this.#at = skipSpace(this.#value, at + 1);
        return isToken(said) ? said : undefined;
      }
      if (character === "\\") {
        at++;
        character = this.#value[at] ?? "";
      }
      said += character;
    }
    return undefined;
  }
}

const TOKEN_PUNCTUATION = "!#$%&'*+-.^_`|~";

function isTokenCode(code: number): boolean {
  const letter = code | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    TOKEN_PUNCTUATION.includes(String.fromCharCode(code))
  );
}

function endOfToken(text: string, start: number): number {
  let at = start;
  while (at < text.length && isTokenCode(text.charCodeAt(at))) at++;
  return at;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (text[at] === " " || text[at] === "\t") at++;
  return at;
}
