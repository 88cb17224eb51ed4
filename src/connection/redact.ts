/**
 * Nothing secret reaches a log: credentials travel in userinfo and in query values as often as in headers.
 */

const HIDDEN = "***";

/** An address for logs and messages: without userinfo and fragment, and with each query value hidden; a bare word is one. */
export function redactUrl(url: URL): string {
  // A question mark behind the first is no border between words: it belongs to a value.
  const words = url.search
    .slice(1)
    .split("&")
    .filter((word) => word !== "");
  const query = words
    .map((word) => (word.includes("=") ? `${word.slice(0, word.indexOf("="))}=${HIDDEN}` : HIDDEN))
    .join("&");
  const host = url.host === "" ? "" : `//${url.host}`;
  return `${url.protocol}${host}${url.pathname}${query === "" ? "" : `?${query}`}`;
}

/** The same for what may be no address at all. */
export function redactUri(uri: string): string {
  let shown: string;
  try {
    // URL.canParse doesn't help: once optimised, Node 20's says yes to some Latin-1 text that new URL then refuses.
    shown = redactUrl(new URL(uri));
  } catch {
    shown = uri.replace(/[?#].*$/s, `?${HIDDEN}`);
  }
  // An "@" without "//" before it: what stands there may be "user:secret@host" that somebody forgot the scheme of.
  return shown.replace(/^.*@/s, `${HIDDEN}@`);
}

// Harmless whatever stands in them. Of any other header nobody but the user knows: keys travel under many names.
const SHOWN_HEADERS: ReadonlySet<string> = new Set(["accept-language", "host", "origin", "user-agent"]);

/** Headers for a log: their names, and the values of the few that never carry credentials. */
export function redactHeaders(headers: Iterable<readonly [string, string]>): Record<string, string> {
  const shown: [string, string][] = [];
  for (const [name, value] of headers) shown.push([name, SHOWN_HEADERS.has(name.toLowerCase()) ? value : HIDDEN]);
  return Object.fromEntries(shown);
}
