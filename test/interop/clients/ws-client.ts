/** A client on the `ws` package, in this process. */
import { readFileSync } from "node:fs";
import { type PerMessageDeflateOptions, WebSocket } from "ws";
import type { ClientRequest } from "../clients.ts";
import { Arrivals, perform, type StepEnd } from "./steps.ts";

export async function wsClient({
  uri,
  steps,
  ca,
  subprotocols,
  headers,
  deflate,
}: ClientRequest): Promise<readonly unknown[]> {
  const socket = new WebSocket(uri, [...(subprotocols ?? [])], {
    headers: { ...headers },
    perMessageDeflate: deflate === undefined ? false : (deflate as PerMessageDeflateOptions),
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
  });
  const messages = new Arrivals<string | Uint8Array>();
  const pongs = new Arrivals<string>();
  socket.on("message", (data: Buffer, isBinary) => messages.add(isBinary ? data : data.toString()));
  socket.on("pong", (data) => pongs.add(data.toString()));
  // What goes wrong ends it, and the end tells of it.
  socket.on("error", () => undefined);
  const ended = new Promise<StepEnd>((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: reason.toString(), clean: code !== 1006 }));
  });
  const refused = new Promise<number>((resolve) => {
    socket.on("unexpected-response", (request, { statusCode = 0 }) => {
      resolve(statusCode);
      request.destroy();
    });
  });
  // Its own word for what was agreed on leaves the parameters out.
  let extensions = "";
  socket.on("upgrade", ({ headers }) => {
    extensions = headers["sec-websocket-extensions"] ?? "";
  });
  const opened = new Promise<void>((resolve) => socket.on("open", () => resolve()));
  const status = await Promise.race([opened, refused]);
  if (status !== undefined) return [{ refused: status }];
  const results = await perform(
    {
      send: (data) => socket.send(data),
      sendInFragments: (parts) => {
        for (const [index, part] of parts.entries()) socket.send(part, { fin: index === parts.length - 1 });
      },
      ping: (payload) => socket.ping(payload),
      close: (code, reason) => socket.close(code, reason),
      abort: () => socket.terminate(),
      subprotocol: () => socket.protocol,
      extensions: () => extensions,
    },
    steps,
    messages,
    pongs,
    ended,
  );
  socket.close();
  await ended;
  return results;
}
