/**
 * Ten markets of an exchange, each on a connection of its own, under one supervisor.
 *
 * The exchange wants its heartbeats as messages, so a ping of the protocol doesn't do: each connection calls "ping" in its turn, and
 * leaves a link on which no answer comes. Subscriptions are made anew on every connection, from the first tick that is missing. And a
 * market that fails on what it is sent is started again by the supervisor; the other nine don't notice.
 *
 * Prints:
 *     10 markets, and of each the ticks 1 to 5, in order
 *     BTC: no answer to a heartbeat, connected anew
 *     ETH: the exchange closed with 1012, connected anew
 *     XRP: "a price of -1" was a fault, restarted by the supervisor
 */
import { type ChildSpec, ok, reconnect, Supervisor } from "everfresh";
import { createRpc, type JsonRpcMessage, jsonRpc } from "everfresh/rpc";
import { type Peer, TestServer } from "everfresh/testing";

const SYMBOLS = ["ADA", "BTC", "DOGE", "DOT", "ETH", "LTC", "SOL", "TRX", "XLM", "XRP"];
const LAST_TICK = 5;
type Tick = { readonly number: number; readonly price: number };
type Methods = { ping(): "pong" };

/** What outlives connections and restarts: the ticks of each market, and what happened to it. */
const books = new Map<string, number[]>(SYMBOLS.map((symbol) => [symbol, []]));
const events: string[] = [];
const complete = new Map<string, () => void>();
const allComplete = Promise.all(SYMBOLS.map((symbol) => new Promise<void>((done) => complete.set(symbol, done))));

// ── The client ───────────────────────────────────────────────────────────────────────────────────────────────────

const HEARTBEAT = Symbol("heartbeat");
const rpc = createRpc(jsonRpc<Methods>());

type State = { readonly symbol: string; readonly timer?: NodeJS.Timeout };

const Market = rpc.define<State>("Market", {
  handleConnect(_status, _headers, state, self) {
    clearInterval(state.timer);
    return ok({ ...state, timer: setInterval(() => self.info(HEARTBEAT), 100) });
  },

  handleInfo(message, state, self) {
    // Not awaited: its answer is handled when this callback is done.
    if (message === HEARTBEAT && self.isOpen) {
      rpc.call(self, "ping", undefined, { timeout: 400 }).catch((error: Error) => {
        if (error.name !== "CallTimeoutError" || !self.isOpen) return;
        events.push(`${state.symbol}: no answer to a heartbeat, connected anew`);
        self.reconnect();
      });
    }
    return ok(state);
  },

  handleDisconnect(code, _reason, state) {
    if (code !== undefined) events.push(`${state.symbol}: the exchange closed with ${code}, connected anew`);
    return reconnect(state);
  },

  handleTerminate(reason, { symbol, timer }) {
    clearInterval(timer);
    if (typeof reason === "object" && "error" in reason) {
      events.push(`${symbol}: "${(reason.error as Error).message}" was a fault, restarted by the supervisor`);
    }
  },
});

/** A market as a child: a connection with its subscription. */
function market(symbol: string, uri: string): ChildSpec {
  const book = books.get(symbol) as number[];
  return {
    id: symbol,
    start() {
      const options = { backoffInitial: 20, infoLogging: false, errorLogging: false };
      const connection = Market.start({ uri, state: { symbol }, options });
      rpc.subscribe(connection, {
        method: "subscribe",
        parameters: () => ({ symbol, from: book.length + 1 }),
        matches: ({ method }: JsonRpcMessage) => method === "tick",
        item: ({ params }: JsonRpcMessage) => params as Tick,
        onMessage({ number, price }) {
          if (price < 0) throw new Error(`a price of ${price}`);
          book.push(number);
          if (number === LAST_TICK) complete.get(symbol)?.();
        },
      });
      return connection;
    },
  };
}

// ── The exchange ─────────────────────────────────────────────────────────────────────────────────────────────────

const visited = new Set<string>();

async function serve(peer: Peer): Promise<void> {
  await peer.accept();
  let silent = false;
  for await (const frame of peer.frames()) {
    if (frame.type !== "text" || silent) continue;
    const { id, method, params } = JSON.parse(frame.data);
    peer.send(JSON.stringify({ jsonrpc: "2.0", id, result: method === "ping" ? "pong" : true }));
    if (method !== "subscribe") continue;
    const isFirst = !visited.has(params.symbol);
    visited.add(params.symbol);
    // On their first visit, three markets meet with trouble at the third tick.
    for (let number = params.from; number <= LAST_TICK; number += 1) {
      const trouble = isFirst && number === 3 ? params.symbol : "";
      if (trouble === "BTC") silent = true;
      if (trouble === "ETH") peer.close(1012, "restarting");
      if (trouble === "BTC" || trouble === "ETH") break;
      const price = trouble === "XRP" ? -1 : 100;
      peer.send(JSON.stringify({ jsonrpc: "2.0", method: "tick", params: { number, price } }));
      if (trouble === "XRP") break;
    }
  }
}

const exchange = await TestServer.start({ script: serve });
const supervisor = Supervisor.start(
  SYMBOLS.map((symbol) => market(symbol, exchange.url)),
  { logger: { error: () => {} } },
);
await allComplete;
await supervisor.stop("shutdown");
await exchange.stop();

const wanted = Array.from({ length: LAST_TICK }, (_, index) => index + 1).join();
if ([...books.values()].some((book) => book.join() !== wanted)) throw new Error(`Ticks are missing: ${[...books]}`);
console.log(`${books.size} markets, and of each the ticks 1 to ${LAST_TICK}, in order`);
for (const event of events.sort()) console.log(event);
