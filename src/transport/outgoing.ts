/**
 * Makes node's request of an attempt: over a socket of our own, or over one that the caller's agent hands out.
 */
import { type ClientRequest, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction, Socket } from "node:net";
import type { Address } from "./address.ts";
import type { HeaderPair } from "./channel.ts";
import { dial, serverNameOf } from "./dial.ts";
import { guardedLookup } from "./lookup.ts";
import { RESERVED_TRANSPORT_OPTIONS } from "./transport-options.ts";

export type Outgoing = {
  readonly request: ClientRequest;
  /** The caller's agent says that it goes through a proxy, as the usual proxy agents do. */
  readonly proxied: boolean;
  /** What Node threw when the socket was made: an option that it doesn't take. The request tells of it later, as an error. */
  thrown(): { readonly error: unknown } | undefined;
};

/**
 * A request that has not been ended yet. `dialled` gets our own socket before this returns; one of an agent comes as the request's
 * "socket" event. Throws what Node throws for options that it can't take.
 */
export function makeRequest(
  address: Address,
  headers: readonly HeaderPair[],
  transportOptions: Readonly<Record<string, unknown>>,
  dialled: (socket: Socket) => void,
): Outgoing {
  const { tls, agent, ...plain } = withoutReserved(transportOptions);
  const options: Readonly<Record<string, unknown>> & { readonly servername?: unknown } = withGuardedLookup(
    address.secure ? { ...plain, ...withoutReserved((tls ?? {}) as Readonly<Record<string, unknown>>) } : plain,
  );
  const { where } = address;
  const ownSocket = agent === undefined || agent === null || agent === false;
  let thrown: { readonly error: unknown } | undefined;
  const createConnection = (): Socket => {
    try {
      const socket = dial(address, options, transportOptions);
      dialled(socket);
      return socket;
    } catch (error) {
      thrown = { error };
      throw error;
    }
  };
  const request = (address.secure ? requestHttps : requestHttp)({
    ...options,
    ...(where.type === "unix" ? { socketPath: where.socketPath } : { host: where.host, port: where.port }),
    ...(address.secure ? { servername: options.servername ?? serverNameOf(address) } : {}),
    ...(ownSocket ? { createConnection } : { agent }),
    method: "GET",
    path: address.target,
    // Whatever the process was started with (--insecure-http-parser): what comes decides who we speak to.
    insecureHTTPParser: false,
    // As an array of pairs, or Node would sort out case and duplicates. Its types know flat arrays only.
    headers: headers as unknown as readonly string[],
  } as RequestOptions);
  const proxied = !ownSocket && (agent as { readonly proxy?: unknown }).proxy !== undefined;
  return { request, proxied, thrown: () => thrown };
}

/** What a request is to its agent. Node's types know half of it. */
type AgentRequest = { onSocket(socket: Socket | undefined, error?: Error): void };

/**
 * Gives a request up, at any moment. An agent may be at work for it still. Of the socket that then comes, Node only says that it is
 * free; an agent that doesn't listen to that (agents that don't build on Node's own) would leave it open for ever.
 */
export function abandon(request: ClientRequest): void {
  const late = request as unknown as AgentRequest;
  const onSocket = late.onSocket.bind(late);
  late.onSocket = (socket, error) => {
    if (socket?.listenerCount("free") === 0) socket.destroy();
    onSocket(socket, error);
  };
  request.destroy();
}

function withGuardedLookup(options: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { lookup } = options;
  return typeof lookup === "function" ? { ...options, lookup: guardedLookup(lookup as LookupFunction) } : options;
}

function withoutReserved(options: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const reserved: ReadonlySet<string> = new Set(RESERVED_TRANSPORT_OPTIONS);
  return Object.fromEntries(Object.entries(options).filter(([name]) => !reserved.has(name)));
}
