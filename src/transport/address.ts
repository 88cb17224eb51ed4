/**
 * What a ws:, wss: or ws+unix: address says: where to connect, what to ask for, and how to call it in a sentence.
 */
import { isIP } from "node:net";

export type Address = {
  readonly where:
    | { readonly type: "tcp"; readonly host: string; readonly port: number }
    | { readonly type: "unix"; readonly socketPath: string };
  /** TLS, as wss: asks. */
  readonly secure: boolean;
  /** The request target: path and query, never the fragment (RFC 6455 §3). */
  readonly target: string;
  /** The value of the Host header: the port stands in it unless it is the scheme's own (RFC 6455 §4.1). */
  readonly authority: string;
  /** For messages: host and port, or the socket's path; no userinfo and no query. */
  readonly label: string;
  /** The host is a name that has to be looked up. */
  readonly named: boolean;
};

/** Takes an address apart; undefined when it is none of ours. Userinfo and fragment are left behind. */
export function addressOf(url: URL): Address | undefined {
  switch (url.protocol) {
    case "ws:":
      return tcpAddress(url, false, 80);
    case "wss:":
      return tcpAddress(url, true, 443);
    case "ws+unix:":
      return unixAddress(url);
    default:
      return undefined;
  }
}

function tcpAddress(url: URL, secure: boolean, defaultPort: number): Address {
  const port = url.port === "" ? defaultPort : Number(url.port);
  // A URL writes an IPv6 address in brackets, a socket takes it without.
  const host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  return {
    where: { type: "tcp", host, port },
    secure,
    target: targetOf(url.pathname, url.search),
    authority: url.host,
    label: `${url.hostname}:${port}`,
    named: isIP(host) === 0,
  };
}

/** `ws+unix:/path/to.sock:/request/path?query`, as the ws package spells it: the first colon ends the socket's path. */
function unixAddress(url: URL): Address | undefined {
  const colon = url.pathname.indexOf(":");
  const encoded = colon === -1 ? url.pathname : url.pathname.slice(0, colon);
  if (encoded === "") return undefined;
  const socketPath = decoded(encoded);
  // The system would take what stands before a NUL for the whole path; with one in front it is a name, not a path (unix(7)).
  if (socketPath.indexOf("\0") > 0) return undefined;
  return {
    where: { type: "unix", socketPath },
    secure: false,
    target: targetOf(colon === -1 ? "" : url.pathname.slice(colon + 1), url.search),
    authority: "localhost",
    // Decoded only where that is fit for a sentence.
    label: /^[ -~\u00a0-\uffff]*$/.test(socketPath) ? socketPath : encoded,
    named: false,
  };
}

function targetOf(path: string, query: string): string {
  return `${path === "" ? "/" : path}${query}`;
}

// A URL can't hold a space or a colon in a socket's path but as %20 or %3A; a stray % stands for itself.
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
