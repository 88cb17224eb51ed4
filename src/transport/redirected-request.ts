/**
 * What of a request may go along to another origin: nothing that was meant for the first one alone.
 *
 * All of the caller's headers stay behind, not only those with well-known names: keys travel under many. Of the transport options
 * stay behind the client's certificate, and whatever names the server or a conversation with it. How the network is
 * reached (agent, lookup, family …) and whom to believe (ca, checkServerIdentity, rejectUnauthorized …) are the caller's
 * own affairs and hold wherever the redirect leads.
 */
import type { ChannelRequest } from "./channel.ts";

/** Shows who the client is. */
const CREDENTIALS = [
  "auth",
  "cert",
  "clientCertEngine",
  "key",
  "passphrase",
  "pfx",
  "privateKeyEngine",
  "privateKeyIdentifier",
  "pskCallback",
  "secureContext",
] as const;

/** Names the server, or takes up a conversation with it. */
const SERVER = [
  "headers",
  "host",
  "hostname",
  "path",
  "port",
  "servername",
  "session",
  "socket",
  "socketPath",
] as const;

/**
 * The same request for another origin. Its transport options are a new object, so that no TLS session of the first origin's is
 * known by them (dial.ts).
 */
export function forAnotherOrigin(request: ChannelRequest, url: URL): ChannelRequest {
  const { tls, ...plain } = request.transportOptions;
  const transportOptions = {
    ...withoutOrigins(plain),
    ...(tls === undefined || tls === null ? {} : { tls: withoutOrigins(tls as Readonly<Record<string, unknown>>) }),
  };
  return { ...request, url, headers: [], transportOptions };
}

/** The caller's agent shows credentials of its own, which can't be taken off. */
export function agentHasCredentials({ transportOptions }: ChannelRequest): boolean {
  const { options } = (transportOptions.agent ?? {}) as { readonly options?: Readonly<Record<string, unknown>> };
  return CREDENTIALS.some((name) => options?.[name] !== undefined);
}

function withoutOrigins(options: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const left: ReadonlySet<string> = new Set([...CREDENTIALS, ...SERVER]);
  return Object.fromEntries(Object.entries(options).filter(([name]) => !left.has(name)));
}
