/**
 * From what a user gives as an address to what a transport can open (RFC 6455 §3).
 */
import { InvalidUriError } from "./errors.ts";
import { redactUri } from "./redact.ts";

// The schemes taken, and what each becomes.
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ["ws:", "ws:"],
  ["wss:", "wss:"],
  ["http:", "ws:"],
  ["https:", "wss:"],
  ["ws+unix:", "ws+unix:"],
]);
const TAKES =
  "It takes ws://host, wss://host, http:// or https:// for the same, or ws+unix:/path/to.sock:/request/path.";

/**
 * Checks an address and brings it into one form: ws:, wss: or ws+unix:, without userinfo and fragment. Neither goes over
 * the wire: a fragment has no meaning there (RFC 6455 §3), and credentials belong in the `headers` option.
 * @throws InvalidUriError
 */
export function parseUri(uri: string | URL): URL {
  if (typeof uri !== "string" && !(uri instanceof URL)) {
    throw new InvalidUriError(`The uri is ${uri === null ? "null" : `a ${typeof uri}`}, not an address. ${TAKES}`);
  }
  const given = String(uri);
  let url: URL;
  try {
    url = new URL(given);
  } catch {
    // Without its cause: that one holds the whole address, secrets included.
    throw new InvalidUriError(`${JSON.stringify(redactUri(given))} is not an address. ${TAKES}`);
  }
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined) {
    const shown = redactUri(given);
    // What stands before the colon is no scheme but a secret, too, where somebody has forgotten the scheme of "token:@host".
    const what = shown.startsWith(url.protocol) ? `has the scheme ${url.protocol}` : "has no scheme that there is";
    throw new InvalidUriError(`${JSON.stringify(shown)} ${what}. ${TAKES}`);
  }
  if (scheme === "ws+unix:") {
    if (url.pathname.split(":")[0] === "") {
      throw new InvalidUriError(`${JSON.stringify(redactUri(given))} names no socket. ${TAKES}`);
    }
  } else if (!/^[a-z]+:\/\/[^/\\]/i.test(given.trim())) {
    // The URL parser would take the first part of the path of "ws:///x" for the host.
    throw new InvalidUriError(`${JSON.stringify(redactUri(given))} names no host. ${TAKES}`);
  }
  url.hash = "";
  url.username = "";
  url.password = "";
  // A special scheme can be set to another one, which http: and ws: are; it keeps host, port, path and query.
  url.protocol = scheme;
  return url;
}
