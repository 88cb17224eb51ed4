/**
 * A second reading of Sec-WebSocket-Extensions and -Protocol (RFC 6455 §9.1, RFC 9110 §5.6): words first, then their order. It
 * backtracks where it likes and is held against the parsers of src/ on short inputs only.
 */
import type { ExtensionEntry } from "../../src/protocol/header-field.ts";

const WORD = /[ \t]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"((?:[^"\\]|\\[\s\S])*)"|([,;=]))[ \t]*/y;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

type Word = {
  readonly token?: string | undefined;
  readonly quoted?: string | undefined;
  readonly sign?: string | undefined;
};

function wordsOf(value: string): readonly Word[] | undefined {
  const words: Word[] = [];
  const start = /^[ \t]*/.exec(value)?.[0].length ?? 0;
  WORD.lastIndex = start;
  for (let at = start; at < value.length; at = WORD.lastIndex) {
    const found = WORD.exec(value);
    if (found === null) return undefined;
    const [, token, quoted, sign] = found;
    words.push({ token, quoted: quoted?.replaceAll(/\\([\s\S])/g, "$1"), sign });
  }
  return words;
}

/** The words between signs. */
function split(words: readonly Word[], sign: string): readonly (readonly Word[])[] {
  const parts: Word[][] = [[]];
  for (const word of words) {
    if (word.sign === sign) parts.push([]);
    else parts.at(-1)?.push(word);
  }
  return parts;
}

function parameterOf(words: readonly Word[]): readonly [string, string | undefined] | undefined {
  const [name, equals, value, ...more] = words;
  if (name?.token === undefined || more.length > 0) return undefined;
  if (equals === undefined) return [name.token, undefined];
  const said = value?.token ?? value?.quoted;
  return equals.sign === "=" && said !== undefined && TOKEN.test(said) ? [name.token, said] : undefined;
}

/** The entries of several fields; undefined when one breaks the grammar, or there is no entry in any of them. */
export function readExtensions(values: readonly string[]): readonly ExtensionEntry[] | undefined {
  const entries: ExtensionEntry[] = [];
  for (const value of values) {
    const words = wordsOf(value);
    if (words === undefined) return undefined;
    for (const element of split(words, ",")) {
      if (element.length === 0) continue;
      const [[name, ...noMore] = [], ...rest] = split(element, ";");
      const parameters = rest.map(parameterOf);
      if (name?.token === undefined || noMore.length > 0) return undefined;
      if (parameters.some((parameter) => parameter === undefined)) return undefined;
      entries.push({ name: name.token, parameters: parameters as ExtensionEntry["parameters"] });
    }
  }
  return entries.length === 0 && values.length > 0 ? undefined : entries;
}

/** The tokens of several fields; undefined when something else stands in one. */
export function readTokens(values: readonly string[]): readonly string[] | undefined {
  const elements = values
    .flatMap((value) => value.split(","))
    .map((element) => element.replace(/^[ \t]+|[ \t]+$/g, ""));
  const tokens = elements.filter((element) => element !== "");
  return tokens.every((token) => TOKEN.test(token)) ? tokens : undefined;
}

/** Does a list over several fields hold this word, however it is written? */
export function lists(values: readonly string[], word: string): boolean {
  return values
    .flatMap((value) => value.split(","))
    .some((element) => element.replace(/^[ \t]+|[ \t]+$/g, "").toLowerCase() === word);
}
