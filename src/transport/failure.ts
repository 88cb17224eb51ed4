/**
 * From what the platform throws to what a user can act on: stable reasons and sentences, each from one table.
 *
 * A sentence names the server by host and port, or by its socket's path; never userinfo, a query, or a header's value.
 */
import type { ChannelEnd, ChannelFailure, HeaderPair } from "./channel.ts";
import { describeTarget, isRedirect, type RedirectTarget, redirectTarget } from "./redirect-target.ts";

/** How far an attempt had come. "agent": a caller's agent had not handed out a socket yet. */
export type Progress = "agent" | "dns" | "tcp" | "tls" | "answer";

/** What an error is called by: codes of the system, of its resolver, and of Node. Others are named by their code in lower case. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOTFOUND", "not_found"],
  ["ENODATA", "not_found"],
  ["EAI_NONAME", "not_found"],
  ["EAI_NODATA", "not_found"],
  ["EAI_AGAIN", "resolver_unavailable"],
  ["EAI_FAIL", "resolver_unavailable"],
  ["ESERVFAIL", "resolver_unavailable"],
  ["ECONNREFUSED", "refused"],
  ["ETIMEDOUT", "timed_out"],
  ["ERR_SOCKET_CONNECTION_TIMEOUT", "timed_out"],
  ["EHOSTUNREACH", "unreachable"],
  ["ENETUNREACH", "unreachable"],
  ["EHOSTDOWN", "unreachable"],
  ["ENETDOWN", "unreachable"],
  ["ECONNRESET", "reset"],
  ["ECONNABORTED", "reset"],
  ["EPIPE", "broken_pipe"],
  ["EADDRNOTAVAIL", "address_not_available"],
  ["EADDRINUSE", "address_in_use"],
  ["EAFNOSUPPORT", "address_not_available"],
  ["EACCES", "not_permitted"],
  ["EPERM", "not_permitted"],
  ["EMFILE", "too_many_open_files"],
  ["ENFILE", "too_many_open_files"],
  ["ENOENT", "no_such_socket"],
  ["ENOTSOCK", "no_such_socket"],
]);

/** Reason → what the server, or the way to it, did: the end of a sentence that begins with the server's name. */
const CONNECTING: Readonly<Record<string, string>> = {
  not_found: "has a host name that doesn't resolve. Check its spelling, and this machine's resolver.",
  resolver_unavailable: "can't be looked up: the resolver didn't answer. Check this machine's network; it may pass.",
  refused: "refused the connection. Check that the server is running, and that host and port are right.",
  timed_out: "didn't answer in time. Check host, port and firewalls on the way.",
  unreachable: "can't be reached from here. Check this machine's network and routes.",
  reset: "reset the connection before it was established. The server, or something on the way to it, doesn't want it.",
  ended: "ended the connection before it was established. The server, or something on the way to it, doesn't want it.",
  address_not_available:
    "can't be reached from the local address. Check transportOptions.localAddress and transportOptions.family.",
  address_in_use: "can't be reached from the local port, which is in use. Check transportOptions.localPort.",
  not_permitted: "may not be connected to: the system forbids it. Check permissions and local firewall rules.",
  too_many_open_files: "can't be connected to: this process has too many open files. Close some, or raise the limit.",
  no_such_socket: "is no socket. Check the path, and that the server is running.",
};

const ANSWERING: Readonly<Record<string, string>> = {
  ended: "ended the connection before it answered the upgrade request. Check that it serves WebSockets at this path.",
  reset: "reset the connection before it answered the upgrade request. Check that it serves WebSockets at this path.",
  timed_out: "didn't answer the upgrade request in time (transportOptions.timeout).",
  malformed_response: "answered with something that is no HTTP response. Check that host and port are right.",
  headers_too_large:
    "answered with a larger header than is taken. Raise transportOptions.maxHeaderSize if it is meant.",
  broken_pipe: "ended the connection before it took the upgrade request. Check that it serves WebSockets at this path.",
};

const LOST: Readonly<Record<string, string>> = {
  ended: "ended the connection without a close frame",
  reset: "reset the connection",
  broken_pipe: "had ended the connection when something was sent",
  timed_out: "could not be reached any more",
  unreachable: "could not be reached any more",
};

/** What a certificate was not accepted for → what to do. */
const CERTIFICATE_ADVICE: readonly (readonly [codes: RegExp, advice: string])[] = [
  [
    /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_UNTRUSTED|INVALID_CA)$/,
    "No authority known here has signed it: if it is the right server, give its authority's certificate in transportOptions.ca.",
  ],
  [
    /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    "It is made out to another host: connect by a host name that it lists, or name one in transportOptions.servername.",
  ],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, "Have the server's certificate renewed, and check this machine's clock."],
  [/CERT|CRL|^PATH_LENGTH_EXCEEDED$|^INVALID_PURPOSE$/, "Have it checked by whoever runs the server."],
];

type PlatformError = Error & { readonly code?: unknown; readonly syscall?: unknown; readonly phase?: unknown };

/** An attempt that failed before an answer came. `proxied`: the caller's agent goes through a proxy. */
export function openingFailure(error: unknown, progress: Progress, label: string, proxied: boolean): ChannelFailure {
  const reason = reasonOf(error);
  const code = codeOf(error);
  // With TLS 1.3 the server judges our certificate when our side of the handshake is long done.
  if (progress === "tls" || (progress === "answer" && code.startsWith("ERR_SSL_"))) {
    return tlsFailure(error, label);
  }
  if (progress === "answer") return answerFailure(error, reason, code, label);
  if (proxied || (error as PlatformError)?.phase === "proxy" || code.startsWith("ERR_PROXY")) {
    const what = CONNECTING[reason] ?? `failed${code && ` (${code})`}. The cause tells more.`;
    return connectingFailed("proxy", reason, `The proxy on the way to ${label} ${what}`, error);
  }
  const phase = (progress === "dns" && !isOfConnecting(error)) || /^EAI_|^ENOTFOUND$/.test(code) ? "dns" : "tcp";
  const what =
    CONNECTING[reason] ??
    (phase === "dns"
      ? `has a host name that can't be looked up${code && ` (${code})`}. The cause tells more.`
      : `can't be connected to${code && ` (${code})`}. The cause tells more.`);
  return connectingFailed(phase, reason, `${label} ${what}`, error);
}

/** A lookup of the caller's may be done before anybody could listen to it; then only the error tells that it is. */
function isOfConnecting(error: unknown): boolean {
  const one = error instanceof AggregateError ? error.errors[0] : error;
  return (one as PlatformError | undefined)?.syscall === "connect";
}

function connectingFailed(
  phase: ChannelFailure["phase"],
  reason: string,
  message: string,
  cause: unknown,
): ChannelFailure {
  return { kind: "connecting_failed", phase, reason, message, cause };
}

/** The request is out, or on its way, and no whole answer came. */
function answerFailure(error: unknown, systemReason: string, code: string, label: string): ChannelFailure {
  const reason =
    code === "HPE_HEADER_OVERFLOW"
      ? "headers_too_large"
      : code.startsWith("HPE_")
        ? "malformed_response"
        : systemReason;
  // Node hangs the bytes it could not parse on the error. They are the peer's, hold who knows what, and would reach a log.
  if (error instanceof Error && "rawPacket" in error) delete error.rawPacket;
  return answerRefused(
    reason,
    `${label} ${ANSWERING[reason] ?? `failed before it answered the upgrade request${code && ` (${code})`}.`}`,
    { cause: error },
  );
}

/** The answer, or the lack of one, is no valid 101. */
export function answerRefused(
  reason: string,
  message: string,
  details: Pick<ChannelFailure, "cause" | "status" | "headers" | "body"> = {},
): ChannelFailure {
  return { kind: "establishing_failed", phase: "upgrade", reason, message, ...details };
}

type Refusal = { readonly status: number; readonly headers: readonly HeaderPair[]; readonly body?: string };

/** The server at `url` answered with a status of its own choice. */
export function upgradeRefused(label: string, refusal: Refusal, url: URL): ChannelFailure {
  const { status, headers } = refusal;
  const advice = isRedirect(status) ? redirectAdvice(redirectTarget(headers, url)) : adviceFor(status);
  return answerRefused("status", `${label} refused the upgrade with status ${status}. ${advice}`, refusal);
}

/** A redirect that isn't followed, whatever maxRedirects says. */
export function redirectRefused(
  label: string,
  refusal: ChannelFailure,
  { reason, what }: Pick<Extract<RedirectTarget, { type: "fault" }>, "reason" | "what">,
): ChannelFailure {
  return answerRefused(
    reason,
    `${label} answered with a redirect (status ${refusal.status}) that ${what}. It was not followed.`,
    detailsOf(refusal),
  );
}

/** As many redirects as maxRedirects allows have been followed, and `label` sends its client on once more. */
export function tooManyRedirects(label: string, refusal: ChannelFailure, maxRedirects: number): ChannelFailure {
  const before = maxRedirects === 1 ? "1 redirect" : `${maxRedirects} redirects`;
  const message = `${label} redirected once more after ${before}. If the servers don't send each other's clients in a circle, raise maxRedirects.`;
  return answerRefused("too_many_redirects", message, detailsOf(refusal));
}

function detailsOf({ status, headers, body }: ChannelFailure): Pick<ChannelFailure, "status" | "headers" | "body"> {
  return {
    ...(status === undefined ? {} : { status }),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
  };
}

function redirectAdvice(target: RedirectTarget): string {
  return target.type === "target"
    ? `It points to ${describeTarget(target.url)}: connect there, or have redirects followed with the option maxRedirects.`
    : `It points elsewhere, but could not be followed: the answer ${target.what}.`;
}

/** The proxy did, and the server was never reached. */
export function proxyRefused(label: string, refusal: Refusal): ChannelFailure {
  const message = `The proxy on the way to ${label} refused the tunnel with status ${refusal.status}. Check its address and credentials.`;
  return { kind: "connecting_failed", phase: "proxy", reason: "status", message, ...refusal };
}

function adviceFor(status: number): string {
  if (status >= 300 && status < 400) return "It points elsewhere: connect to where its location header says.";
  if (status === 401 || status === 403) return "Check the credentials that the headers carry.";
  if (status === 404) return "Check the path.";
  if (status === 407) return "A proxy on the way wants credentials.";
  if (status === 429 || status === 503) return "It has too much to do: try again later.";
  if (status === 502 || status === 504) return "A proxy on the way can't reach the server behind it.";
  if (status >= 500) return "It has failed, and the body may tell how.";
  // What a server answers to a request that has become an ordinary one on its way: 426, 400, or a page with 200.
  return "Check that it serves WebSockets at this path, and that no proxy in between takes the Upgrade header off the request.";
}

/** transportOptions.timeout ran out. */
export function timeoutFailure(progress: Progress, label: string): ChannelFailure {
  const cause = Object.assign(new Error("The socket was idle for too long."), { code: "ETIMEDOUT" });
  return openingFailure(cause, progress, label, false);
}

/** The request can't be made or sent. */
export function requestFailure(reason: string, message: string, cause?: unknown): ChannelFailure {
  return { kind: "upgrading_failed", phase: "upgrade", reason, message, ...(cause === undefined ? {} : { cause }) };
}

/** Node refuses the request itself, or an option of it. Its sentence may hold an option's value, so it stays in the cause. */
export function thrownFailure(error: unknown, label: string): ChannelFailure {
  const code = codeOf(error);
  if (code === "ERR_UNESCAPED_CHARACTERS") {
    return requestFailure("invalid_path", `The path to ask ${label} for holds characters that must be escaped.`, error);
  }
  const named = code && ` (${code})`;
  return requestFailure(
    "invalid_option",
    `The upgrade request to ${label} can't be made: Node doesn't take one of transportOptions${named}. The cause tells which.`,
    error,
  );
}

/** An open connection's transport ended without the peer's close frame; no error: it was a FIN. */
export function lostEnd(error: Error | undefined, label: string): Extract<ChannelEnd, { type: "lost" }> {
  const reason = lostReason(error);
  const message = `${label} ${lostSentence(reason, error)}.`;
  return { type: "lost", reason, message, ...(error === undefined ? {} : { cause: error }) };
}

/** Frames that were accepted had not been given to the system when the transport ended. */
export function castFailure(frames: number, error: Error | undefined, label: string) {
  const reason = lostReason(error);
  const what = frames === 1 ? "A frame" : `${frames} frames`;
  return {
    frames,
    reason,
    message: `${what} to ${label} could not be written: the peer ${lostSentence(reason, error)}. Send again what matters.`,
    ...(error === undefined ? {} : { cause: error }),
  };
}

/** Frames that were accepted waited behind a full socket when the connection was closed: they may be read yet, or never. */
export function closedCastFailure(frames: number, label: string) {
  const what = frames === 1 ? "A frame" : `${frames} frames`;
  const were = frames === 1 ? "was" : "were";
  return {
    frames,
    reason: "closed",
    message: `${what} to ${label} ${were} still waiting for the system when the connection was closed, and may not arrive. Send again what matters.`,
  };
}

function lostReason(error: Error | undefined): string {
  return error === undefined ? "ended" : reasonOf(error);
}

function lostSentence(reason: string, error: Error | undefined): string {
  return LOST[reason] ?? `failed (${codeOf(error) || "the cause tells more"})`;
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  // Node's own "socket hang up" borrows the code of a reset, but no system call failed: the peer ended the connection.
  if (code === "ECONNRESET" && (error as PlatformError).syscall === undefined) return "ended";
  return REASONS.get(code) ?? (code === "" ? "unknown" : code.toLowerCase());
}

function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null ? (error as PlatformError).code : undefined;
  return typeof code === "string" ? code : "";
}

function tlsFailure(error: unknown, label: string): ChannelFailure {
  const code = tlsCodeOf(error);
  const reason = REASONS.has(code) ? reasonOf(error) : code.toLowerCase().replace(/^err_(ssl|tls)_/, "") || "unknown";
  return connectingFailed("tls", reason, tlsSentence(code, reason, label), error);
}

/** Of an error that OpenSSL met while Node was writing, only the message tells what it was. */
function tlsCodeOf(error: unknown): string {
  const code = codeOf(error);
  if (code !== "EPROTO") return code;
  const said = /:SSL routines:[^:]*:([^:]+):/.exec((error as Error).message)?.[1];
  return said === undefined ? code : `ERR_SSL_${said.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;
}

function tlsSentence(code: string, reason: string, label: string): string {
  if (code.includes("_ALERT_")) {
    return `${label} refused the TLS handshake (${code}). It may ask for a client certificate (transportOptions.cert and key), or for another version or cipher.`;
  }
  const advice = CERTIFICATE_ADVICE.find(([codes]) => codes.test(code))?.[1];
  if (advice !== undefined) return `The certificate of ${label} was not accepted (${code}). ${advice}`;
  switch (reason) {
    case "ended":
    case "reset":
      return `${label} ${reason} the connection during the TLS handshake. Check that it speaks TLS on this port.`;
    case "timed_out":
      return `${label} didn't finish the TLS handshake in time.`;
    default:
      return `TLS with ${label} failed${code && ` (${code})`}. Check that it speaks TLS on this port.`;
  }
}
