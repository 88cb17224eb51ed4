/**
 * Subscriptions over whole connections: asked for on each anew, in their order, with what was missed told.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ok, reply } from "../../src/index.ts";
import {
  CallTimeoutError,
  createRpc,
  type Gap,
  type JsonRpcMessage,
  jsonRpc,
  type RpcProtocol,
  SubscriptionOverflowError,
  SubscriptionRefusedError,
} from "../../src/rpc/index.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { gate, QUICK, Recorder } from "../fresh/fixtures.ts";
import { Ledger } from "../fresh/ledger.ts";
import type { WsPeer } from "../fresh/ws-server.ts";
import { type Answering, failure, requestsOf, result, startJsonRpcServer } from "./json-rpc-server.ts";

/** Confirms "subscribe" with an id of the connection's own, as Ethereum's nodes do; answers the rest with true. */
const feed: Answering = (request, peer) =>
  request.method === "subscribe"
    ? result(request, `${peer.request.socket.remotePort}:${request.id}`)
    : result(request, true);

/** Sends a message of a subscription: of the one confirmed with `to`. */
function publish(peer: WsPeer, to: string, value: unknown): void {
  peer.socket.send(JSON.stringify({ jsonrpc: "2.0", method: "event", params: { subscription: to, value } }));
}

type Event = { readonly subscription: string; readonly value: unknown };
const eventIn = (message: JsonRpcMessage): Event | undefined =>
  message.method === "event" ? (message.params as unknown as Event) : undefined;

/** What every subscription of these tests is made of. */
const EVENTS = {
  method: "subscribe",
  matches: (message: JsonRpcMessage, confirmation: string | undefined) =>
    confirmation !== undefined && eventIn(message)?.subscription === confirmation,
  item: (message: JsonRpcMessage) => eventIn(message)?.value,
  unsubscribe: (confirmation: string | undefined) => ({ method: "unsubscribe", params: [confirmation] }),
};

/** The id that the how-manyth request of a connection was confirmed with. */
function confirmed(peer: WsPeer, id: number): string {
  return `${peer.request.socket.remotePort}:${id}`;
}

const idOf = (request: string): number => Number(request.slice(request.indexOf("#") + 1));

describe("a subscription", () => {
  test("made before the connection is open is asked for at the open, and gets its messages, which the module doesn't", async () => {
    await using server = await startJsonRpcServer(feed);
    const rpc = createRpc(jsonRpc());
    const recorder = new Recorder<null>({ handleIn: (_frame, state) => ok(state) });
    const module = rpc.define<null>("Feed", recorder.module.callbacks);
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    const got = new Ledger<unknown>(String);
    const subscription = rpc.subscribe(connection, {
      ...EVENTS,
      parameters: () => ["btc"],
      onMessage: (value) => got.add(value),
    });
    assert.equal(subscription.status, "waiting");
    const peer = await server.peer();
    await peer.text();
    publish(peer, confirmed(peer, 1), "one");
    await got.nth(1, (value): value is "one" => value === "one", "a message");
    assert.equal(subscription.status, "active");
    publish(peer, "of nobody", "x");
    await recorder.call("handleIn");
    assert.equal(recorder.all("handleIn").length, 1);
    assert.deepEqual(requestsOf(peer), ['subscribe ["btc"] #1']);
  });

  test("is asked for again on the next connection, in order and before other traffic, with parameters of the moment; the gap is told before the first message", async () => {
    await using server = await startJsonRpcServer(feed);
    const clock = new FakeClock();
    const rpc = createRpc(jsonRpc(), { clock });
    const module = rpc.define<null>("Feed", { handleConnect: (_status, _headers, state) => reply("hello", state) });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    const got = new Ledger<unknown>((entry) => JSON.stringify(entry));
    let cursor = 0;
    rpc.subscribe(connection, {
      ...EVENTS,
      parameters: () => ({ from: cursor }),
      onMessage: (value) => {
        cursor = value as number;
        got.add(value);
      },
      onGap: (gap) => got.add(gap),
    });
    rpc.subscribe(connection, { ...EVENTS, parameters: () => ({ second: true }), onMessage: () => undefined });
    const [first] = await Promise.all([server.peer(1)]);
    await first.text(3);
    clock.advance(1000);
    publish(first, confirmed(first, 1), 7);
    await got.nth(1, (value): value is 7 => value === 7, "the message");
    clock.advance(5000);
    const lost = gate();
    first.socket.on("close", () => lost.open());
    first.reset();
    await lost.promise;
    await connection.opened();
    connection.send('{"jsonrpc":"2.0","method":"raw"}');
    const next = await server.peer(2);
    await next.text(3);
    const [, subscribed = ""] = requestsOf(next);
    publish(next, confirmed(next, idOf(subscribed)), 8);
    await got.nth(1, (value): value is 8 => value === 8, "the message after the gap");
    assert.deepEqual(got.entries, [7, { since: 1_700_000_001_000, duration: 5000, reason: "failed" } satisfies Gap, 8]);
    assert.deepEqual(requestsOf(first), ["hello", 'subscribe {"from":0} #1', 'subscribe {"second":true} #2']);
    assert.deepEqual(requestsOf(next).slice(0, 3), [
      "hello",
      'subscribe {"from":7} #3',
      'subscribe {"second":true} #4',
    ]);
  });

  test("gives the previous parameters to the function that makes the next", async () => {
    await using server = await startJsonRpcServer(feed);
    const rpc = createRpc(jsonRpc());
    await using connection = rpc.define("Feed", {}).start({ uri: server.url, state: null, options: QUICK });
    rpc.subscribe(connection, {
      ...EVENTS,
      parameters: (previous: { readonly turn: number } | undefined) => ({ turn: (previous?.turn ?? 0) + 1 }),
    });
    for (const turn of [1, 2, 3]) {
      const peer = await server.peer(turn);
      await peer.text();
      assert.match(requestsOf(peer)[0] ?? "", new RegExp(`^subscribe {"turn":${turn}}`));
      connection.reconnect();
    }
  });

  test("has no gap to tell if it was never established before", async () => {
    await using server = await startJsonRpcServer((request, peer) => {
      if (server.peers.entries.indexOf(peer) === 0) {
        peer.reset();
        return undefined;
      }
      return feed(request, peer);
    });
    const rpc = createRpc(jsonRpc());
    await using connection = rpc.define("Feed", {}).start({ uri: server.url, state: null, options: QUICK });
    const gaps: Gap[] = [];
    const subscription = rpc.subscribe(connection, { ...EVENTS, onGap: (gap) => gaps.push(gap) });
    const peer = await server.peer(2);
    await peer.text();
    await rpc.call(connection, "sync");
    assert.equal(subscription.status, "active");
    assert.deepEqual(gaps, []);
  });

  test("that is asked for again: a message before the confirmation shows that it stands, so the gap is told first; the old confirmation counts no more", async () => {
    const held: (() => void)[] = [];
    await using server = await startJsonRpcServer((request, peer) => {
      if (server.peers.entries.length === 1) return feed(request, peer);
      held.push(() => peer.socket.send(JSON.stringify(result(request, "new"))));
      return undefined;
    });
    const rpc = createRpc(jsonRpc());
    const recorder = new Recorder<null>({ handleIn: (_frame, state) => ok(state) });
    const module = rpc.define<null>("Feed", recorder.module.callbacks);
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    const got = new Ledger<string>(String);
    const onGap = (): void => got.add("gap");
    // One knows its messages by themselves, the other by its confirmation only.
    rpc.subscribe(connection, {
      ...EVENTS,
      matches: (message) => eventIn(message)?.subscription === "early",
      onMessage: (value) => got.add(`early ${value}`),
      onGap,
    });
    rpc.subscribe(connection, { ...EVENTS, onMessage: (value) => got.add(`confirmed ${value}`) });
    const first = await server.peer(1);
    await first.text(2);
    await rpc.call(connection, "sync");
    first.reset();
    const next = await server.peer(2);
    await next.text(2);
    publish(next, confirmed(first, 2), "of the old confirmation");
    publish(next, "early", 1);
    await got.nth(1, (entry): entry is string => entry === "early 1", "the early message");
    for (const confirm of held) confirm();
    publish(next, "new", 2);
    await got.nth(1, (entry): entry is string => entry === "confirmed 2", "the confirmed message");
    assert.deepEqual(got.entries, ["gap", "early 1", "confirmed 2"]);
    assert.equal(recorder.all("handleIn").length, 1);
  });

  test("is told of a gap that spans several lost connections once, from its last sign of life", async () => {
    await using server = await startJsonRpcServer((request, peer) => {
      if (server.peers.entries.length === 2) {
        peer.reset();
        return undefined;
      }
      return feed(request, peer);
    });
    const clock = new FakeClock();
    const rpc = createRpc(jsonRpc(), { clock });
    await using connection = rpc.define("Feed", {}).start({ uri: server.url, state: null, options: QUICK });
    const gaps = new Ledger<Gap>((gap) => JSON.stringify(gap));
    rpc.subscribe(connection, { ...EVENTS, onGap: (gap) => gaps.add(gap) });
    const peer = await server.peer(1);
    await peer.text();
    await rpc.call(connection, "sync");
    clock.advance(10);
    connection.close();
    await server.peer(3);
    const gap = await gaps.nth(1, (one): one is Gap => one !== undefined, "a gap");
    assert.deepEqual(gap, { since: 1_700_000_000_000, duration: 10, reason: "failed" });
    await rpc.call(connection, "sync");
    assert.equal(gaps.entries.length, 1);
  });

  test("waits for ready() where that is asked for", async () => {
    await using server = await startJsonRpcServer(feed);
    const rpc = createRpc(jsonRpc(), { ready: "told" });
    const module = rpc.define<null>("Feed", {
      handleConnect: (_status, _headers, state) => reply("login", state),
      handleInfo(_message, state, self) {
        rpc.ready(self);
        return ok(state);
      },
    });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    const subscription = rpc.subscribe(connection, EVENTS);
    const call = rpc.call(connection, "sync");
    const peer = await server.peer();
    await peer.text();
    connection.send("outbox");
    await peer.text(2);
    assert.equal(subscription.status, "waiting");
    connection.info("logged in");
    await call;
    assert.deepEqual(requestsOf(peer), ["login", "outbox", "subscribe #2", "sync #1"]);
  });
});

describe("unsubscribing", () => {
  test("tells the server, and what was under way is taken away silently", async () => {
    const held = gate<() => void>();
    await using server = await startJsonRpcServer((request, peer) => {
      if (request.method !== "unsubscribe") return feed(request, peer);
      held.open(() => peer.socket.send(JSON.stringify(result(request, true))));
      return undefined;
    });
    const rpc = createRpc(jsonRpc());
    const recorder = new Recorder<null>({ handleIn: (_frame, state) => ok(state) });
    const module = rpc.define<null>("Feed", recorder.module.callbacks);
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    const got: unknown[] = [];
    const subscription = rpc.subscribe(connection, { ...EVENTS, onMessage: (value) => void got.push(value) });
    const peer = await server.peer();
    await peer.text();
    await rpc.call(connection, "sync");
    subscription.unsubscribe();
    assert.deepEqual(await subscription.ended, { reason: "unsubscribed" });
    const answer = await held.promise;
    publish(peer, confirmed(peer, 1), "late");
    answer();
    await rpc.call(connection, "sync");
    assert.equal(subscription.status, "ended");
    assert.deepEqual(got, []);
    assert.deepEqual(recorder.all("handleIn"), []);
    assert.deepEqual(requestsOf(peer), [
      "subscribe #1",
      "sync #2",
      `unsubscribe ["${confirmed(peer, 1)}"] #3`,
      "sync #4",
    ]);
  });

  test("before the confirmation waits for it, since only that says what to call off", async () => {
    const held = gate<() => void>();
    await using server = await startJsonRpcServer((request, peer) => {
      if (request.method !== "subscribe") return feed(request, peer);
      held.open(() => peer.socket.send(JSON.stringify(result(request, "the-id"))));
      return undefined;
    });
    const rpc = createRpc(jsonRpc());
    await using connection = rpc.define("Feed", {}).start({ uri: server.url, state: null, options: QUICK });
    const subscription = rpc.subscribe(connection, EVENTS);
    const confirm = await held.promise;
    subscription.unsubscribe();
    assert.equal(subscription.status, "leaving");
    confirm();
    const peer = await server.peer();
    await peer.text(2);
    assert.equal(requestsOf(peer)[1], 'unsubscribe ["the-id"] #2');
  });

  test("while there is no connection: it isn't asked for again", async () => {
    await using server = await startJsonRpcServer(feed);
    const rpc = createRpc(jsonRpc());
    const uri = gate<string>();
    await using connection = rpc.define("Feed", {}).start({ uri: () => uri.promise, state: null, options: QUICK });
    const subscription = rpc.subscribe(connection, EVENTS);
    using other = rpc.subscribe(connection, { ...EVENTS, parameters: () => ["other"] });
    subscription.unsubscribe();
    subscription.unsubscribe();
    assert.equal(subscription.status, "ended");
    uri.open(server.url);
    await rpc.call(connection, "sync");
    assert.equal(other.status, "active");
    assert.deepEqual(requestsOf(await server.peer()), ['subscribe ["other"] #2', "sync #1"]);
  });
});

describe("a subscription ends", () => {
  test("when the server refuses it: told once, not asked for again, and the connection goes on", async () => {
    await using server = await startJsonRpcServer((request, peer) =>
      request.method === "subscribe" ? failure(request, 4, "no such pair") : feed(request, peer),
    );
    const rpc = createRpc(jsonRpc());
    await using connection = rpc.define("Feed", {}).start({ uri: server.url, state: null, options: QUICK });
    const subscription = rpc.subscribe(connection, EVENTS);
    const end = await subscription.ended;
    assert.ok(end.reason === "failed" && end.error instanceof SubscriptionRefusedError);
    assert.match(end.error.message, /no such pair/);
    connection.close();
    await server.peer(2);
    await rpc.call(connection, "sync");
    assert.deepEqual(requestsOf(await server.peer(2)), ["sync #2"]);
  });

  test("when the server is silent for too long, or parameters throws, or the connection terminates", async () => {
    await using server = await startJsonRpcServer((request) =>
      request.method === "subscribe" ? undefined : result(request, true),
    );
    const clock = new FakeClock();
    const rpc = createRpc(jsonRpc(), { clock });
    await using connection = rpc.define("Feed", {}).start({ uri: server.url, state: null, options: QUICK });
    const silent = rpc.subscribe(connection, { ...EVENTS, timeout: 50 });
    const boom = new Error("boom");
    const thrown = rpc.subscribe(connection, {
      ...EVENTS,
      parameters: () => {
        throw boom;
      },
    });
    const last = rpc.subscribe(connection, { ...EVENTS, timeout: 500 });
    await rpc.call(connection, "sync");
    clock.advance(50);
    const end = await silent.ended;
    assert.ok(end.reason === "failed" && end.error instanceof CallTimeoutError);
    assert.deepEqual(await thrown.ended, { reason: "failed", error: boom });
    await connection.stop();
    assert.deepEqual(await last.ended, { reason: "terminated" });
    assert.deepEqual(await rpc.subscribe(connection, EVENTS).ended, { reason: "terminated" });
    assert.equal(clock.pending, 0);
  });
});

describe("an iterator", () => {
  async function subscribed(options: { readonly buffer?: number; readonly overflow?: "fail" | "drop-oldest" } = {}) {
    const server = await startJsonRpcServer(feed);
    const rpc = createRpc(jsonRpc());
    const connection = rpc.define("Feed", {}).start({ uri: server.url, state: null, options: QUICK });
    const subscription = rpc.subscribe(connection, { ...EVENTS, ...options });
    const peer = await server.peer();
    await peer.text();
    const sync = (): Promise<unknown> => rpc.call(connection, "sync");
    await sync();
    return {
      server,
      connection,
      subscription,
      peer,
      id: confirmed(peer, 1),
      sync,
      async [Symbol.asyncDispose]() {
        await connection.stop();
        await server.stop();
      },
    };
  }

  test("gives messages and gaps in their order, and unsubscribes when it is left", async () => {
    await using scope = await subscribed();
    const { server, subscription, peer, id } = scope;
    const seen: string[] = [];
    publish(peer, id, "one");
    for await (const event of subscription) {
      seen.push(event.type === "gap" ? `gap ${event.gap.reason}` : String(event.message));
      if (seen.length === 1) peer.socket.close(1001);
      if (seen.length === 2) {
        const next = await server.peer(2);
        publish(next, confirmed(next, idOf(requestsOf(next)[0] ?? "")), "two");
      }
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, ["one", "gap closed", "two"]);
    assert.notEqual(subscription.status, "active");
    assert.deepEqual(await subscription.ended, { reason: "unsubscribed" });
  });

  test("that is too slow ends with an error, so that nothing is lost unseen, and the server is told", async () => {
    await using scope = await subscribed({ buffer: 2 });
    const { subscription, peer, id, sync } = scope;
    for (const value of [1, 2, 3]) publish(peer, id, value);
    await sync();
    const seen: unknown[] = [];
    await assert.rejects(async () => {
      for await (const event of subscription) seen.push(event.type === "message" ? event.message : event);
    }, SubscriptionOverflowError);
    assert.deepEqual(seen, [1, 2]);
    await sync();
    assert.match(requestsOf(peer).join(), /unsubscribe/);
  });

  test("that is too slow, with drop-oldest, has the newest, and counts the others", async () => {
    await using scope = await subscribed({
      buffer: 2,
      overflow: "drop-oldest",
    });
    const { subscription, peer, id, sync } = scope;
    for (const value of [1, 2, 3]) publish(peer, id, value);
    await sync();
    assert.equal(subscription.dropped, 1);
    subscription.unsubscribe();
    const seen: unknown[] = [];
    for await (const event of subscription) seen.push(event.type === "message" ? event.message : event);
    assert.deepEqual(seen, [2, 3]);
  });
});

describe("a protocol without ids in its confirmations", () => {
  type Message = { readonly type: string; readonly channel?: string; readonly value?: number };
  const exchange: RpcProtocol<Message> = {
    read: (frame) => (frame.type === "text" ? (JSON.parse(frame.data) as Message) : undefined),
    correlate: () => undefined,
    answer: () => undefined,
    request: (_id, method, params) => JSON.stringify({ type: method, ...(params as object) }),
  };
  const ticker = {
    method: "subscribe",
    parameters: () => ({ channel: "ticker" }),
    matches: ({ type, channel }: Message) => type === "tick" && channel === "ticker",
    item: ({ value }: Message) => value,
  };

  test("is confirmed, or refused, by a message that a function knows", async () => {
    await using server = await startJsonRpcServer(() => undefined);
    const rpc = createRpc(exchange);
    await using connection = rpc.define("Ticker", {}).start({ uri: server.url, state: null, options: QUICK });
    const confirm = ({ type, channel }: Message): true | undefined => {
      if (type === "error") throw new Error(`no channel ${channel}`);
      return type === "subscriptions" ? true : undefined;
    };
    const got = new Ledger<unknown>(String);
    const subscription = rpc.subscribe(connection, { ...ticker, confirm, onMessage: (value) => got.add(value) });
    const peer = await server.peer();
    assert.equal(await peer.text(), '{"type":"subscribe","channel":"ticker"}');
    peer.socket.send('{"type":"subscriptions"}');
    peer.socket.send('{"type":"tick","channel":"ticker","value":5}');
    await got.nth(1, (value): value is 5 => value === 5, "a tick");
    assert.equal(subscription.status, "active");
    assert.equal(rpc.stats(connection).pending, 0);

    const refused = rpc.subscribe(connection, { ...ticker, confirm });
    await peer.text(2);
    peer.socket.send('{"type":"error","channel":"ticker"}');
    const end = await refused.ended;
    assert.ok(end.reason === "failed" && /no channel ticker/.test(String(end.error)));
    assert.equal(subscription.status, "active");
  });

  test("with confirm none is established when it is sent, and its gap is told then", async () => {
    await using server = await startJsonRpcServer(() => undefined);
    const rpc = createRpc(exchange);
    await using connection = rpc.define("Ticker", {}).start({ uri: server.url, state: null, options: QUICK });
    const gaps = new Ledger<Gap>(({ reason }) => reason);
    const subscription = rpc.subscribe(connection, { ...ticker, confirm: "none", onGap: (gap) => gaps.add(gap) });
    const peer = await server.peer();
    await peer.text();
    assert.equal(subscription.status, "active");
    peer.socket.close(1012);
    await gaps.nth(1, (gap): gap is Gap => gap.reason === "closed", "a gap");
    assert.equal(subscription.status, "active");
  });
});

test("onMessage that returns a promise holds the connection's other events until it settles", async () => {
  await using server = await startJsonRpcServer(feed);
  const rpc = createRpc(jsonRpc());
  await using connection = rpc.define("Feed", {}).start({ uri: server.url, state: null, options: QUICK });
  const busy = gate();
  const started: unknown[] = [];
  const began = gate();
  rpc.subscribe(connection, {
    ...EVENTS,
    onMessage: (value) => {
      started.push(value);
      began.open();
      return busy.promise;
    },
  });
  const peer = await server.peer();
  await peer.text();
  await rpc.call(connection, "sync");
  for (const value of [1, 2]) publish(peer, confirmed(peer, 1), value);
  await began.promise;
  const sync = rpc.call(connection, "sync");
  await peer.text(3);
  assert.deepEqual(started, [1]);
  busy.open();
  await sync;
  assert.deepEqual(started, [1, 2]);
});

test("two subscriptions that match a message both get it", async () => {
  await using server = await startJsonRpcServer(feed);
  const rpc = createRpc(jsonRpc());
  await using connection = rpc.define("Feed", {}).start({ uri: server.url, state: null, options: QUICK });
  const got: string[] = [];
  const all = { ...EVENTS, matches: (message: JsonRpcMessage) => eventIn(message) !== undefined };
  rpc.subscribe(connection, { ...all, onMessage: (value) => void got.push(`a ${value}`) });
  rpc.subscribe(connection, { ...all, onMessage: (value) => void got.push(`b ${value}`) });
  const peer = await server.peer();
  await peer.text(2);
  publish(peer, "any", 1);
  await rpc.call(connection, "sync");
  assert.deepEqual(got, ["a 1", "b 1"]);
});
