/**
 * A client for tests of the scripted server that is nothing but a TCP socket: it sees each byte, and may send any.
 */
import { once } from "node:events";
import { connect, type NetConnectOpts, type Socket } from "node:net";

/** A right request; its key is the RFC's own, so the answer's accept is ACCEPT (RFC 6455 §1.3). */
export const REQUEST = [
  "GET /chat?x=1 HTTP/1.1",
  "Host: example.test",
  "Upgrade: websocket",
  "Connection: keep-alive, Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "",
  "",
].join("\r\n");
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/** The server's right answer to REQUEST, byte for byte. */
export const ANSWER = [
  "HTTP/1.1 101 Switching Protocols",
  "upgrade: websocket",
  "connection: Upgrade",
  `sec-websocket-accept: ${ACCEPT}`,
  "",
  "",
].join("\r\n");

export class RawClient {
  readonly socket: Socket;
  /** Resolves with the socket's error, or with undefined, when it has closed. */
  readonly closed: Promise<NodeJS.ErrnoException | undefined>;
  /** Each chunk as it was read. */
  readonly chunks: Buffer[] = [];
  #error: NodeJS.ErrnoException | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => this.chunks.push(chunk));
    socket.on("error", (error) => {
      this.#error = error;
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", () => resolve(this.#error));
    });
  }

  /** Connects; half-open, so that it ends its side only when told to. */
  static async connect(to: number | NetConnectOpts): Promise<RawClient> {
    const options = typeof to === "number" ? { port: to, host: "127.0.0.1" } : to;
    const socket = connect({ allowHalfOpen: true, noDelay: true, ...options });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** Connects, sends REQUEST, and takes the answer off what has been received. */
  static async open(port: number): Promise<RawClient> {
    const client = await RawClient.connect(port);
    client.socket.write(REQUEST);
    await client.bytes(ANSWER.length);
    client.chunks.length = 0;
    return client;
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** All that has been received, once that is at least so many bytes. */
  async bytes(count: number): Promise<Buffer> {
    while (this.received.length < count) {
      if (this.socket.readableEnded || this.socket.destroyed) {
        throw new Error(`The server ended after ${this.received.length} bytes of ${count}: ${this.received}`);
      }
      await Promise.race([once(this.socket, "data"), once(this.socket, "end"), this.closed]);
    }
    return this.received;
  }

  /** Everything up to the server's FIN. */
  async all(): Promise<Buffer> {
    if (!this.socket.readableEnded) await once(this.socket, "end");
    return this.received;
  }
}
