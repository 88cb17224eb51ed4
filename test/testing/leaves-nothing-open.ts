/**
 * A program for test-server.test.ts: starts servers, leaves all sorts of connections to them, stops them, and prints what is
 * still open then. That it ends at all is the other half of the proof.
 */
import { once } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { WebSocket } from "ws";
import { accepting, TestServer } from "../../src/testing/index.ts";
import { CERTIFICATE, KEY } from "./certificate.ts";

for (const tls of [undefined, { key: KEY, cert: CERTIFICATE }]) {
  const server = await TestServer.start({
    ...(tls && { tls }),
    script: [
      accepting((peer) => peer.close(1000)),
      accepting((peer) => peer.blackHole()),
      accepting(async (peer) => void (await peer.receive())),
      accepting(async (peer) => {
        await peer.delay(100_000);
      }),
      accepting((peer) => peer.send(new Uint8Array(32 * 1024 * 1024))),
      () => {},
    ],
  });
  const clients: WebSocket[] = [];
  for (let number = 1; number <= 6; number++) {
    const client = new WebSocket(server.url, { ca: CERTIFICATE });
    client.on("error", () => {});
    clients.push(client);
    if (number < 6) await once(client, "open");
    if (number === 5) client.pause();
  }
  await server.connection(6);
  await server.down();
  await server.up();
  await server.stop();
  for (const client of clients) client.terminate();
}
// Handles close at the end of the turn.
for (let turn = 0; turn < 100 && process.getActiveResourcesInfo().length > 0; turn++) await nextTurn();
process.stdout.write(JSON.stringify(process.getActiveResourcesInfo().filter((kind) => kind !== "PipeWrap")));
