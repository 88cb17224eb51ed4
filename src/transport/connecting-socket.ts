/**
 * A socket on its way to the server: how far it has come, and the moment when it stands.
 */
import type { Socket } from "node:net";
import type { Progress } from "./failure.ts";

export class ConnectingSocket {
  readonly socket: Socket;
  readonly #named: boolean;
  readonly #ref: boolean;
  readonly #arrived: () => void;
  #progress: Progress = "tcp";

  /** `named`: the host is looked up first. `arrived` is called once, when TCP stands, and TLS where the socket speaks it. */
  constructor(socket: Socket, { named, ref }: { readonly named: boolean; readonly ref: boolean }, arrived: () => void) {
    this.socket = socket;
    this.#named = named;
    this.#ref = ref;
    this.#arrived = arrived;
  }

  /** The socket may be anywhere on its way, as agents hand them out; when it stands already, this says so at once. */
  follow(): void {
    const { socket } = this;
    // From here to its close the socket has a listener for errors, so that a late one can't end the process.
    socket.on("error", ignore);
    if (!this.#ref) socket.unref?.();
    if (!socket.connecting) {
      this.#connected();
      return;
    }
    if (this.#named) this.#progress = "dns";
    socket.once("lookup", this.#lookedUp);
    socket.once("connect", this.#connected);
  }

  get progress(): Progress {
    return this.#progress;
  }

  /** Takes off what was put on the socket for its way. */
  leave(): void {
    this.socket.removeListener("lookup", this.#lookedUp);
    this.socket.removeListener("connect", this.#connected);
    this.socket.removeListener("secureConnect", this.#secured);
  }

  readonly #lookedUp = (error: Error | null | undefined): void => {
    if (!error) this.#progress = "tcp";
  };

  readonly #connected = (): void => {
    // Trying one address after another changes the handle under the socket.
    if (!this.#ref) this.socket.unref?.();
    if ((this.socket as { readonly secureConnecting?: boolean }).secureConnecting === true) {
      this.#progress = "tls";
      this.socket.once("secureConnect", this.#secured);
    } else {
      this.#secured();
    }
  };

  readonly #secured = (): void => {
    this.#progress = "answer";
    this.#arrived();
  };
}

function ignore(): void {}
