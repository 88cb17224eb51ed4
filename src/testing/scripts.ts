/**
 * Scripts: what a server does with a connection, and a few that most tests can use as they are.
 */
import { PeerError } from "./errors.ts";
import type { AcceptOptions, Peer } from "./peer.ts";
import type { Refusal } from "./response.ts";

/**
 * Runs once for each connection, from the moment it stands; `attempt` counts them from 1. When it returns, the connection stays
 * as it is. When it throws or rejects, the connection is dropped, and `stop()` tells of it.
 */
export type Script = (peer: Peer, attempt: number) => void | Promise<void>;

// Bytes that an echo may have waiting for a client that doesn't read, before it stops reading too.
const ECHO_BACKLOG = 1024 * 1024;

/** Accepts, choosing the first subprotocol that is asked for, and sends each message back. A client that fails or leaves is no failure. */
export function echo(options: AcceptOptions = {}): Script {
  return async (peer) => {
    try {
      await peer.accept({ protocol: ([first]) => first, ...options });
      for await (const frame of peer.frames()) {
        if (frame.type !== "text" && frame.type !== "binary") continue;
        peer.send(frame);
        if (peer.bufferedAmount > ECHO_BACKLOG) await catchUp(peer);
      }
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      if (!peer.isFinishing) peer.drop();
    }
  };
}

/** Accepts, then runs `script`. */
export function accepting(script: Script = () => {}, options: AcceptOptions = {}): Script {
  return async (peer, attempt) => {
    await peer.accept(options);
    await script(peer, attempt);
  };
}

/** Refuses the request with this status. */
export function refusing(status: number, refusal: Refusal = {}): Script {
  return async (peer) => {
    await peer.refuse(status, refusal);
  };
}

async function catchUp(peer: Peer): Promise<void> {
  peer.pause();
  await peer.flushed();
  peer.resume();
}
