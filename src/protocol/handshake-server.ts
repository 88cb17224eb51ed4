/** The server's side of the opening handshake (RFC 6455 §4.2): whether a request asks for a WebSocket, and the answer. */
import { acceptKeyOf } from "./handshake-key.ts";
import {
  type ExtensionEntry,
  extensionsOf,
  type HeaderField,
  listNames,
  tokensOf,
  valuesOf,
  withoutSpace,
} from "./header-field.ts";

export type UpgradeRequest = {
  readonly method: string;
  /** As "1.1"; left out, it isn't checked. */
  readonly httpVersion?: string;
  readonly headers: readonly HeaderField[];
};

export type RequestResult =
  | {
      readonly type: "accepted";
      readonly key: string;
      /** What the client asks for, in its order of preference. */
      readonly subprotocols: readonly string[];
      /** What the client offers, in its order of preference. */
      readonly extensions: readonly ExtensionEntry[];
      /** Sent by browsers: check it, or any web page may connect in its visitor's name (RFC 6455 §10.2). */
      readonly origin?: string;
    }
  | {
      readonly type: "refused";
      readonly status: 400 | 405 | 426;
      /** To be sent with that status. */
      readonly headers: readonly HeaderField[];
      readonly message: string;
    };

/** Does this request open a WebSocket? Never throws. */
export function validateRequest({ method, httpVersion, headers }: UpgradeRequest): RequestResult {
  if (method !== "GET") {
    return refused(405, "A WebSocket opens with GET; the request used another method (RFC 6455 §4.1).", [
      ["allow", "GET"],
    ]);
  }
  if (httpVersion !== undefined && !isAtLeastHttp11(httpVersion)) {
    return refused(400, "A WebSocket opens over HTTP/1.1; the request came in an older version (RFC 6455 §4.1).");
  }
  if (!listNames(valuesOf(headers, "upgrade"), "websocket")) {
    return refused(426, "The request has no upgrade header that names websocket (RFC 6455 §4.2.1).", [
      ["upgrade", "websocket"],
      ["connection", "upgrade"],
    ]);
  }
  if (!listNames(valuesOf(headers, "connection"), "upgrade")) {
    return refused(400, "The request has no connection header that names upgrade (RFC 6455 §4.2.1).");
  }
  const versions = valuesOf(headers, "sec-websocket-version");
  if (versions.length !== 1 || withoutSpace(versions[0] as string) !== "13") {
    return refused(426, "The request asks for another version of the protocol than 13 (RFC 6455 §4.4).", [
      ["sec-websocket-version", "13"],
      ["upgrade", "websocket"],
      ["connection", "upgrade"],
    ]);
  }
  const keys = valuesOf(headers, "sec-websocket-key");
  const key = withoutSpace(keys[0] ?? "");
  if (keys.length !== 1 || !isKey(key)) {
    return refused(400, "The request needs one sec-websocket-key: 16 bytes in base64 (RFC 6455 §4.2.1).");
  }
  const lists = valuesOf(headers, "sec-websocket-protocol");
  const subprotocols = tokensOf(lists);
  if (subprotocols === undefined || !isSetOf(subprotocols, lists)) {
    return refused(400, "The sec-websocket-protocol header is no list of tokens that are named once (RFC 6455 §4.1).");
  }
  const extensions = extensionsOf(valuesOf(headers, "sec-websocket-extensions"));
  if (extensions === undefined) {
    return refused(400, "The sec-websocket-extensions header is no list of extensions (RFC 6455 §9.1).");
  }
  const origin = valuesOf(headers, "origin")[0];
  return { type: "accepted", key, subprotocols, extensions, ...(origin === undefined ? {} : { origin }) };
}

/** The header fields of the 101 that accepts a request with this key. `extensions` as they are to stand on the wire. */
export function responseHeaders({
  key,
  protocol = "",
  extensions = "",
}: {
  readonly key: string;
  readonly protocol?: string;
  readonly extensions?: string;
}): readonly HeaderField[] {
  const headers: HeaderField[] = [
    ["upgrade", "websocket"],
    ["connection", "Upgrade"],
    ["sec-websocket-accept", acceptKeyOf(key)],
  ];
  if (protocol !== "") headers.push(["sec-websocket-protocol", protocol]);
  if (extensions !== "") headers.push(["sec-websocket-extensions", extensions]);
  return headers;
}

function refused(status: 400 | 405 | 426, message: string, headers: readonly HeaderField[] = []): RequestResult {
  return { type: "refused", status, headers, message };
}

function isAtLeastHttp11(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".", 2).map(Number);
  return major > 1 || (major === 1 && minor >= 1);
}

/** Each once, and at least one where the header is there at all. */
function isSetOf(tokens: readonly string[], lists: readonly string[]): boolean {
  return new Set(tokens).size === tokens.length && (tokens.length > 0 || lists.length === 0);
}

/** 16 bytes in base64 are 22 characters of its alphabet and two signs of padding. */
function isKey(key: string): boolean {
  if (key.length !== 24 || !key.endsWith("==")) return false;
  for (let at = 0; at < 22; at++) {
    const code = key.charCodeAt(at);
    const letter = code | 0x20;
    const inAlphabet =
      (letter >= 0x61 && letter <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2f;
    if (!inAlphabet) return false;
  }
  return true;
}
