/**
 * A client on the WebSocket of the platform, as browsers have it: run by Bun, and by Node, whose own is undici's. See program.py for
 * its arguments and steps. Of a refusal it can't tell the status, and only Bun's pings.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Arrivals, perform, type Step, type StepEnd } from "./steps.ts";

/** What is used here of both, with what Bun has besides. */
type PlatformSocket = EventTarget & {
  binaryType: string;
  readonly protocol: string;
  readonly extensions: string;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  ping?(data: string): void;
  terminate?(): void;
};
type PlatformWebSocket = new (uri: string, options: Readonly<Record<string, unknown>>) => PlatformSocket;
const { WebSocket } = globalThis as unknown as { readonly WebSocket: PlatformWebSocket };

const { values, positionals } = parseArgs({
  options: {
    ca: { type: "string" },
    subprotocols: { type: "string" },
    header: { type: "string", multiple: true, default: [] },
  },
  allowPositionals: true,
});
const [uri = "", steps = "[]"] = positionals;
const socket = new WebSocket(uri, {
  protocols: values.subprotocols?.split(",") ?? [],
  headers: Object.fromEntries(values.header.map((header) => header.split(":", 2))),
  // Bun's; Node takes NODE_EXTRA_CA_CERTS.
  ...(values.ca === undefined ? {} : { tls: { ca: readFileSync(values.ca) } }),
});
socket.binaryType = "arraybuffer";

const messages = new Arrivals<string | Uint8Array>();
const pongs = new Arrivals<string>();
socket.addEventListener("message", (event) => {
  const { data } = event as Event & { readonly data: string | ArrayBuffer };
  messages.add(typeof data === "string" ? data : new Uint8Array(data));
});
socket.addEventListener("pong", (event) => {
  const { data } = event as Event & { readonly data: ArrayBuffer };
  pongs.add(new TextDecoder().decode(data));
});
const ended = new Promise<StepEnd>((resolve) => {
  socket.addEventListener("close", (event) => {
    const { code, reason, wasClean: clean } = event as Event & StepEnd & { readonly wasClean: boolean };
    // Some tell of a lost connection in words of their own.
    resolve({ code, reason: clean ? reason : "", clean });
  });
});
const opened = new Promise<boolean>((resolve) => {
  socket.addEventListener("open", () => resolve(true));
  socket.addEventListener("error", () => resolve(false));
});

if (!(await opened)) {
  console.log(JSON.stringify([{ refused: 0 }]));
} else {
  const results = await perform(
    {
      send: (data) => socket.send(data),
      ping: (payload) => socket.ping?.(payload),
      close: (code, reason) => socket.close(code, reason),
      abort: () => socket.terminate?.(),
      subprotocol: () => socket.protocol,
      extensions: () => socket.extensions,
    },
    JSON.parse(steps) as readonly Step[],
    messages,
    pongs,
    ended,
  );
  socket.close();
  await ended;
  console.log(JSON.stringify(results));
}
