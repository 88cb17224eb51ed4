/**
 * The opening handshake from both sides: heads of answers for the client's judgement, heads of requests for the test server's
 * reader and the server's judgement. Each verdict is held against a plain restatement of RFC 6455 §4.
 */
import assert from "node:assert/strict";
import { validateResponse } from "../../../src/protocol/handshake-client.ts";
import { acceptKeyOf } from "../../../src/protocol/handshake-key.ts";
import { responseHeaders, validateRequest } from "../../../src/protocol/handshake-server.ts";
import { type HeaderField, valuesOf } from "../../../src/protocol/header-field.ts";
import { RequestHeadReader, type RequestHeadResult } from "../../../src/testing/request-head.ts";
import { cutAt, singly } from "../../protocol/wire.ts";
import { lists, readExtensions, readTokens } from "../extension-grammar.ts";
import { HEAD_MUTATORS, headOf } from "../message-head.ts";
import type { Target } from "../target.ts";
import { drawCuts } from "./decoder.ts";

/** The key of RFC 6455 §1.3, which the corpus answers. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const SUBPROTOCOLS = ["chat", "superchat"];
const EXTENSIONS = ["x-one; level=1", "x-two"];

/** What stands in a message for people: a peer's words in it can't break its line or drive a terminal. */
function isOneLine(message: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is what this is for.
  assert.doesNotMatch(message, /[\u0000-\u001f\u007f-\u009f]/, "a control character in a message");
  assert.ok(message.length < 1000, `a message of ${message.length} characters`);
}

const trim = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, "");

/** Why a client must refuse this answer, or undefined. */
function faultOfAnswer(status: number, httpVersion: string, headers: readonly HeaderField[]): string | undefined {
  const all = (name: string) => valuesOf(headers, name);
  if (status !== 101) return "status";
  if (!/^1\.[1-9]$/.test(httpVersion)) return "http_version";
  const upgrades = all("upgrade");
  if (upgrades.length !== 1 || trim(upgrades[0] as string).toLowerCase() !== "websocket") return "upgrade";
  if (!lists(all("connection"), "upgrade")) return "connection";
  const accepts = all("sec-websocket-accept");
  if (accepts.length !== 1 || trim(accepts[0] as string) !== acceptKeyOf(KEY)) return "accept";
  const chosen = all("sec-websocket-protocol");
  if (chosen.length > 1 || !chosen.every((one) => SUBPROTOCOLS.includes(trim(one)))) return "subprotocol";
  const entries = readExtensions(all("sec-websocket-extensions"));
  return entries?.every(({ name }) => name === "x-one" || name === "x-two") ? undefined : "extensions";
}

export const handshakeAnswer: Target = {
  name: "handshake-answer",
  corpus: "handshake-answer",
  mutators: HEAD_MUTATORS,
  check(input) {
    const { line, headers } = headOf(input);
    const [, httpVersion = "", status = "0"] = /^HTTP\/(\d\.\d) (\d{3})/.exec(line) ?? [];
    const asked = { key: KEY, subprotocols: SUBPROTOCOLS, offeredExtensions: EXTENSIONS };
    const result = validateResponse({ status: Number(status), httpVersion, headers }, asked);
    const fault = faultOfAnswer(Number(status), httpVersion, headers);
    assert.equal(result.type === "refused" ? result.reason : undefined, fault);
    if (result.type === "refused") isOneLine(result.message);
    return fault ?? `accepted ${Object.values(result).join(" ").length}`;
  },
};

/** Whether a server must refuse this request, for what is a WebSocket's own. */
function isGoodRequest(method: string, version: string, headers: readonly HeaderField[]): boolean {
  const all = (name: string) => valuesOf(headers, name);
  const keys = all("sec-websocket-key");
  const versions = all("sec-websocket-version");
  const lists13 = versions.length === 1 && trim(versions[0] as string) === "13";
  const subprotocols = readTokens(all("sec-websocket-protocol"));
  return (
    method === "GET" &&
    /^1\.[1-9]$/.test(version) &&
    lists(all("upgrade"), "websocket") &&
    lists(all("connection"), "upgrade") &&
    lists13 &&
    keys.length === 1 &&
    /^[A-Za-z0-9+/]{22}==$/.test(trim(keys[0] as string)) &&
    subprotocols !== undefined &&
    new Set(subprotocols).size === subprotocols.length &&
    (subprotocols.length > 0 || all("sec-websocket-protocol").length === 0) &&
    readExtensions(all("sec-websocket-extensions")) !== undefined
  );
}

/** What the reader says of a head that comes in these pieces, the rest of the bytes left out. */
function readHead(chunks: readonly Uint8Array[]): RequestHeadResult | undefined {
  const reader = new RequestHeadReader();
  for (const chunk of chunks) {
    const result = reader.push(chunk);
    if (result !== undefined) return result.type === "head" ? { ...result, rest: new Uint8Array(0) } : result;
  }
  return undefined;
}

export const handshakeRequest: Target = {
  name: "handshake-request",
  corpus: "handshake-request",
  mutators: HEAD_MUTATORS,
  check(input, random) {
    const result = readHead([input]);
    const words = JSON.stringify(result);
    assert.equal(JSON.stringify(readHead(singly(input))), words, "a byte at a time it says something else");
    const cuts = drawCuts(random, input.length);
    assert.equal(JSON.stringify(readHead(cutAt(input, cuts))), words, `cut at ${cuts} it says something else`);
    if (result === undefined) return "unfinished";
    if (result.type === "fault") {
      isOneLine(result.message);
      return result.message.slice(0, 60);
    }
    const { method, version, headers } = result.head;
    const verdict = validateRequest({ method, httpVersion: version.slice("HTTP/".length), headers });
    assert.equal(verdict.type, isGoodRequest(method, version.slice("HTTP/".length), headers) ? "accepted" : "refused");
    if (verdict.type === "refused") {
      isOneLine(verdict.message);
      return verdict.message;
    }
    const answer = responseHeaders({ key: verdict.key, protocol: verdict.subprotocols[0] ?? "" });
    const asked = { key: verdict.key, subprotocols: verdict.subprotocols, offeredExtensions: [] };
    assert.equal(
      validateResponse({ status: 101, headers: answer }, asked).type,
      "accepted",
      "our own answer is refused",
    );
    return `accepted ${verdict.subprotocols.length} ${verdict.extensions.length}`;
  },
};
