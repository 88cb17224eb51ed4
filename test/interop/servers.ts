/**
 * WebSocket servers that aren't ours, as rows of a table: how each is started, what it can do, and how it does it.
 *
 * Those whose behaviour is up to a program of this folder do what the path of a connection says: see servers/program.py.
 * The others do what their makers built in, and `wishes` says how they are brought to it.
 */
import { fileURLToPath } from "node:url";
import { BUN } from "./bun.ts";
import { freePort, PeerProcess } from "./peer-process.ts";
import { PYTHON } from "./python.ts";

export type TlsFiles = {
  readonly cert: string;
  readonly key: string;
  /** Who may sign the certificate that a client then has to show. */
  readonly clientCa?: string;
};

export type ServerOptions = {
  /** Default "127.0.0.1". */
  readonly host?: "127.0.0.1" | "::1";
  /** A unix socket's path, instead of host and port. */
  readonly unix?: string;
  readonly tls?: TlsFiles;
  /** Settings of permessage-deflate in the server's own words; without them it has none. */
  readonly deflate?: unknown;
};

/** What a client does to get a server to something: where it goes, what it offers, what it says once it is there. */
export type Wish = {
  readonly path: string;
  readonly subprotocols?: readonly string[];
  readonly say?: string;
};

export type ServerDriver = {
  readonly name: string;
  readonly start: (options?: ServerOptions) => Promise<ForeignServer>;
  /** Gives messages back: up to `longest` bytes in one piece, with at most `atOnce` (default: any number) under way. */
  readonly echo: Wish & { readonly binary: boolean; readonly longest: number; readonly atOnce?: number };
  /** Pings "are you there", and says "pong: are you there" when that is answered. */
  readonly ping?: Wish;
  /** Sends "größer 🦊 in pieces" and then the bytes from 0 to 255, in several frames each. */
  readonly fragments?: Wish;
  /** Ways in which it ends a connection; with `undefined` for an end of TCP without a close frame. */
  readonly ends: readonly { readonly wish: Wish; readonly as: CloseCode | undefined }[];
  /** What it answers to a close frame, as handleDisconnect is given it. */
  readonly closeAnswer: (code: number, reason: string) => CloseCode;
  /** Refuses the upgrade with this status. */
  readonly refusals: readonly { readonly wish: Wish; readonly status: number }[];
  /** What it chooses of the subprotocols that are offered. */
  readonly subprotocol?: { readonly wish: Wish; readonly chosen: string };
  /** Does it tell how connections have ended for it? */
  readonly tellsEnds: boolean;
  /** Python's asyncio ends TCP without an alert when it doesn't take a client's certificate. */
  readonly endsTlsSilently?: true;
  readonly ways: readonly ("IPv6" | "TLS" | "client certificate" | "unix")[];
};

/** The two arguments of handleDisconnect. */
export type CloseCode = readonly [code: number | undefined, reason: string | undefined];

/** A server that runs. */
export class ForeignServer implements AsyncDisposable {
  readonly process: PeerProcess;
  readonly #address: string;

  constructor(process: PeerProcess, address: string) {
    this.process = process;
    this.#address = address;
  }

  /** The port that it listens on; of a unix socket there is none. */
  get port(): number {
    return Number(new URL(this.#address).port);
  }

  /** The address of a path that begins with a slash. */
  url(path: string): string {
    return `${this.#address}${path}`;
  }

  /** How the first connection to this path ended for the server. */
  async ended(path: string): Promise<CloseCode> {
    const tellsOfIt = (line: string): line is string => parsed(line)?.path === path;
    const end = parsed(await this.process.lines.nth(1, tellsOfIt, `the end of ${path} at the server`));
    return [end?.code, end?.reason];
  }

  stop(): Promise<void> {
    return this.process.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const MEBIBYTE = 1024 * 1024;
const PROGRAMS = new URL("servers/", import.meta.url);
const program = (name: string) => fileURLToPath(new URL(name, PROGRAMS));

/** What all servers can do whose behaviour is up to a program of ours. */
const OBEDIENT = {
  echo: { path: "/echo", binary: true, longest: MEBIBYTE },
  ping: { path: "/ping" },
  refusals: [
    { wish: { path: "/refuse/403" }, status: 403 },
    { wish: { path: "/refuse/503" }, status: 503 },
  ],
  subprotocol: { wish: { path: "/echo/subprotocol", subprotocols: ["mqtt", "chat"] }, chosen: "chat" },
  tellsEnds: true,
  ways: ["IPv6", "TLS", "client certificate", "unix"],
} as const satisfies Partial<ServerDriver>;

const FRAGMENTS = { path: "/fragments" };
const CLOSES = [
  { wish: { path: "/close/1000/bye" }, as: [1000, "bye"] },
  { wish: { path: "/close/4001/gr%C3%B6%C3%9Fer" }, as: [4001, "größer"] },
] as const;
const CLOSES_EMPTY = { wish: { path: "/close" }, as: [undefined, undefined] } as const;

export const SERVERS: readonly ServerDriver[] = [
  {
    name: "ws",
    start: obedient(process.execPath, ["--import", import.meta.resolve("tsx"), program("ws-server.ts")]),
    ...OBEDIENT,
    fragments: FRAGMENTS,
    ends: [...CLOSES, CLOSES_EMPTY],
    closeAnswer: (code, reason) => [code, reason],
  },
  {
    name: "websockets",
    start: obedient(PYTHON, ["-u", program("websockets-server.py")]),
    ...OBEDIENT,
    fragments: FRAGMENTS,
    ends: CLOSES,
    closeAnswer: (code, reason) => [code, reason],
    endsTlsSilently: true,
  },
  {
    name: "Autobahn",
    start: obedient(PYTHON, ["-u", program("autobahn-server.py")]),
    ...OBEDIENT,
    fragments: FRAGMENTS,
    ends: [...CLOSES, CLOSES_EMPTY],
    closeAnswer: () => [1000, ""],
    endsTlsSilently: true,
  },
  {
    name: "Tornado",
    start: obedient(PYTHON, ["-u", program("tornado-server.py")]),
    ...OBEDIENT,
    ends: [...CLOSES, CLOSES_EMPTY],
    closeAnswer: (code) => [code, ""],
  },
  {
    name: "uWebSockets",
    start: obedient(BUN, [program("uwebsockets-server.ts")]),
    ...OBEDIENT,
    ends: CLOSES,
    closeAnswer: (code, reason) => [code, reason],
  },
  {
    name: "libwebsockets",
    start: startLibwebsockets,
    // It mirrors what it has read at once, as text, to all who are at the same mirror.
    echo: { path: "/?mirror=echo", subprotocols: ["lws-mirror-protocol"], binary: false, longest: 4000, atOnce: 1 },
    ends: [
      {
        wish: { path: "/", subprotocols: ["dumb-increment-protocol"], say: "closeme\n" },
        as: [1001, "seeya"],
      },
    ],
    closeAnswer: (code, reason) => [code, reason],
    refusals: [],
    subprotocol: {
      wish: { path: "/", subprotocols: ["chat", "lws-mirror-protocol"] },
      chosen: "lws-mirror-protocol",
    },
    tellsEnds: false,
    ways: ["IPv6", "TLS", "client certificate"],
  },
  {
    name: "websocketd",
    start: startWebsocketd,
    // Lines go to a program and come back from it, so there are no bytes, and nothing but text. It stands still for ever when it
    // writes a line to a program that waits for it to read one; with any client.
    echo: { path: "/echo", binary: false, longest: MEBIBYTE, atOnce: 1 },
    ends: [{ wish: { path: "/close" }, as: undefined }],
    closeAnswer: (code) => [code, ""],
    refusals: [{ wish: { path: "/missing" }, status: 404 }],
    tellsEnds: false,
    ways: ["IPv6", "TLS"],
  },
];

/** Starts a server that takes the arguments of servers/program.py and tells its port. */
function obedient(file: string, args: readonly string[]): ServerDriver["start"] {
  return async ({ host = "127.0.0.1", unix, tls, deflate } = {}) => {
    const process = new PeerProcess(file, [
      ...args,
      ...(unix === undefined ? ["--host", host] : ["--unix", unix]),
      ...(tls === undefined ? [] : ["--cert", tls.cert, "--key", tls.key]),
      ...(tls?.clientCa === undefined ? [] : ["--client-ca", tls.clientCa]),
      ...(deflate === undefined ? [] : ["--deflate", JSON.stringify(deflate)]),
    ]);
    const port = await process.toldOf((line) => parsed(line)?.port, "a port that is listened on");
    return new ForeignServer(process, unix === undefined ? addressOf(host, port, tls) : `ws+unix:${unix}:`);
  };
}

async function startLibwebsockets({ host = "127.0.0.1", tls }: ServerOptions = {}): Promise<ForeignServer> {
  const port = await freePort(host);
  const process = new PeerProcess("libwebsockets-test-server", [
    `--port=${port}`,
    // Given 127.0.0.1 it would listen on all addresses; of the loopback interface it takes the IPv4 address.
    `--interface=${host === "::1" ? host : "lo"}`,
    ...(tls === undefined ? [] : ["--ssl", `--ssl-cert=${tls.cert}`, `--ssl-key=${tls.key}`]),
    ...(tls?.clientCa === undefined ? [] : [`--ssl-ca=${tls.clientCa}`, "--ssl-verify-client"]),
  ]);
  await process.listensAt({ host, port });
  return new ForeignServer(process, addressOf(host, port, tls));
}

async function startWebsocketd({ host = "127.0.0.1", tls }: ServerOptions = {}): Promise<ForeignServer> {
  const port = await freePort(host);
  const process = new PeerProcess("websocketd", [
    `--address=${host === "::1" ? `[${host}]` : host}`,
    `--port=${port}`,
    "--loglevel=error",
    `--dir=${program("websocketd")}`,
    ...(tls === undefined ? [] : ["--ssl", `--sslcert=${tls.cert}`, `--sslkey=${tls.key}`]),
  ]);
  await process.listensAt({ host, port });
  return new ForeignServer(process, addressOf(host, port, tls));
}

function addressOf(host: string, port: number, tls: TlsFiles | undefined): string {
  return `${tls === undefined ? "ws" : "wss"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** What our own programs tell; which of it there is depends on the event. */
type Told = { readonly port?: number; readonly path?: string; readonly code?: number; readonly reason?: string };

/** A line that one of our own programs wrote; those of others are none. */
function parsed(line: string): Told | undefined {
  return line.startsWith('{"event"') ? (JSON.parse(line) as Told) : undefined;
}
