/** A server on uWebSockets, as Bun has it built in: run by Bun, not by Node. See program.py for what it is asked and tells. */
import { PING, SUBPROTOCOL, serverArguments, tell, wishOf } from "./wishes.ts";

/** What is used here of Bun's own types. */
type Data = { readonly path: string };
type BunSocket = {
  readonly data: Data;
  send(data: string | Uint8Array, compress: boolean): number;
  ping(data: string): number;
  close(code?: number, reason?: string): void;
};
type BunServer = {
  readonly port?: number;
  upgrade(request: Request, options: { data: Data; headers?: Readonly<Record<string, string>> }): boolean;
};
declare const Bun: {
  file(path: string): unknown;
  serve(options: {
    readonly hostname?: string;
    readonly port?: number;
    readonly unix?: string;
    readonly tls?: Readonly<Record<string, unknown>>;
    fetch(request: Request, server: BunServer): Response | undefined;
    readonly websocket: {
      readonly perMessageDeflate: unknown;
      open(socket: BunSocket): void;
      message(socket: BunSocket, data: string | Uint8Array): void;
      pong(socket: BunSocket, data: Uint8Array): void;
      close(socket: BunSocket, code: number, reason: string): void;
    };
  }): BunServer;
};

const { host, port, unix, cert, key, clientCa, deflate } = serverArguments();
const server = Bun.serve({
  ...(unix === undefined ? { hostname: host, port } : { unix }),
  ...(cert === undefined || key === undefined
    ? {}
    : {
        tls: {
          cert: Bun.file(cert),
          key: Bun.file(key),
          ...(clientCa === undefined ? {} : { ca: Bun.file(clientCa), requestCert: true, rejectUnauthorized: true }),
        },
      }),
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    const [wish, status] = wishOf(pathname);
    if (wish === "refuse") return new Response("not here\n", { status: Number(status) });
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(/,\s*/);
    const headers = offered.includes(SUBPROTOCOL) ? { headers: { "sec-websocket-protocol": SUBPROTOCOL } } : {};
    if (server.upgrade(request, { data: { path: pathname }, ...headers })) return undefined;
    return new Response("a WebSocket, please\n", { status: 426 });
  },
  websocket: {
    perMessageDeflate: deflate ?? false,
    open(socket) {
      const [wish, ...words] = wishOf(socket.data.path);
      if (wish === "ping") socket.ping(PING);
      else if (wish === "close" && words.length > 0) socket.close(Number(words[0]), words[1]);
      else if (wish === "close") socket.close();
    },
    message(socket, data) {
      socket.send(data, deflate !== undefined);
    },
    pong(socket, data) {
      if (wishOf(socket.data.path)[0] === "ping") socket.send(`pong: ${new TextDecoder().decode(data)}`, false);
    },
    close({ data: { path } }, code, reason) {
      tell({ event: "closed", path, code, reason });
    },
  },
});
tell({ event: "listening", port: unix === undefined ? server.port : 0 });
