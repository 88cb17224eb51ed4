/**
 * WebSocket clients that aren't ours, as rows of a table: they go through steps (clients/program.py), and say what came of each.
 */
import { fileURLToPath } from "node:url";
import { BUN } from "./bun.ts";
import type { Step } from "./clients/steps.ts";
import { wsClient } from "./clients/ws-client.ts";
import { PeerProcess } from "./peer-process.ts";
import { PYTHON } from "./python.ts";

export type ClientRequest = {
  readonly uri: string;
  readonly steps: readonly Step[];
  /** The file of an authority to trust. */
  readonly ca?: string;
  readonly subprotocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Settings of permessage-deflate in the client's own words; without them it offers none. */
  readonly deflate?: unknown;
};

export type ClientDriver = {
  readonly name: string;
  readonly run: (request: ClientRequest) => Promise<readonly unknown[]>;
  readonly pings: boolean;
  readonly fragments: boolean;
  /** Does it tell the status of a refusal? */
  readonly tellsStatus: boolean;
  readonly aborts: boolean;
  /** The code and reason of its answer to a close frame. */
  readonly closeAnswer: (code: number, reason: string) => readonly [code: number, reason: string];
  /** How it ends when the server breaks the protocol: with this close code, or without one. */
  readonly violationEnd: number | "fin";
};

const program = (name: string) => fileURLToPath(new URL(`clients/${name}`, import.meta.url));

/** Node has WebSocket without a flag from 22 on. */
const NODE_WEBSOCKET = "WebSocket" in globalThis ? [] : ["--experimental-websocket", "--no-warnings"];

export const CLIENTS: readonly ClientDriver[] = [
  {
    name: "ws",
    run: wsClient,
    pings: true,
    fragments: true,
    tellsStatus: true,
    aborts: true,
    closeAnswer: (code, reason) => [code, reason],
    violationEnd: 1002,
  },
  {
    name: "websockets",
    run: inProcess(PYTHON, ["-u", program("websockets-client.py")]),
    pings: true,
    fragments: true,
    tellsStatus: true,
    aborts: true,
    closeAnswer: (code, reason) => [code, reason],
    violationEnd: 1002,
  },
  {
    name: "Autobahn",
    run: inProcess(PYTHON, ["-u", program("autobahn-client.py")]),
    pings: true,
    fragments: true,
    // On asyncio it forgets what it has read when TCP ends at once after that.
    tellsStatus: false,
    aborts: true,
    closeAnswer: () => [1000, ""],
    violationEnd: 1002,
  },
  {
    name: "Tornado",
    run: inProcess(PYTHON, ["-u", program("tornado-client.py")]),
    pings: true,
    fragments: false,
    tellsStatus: true,
    aborts: true,
    closeAnswer: (code) => [code, ""],
    violationEnd: "fin",
  },
  {
    name: "Bun",
    run: inProcess(BUN, [program("web-client.ts")]),
    pings: true,
    fragments: false,
    tellsStatus: false,
    aborts: true,
    closeAnswer: (code, reason) => [code, reason],
    violationEnd: 1002,
  },
  {
    name: "undici",
    run: inProcess(process.execPath, [
      "--import",
      import.meta.resolve("tsx"),
      ...NODE_WEBSOCKET,
      program("web-client.ts"),
    ]),
    pings: false,
    fragments: false,
    tellsStatus: false,
    aborts: false,
    closeAnswer: (code) => [code, ""],
    violationEnd: "fin",
  },
];

/** Runs a client that takes the arguments of clients/program.py in a process of its own. */
function inProcess(file: string, args: readonly string[]): ClientDriver["run"] {
  return async ({ uri, steps, ca, subprotocols, headers = {}, deflate }) => {
    const process = new PeerProcess(
      file,
      [
        ...args,
        uri,
        JSON.stringify(steps),
        ...(ca === undefined ? [] : ["--ca", ca]),
        ...(subprotocols === undefined ? [] : ["--subprotocols", subprotocols.join(",")]),
        ...Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}:${value}`]),
        ...(deflate === undefined ? [] : ["--deflate", JSON.stringify(deflate)]),
      ],
      // Node's own WebSocket takes a private authority in no other way.
      ca === undefined ? {} : { env: { NODE_EXTRA_CA_CERTS: ca } },
    );
    try {
      const results = await process.toldOf((line) => (line.startsWith("[") ? line : undefined), "the results");
      return JSON.parse(results) as readonly unknown[];
    } finally {
      await process.stop();
    }
  };
}
