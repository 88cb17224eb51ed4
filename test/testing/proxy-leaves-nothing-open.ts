/**
 * A program for fault-proxy.test.ts: does every fault in every phase to connections through proxies, stops them in the midst of it, and prints what
 * is still open then. That it ends at all is the other half of the proof.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { WebSocket } from "ws";
import { type Fault, FaultProxy, type FaultRule, TestServer } from "../../src/testing/index.ts";
import { CERTIFICATE, KEY } from "./certificate.ts";

const faults: readonly Fault[] = [
  { type: "latency", ms: 100_000 },
  { type: "drip", every: 100_000 },
  { type: "glue", ms: 100_000 },
  { type: "stall" },
  { type: "stall", ms: 100_000 },
  { type: "blackHole" },
  { type: "reset", direction: "toClient" },
  { type: "end", direction: "toServer" },
  { type: "end" },
  { type: "close" },
  { type: "inject", frame: { opcode: "ping", size: 125 }, times: 1_000_000 },
  { type: "inject", frame: { opcode: "ping" }, times: 1_000_000, every: 1 },
  { type: "garbage" },
  { type: "down", ms: 100_000 },
];
const tls = { key: KEY, cert: CERTIFICATE };

for (const isTls of [false, true]) {
  for (const phase of ["connect", "request", "answer", "open"] as const) {
    const server = await TestServer.start();
    const rules = faults.map((fault, index): FaultRule => ({ connection: index + 1, when: { phase }, fault }));
    const late: FaultRule = { when: { phase: "connect", ms: 100_000 }, fault: { type: "reset" } };
    const plan = { connections: [...rules, late] };
    const proxy = await FaultProxy.start({ target: server.url, plan, ...(isTls && { tls }) });
    const clients: WebSocket[] = [];
    for (let number = 1; number <= faults.length; number += 1) {
      const client = new WebSocket(proxy.url, { ca: CERTIFICATE });
      client.on("error", () => {});
      clients.push(client);
      const connection = await proxy.connection(number);
      await connection.reached(phase).catch(() => {});
    }
    await proxy.stop();
    await server.stop();
    for (const client of clients) client.terminate();
  }
}
// Handles close at the end of the turn.
for (let turn = 0; turn < 100 && process.getActiveResourcesInfo().length > 0; turn++) await nextTurn();
process.stdout.write(JSON.stringify(process.getActiveResourcesInfo().filter((kind) => kind !== "PipeWrap")));
