/** Addresses: taken or refused with an InvalidUriError, always in one form, and never with a secret in a message or a log. */
import assert from "node:assert/strict";
import { InvalidUriError } from "../../../src/connection/errors.ts";
import { redactUri } from "../../../src/connection/redact.ts";
import { parseUri } from "../../../src/connection/uri.ts";
import { latin1, TEXT_MUTATORS } from "../message-head.ts";
import type { Target } from "../target.ts";

/** What the corpus has in the place of secrets. */
const SECRET = "hush";

/** Not URL.canParse: once it is hot, it errs in Node 20. */
function addressOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** Does the marker stand where secrets stand, and nowhere else? */
function hidesSecret(text: string): boolean {
  const url = addressOf(text);
  // What is no address may be one that somebody has mistyped.
  if (url === undefined) return text.includes(SECRET) && !text.replace(/^[^?#]*@|[?#].*$/gs, "").includes(SECRET);
  const secret = [url.username, url.password, url.hash, ...url.searchParams.values()];
  const shown = [url.protocol, url.host, url.pathname, ...url.searchParams.keys()];
  return secret.some((part) => part.includes(SECRET)) && !shown.some((part) => part.includes(SECRET));
}

export const uri: Target = {
  name: "uri",
  corpus: "uri",
  mutators: TEXT_MUTATORS,
  check(input) {
    const text = latin1(input);
    if (hidesSecret(text)) assert.ok(!redactUri(text).includes(SECRET), `redacted as ${redactUri(text)}`);
    let url: URL;
    try {
      url = parseUri(text);
    } catch (error) {
      assert.ok(error instanceof InvalidUriError, String(error));
      if (hidesSecret(text)) assert.ok(!error.message.includes(SECRET), error.message);
      return error.message.replace(/".*"/s, "").slice(0, 30);
    }
    assert.match(url.protocol, /^(ws|wss|ws\+unix):$/);
    assert.equal(`${url.username}${url.password}${url.hash}`, "");
    assert.equal(parseUri(url).href, url.href, "what was parsed is parsed to something else");
    assert.ok(url.protocol === "ws+unix:" || url.host !== "", "no host");
    return `${url.protocol} ${url.port !== ""} ${url.search !== ""} ${url.pathname.length > 1}`;
  },
};
