/**
 * Peers for a channel: a raw TCP server that says exactly what a test says, with the handshake and frames at hand.
 *
 *     const peer = await rawPeer(t, async (socket) => {
 *       const request = await headOf(socket);
 *       socket.write(Buffer.concat([accepting(request), wire(text("hello"))]));
 *     });
 *     open(peer.url("/path"));
 */
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import type { FrameLike } from "../../src/frame.ts";
import { acceptKeyOf, Engine, type ProtocolEvent } from "../../src/protocol/index.ts";

export type RawPeer = {
  readonly port: number;
  readonly server: Server;
  /** The sockets accepted so far. */
  readonly sockets: readonly Socket[];
  url(path?: string): string;
};

/** The client left in the middle of its request: for many tests that is the point. */
class ClientGone extends Error {}

/** Listens on a port of its own and is gone when the test is. What the handler throws or rejects fails the test. */
export async function rawPeer(
  t: TestContext,
  handler: (socket: Socket) => unknown,
  {
    tls,
    listen = { host: "127.0.0.1", port: 0 },
    halfOpen = false,
  }: {
    readonly tls?: TlsOptions;
    readonly listen?: ListenOptions;
    /** The peer ends its side only when the test does. */
    readonly halfOpen?: boolean;
  } = {},
): Promise<RawPeer> {
  const sockets: Socket[] = [];
  const faults: unknown[] = [];
  const accept = (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    Promise.resolve(handler(socket)).catch((fault) => {
      if (fault instanceof ClientGone) return;
      faults.push(fault);
      socket.destroy();
    });
  };
  const raw: Socket[] = [];
  const server = tls === undefined ? createServer({ allowHalfOpen: halfOpen }, accept) : createTlsServer(tls, accept);
  server.on("connection", (socket) => raw.push(socket));
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(listen, resolve));
  t.after(async () => {
    for (const socket of [...sockets, ...raw]) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    if (faults.length > 0) throw faults[0];
  });
  const port = listen.path === undefined ? (server.address() as AddressInfo).port : 0;
  const host = listen.host === "::1" ? "[::1]" : (listen.host ?? "127.0.0.1");
  return {
    port,
    server,
    sockets,
    url: (path = "/") =>
      listen.path === undefined
        ? `${tls === undefined ? "ws" : "wss"}://${host}:${port}${path}`
        : `ws+unix:${listen.path}:${path}`,
  };
}

/** A peer that accepts every handshake, then does as the handler says. */
export function acceptingPeer(
  t: TestContext,
  handler: (socket: Socket, request: string) => unknown = () => undefined,
  options: Parameters<typeof rawPeer>[2] = {},
): Promise<RawPeer> {
  return rawPeer(
    t,
    async (socket) => {
      const request = await headOf(socket);
      socket.write(accepting(request));
      await handler(socket, request);
    },
    options,
  );
}

/** The next chunk, or undefined when there is none any more. Leaves the socket paused. */
function chunkOf(socket: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const got = (chunk?: Buffer) => {
      socket.pause();
      socket.removeListener("data", got);
      socket.removeListener("close", gone);
      socket.removeListener("end", gone);
      resolve(chunk);
    };
    const gone = () => got();
    socket.once("data", got);
    socket.once("close", gone);
    socket.once("end", gone);
    socket.resume();
  });
}

/** The head of the request, its empty line included. */
export async function headOf(socket: Socket): Promise<string> {
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const chunk = await chunkOf(socket);
    if (chunk === undefined) throw new ClientGone(`The connection ended after ${JSON.stringify(head)}`);
    head += chunk.toString("latin1");
  }
  return head;
}

/** The lines of a request's head as pairs, names as they were written. */
export function headersOf(head: string): readonly (readonly [string, string])[] {
  return head
    .trim()
    .split("\r\n")
    .slice(1)
    .map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 2)] as const;
    });
}

function keyOf(request: string): string {
  return headersOf(request).find(([name]) => name === "sec-websocket-key")?.[1] ?? "";
}

/** The bytes of a valid 101, with more header lines if given. */
export function accepting(request: string, ...lines: readonly string[]): Buffer {
  const head = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptKeyOf(keyOf(request))}`,
    ...lines,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1");
}

/** The bytes of frames as a server sends them. */
export function wire(...frames: readonly FrameLike[]): Buffer {
  return Buffer.concat(
    frames.map((frame) => {
      const bytes = new Engine({ role: "server", maxMessageSize: 0, maxFragments: 1 }).send(frame);
      if (!(bytes instanceof Uint8Array)) throw new Error(bytes.message);
      return bytes;
    }),
  );
}

/** Reads a client's frames off a socket, without answering any. */
export class FrameReader {
  readonly events: ProtocolEvent[] = [];
  readonly chunks: Buffer[] = [];
  readonly ended: Promise<void>;
  readonly #engine = new Engine({ role: "server", maxMessageSize: 2 ** 30, maxFragments: 2 ** 20 });

  constructor(socket: Socket) {
    socket.on("data", (chunk) => {
      this.chunks.push(chunk);
      this.events.push(...this.#engine.receive(chunk));
    });
    this.ended = new Promise((resolve) => {
      socket.once("end", resolve);
      socket.once("close", resolve);
    });
    socket.resume();
  }

  /** Texts as they are, of other frames the type and what they carry. */
  get brief(): readonly string[] {
    return this.events.map((event) => {
      switch (event.type) {
        case "text":
          return event.data;
        case "close":
          return event.code === undefined ? "close" : `close ${event.code} ${event.reason}`;
        case "violation":
          return event.reason;
        case "extensionFailed":
          return event.message;
        default:
          return `${event.type} ${Buffer.from(event.data).toString("latin1")}`;
      }
    });
  }
}

/** A socket's end, whichever way it comes. */
export function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  });
}

const fixture = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), "utf8");

/** Of test/fixtures/tls. */
export const AUTHORITY = fixture("authority.crt");
export const certificate = (name: "server" | "other-host" | "expired" | "client") => ({
  cert: fixture(`${name}.crt`),
  key: fixture(`${name}.key`),
});
