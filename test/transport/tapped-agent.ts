/** An agent whose sockets a test can look at: the client's side of the connection. */
import { Agent } from "node:http";
import type { Socket } from "node:net";

type CreateConnection = Agent["createConnection"];

export class TappedAgent extends Agent {
  readonly tapped: Socket[] = [];

  override createConnection(...args: Parameters<CreateConnection>): ReturnType<CreateConnection> {
    const socket = super.createConnection(...args) as Socket;
    this.tapped.push(socket);
    return socket;
  }

  get socket(): Socket {
    const [socket] = this.tapped;
    if (socket === undefined) throw new Error("no socket has been asked for");
    return socket;
  }

  /** From now on, the sizes of what is written to the socket, a call each. */
  writes(): readonly number[] {
    const { socket } = this;
    const sizes: number[] = [];
    const write = socket.write.bind(socket) as (chunk: Uint8Array, done?: () => void) => boolean;
    socket.write = ((chunk: Uint8Array, done?: () => void) => {
      sizes.push(chunk.byteLength);
      return write(chunk, done);
    }) as Socket["write"];
    return sizes;
  }
}
