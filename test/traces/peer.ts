/**
 * The scripted peer on real sockets: it runs a scenario's step lists, one for each TCP connection, and writes down what the
 * client sends. It reads and writes raw bytes with wire.ts only.
 */
import { once } from "node:events";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { CERTIFICATE, KEY } from "../testing/certificate.ts";
import { clientTermsOf, Inflation } from "./compression.ts";
import type { Scenario } from "./scenario.ts";
import { headersOf101, lengthFormOf, type PeerLink, peerScript, speaksTls, stepsOf } from "./script.ts";
import type { QuietTime } from "./time.ts";
import { readSent, requestHeader, type Sent } from "./trace.ts";
import { acceptOf, headerOf, type Request, readFrame, splitHead } from "./wire.ts";

/**
 * A port of this machine that refuses: it is reserved, and below the range from which systems take a client's own port, so that a
 * client can't be connected to itself.
 */
const REFUSING_PORT = 1;

/** One connection: what its script sees of it, and what came over it. */
class Link implements PeerLink {
  readonly #socket: Socket;
  readonly #changed: () => void;
  readonly #frames: string[] = [];
  readonly #counts = new Map<string, number>();
  /** Where compression is agreed to. */
  readonly #inflation: Inflation | undefined;
  #request: Request | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;
  /** The socket has been closed: the original peer read nothing after that. */
  #closed = false;

  constructor(socket: Socket, inflation: Inflation | undefined, changed: () => void) {
    this.#socket = socket;
    this.#inflation = inflation;
    this.#changed = changed;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
    // A reset is the end of it, as the close that follows says.
    socket.on("error", () => undefined);
  }

  request(): Request | undefined {
    return this.#request;
  }

  framesSeen(op: string): number {
    return this.#counts.get(op) ?? 0;
  }

  ended(): boolean {
    return this.#ended;
  }

  write(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  fin(how: "all" | "half"): void {
    this.#closed ||= how === "all";
    this.#socket.end();
  }

  reset(): void {
    this.#closed = true;
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The client's side of this connection, with our port out of the way. */
  sent(port: number): Sent | undefined {
    if (this.#request === undefined) return undefined;
    return {
      request: this.#request.line,
      headers: this.#request.headers.map(([name, value]) => requestHeader(name, value.replace(`:${port}`, ":PORT"))),
      frames: [...this.#frames],
    };
  }

  #take(chunk: Buffer): void {
    if (this.#closed) return;
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (this.#request === undefined) {
      const found = splitHead(this.#bytes);
      if (found === undefined) return;
      this.#request = found.head;
      this.#bytes = found.rest;
      this.#count("http_request");
    }
    for (;;) {
      const frame = readFrame(this.#bytes);
      if (frame?.size === undefined) return;
      this.#bytes = this.#bytes.subarray(frame.size);
      this.#frames.push(readSent(frame, this.#inflation));
      this.#count(frame.op);
    }
  }

  #count(op: string): void {
    this.#counts.set(op, this.framesSeen(op) + 1);
    this.#changed();
  }

  #end(): void {
    this.#ended = true;
    this.#changed();
  }
}

type PeerSetting = readonly [
  scenario: Scenario,
  time: QuietTime,
  callbacksSeen: (name: string) => number,
  /** A script of the peer went wrong. */
  failed: (error: unknown) => void,
];

export class Peer {
  readonly port: number;
  readonly #server: Server | undefined;
  readonly #links: Link[] = [];
  /** All TCP connections, those whose TLS handshake failed too. */
  readonly #sockets = new Set<Socket>();
  readonly #scenario: Scenario;
  readonly #time: QuietTime;
  readonly #callbacksSeen: (name: string) => number;
  readonly #failed: (error: unknown) => void;

  private constructor(
    server: Server | undefined,
    port: number,
    ...[scenario, time, callbacksSeen, failed]: PeerSetting
  ) {
    this.#server = server;
    this.#scenario = scenario;
    this.#time = time;
    this.#callbacksSeen = callbacksSeen;
    this.#failed = failed;
    this.port = port;
  }

  /** Listens on a free port, or stands for one that refuses. */
  static async listen(...setting: PeerSetting): Promise<Peer> {
    const [scenario] = setting;
    if (stepsOf(scenario, 0) === undefined) return new Peer(undefined, REFUSING_PORT, ...setting);
    const options = { allowHalfOpen: true };
    const server = speaksTls(scenario)
      ? createTlsServer({ ...options, key: KEY, cert: CERTIFICATE })
      : createTcpServer(options);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const peer = new Peer(server, (server.address() as AddressInfo).port, ...setting);
    server.on("tlsClientError", () => undefined);
    server.on("connection", (socket: Socket) => peer.#sockets.add(socket));
    server.on(speaksTls(scenario) ? "secureConnection" : "connection", (socket: Socket) => peer.#serve(socket));
    return peer;
  }

  #serve(socket: Socket): void {
    const steps = stepsOf(this.#scenario, this.#links.length) ?? [];
    const terms = clientTermsOf(headersOf101(steps, "sec-websocket-extensions"));
    const inflation = terms === undefined ? undefined : new Inflation(terms);
    const link = new Link(socket, inflation, () => this.#time.changed());
    this.#links.push(link);
    this.#time
      .run(peerScript(steps, link, this.#callbacksSeen, lengthFormOf(this.#scenario)))
      .catch((error: unknown) => this.#failed(error));
  }

  /** How often the client has sent this on all connections together: an opcode's name, or "http_request". */
  saw(op: string): number {
    return this.#links.reduce((sum, link) => sum + link.framesSeen(op), 0);
  }

  sent(): readonly Sent[] {
    return this.#links.flatMap((link) => link.sent(this.port) ?? []);
  }

  /** Does this Sec-WebSocket-Accept answer the key of one of the requests? */
  isRightAccept(accept: string): boolean {
    return this.#links.some((link) => {
      const request = link.request();
      return request !== undefined && acceptOf(headerOf(request, "sec-websocket-key") ?? "") === accept;
    });
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.destroy();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server === undefined) return;
    this.#server.close();
    await once(this.#server, "close");
  }
}
