/**
 * The header of an upgrade request (RFC 6455 §4.1): host, user-agent, the handshake's own, then the caller's, in Fresh's order.
 */
import { validateHeaderName, validateHeaderValue } from "node:http";
import { requestHeaders, subprotocolsFault, tokensOf } from "../protocol/index.ts";
import type { HeaderPair } from "./channel.ts";
import { USER_AGENT } from "./user-agent.ts";

export type UpgradeHeaders = {
  readonly type: "headers";
  readonly pairs: readonly HeaderPair[];
  /** All that are asked for, whichever way the caller named them: the answer is held against these. */
  readonly subprotocols: readonly string[];
};

export type UpgradeHeadersFault = {
  readonly type: "fault";
  readonly reason: "reserved_header" | "invalid_header";
  readonly message: string;
};

// What the handshake says itself, and what would give a request that has no body one: the server would then take our
// first frames for it. Name → what to do instead.
const RESERVED: ReadonlyMap<string, string> = new Map([
  ["upgrade", "the handshake sets it"],
  ["connection", "the handshake sets it"],
  ["sec-websocket-key", "the handshake sets it, new for each attempt"],
  ["sec-websocket-version", "the handshake sets it"],
  ["sec-websocket-accept", "only a server sends it"],
  ["sec-websocket-extensions", "use upgradeOptions.extensions"],
  ["content-length", "an upgrade request has no body"],
  ["transfer-encoding", "an upgrade request has no body"],
]);

/**
 * Puts the request's header together. The caller's Host and User-Agent stand where the caller put them and replace ours;
 * a Sec-WebSocket-Protocol of the caller's joins the requested subprotocols, and is not sent a second time.
 */
export function upgradeHeaders(request: {
  readonly authority: string;
  readonly key: string;
  readonly headers: readonly HeaderPair[];
  readonly subprotocols: readonly string[];
  /** Offers, as they stand on the wire. */
  readonly extensions: readonly string[];
}): UpgradeHeaders | UpgradeHeadersFault {
  const subprotocols = [...request.subprotocols];
  const callers: HeaderPair[] = [];
  const names = new Set<string>();
  for (const [name, value] of request.headers) {
    const fault = headerFault(name, value, names);
    if (fault !== undefined) return fault;
    const lowerName = name.toLowerCase();
    names.add(lowerName);
    if (lowerName !== "sec-websocket-protocol") {
      callers.push([name, value]);
      continue;
    }
    const tokens = tokensOf([value]);
    if (tokens === undefined) return invalid(`The header ${name} holds something other than a list of subprotocols`);
    subprotocols.push(...tokens.filter((token) => !subprotocols.includes(token)));
  }
  const fault = subprotocolsFault(subprotocols);
  if (fault !== undefined) return { type: "fault", reason: "invalid_header", message: fault };
  const ours: HeaderPair[] = [];
  if (!names.has("host")) ours.push(["host", request.authority]);
  if (!names.has("user-agent")) ours.push(["user-agent", USER_AGENT]);
  return {
    type: "headers",
    pairs: [...ours, ...requestHeaders({ key: request.key, subprotocols, extensions: request.extensions }), ...callers],
    subprotocols,
  };
}

// Says which header, never what it holds: a value may be a secret, and the sentence goes to a log.
function headerFault(name: unknown, value: unknown, before: ReadonlySet<string>): UpgradeHeadersFault | undefined {
  try {
    validateHeaderName(name as string);
  } catch {
    return invalid(`A header is named ${JSON.stringify(name)?.slice(0, 80)}, which is no token (RFC 9110 §5.6.2)`);
  }
  const shown = name as string;
  if (typeof value !== "string") return invalid(`The header ${shown} has a value that is no string`);
  try {
    validateHeaderValue(shown, value);
  } catch {
    return invalid(
      `The header ${shown} holds a control character, or one that Latin-1 doesn't have (RFC 9110 §5.5): remove or encode it`,
    );
  }
  const lowerName = shown.toLowerCase();
  if (lowerName === "host" && before.has("host")) return invalid("The header Host is given twice (RFC 9112 §3.2)");
  const instead = RESERVED.get(lowerName);
  if (instead === undefined) return undefined;
  return {
    type: "fault",
    reason: "reserved_header",
    message: `The header ${shown} can't be set by the caller: ${instead}. Take it out of the headers.`,
  };
}

function invalid(what: string): UpgradeHeadersFault {
  return { type: "fault", reason: "invalid_header", message: `${what}. The upgrade request was not sent.` };
}
