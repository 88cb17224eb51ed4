/** The client's side of the opening handshake (RFC 6455 §4.1): what it asks, and whether the answer is good. */
import { acceptKeyOf } from "./handshake-key.ts";
import { extensionsOf, type HeaderField, isToken, listNames, valuesOf, withoutSpace } from "./header-field.ts";

export type HandshakeRequest = {
  /** From `createKey()`; a new one for each request. */
  readonly key: string;
  /** In order of preference; tokens, each once. */
  readonly subprotocols?: readonly string[];
  /** What is offered in Sec-WebSocket-Extensions, an entry each: "permessage-deflate; client_max_window_bits". */
  readonly extensions?: readonly string[];
};

/** What a client that asked so remembers until the answer comes. */
export type HandshakeExpectation = {
  readonly key: string;
  readonly subprotocols: readonly string[];
  /** As they were offered, or their names alone. */
  readonly offeredExtensions: readonly string[];
};

export type HandshakeRefusalReason =
  | "status"
  | "http_version"
  | "upgrade"
  | "connection"
  | "accept"
  | "subprotocol"
  | "extensions";

export type HandshakeResult =
  | {
      readonly type: "accepted";
      /** The subprotocol the server chose, or "". */
      readonly protocol: string;
      /** The extensions in use as the server named them, or "". */
      readonly extensions: string;
    }
  | { readonly type: "refused"; readonly reason: HandshakeRefusalReason; readonly message: string };

/**
 * The header fields of the request, all but Host, in the order in which Fresh sends them.
 * Throws a TypeError for a subprotocol that is no token or is named twice.
 */
export function requestHeaders({ key, subprotocols = [], extensions = [] }: HandshakeRequest): readonly HeaderField[] {
  const headers: HeaderField[] = [
    ["upgrade", "websocket"],
    ["connection", "upgrade"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", key],
  ];
  const fault = subprotocolsFault(subprotocols);
  if (fault !== undefined) throw new TypeError(fault);
  if (subprotocols.length > 0) headers.push(["sec-websocket-protocol", subprotocols.join(", ")]);
  if (extensions.length > 0) headers.push(["sec-websocket-extensions", extensions.join(", ")]);
  return headers;
}

/** Why these subprotocols can't be asked for, as a sentence; undefined when they can. */
export function subprotocolsFault(subprotocols: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (const [index, subprotocol] of subprotocols.entries()) {
    // By its place: some services take a token for a subprotocol, and the sentence may go to a log.
    const which = `The subprotocol at place ${index + 1}`;
    if (typeof subprotocol !== "string" || !isToken(subprotocol)) {
      return `${which} can't be asked for: a subprotocol is a token, without spaces, commas or other separators (RFC 6455 §4.1).`;
    }
    if (seen.has(subprotocol)) return `${which} stands at an earlier one too: name each once (RFC 6455 §4.1).`;
    seen.add(subprotocol);
  }
  return undefined;
}

/** Is this the answer of a server that read our request and speaks the protocol? Never throws. */
export function validateResponse(
  response: {
    readonly status: number;
    /** As "1.1"; left out, it isn't checked. */
    readonly httpVersion?: string;
    readonly headers: readonly HeaderField[];
  },
  asked: HandshakeExpectation,
): HandshakeResult {
  const { status, httpVersion, headers } = response;
  if (status !== 101) {
    return refused("status", `The server answered ${status}; a WebSocket opens with 101 (RFC 6455 §4.1).`);
  }
  // HTTP/1.0 has no 101 (RFC 9110 §15.2) and HTTP/2 has none any more (RFC 9113 §8.6).
  if (httpVersion !== undefined && !/^1\.[1-9]$/.test(httpVersion)) {
    return refused(
      "http_version",
      `The server's 101 came over version ${quote(httpVersion)} of HTTP; a WebSocket opens over HTTP/1.1 (RFC 6455 §4.1, §4.2.2).`,
    );
  }
  // Not a list that names it among others: the connection speaks one protocol now.
  const upgrades = valuesOf(headers, "upgrade");
  if (upgrades.length !== 1 || withoutSpace(upgrades[0] as string).toLowerCase() !== "websocket") {
    return refused(
      "upgrade",
      `The server's 101 has ${found(headers, "upgrade")}; it must say websocket and nothing else (RFC 6455 §4.1).`,
    );
  }
  if (!listNames(valuesOf(headers, "connection"), "upgrade")) {
    return refused(
      "connection",
      `The server's 101 has ${found(headers, "connection")}; it must name upgrade (RFC 6455 §4.1). A proxy between may have removed it.`,
    );
  }
  const accepts = valuesOf(headers, "sec-websocket-accept");
  if (accepts.length !== 1 || withoutSpace(accepts[0] as string) !== acceptKeyOf(asked.key)) {
    return refused(
      "accept",
      accepts.length > 1
        ? `The server's 101 has ${accepts.length} sec-websocket-accept headers; it must have one (RFC 6455 §11.3.3).`
        : `The server's 101 has ${found(headers, "sec-websocket-accept")}, which doesn't answer our key (RFC 6455 §4.1). It may come from a cache, or from no WebSocket server.`,
    );
  }
  return subprotocolRefusal(headers, asked) ?? extensionsRefusal(headers, asked) ?? accepted(headers);
}

function subprotocolRefusal(
  headers: readonly HeaderField[],
  { subprotocols }: HandshakeExpectation,
): HandshakeResult | undefined {
  const chosen = valuesOf(headers, "sec-websocket-protocol");
  if (chosen.length === 0) return undefined;
  if (chosen.length > 1) {
    return refused(
      "subprotocol",
      `The server's 101 has ${chosen.length} sec-websocket-protocol headers; it may choose one subprotocol (RFC 6455 §11.3.4).`,
    );
  }
  const choice = withoutSpace(chosen[0] as string);
  if (subprotocols.includes(choice)) return undefined;
  const count = subprotocols.length;
  // What was asked for is not said again, nor what holds it: it may be a token that a service takes for a subprotocol.
  const what = subprotocols.some((one) => choice.toLowerCase().includes(one.toLowerCase()))
    ? `named more than one of the ${count} subprotocols that were asked for, or changed one`
    : `chose the subprotocol ${quote(choice)}; ${count === 0 ? "none was asked for" : `it is none of the ${count} that were asked for`}`;
  return refused("subprotocol", `The server ${what} (RFC 6455 §4.1).`);
}

function extensionsRefusal(
  headers: readonly HeaderField[],
  { offeredExtensions }: HandshakeExpectation,
): HandshakeResult | undefined {
  const entries = extensionsOf(valuesOf(headers, "sec-websocket-extensions"));
  if (entries === undefined) {
    return refused(
      "extensions",
      `The server's 101 has ${found(headers, "sec-websocket-extensions")}, which is no list of extensions (RFC 6455 §9.1).`,
    );
  }
  const offered = new Set(extensionsOf(offeredExtensions)?.map(({ name }) => name));
  const unasked = entries.find(({ name }) => !offered.has(name));
  if (unasked === undefined) return undefined;
  const asked = offered.size === 0 ? "none was offered" : `offered were ${[...offered].map(quote).join(", ")}`;
  return refused("extensions", `The server chose the extension ${quote(unasked.name)}; ${asked} (RFC 6455 §4.1).`);
}

function accepted(headers: readonly HeaderField[]): HandshakeResult {
  return {
    type: "accepted",
    protocol: withoutSpace(valuesOf(headers, "sec-websocket-protocol")[0] ?? ""),
    extensions: valuesOf(headers, "sec-websocket-extensions").join(", "),
  };
}

function refused(reason: HandshakeRefusalReason, message: string): HandshakeResult {
  return { type: "refused", reason, message };
}

function found(headers: readonly HeaderField[], name: string): string {
  const values = valuesOf(headers, name);
  return values.length === 0 ? `no ${name} header` : `${name}: ${quote(values.join(", "))}`;
}

/** A word for a sentence: short, quoted, and of a peer's odd characters only their numbers. */
function quote(word: unknown): string {
  const text = typeof word === "string" ? word : String(word);
  const short = text.length > 80 ? `${text.slice(0, 80)}...` : text;
  return `"${short.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`;
}
