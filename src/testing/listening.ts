/**
 * Listening sockets: the address of one, and TLS over what it takes in.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, type SecureContextOptions, TLSSocket } from "node:tls";

/** Where to listen: on a port of an address (0: a free one), or on a unix socket. */
export type Place = { readonly port: number; readonly host: string } | { readonly path: string };

/** Listens, and hands on each connection as it comes. Rejects with the system's error. */
export function listen(place: Place, onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    // Half-open, so that what follows the client's FIN is the script's to say.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
    server.once("error", reject);
    server.listen(place, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

/** Where a listening server can be reached. */
export function placeOf(server: Server, asked: Place): Place {
  const address = server.address();
  if ("path" in asked || address === null || typeof address === "string") return asked;
  return { port: address.port, host: asked.host };
}

/** The URL for clients of this place. */
export function urlOf(place: Place, scheme: "ws" | "wss"): string {
  if ("path" in place) return `${scheme}+unix:${place.path}:/`;
  return `${scheme}://${place.host.includes(":") ? `[${place.host}]` : place.host}:${place.port}`;
}

/**
 * Puts the server's side of TLS over TCP sockets. Not node:tls's server, which tells of no connection that fails its TLS handshake,
 * and of no TCP socket under it, which a reset needs.
 */
export function tlsOver(options: SecureContextOptions): (raw: Socket) => Socket {
  const secureContext = createSecureContext(options);
  return (raw) => new TLSSocket(raw, { isServer: true, secureContext });
}

/** A place that can be opened and shut: the same port each time. */
export class Door {
  readonly #onConnection: (socket: Socket) => void;
  readonly #onError: (error: Error) => void;
  readonly #shut: Promise<void>[] = [];
  #place: Place;
  #listener: Server | undefined;
  #opening: Promise<void> | undefined;
  #isWanted = false;

  constructor(place: Place, onConnection: (socket: Socket) => void, onError: (error: Error) => void) {
    this.#place = place;
    this.#onConnection = onConnection;
    this.#onError = onError;
  }

  /** Where it is; a free port is known once it has been opened. */
  get place(): Place {
    return this.#place;
  }

  /** Resolves when every listener that was shut is gone, which takes until the connections have ended that it took in. */
  async gone(): Promise<void> {
    await this.#opening?.catch(() => {});
    await Promise.all(this.#shut);
  }

  /** Rejects with the system's error if the port has been taken meanwhile. */
  open(): Promise<void> {
    this.#isWanted = true;
    if (this.#listener !== undefined) return Promise.resolve();
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** The port is free at once. */
  shut(): void {
    this.#isWanted = false;
    const listener = this.#listener;
    if (listener === undefined) return;
    this.#listener = undefined;
    this.#shut.push(new Promise((resolve) => listener.close(() => resolve())));
  }

  async #open(): Promise<void> {
    try {
      const listener = await listen(this.#place, this.#onConnection);
      listener.on("error", this.#onError);
      this.#listener = listener;
      this.#place = placeOf(listener, this.#place);
      if (!this.#isWanted) this.shut();
    } finally {
      this.#opening = undefined;
    }
  }
}
