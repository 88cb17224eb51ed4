/**
 * `everfresh listen`: a local server that sends back what it is sent, to try things on.
 */
import { escapeControls } from "../escape.ts";
import { permessageDeflate } from "../index.ts";
import { type Peer, PeerError, TestServer } from "../testing/index.ts";
import type { Arguments, OptionTable } from "./arguments.ts";
import type { Command } from "./command.ts";
import { EXIT_FAILED, UsageError } from "./exit-code.ts";
import type { Host } from "./host.ts";
import { messageLine } from "./message-line.ts";
import { systemCode } from "./system-code.ts";
import { inTone } from "./tone.ts";

const DEFAULT_PORT = 8080;
const DEFAULT_HOST = "127.0.0.1";
/** How long clients may take to answer our close frame at the end, in ms. */
const CLOSE_TIMEOUT = 2000;
/** How long a client that has connected may take to ask for anything, in ms. */
const REQUEST_TIMEOUT = 10_000;
// Bytes that may wait for a client that doesn't read, before no more is read from it.
const MAX_BACKLOG = 1024 * 1024;

const OPTIONS = {
  port: { short: "p", value: "PORT", doc: `The port to listen on; 0: a free one. Default ${DEFAULT_PORT}.` },
  host: { value: "HOST", doc: `The address to listen on. Default ${DEFAULT_HOST}, which only this machine can reach.` },
  "no-echo": { doc: "Print what clients send, and send nothing back." },
  quiet: { short: "q", doc: "Print the address, and nothing of what clients do." },
} as const satisfies OptionTable;

export const listen: Command = {
  name: "listen",
  summary: "Run a local echo server to try things on.",
  usage: "[options]",
  description: [
    "Accepts WebSocket connections and sends each message back. The first line on the standard output is the server's address. Then each message is a line, with the client's number before it; what else clients do is told on the standard error. Of the subprotocols that a client asks for, the first is chosen, and if it offers compression (permessage-deflate), that is agreed to.",
    "Ctrl-C closes all connections with 1001 and ends it.",
  ],
  options: OPTIONS,
  examples: [
    ["everfresh listen", `Listen on ws://${DEFAULT_HOST}:${DEFAULT_PORT}.`],
    ["everfresh listen --port 0", "Listen on a free port; the first line tells which."],
    ["everfresh connect ws://127.0.0.1:8080", "In another terminal: talk to it."],
  ],
  exitCodes: [
    [0, "Nobody reads the output any more."],
    [1, "It can't listen there: the port is taken, or not allowed."],
    [2, "The command line can't be carried out."],
    [130, "SIGINT (Ctrl-C), the usual end; 143 for SIGTERM, 129 for SIGHUP."],
  ],
  run,
};

async function run(args: Arguments, host: Host): Promise<number> {
  const { output, errors } = host;
  if (args.positionals.length > 0) {
    throw new UsageError("listen takes no address: everfresh listen --port 8080 --host 127.0.0.1");
  }
  const port = args.wholeNumber("port", { least: 0, most: 65_535 }) ?? DEFAULT_PORT;
  const address = args.value("host") ?? DEFAULT_HOST;
  const clients = new Set<Peer>();
  const print: Print = args.has("quiet")
    ? { message: () => undefined, state: () => {} }
    : {
        message: (line) => output.line(line),
        state: (line) => void errors.line(inTone(errors, "dim", `everfresh: ${line}`)),
      };

  let server: TestServer;
  try {
    server = await TestServer.start({
      port,
      host: address,
      // It may run for days, and nobody looks back.
      recordLimit: 0,
      extensions: [permessageDeflate()],
      timeout: Number.POSITIVE_INFINITY,
      script: async (peer) => {
        clients.add(peer);
        await serve(peer, args.has("no-echo") ? "silent" : "echo", print);
        clients.delete(peer);
      },
    });
  } catch (error) {
    errors.line(`everfresh: ${cannotListen(error, port, address)}`);
    return EXIT_FAILED;
  }
  output.line(server.url);

  const exitCode = await new Promise<number>((resolve) => {
    host.onInterrupt((code) => {
      output.abandon();
      resolve(code);
    });
    void output.broken.then(() => resolve(0));
  });
  await closeAll(clients);
  await server.stop();
  return exitCode;
}

type Print = {
  readonly message: (line: string) => Promise<void> | undefined;
  readonly state: (line: string) => void;
};

async function serve(peer: Peer, answers: "echo" | "silent", print: Print): Promise<void> {
  const client = `client ${peer.number}`;
  try {
    let protocol: string | undefined;
    const request = await peer.accept({
      protocol: ([first]) => {
        protocol = first;
        return first;
      },
      timeout: REQUEST_TIMEOUT,
    });
    const chosen = protocol !== undefined ? `, subprotocol ${escapeControls(protocol)}` : "";
    print.state(
      `${client} connected from ${peer.socket.remoteAddress}, asking for ${escapeControls(request.target)}${chosen}`,
    );
    for await (const frame of peer.frames()) {
      if (frame.type !== "text" && frame.type !== "binary") continue;
      const printed = print.message(`${peer.number}: ${messageLine(frame.data)}`);
      if (answers === "echo") peer.send(frame);
      if (printed !== undefined || peer.bufferedAmount > MAX_BACKLOG) {
        peer.pause();
        await Promise.all([printed, peer.flushed()]);
        peer.resume();
      }
    }
    const end = await peer.ended;
    const { code, reason } = end.type === "closed" ? end : {};
    const how =
      end.type !== "closed" ? "went away without a close frame" : `closed${code === undefined ? "" : `, ${code}`}`;
    print.state(`${client} ${how}${reason ? `: ${escapeControls(reason)}` : ""}`);
  } catch (error) {
    // What a client does wrong is told, and is no fault of the server's.
    if (!(error instanceof PeerError)) throw error;
    if (error.reason !== "stopped") print.state(`${client}: ${escapeControls(error.message)}`);
    if (!peer.isFinishing) peer.drop();
  }
}

/** Says goodbye to all, and waits for their answers as long as is fair. */
async function closeAll(clients: ReadonlySet<Peer>): Promise<void> {
  const leaving = [...clients].map(async (peer) => {
    try {
      peer.close(1001, "the server ends");
    } catch {
      // It hasn't been accepted yet, or has left already.
      peer.drop();
    }
    await peer.ended;
  });
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    Promise.all(leaving),
    new Promise((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT);
    }),
  ]);
  clearTimeout(timer);
}

function cannotListen(error: unknown, port: number, host: string): string {
  const code = systemCode(error);
  const place = escapeControls(`${host.includes(":") ? `[${host}]` : host}:${port}`);
  switch (code) {
    case "EADDRINUSE":
      return `${place} is taken by another program. Choose another port with --port, or 0 for a free one.`;
    case "EACCES":
      return `${place} may not be listened on: ports below 1024 need privileges. Choose another with --port.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `${escapeControls(host)} is no address of this machine. Choose another with --host, such as 127.0.0.1 or ::1.`;
    default:
      return `It can't listen on ${place} (${code}).`;
  }
}
