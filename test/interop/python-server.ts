/** websockets-server.py as an object: started as a child process, told what to do, and asked what it has seen. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { crc32 } from "node:zlib";
import { Ledger } from "../fresh/ledger.ts";
import { startPython } from "./python.ts";

type Header = readonly [name: string, value: string];

export type PythonServerOptions = {
  readonly host?: string;
  readonly unix?: string;
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  readonly subprotocols?: readonly string[];
  /** Seconds: it pings this often, and drops who doesn't answer within as long. */
  readonly pingInterval?: number;
  readonly maxSize?: number;
};

export type Request = { readonly path: string; readonly headers: readonly Header[] };

export type Seen =
  /** A whole message; of a long one only its length is known. */
  | { readonly type: "text"; readonly data: string; readonly length: number }
  | { readonly type: "binary"; readonly data: Buffer; readonly length: number; readonly checksum: number }
  | { readonly type: "ping"; readonly data: string }
  | { readonly type: "pong"; readonly data: string }
  /** A close frame; undefined for an empty one. */
  | { readonly type: "close"; readonly code: number | undefined; readonly reason: string | undefined };

/** How a connection ended for Python: 1006 when no close frame came. */
export type Closed = { readonly code: number; readonly reason: string; readonly clean: boolean };

type FrameEvent = {
  readonly opcode: number;
  readonly fin: boolean;
  readonly length: number;
  readonly data?: string;
  readonly crc?: number;
};
type ServerEvent =
  | { readonly event: "listening"; readonly port: number }
  | { readonly event: "done"; readonly id: number }
  | ({ readonly event: "request" } & Request)
  | { readonly event: "open"; readonly connection: number; readonly path: string; readonly subprotocol: string | null }
  | ({ readonly event: "frame"; readonly connection: number } & FrameEvent)
  | ({ readonly event: "closed"; readonly connection: number } & Closed);

/** Resolves when Python has done it; most tests needn't wait for that. */
type Command = (command: Readonly<Record<string, unknown>>) => Promise<void>;

export class PythonServer implements AsyncDisposable {
  readonly #child: ReturnType<typeof startPython>;
  readonly #address: string;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #peers = new Map<number, PythonPeer>();
  readonly #pending = new Map<number, () => void>();
  #commands = 0;
  #port = 0;

  private constructor(child: ReturnType<typeof startPython>, address: string) {
    this.#child = child;
    this.#address = address;
  }

  static async start(options: PythonServerOptions = {}): Promise<PythonServer> {
    const { host = "127.0.0.1", unix, tls, subprotocols, pingInterval, maxSize } = options;
    const child = startPython("websockets-server.py", [
      ...(unix === undefined ? ["--host", host] : ["--unix", unix]),
      ...(tls === undefined ? [] : ["--cert", tls.cert, "--key", tls.key]),
      ...(tls?.clientCa === undefined ? [] : ["--client-ca", tls.clientCa]),
      ...(subprotocols === undefined ? [] : ["--subprotocols", subprotocols.join(",")]),
      ...(pingInterval === undefined ? [] : ["--ping-interval", String(pingInterval)]),
      ...(maxSize === undefined ? [] : ["--max-size", String(maxSize)]),
    ]);
    const scheme = tls === undefined ? "ws" : "wss";
    const address = unix === undefined ? `${scheme}://${host.includes(":") ? `[${host}]` : host}` : `ws+unix:${unix}:`;
    const server = new PythonServer(child, address);
    await new Promise<void>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`websockets-server.py ended before it listened, with ${code}.`)));
      createInterface({ input: child.stdout }).on("line", (line) => {
        const event = JSON.parse(line) as ServerEvent;
        server.#take(event);
        if (event.event === "listening") resolve();
      });
    });
    return server;
  }

  /** The port; 0 on a unix socket. */
  get port(): number {
    return this.#port;
  }

  /** A path of its own, so that tests share a server and see only what is theirs. With "echo" messages come back. */
  endpoint(kind: "listen" | "echo" = "listen"): Endpoint {
    const path = `/${kind}/${this.#endpoints.size + 1}`;
    const port = this.#port === 0 ? "" : `:${this.#port}`;
    const endpoint = new Endpoint(path, `${this.#address}${port}${path}`, (command) => this.#command(command));
    this.#endpoints.set(path, endpoint);
    return endpoint;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.stdin.end();
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #command(command: Readonly<Record<string, unknown>>): Promise<void> {
    const id = ++this.#commands;
    this.#child.stdin.write(`${JSON.stringify({ ...command, id })}\n`);
    return new Promise((resolve) => this.#pending.set(id, resolve));
  }

  #take(event: ServerEvent): void {
    switch (event.event) {
      case "listening":
        this.#port = event.port;
        return;
      case "done":
        this.#pending.get(event.id)?.();
        this.#pending.delete(event.id);
        return;
      case "request":
        this.#endpointOf(event.path)?.requests.add(event);
        return;
      case "open": {
        const { connection, subprotocol } = event;
        const peer = new PythonPeer(subprotocol ?? "", (command) => this.#command({ ...command, connection }));
        this.#peers.set(connection, peer);
        this.#endpointOf(event.path)?.peers.add(peer);
        return;
      }
      case "frame":
        this.#peers.get(event.connection)?.take(event);
        return;
      case "closed":
        this.#peers.get(event.connection)?.closings.add(event);
        return;
    }
  }

  #endpointOf(path: string): Endpoint | undefined {
    return this.#endpoints.get(path.split("?")[0] ?? "");
  }
}

/** What happens at one path of the server. */
export class Endpoint {
  readonly path: string;
  readonly url: string;
  /** The requests so far, refused ones too. */
  readonly requests = new Ledger<Request>(({ path }) => path);
  readonly peers = new Ledger<PythonPeer>((peer) => `a connection that received ${peer.lines.join(", ")}`);
  readonly #command: Command;

  constructor(path: string, url: string, command: Command) {
    this.path = path;
    this.url = url;
    this.#command = command;
  }

  /** The how-manyth WebSocket connection, from 1. */
  peer(number = 1): Promise<PythonPeer> {
    return this.peers.nth(number, (peer): peer is PythonPeer => peer instanceof PythonPeer, "a connection");
  }

  /** The how-manyth upgrade request, from 1. */
  request(number = 1): Promise<Request> {
    return this.requests.nth(number, (request): request is Request => request !== undefined, "a request");
  }

  /** Answers the next requests, by default one, with this status. */
  refuse(status: number, more: { headers?: readonly Header[]; body?: string; times?: number } = {}): Promise<void> {
    return this.#command({ do: "refuse", path: this.path, status, ...more });
  }

  /** Leaves the next request unanswered. */
  stall(): Promise<void> {
    return this.#command({ do: "stall", path: this.path });
  }
}

/** One connection as Python sees it. */
export class PythonPeer {
  readonly subprotocol: string;
  readonly received = new Ledger<Seen>(describe);
  readonly closings = new Ledger<Closed>(({ code, reason }) => `${code} ${reason}`);
  /** How many frames each message came in. */
  readonly fragments: number[] = [];
  readonly #send: Command;
  #message: { readonly type: "text" | "binary"; readonly parts: FrameEvent[] } | undefined;

  constructor(subprotocol: string, send: Command) {
    this.subprotocol = subprotocol;
    this.#send = send;
  }

  /** What came, in words: `text "a"`, `close 1000 bye`. */
  get lines(): readonly string[] {
    return this.received.lines;
  }

  get closed(): Promise<Closed> {
    return this.closings.nth(1, (entry): entry is Closed => entry !== undefined, "the end at the server");
  }

  next<T extends Seen["type"]>(type: T, number = 1): Promise<Extract<Seen, { type: T }>> {
    return this.received.nth(
      number,
      (entry): entry is Extract<Seen, { type: T }> => entry.type === type,
      `a ${type} at the server`,
    );
  }

  async text(number = 1): Promise<string> {
    return (await this.next("text", number)).data;
  }

  send(data: string | Uint8Array): Promise<void> {
    return this.#command("send", typeof data === "string" ? { text: data } : { binary: base64(data) });
  }

  sendInFragments(fragments: readonly string[]): Promise<void> {
    return this.#command("send", { fragments });
  }

  ping(data = ""): Promise<void> {
    return this.#command("ping", { data: base64(data) });
  }

  pong(data = ""): Promise<void> {
    return this.#command("pong", { data: base64(data) });
  }

  /** A close frame, an empty one without a code. */
  close(code?: number, reason?: string): Promise<void> {
    return this.#command("close", { code, reason });
  }

  sendRaw(data: Uint8Array): Promise<void> {
    return this.#command("raw", { data: base64(data) });
  }

  /** FIN, without a close frame. */
  eof(): Promise<void> {
    return this.#command("eof");
  }

  /** Vanishes: the socket is closed at once. */
  abort(): Promise<void> {
    return this.#command("abort");
  }

  /** Reads nothing until resume(). */
  pause(): Promise<void> {
    return this.#command("pause");
  }

  resume(): Promise<void> {
    return this.#command("resume");
  }

  #command(action: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    return this.#send({ do: action, ...more });
  }

  /** A frame as it came. */
  take(frame: FrameEvent): void {
    switch (frame.opcode) {
      case 0:
        this.#message?.parts.push(frame);
        break;
      case 1:
        this.#message = { type: "text", parts: [frame] };
        break;
      case 2:
        this.#message = { type: "binary", parts: [frame] };
        break;
      case 8:
        this.received.add(closeOf(dataOf(frame)));
        return;
      case 9:
        this.received.add({ type: "ping", data: dataOf(frame).toString() });
        return;
      case 10:
        this.received.add({ type: "pong", data: dataOf(frame).toString() });
        return;
    }
    if (frame.fin && this.#message !== undefined) this.#finish(this.#message.type, this.#message.parts);
  }

  #finish(type: "text" | "binary", parts: readonly FrameEvent[]): void {
    const data = Buffer.concat(parts.map(dataOf));
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    this.fragments.push(parts.length);
    this.#message = undefined;
    if (type === "text") this.received.add({ type, data: data.toString(), length });
    else this.received.add({ type, data, length, checksum: parts[0]?.crc ?? crc32(data) });
  }
}

function dataOf(frame: FrameEvent): Buffer {
  return Buffer.from(frame.data ?? "", "base64");
}

function base64(data: string | Uint8Array): string {
  return Buffer.from(data as string).toString("base64");
}

function closeOf(payload: Buffer): Seen {
  return payload.length === 0
    ? { type: "close", code: undefined, reason: undefined }
    : { type: "close", code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
}

function describe(seen: Seen): string {
  switch (seen.type) {
    case "close":
      return seen.code === undefined ? "close" : `close ${seen.code}${seen.reason ? ` ${seen.reason}` : ""}`;
    case "binary":
      return `binary ${seen.length}`;
    default:
      return `${seen.type} ${JSON.stringify(seen.data)}`;
  }
}
