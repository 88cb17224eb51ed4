/**
 * Both ends of a TCP connection, for tests of what the server does with its end.
 */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { RawClient } from "./raw-client.ts";

export type SocketPair = { readonly server: Socket; readonly client: RawClient };

/** Runs `use` with the two ends, then destroys them. */
export async function withSocketPair(use: (pair: SocketPair) => Promise<void>): Promise<void> {
  const listener = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address() as { readonly port: number };
  const [[server], client] = await Promise.all([once(listener, "connection"), RawClient.connect(address.port)]);
  listener.close();
  server.on("error", () => {});
  try {
    await use({ server, client });
  } finally {
    server.destroy();
    client.socket.destroy();
    await client.closed;
  }
}
