/**
 * Request headers: from what a user gives to pairs in their order, checked (RFC 9110 §5.1, §5.5).
 */
import type { HeadersInput } from "./option-types.ts";

type Pair = readonly [name: string, value: string];

/** What is wrong with a header, as the end of a sentence that begins with the option's name. */
export type HeadersFault = { readonly fault: string };

// RFC 9110 §5.6.2: token.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// RFC 9110 §5.5: visible characters, space, tab, obs-text; no CR, LF or NUL that would end or split the field.
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

// What the handshake itself says (RFC 6455 §4.1); a second one would contradict it or be sent twice.
const RESERVED: ReadonlyMap<string, string> = new Map([
  ["connection", "the handshake sets it"],
  ["upgrade", "the handshake sets it"],
  ["sec-websocket-key", "the handshake sets it"],
  ["sec-websocket-version", "the handshake sets it"],
  ["sec-websocket-accept", "only a server sends it"],
  ["sec-websocket-extensions", "use upgradeOptions.extensions"],
  ["content-length", "an upgrade request has no body"],
  ["transfer-encoding", "an upgrade request has no body"],
]);

/** The pairs in their order, or what is wrong. A header with several values becomes several pairs. */
export function parseHeaders(input: HeadersInput): readonly Pair[] | HeadersFault {
  // Callers may be JavaScript, so anything may be here.
  if (typeof input !== "object" || input === null) {
    return { fault: `is ${kindOf(input)}, where an object, [name, value] pairs or a Headers are needed` };
  }
  const pairs: Pair[] = [];
  for (const [name, value] of entriesOf(input)) {
    if (typeof name !== "string" || !TOKEN.test(name)) {
      return { fault: `has a header named ${JSON.stringify(name)}, which is no token (RFC 9110 §5.6.2)` };
    }
    const reserved = RESERVED.get(name.toLowerCase());
    if (reserved !== undefined) return { fault: `may not contain ${name}: ${reserved}` };
    for (const one of Array.isArray(value) ? value : [value]) {
      // The value may be a secret, so it is not shown.
      if (typeof one !== "string") return { fault: `has a ${name} that is ${kindOf(one)}, where a string is needed` };
      if (!VALUE.test(one)) {
        return {
          fault: `has a ${name} whose value holds a control character or one outside Latin-1 (RFC 9110 §5.5); remove or encode it`,
        };
      }
      pairs.push([name, one]);
    }
  }
  return pairs;
}

function entriesOf(input: HeadersInput): Iterable<readonly [unknown, unknown]> {
  if (!(Symbol.iterator in input)) return Object.entries(input);
  // Pairs, a Headers, a Map. An array's holes come out as undefined here, where its own methods would pass over them.
  return Array.from(input as Iterable<unknown>, (pair) =>
    Array.isArray(pair) ? [pair[0], pair[1]] : [pair, undefined],
  );
}

function kindOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : `a ${typeof value}`;
}
