/**
 * Nothing secret reaches a log: credentials travel in userinfo and in query values as often as in headers.
 */

const HIDDEN = "***";

/** An address for logs and messages: without userinfo and fragment, and with each query value hidden. */
export function redactUrl(url: URL): string {
  const query = [...url.searchParams.keys()].map((name) => `${encodeURIComponent(name)}=${HIDDEN}`).join("&");
  const host = url.host === "" ? "" : `//${url.host}`;
  return `${url.protocol}${host}${url.pathname}${query === "" ? "" : `?${query}`}`;
}

/** The same for what may be no address at all. */
export function redactUri(uri: string): string {
  // An "@" without "//" before it: what stands there may be "user:secret@host" that somebody forgot the scheme of.
  const shown = URL.canParse(uri) ? redactUrl(new URL(uri)) : uri.replace(/[?#].*$/s, `?${HIDDEN}`);
  return shown.replace(/^.*@/s, `${HIDDEN}@`);
}

const SECRET_HEADERS: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "set-cookie",
  "proxy-authorization",
  "sec-websocket-protocol",
  "sec-websocket-key",
]);

/** Headers for a log: those that carry credentials (subprotocols are used for tokens too) keep their name only. */
export function redactHeaders(headers: Iterable<readonly [string, string]>): Record<string, string> {
  const shown: [string, string][] = [];
  for (const [name, value] of headers) shown.push([name, SECRET_HEADERS.has(name.toLowerCase()) ? HIDDEN : value]);
  return Object.fromEntries(shown);
}
