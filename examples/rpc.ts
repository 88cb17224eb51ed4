/**
 * Calls with answers, over a connection that breaks: JSON-RPC 2.0, typed; what a caller gets in each case; a subscription that
 * goes on where it was, and tells of the gap.
 *
 * Prints:
 *     42 - 23 = 19
 *     the server answered with error -32601: no method divide
 *     price 1 of tea
 *     the connection is lost
 *     transfer: sent yes, so ask before you repeat it
 *     prices: a gap, asked for again from 2 on
 *     price 2 of tea
 *     balance, asked again on the new connection: 100
 *     exited: normal
 */
import { reconnect } from "everfresh";
import { ConnectionLostError, createRpc, type JsonRpcMessage, jsonRpc, RpcError } from "everfresh/rpc";
import { type Peer, TestServer } from "everfresh/testing";

type Methods = {
  subtract(params: readonly [minuend: number, subtrahend: number]): number;
  divide(params: readonly [dividend: number, divisor: number]): number;
  balance(): number;
  transfer(params: { readonly amount: number }): "done";
};
type Price = { readonly number: number; readonly of: string };

// ── The client ───────────────────────────────────────────────────────────────────────────────────────────────────

const rpc = createRpc(jsonRpc<Methods>(), { timeout: 5000 });

const Bank = rpc.define<null>("Bank", {
  handleDisconnect(_code, _reason, state) {
    console.log("the connection is lost");
    return reconnect(state);
  },
});

async function calls(): Promise<void> {
  console.log(`42 - 23 = ${await rpc.call("bank", "subtract", [42, 23])}`);
  await rpc.call("bank", "divide", [1, 0]).catch((error: unknown) => {
    if (!(error instanceof RpcError)) throw error;
    console.log(`the server answered with error ${error.code}: ${error.message}`);
  });
}

async function callsOverABreak(): Promise<number> {
  // Reading twice does no harm: this one is made again on the next connection. Paying twice does.
  const balance = rpc.call("bank", "balance", undefined, { idempotent: true });
  await rpc.call("bank", "transfer", { amount: 50 }).catch((error: unknown) => {
    if (!(error instanceof ConnectionLostError)) throw error;
    console.log(`transfer: sent ${error.sent}, so ask before you repeat it`);
  });
  return balance;
}

async function prices(onFirst: () => void): Promise<void> {
  let next = 1;
  const subscription = rpc.subscribe("bank", {
    method: "subscribe",
    parameters: () => ({ channel: "prices", from: next }),
    matches: ({ method }: JsonRpcMessage) => method === "price",
    item: ({ params }: JsonRpcMessage) => params as Price,
  });
  for await (const event of subscription) {
    if (event.type === "gap") {
      console.log(`prices: a gap, asked for again from ${next} on`);
      continue;
    }
    const { number, of } = event.message;
    console.log(`price ${number} of ${of}`);
    next = number + 1;
    if (number === 1) onFirst();
    else break;
  }
}

// ── The server ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Serves until it is asked for a transfer; then it restarts. */
async function serve(peer: Peer, number: "first" | "second"): Promise<void> {
  await peer.accept();
  for await (const frame of peer.frames()) {
    if (frame.type !== "text") continue;
    const { id, method, params } = JSON.parse(frame.data);
    const answer = (outcome: object): void => peer.send(JSON.stringify({ jsonrpc: "2.0", id, ...outcome }));
    if (method === "subtract") answer({ result: params[0] - params[1] });
    if (method === "divide") answer({ error: { code: -32601, message: "no method divide" } });
    if (method === "transfer") peer.close(1012, "restarting");
    if (method === "balance" && number === "second") answer({ result: 100 });
    if (method === "subscribe") {
      answer({ result: true });
      peer.send(JSON.stringify({ jsonrpc: "2.0", method: "price", params: { number: params.from, of: "tea" } }));
    }
  }
}

const server = await TestServer.start({
  script: [(peer) => serve(peer, "first"), (peer) => serve(peer, "second")],
});
const bank = Bank.start({
  uri: server.url,
  state: null,
  options: { name: "bank", backoffInitial: 20, infoLogging: false },
});
await calls();
let feed = Promise.resolve();
await new Promise<void>((resolve) => {
  feed = prices(resolve);
});
const balance = await callsOverABreak();
await feed;
console.log(`balance, asked again on the new connection: ${balance}`);
console.log(`exited: ${await bank.stop()}`);
await server.stop();
