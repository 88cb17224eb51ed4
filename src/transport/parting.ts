/**
 * Ways to let go of a socket that nobody listens to any more. Each has a deadline, and none keeps an unreferenced process.
 */
import type { Socket } from "node:net";

/** What a timer can hold; more would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

export type Parting = {
  /** ms until the socket is destroyed whatever it does. */
  readonly closeTimeout: number;
  readonly ref: boolean;
};

/**
 * Waits for the peer to end TCP, which it should do first (RFC 6455 §7.1.1): the side that ends it keeps the port in
 * TIME_WAIT, and a socket destroyed over unread bytes resets the connection, our close frame with it.
 */
export function lingerUntilPeerEnds(socket: Socket, parting: Parting): void {
  destroyAtDeadline(socket, parting);
  socket.once("end", () => socket.end());
  // Whatever still comes is read and dropped, or the end behind it would never be seen.
  socket.resume();
}

/** Gives the system what the socket still holds, then destroys it. */
export function destroyWhenWritten(socket: Socket, parting: Parting): void {
  if (socket.destroyed) return;
  if (socket.writableLength === 0) {
    socket.destroy();
    return;
  }
  destroyAtDeadline(socket, parting);
  socket.once("finish", () => socket.destroy());
  socket.end();
}

function destroyAtDeadline(socket: Socket, { closeTimeout, ref }: Parting): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), Math.min(closeTimeout, LONGEST_TIMER));
  if (!ref) timer.unref();
  socket.once("close", () => clearTimeout(timer));
}
