/**
 * Opens the socket of an attempt that names no agent.
 *
 * This is the shortest way from an attempt to an open connection. An agent has nothing to give a socket that is never handed
 * back, and would cost a queue, a name and a tick. The one good thing of https.Agent, TLS session resumption, is done
 * here: a reconnect then spends no signature and no certificate chain. Small frames must not wait for
 * each other, so TCP's gathering of them (Nagle) is off.
 */
import { connect as connectTcp, isIP, type NetConnectOpts, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { Address } from "./address.ts";

/**
 * The newest TLS session of each set of transport options, and of whom it is.
 *
 * A resumed session skips the check of the server's identity. So one is used only with the very object of options that it was
 * made under, and only for the host and port that gave it: no other connection's `ca`, `checkServerIdentity` or
 * `rejectUnauthorized: false` can vouch for a server here.
 */
const sessions = new WeakMap<object, { readonly label: string; readonly session: Buffer }>();

/**
 * A socket on its way. `options` are Node's connect options; for TLS those of `tls` have been merged over them. `owner` is the
 * object that all attempts of one connection share.
 * Throws what Node throws for options that it can't take.
 */
export function dial(address: Address, options: Readonly<Record<string, unknown>>, owner: object): Socket {
  const socket = address.secure ? dialTls(address, options, owner) : connectTcp(placeOf(address, options));
  socket.setNoDelay(true);
  return socket;
}

function placeOf({ where }: Address, options: Readonly<Record<string, unknown>>): NetConnectOpts {
  return where.type === "unix"
    ? { ...options, path: where.socketPath }
    : { ...options, host: where.host, port: where.port };
}

function dialTls(address: Address, options: Readonly<Record<string, unknown>>, owner: object): Socket {
  const { label } = address;
  const known = sessions.get(owner);
  const { servername, ALPNProtocols } = options as ConnectionOptions;
  const socket = connectTls({
    ...(known?.label === label ? { session: known.session } : {}),
    ...placeOf(address, options),
    servername: servername ?? serverNameOf(address),
    // As node:https offers: a server that speaks HTTP/2 too must not choose it.
    ALPNProtocols: ALPNProtocols ?? ["http/1.1"],
  } as ConnectionOptions);
  // A session that a server chokes on must not spoil the next attempt too.
  const forget = () => sessions.delete(owner);
  socket.once("error", forget);
  socket.once("secureConnect", () => socket.removeListener("error", forget));
  socket.on("session", (session) => sessions.set(owner, { label, session }));
  return socket;
}

/** The name for SNI: none for an address (RFC 6066 §3). */
export function serverNameOf({ where }: Address): string {
  return where.type === "unix" || isIP(where.host) !== 0 ? "" : where.host;
}
