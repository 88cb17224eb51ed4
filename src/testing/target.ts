/**
 * The server behind a proxy, as it is named: a URL or a port.
 */
import type { Place } from "./listening.ts";

export type Target = {
  readonly place: Place;
  readonly isTls: boolean;
  /** Path and query of its URL, or "". */
  readonly path: string;
};

const SECURE: Readonly<Record<string, boolean>> = { "ws:": false, "http:": false, "wss:": true, "https:": true };
const UNIX = /^ws\+unix:(?:\/\/)?([^:]+)(?::(.*))?$/;

/** @throws TypeError for what is neither a URL of these schemes nor a port. */
export function targetOf(target: string | URL | number): Target {
  if (typeof target === "number") {
    if (!Number.isInteger(target) || target < 1 || target > 0xffff) throw wrong(target);
    return { place: { host: "127.0.0.1", port: target }, isTls: false, path: "" };
  }
  const unix = UNIX.exec(String(target));
  if (unix !== null) return { place: { path: unix[1] as string }, isTls: false, path: pathOf(unix[2] ?? "") };
  const url = URL.canParse(String(target)) ? new URL(target) : null;
  const isTls = url === null ? undefined : SECURE[url.protocol];
  if (url === null || isTls === undefined) throw wrong(target);
  // The URL class writes an IPv6 address in brackets, which a socket doesn't take.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
  return { place: { host, port }, isTls, path: pathOf(url.pathname + url.search) };
}

function pathOf(path: string): string {
  return path === "/" ? "" : path;
}

function wrong(target: string | URL | number): TypeError {
  return new TypeError(
    `A fault proxy's target is the URL of a server (ws:, wss:, http:, https: or ws+unix:) or its port; it got ${JSON.stringify(target)}.`,
  );
}
