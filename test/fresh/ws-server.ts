/**
 * The `ws` package as a server: a real peer that isn't ours. Each connection keeps what it received, in order.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { type RawData, type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { Ledger } from "./ledger.ts";

/** What a connection received; of a close frame, `ws` has 1005 for an empty one, and 1006 means that none came. */
export type Received =
  | { readonly type: "text"; readonly data: Buffer }
  | { readonly type: "binary"; readonly data: Buffer }
  | { readonly type: "ping"; readonly data: Buffer }
  | { readonly type: "pong"; readonly data: Buffer }
  | { readonly type: "close"; readonly code: number; readonly reason: string };

export type Refusal = {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export type WsServerOptions = Pick<
  ServerOptions,
  "autoPong" | "handleProtocols" | "maxPayload" | "perMessageDeflate"
> & {
  /** Runs at once for each connection; `number` counts them from 1. */
  readonly onConnection?: (peer: WsPeer, number: number) => void;
  /** Refuses the how-manyth request, from 1, or all. */
  readonly refuse?: (number: number, request: IncomingMessage) => Refusal | undefined;
  /** Changes the lines of the 101 before they are sent. */
  readonly onHeaders?: (lines: string[]) => void;
  /** Makes it wss. */
  readonly tls?: { readonly key: string; readonly cert: string };
};

export class WsServer implements AsyncDisposable {
  readonly port: number;
  /** The requests so far, refused ones too. */
  readonly requests = new Ledger<IncomingMessage>((request) => `${request.method} ${request.url}`);
  readonly peers = new Ledger<WsPeer>((peer) => `a connection that received ${peer.received.lines.join(", ")}`);
  readonly #server: WebSocketServer;
  readonly #sockets = new Set<Socket>();

  readonly #scheme: "ws" | "wss";

  private constructor(server: WebSocketServer, { onConnection, tls }: WsServerOptions) {
    this.#server = server;
    this.#scheme = tls === undefined ? "ws" : "wss";
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket, request) => {
      const peer = new WsPeer(socket, request);
      onConnection?.(peer, this.peers.entries.length + 1);
      this.peers.add(peer);
    });
  }

  static async start(options: WsServerOptions = {}): Promise<WsServer> {
    const { onConnection, refuse, onHeaders, tls, ...rest } = options;
    const http = tls === undefined ? createServer() : createTlsServer(tls);
    const verifyClient: ServerOptions["verifyClient"] = ({ req }, answer) => {
      server.requests.add(req);
      const refusal = refuse?.(server.requests.entries.length, req);
      if (refusal === undefined) answer(true);
      else answer(false, refusal.status, refusal.body, refusal.headers);
    };
    const webSockets = new WebSocketServer({ ...rest, server: http, verifyClient });
    if (onHeaders !== undefined) webSockets.on("headers", onHeaders);
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    const server: WsServer = new WsServer(webSockets, options);
    http.on("connection", (socket) => {
      server.#sockets.add(socket);
      socket.on("close", () => server.#sockets.delete(socket));
    });
    server.#closeHttp = () =>
      new Promise((resolve) => {
        http.close(() => resolve());
      });
    return server;
  }

  #closeHttp: () => Promise<void> = async () => undefined;

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}/`;
  }

  /** TCP connections that are open now, whatever is spoken on them. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  /** The how-manyth WebSocket connection, from 1. */
  peer(number = 1): Promise<WsPeer> {
    return this.peers.nth(number, (peer): peer is WsPeer => peer instanceof WsPeer, "a connection");
  }

  /** The how-manyth upgrade request, from 1. */
  request(number = 1): Promise<IncomingMessage> {
    return this.requests.nth(number, (request): request is IncomingMessage => request !== undefined, "a request");
  }

  /** Takes no connection any more and drops those that there are; later attempts are refused by the system. */
  async stop(): Promise<void> {
    const closed = this.#closeHttp();
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** One connection as the server sees it. */
export class WsPeer {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  readonly received = new Ledger<Received>(describeReceived);

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.socket = socket;
    this.request = request;
    socket.on("message", (data, isBinary) =>
      this.received.add({ type: isBinary ? "binary" : "text", data: bufferOf(data) }),
    );
    socket.on("ping", (data) => this.received.add({ type: "ping", data }));
    socket.on("pong", (data) => this.received.add({ type: "pong", data }));
    socket.on("close", (code, reason) => this.received.add({ type: "close", code, reason: reason.toString() }));
    // A client that breaks the protocol would otherwise end the test's process; the close event tells of it.
    socket.on("error", () => undefined);
  }

  /** The TCP socket underneath: for what `ws` wouldn't do. */
  get tcp(): Socket {
    return this.request.socket;
  }

  /** What came, in words: `text "a"`, `close 1000 bye`. */
  get lines(): readonly string[] {
    return this.received.lines;
  }

  /** The text of the how-manyth text message, from 1. */
  async text(number = 1): Promise<string> {
    return (await this.next("text", number)).data.toString();
  }

  /** The how-manyth thing received of a type, from 1. */
  next<T extends Received["type"]>(type: T, number = 1): Promise<Extract<Received, { type: T }>> {
    return this.received.nth(
      number,
      (entry): entry is Extract<Received, { type: T }> => entry.type === type,
      `a ${type} at the server`,
    );
  }

  /** How the connection ended for `ws`. */
  get closed(): Promise<Extract<Received, { type: "close" }>> {
    return this.next("close");
  }

  /** Resets TCP without a word. */
  reset(): void {
    this.tcp.resetAndDestroy();
  }
}

function describeReceived(received: Received): string {
  if (received.type === "close") return `close ${received.code}${received.reason === "" ? "" : ` ${received.reason}`}`;
  if (received.type === "binary") return `binary ${received.data.length}`;
  return `${received.type} ${JSON.stringify(received.data.toString())}`;
}

function bufferOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
