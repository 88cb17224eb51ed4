/**
 * The servers of the real soak, a process of its own: `ws` and the TestServer, each behind a FaultProxy. It is told what to do by its parent, and gives it
 * the account of what has come.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import {
  FaultProxy,
  type Peer,
  PeerError,
  type RequestHead,
  type Script,
  TestServer,
} from "../../../src/testing/index.ts";
import { seededRandom } from "../../../src/testing/seeded-random.ts";
import { faultMix } from "../fault-mix.ts";
import { numbered } from "../numbered.ts";
import { type LinkRecord, ServerAccount } from "../server-account.ts";
import type { FromServers, ServersOptions, Target, ToServers } from "../servers-port.ts";

const options = JSON.parse(process.argv[2] as string) as ServersOptions;
const TICK = 100;
/** How often a server pings; a client of which nothing has come for two such times is gone. */
const PING_EVERY = 10_000;
/** To a client that reads so slowly nothing more is said. */
const MOST_BUFFERED = 256 * 1024;

/** A link as the servers see it. */
type Link = {
  readonly client: number;
  readonly record: LinkRecord;
  readonly send: (text: string) => void;
  readonly ping: () => void;
  readonly drop: () => void;
  readonly buffered: () => number;
  heard: boolean;
};

const account = new ServerAccount();
/** Of each client the link that it has opened last, and how many messages it has been sent. */
const newest = new Map<number, Link>();
const links = new Set<Link>();
const sent = new Map<number, number>();
const random = seededRandom(options.seed);
let messagesSent = 0;

function enter(link: Link): void {
  links.add(link);
  const { client, record } = link;
  if ((newest.get(client)?.record.link ?? 0) < record.link) newest.set(client, link);
}

function leave(link: Link): void {
  links.delete(link);
  if (newest.get(link.client) === link) newest.delete(link.client);
}

function take(link: Link, text: string): void {
  link.heard = true;
  if (!text.startsWith("{")) {
    account.received(link.client, link.record, text);
    return;
  }
  const { id, params } = JSON.parse(text) as { id: number; params: readonly [number] };
  account.called(link.client, params[0]);
  link.send(JSON.stringify({ jsonrpc: "2.0", id, result: params[0] }));
}

/** `/17` and the header x-link: which client it is, and its how-manyth attempt. */
function begin(path: string, attempt: string | undefined, port: Omit<Link, "client" | "record" | "heard">): Link {
  const client = Number(path.slice(1));
  const link: Link = { client, record: account.opened(client, Number(attempt)), heard: true, ...port };
  enter(link);
  return link;
}

// ── ws ───────────────────────────────────────────────────────────────────────────────────────────────────────────

async function startWs(compressed: boolean): Promise<number> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: compressed });
  await once(server, "listening");
  // Which of the attempts has become a link, the client hears from the answer.
  server.on("headers", (headers, request) => headers.push(`x-link: ${String(request.headers["x-link"])}`));
  server.on("connection", (socket: WebSocket, request) => {
    const link = begin(request.url ?? "", String(request.headers["x-link"]), {
      send: (text) => {
        if (socket.readyState === socket.OPEN) socket.send(text);
      },
      ping: () => {
        if (socket.readyState === socket.OPEN) socket.ping("server");
      },
      drop: () => socket.terminate(),
      buffered: () => socket.bufferedAmount,
    });
    socket.on("message", (data) => take(link, String(data)));
    socket.on("ping", () => {
      link.heard = true;
    });
    socket.on("pong", () => {
      link.heard = true;
    });
    socket.on("error", (error: Error & { code?: string }) => {
      // No fault of ours is done to what clients send, so a violation is theirs.
      if (error.code?.startsWith("WS_ERR")) account.violations.push(`client ${link.client}: ${error.message}`);
    });
    socket.on("close", (code) => {
      link.record.closed = code !== 1006;
      leave(link);
    });
  });
  return (server.address() as AddressInfo).port;
}

// ── The TestServer ───────────────────────────────────────────────────────────────────────────────────────────────

const serve: Script = async (peer: Peer) => {
  const request = await requestOf(peer);
  if (request === undefined) return peer.drop();
  const link = begin(request.target, request.header("x-link"), {
    send: (text) => {
      if (peer.socket.writable) peer.send(text);
    },
    ping: () => {
      if (peer.socket.writable) peer.send({ type: "ping", data: Buffer.from("server") });
    },
    drop: () => peer.drop(),
    buffered: () => peer.bufferedAmount,
  });
  try {
    for await (const frame of peer.frames()) {
      link.heard = true;
      if (frame.type === "close") link.record.closed = true;
      if (frame.type === "text") take(link, frame.data);
    }
  } catch (error) {
    account.violations.push(`client ${link.client}: ${String(error)}`);
  } finally {
    leave(link);
  }
};

async function requestOf(peer: Peer): Promise<RequestHead | undefined> {
  try {
    const request = await peer.request({ timeout: 60_000 });
    await peer.accept({ headers: [["x-link", request.header("x-link") ?? ""]] });
    return request;
  } catch (error) {
    // One that never comes, or half of it, is a fault of the proxy's; a wrong one is the client's.
    if (!(error instanceof PeerError)) throw error;
    if (error.reason === "bad_request") account.violations.push(error.message);
    return undefined;
  }
}

async function startTestServer(): Promise<number> {
  const server = await TestServer.start({ script: serve, recordLimit: 10 });
  return server.port;
}

// ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function speak(): void {
  for (const [client, link] of newest) {
    if (random() > TICK / options.messageEvery || link.buffered() > MOST_BUFFERED) continue;
    const number = (sent.get(client) ?? 0) + 1;
    sent.set(client, number);
    messagesSent += 1;
    link.send(numbered(client, number));
  }
}

function lookAround(): void {
  for (const link of [...links]) {
    if (!link.heard) link.drop();
    link.heard = false;
    link.ping();
  }
}

const targets: Target[] = [];
const proxies: FaultProxy[] = [];
for (const [index, kind] of options.kinds.entries()) {
  const port = kind === "TestServer" ? await startTestServer() : await startWs(kind === "ws, compressed");
  const proxy = await FaultProxy.start({ target: port, plan: faultMix(options.seed + index, options.worst) });
  proxies.push(proxy);
  targets.push({ url: proxy.url, kind });
}
const faults: Record<string, number> = {};
const counted = proxies.map(() => 0);

/** Counts what the histories have new; they hold a limited number. */
function countFaults(): void {
  for (const [index, proxy] of proxies.entries()) {
    const { history } = proxy;
    const from = counted[index] as number;
    for (const { at, ...record } of history) {
      if (at > from && record.type === "fault") faults[record.fault.type] = (faults[record.fault.type] ?? 0) + 1;
    }
    counted[index] = history.at(-1)?.at ?? from;
  }
}

const speaking = setInterval(speak, TICK);
const looking = setInterval(lookAround, PING_EVERY);
const counting = setInterval(countFaults, 5000);
const tell = (message: FromServers): void => {
  process.send?.(message);
};

process.on("message", (message: ToServers) => {
  switch (message.type) {
    case "be well":
      for (const proxy of proxies) {
        proxy.onConnection({ connections: [] });
        for (const connection of proxy.connections) if (!connection.hasEnded) connection.heal();
        void proxy.up();
      }
      return;
    case "be quiet":
      clearInterval(speaking);
      return;
    case "account":
      countFaults();
      tell({
        type: "account",
        clients: account.clients,
        violations: account.violations,
        faults,
        messagesSent,
        received: account.messages,
        linksLeft: links.size,
      });
      return;
    case "end":
      clearInterval(looking);
      clearInterval(counting);
      // Whatever still stands here goes with the process.
      process.exit(0);
  }
});
tell({ type: "ready", targets });
