/**
 * Where an answer sends its client (RFC 9110 §15.4), and whether a client may go there. What decides where the next
 * request goes is read strictly: one location header that is an address, or the redirect isn't followed.
 */
import { valuesOf } from "../protocol/index.ts";
import type { HeaderPair } from "./channel.ts";

// All of them mean the same to a GET: ask there instead. 300 leaves a choice, and 304 and 305 name no other place.
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** What becomes of the schemes that a location may have. */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ["ws:", "ws:"],
  ["wss:", "wss:"],
  ["http:", "ws:"],
  ["https:", "wss:"],
]);

export type RedirectTarget =
  | {
      readonly type: "target";
      /** ws:, wss:, or the same ws+unix: socket; without userinfo and fragment. */
      readonly url: URL;
      /** Scheme, host and port are those that the redirect came from. */
      readonly sameOrigin: boolean;
    }
  | {
      readonly type: "fault";
      readonly reason: "invalid_redirect" | "insecure_redirect";
      /** What the redirect does: the end of a sentence. */
      readonly what: string;
    };

/** Is this a status that says: ask there instead? */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/** Reads the location of an answer that came from `from`. */
export function redirectTarget(headers: readonly HeaderPair[], from: URL): RedirectTarget {
  const locations = valuesOf(headers, "location");
  if (locations.length !== 1) {
    return invalid(locations.length === 0 ? "has no location header" : `has ${locations.length} location headers`);
  }
  const location = locations[0] as string;
  if (location === "") return invalid("has an empty location header");
  // RFC 3986 §2: anything else is no address, and every reader would make another one of it.
  if (!/^[\x21-\x7e]+$/.test(location)) return invalid("has a location header with characters that no address holds");
  let url: URL;
  try {
    url = new URL(location, baseOf(from));
  } catch {
    return invalid("has a location header that is no address");
  }
  if (url.protocol === "ws+unix:") {
    return insecure("points to a unix socket: which of those are connected to is for this machine to say");
  }
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined) return invalid("points to an address that isn't ws:, wss:, http: or https:");
  url.protocol = scheme;
  url.username = "";
  url.password = "";
  url.hash = "";
  if (from.protocol === "ws+unix:") return targetOnSocket(url, from);
  if (from.protocol === "wss:" && scheme === "ws:") {
    return insecure("points from wss: to ws:, which would give up encryption");
  }
  return { type: "target", url, sameOrigin: url.protocol === from.protocol && url.host === from.host };
}

/** An address for a sentence: its query may hold secrets, and is left out. */
export function describeTarget(url: URL): string {
  return url.host === ""
    ? url.pathname.slice(url.pathname.indexOf(":") + 1)
    : `${url.protocol}//${url.host}${url.pathname}`;
}

/** A server behind a unix socket is called localhost: so the Host header calls it (address.ts), and so may its locations. */
function baseOf(from: URL): URL {
  if (from.protocol !== "ws+unix:") return from;
  const path = from.pathname.slice(socketOf(from).length + 1);
  return new URL(`ws://localhost${path === "" ? "/" : path}${from.search}`);
}

function targetOnSocket(url: URL, from: URL): RedirectTarget {
  if (url.protocol !== "ws:" || url.host !== "localhost") {
    return insecure("points from a unix socket to the network");
  }
  return { type: "target", url: new URL(`ws+unix:${socketOf(from)}:${url.pathname}${url.search}`), sameOrigin: true };
}

function socketOf({ pathname }: URL): string {
  return pathname.split(":", 1)[0] as string;
}

function invalid(what: string): RedirectTarget {
  return { type: "fault", reason: "invalid_redirect", what };
}

function insecure(what: string): RedirectTarget {
  return { type: "fault", reason: "insecure_redirect", what };
}
