/**
 * Calls and subscriptions over a connection that is replaced, make before break; and property tests over whatever order things happen in.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { WebSocket } from "ws";
import { ok, reply } from "../../src/index.ts";
import { ConnectionLostError, createRpc, type Gap, type JsonRpcMessage, jsonRpc } from "../../src/rpc/index.ts";
import { accepting, FakeClock, type Peer, TestServer } from "../../src/testing/index.ts";
import { QUICK } from "../fresh/fixtures.ts";
import { Ledger } from "../fresh/ledger.ts";
import type { WsPeer } from "../fresh/ws-server.ts";
import { type Request, requestsOf, result, startJsonRpcServer } from "./json-rpc-server.ts";

async function requestTo(peer: Peer): Promise<Request> {
  return JSON.parse((await peer.receive("text")).data) as Request;
}

const answerFrom = (peer: Peer, request: Request, value: unknown): void =>
  peer.send(JSON.stringify(result(request, value)));

const publish = (peer: Peer, value: unknown): void =>
  peer.send(JSON.stringify({ jsonrpc: "2.0", method: "event", params: [value] }));

describe("a connection that is replaced", () => {
  /** A server that leaves all to the test, closing handshakes too. */
  const start = (): Promise<TestServer> =>
    TestServer.start({ script: accepting(() => undefined, { automatic: ["pong"] }) });

  test("brings answers from the old one, and loses no call while they may come", async () => {
    await using server = await start();
    const rpc = createRpc(jsonRpc());
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    const call = rpc.call(connection, "slow");
    const old = await server.connection(1);
    const request = await requestTo(old);
    const replaced = connection.replace();
    const next = await server.connection(2);
    await old.receive("close");
    answerFrom(old, request, "from the old one");
    old.close(1000);
    assert.equal(await call, "from the old one");
    await replaced;
    const another = rpc.call(connection, "next");
    answerFrom(next, await requestTo(next), "from the new one");
    assert.equal(await another, "from the new one");
    next.automatic = true;
  });

  test("and had calls that the old one never answered: the new one's first answer rejects them, and repeats the idempotent", async () => {
    await using server = await start();
    const rpc = createRpc(jsonRpc());
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    const lost = rpc.call(connection, "lost");
    const again = rpc.call(connection, "again", [1], { idempotent: true });
    const old = await server.connection(1);
    await requestTo(old);
    await requestTo(old);
    const replaced = connection.replace();
    const next = await server.connection(2);
    await old.receive("close");
    old.close(1000);
    await replaced;
    const first = rpc.call(connection, "first");
    const firstRequest = await requestTo(next);
    assert.equal(firstRequest.method, "first");
    answerFrom(next, firstRequest, 1);
    await assert.rejects(lost, (error) => {
      assert.ok(error instanceof ConnectionLostError);
      assert.equal(error.sent, "yes");
      assert.match(
        error.message,
        /^The connection was replaced, and the old one ended before the call lost was answered/,
      );
      return true;
    });
    assert.equal(await first, 1);
    const repeated = await requestTo(next);
    assert.deepEqual([repeated.method, repeated.id], ["again", 2]);
    answerFrom(next, repeated, 2);
    assert.equal(await again, 2);
    next.automatic = true;
  });

  test("has its subscriptions before other traffic; what the old one still brings comes first, then the gap, then the new", async () => {
    await using server = await start();
    const clock = new FakeClock();
    const rpc = createRpc(jsonRpc(), { clock });
    const module = rpc.define<null>("Feed", { handleConnect: (_status, _headers, state) => reply("hello", state) });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    const got = new Ledger<unknown>((entry) => JSON.stringify(entry));
    const subscription = rpc.subscribe(connection, {
      method: "subscribe",
      matches: ({ method }: JsonRpcMessage) => method === "event",
      item: ({ params }: JsonRpcMessage) => (params as readonly unknown[])[0],
      onMessage: (value) => got.add(value),
      onGap: (gap) => got.add(gap),
    });
    const old = await server.connection(1);
    assert.equal((await old.receive("text")).data, "hello");
    answerFrom(old, await requestTo(old), true);
    publish(old, 1);
    await got.nth(1, (value): value is 1 => value === 1, "the first message");
    clock.advance(100);
    const replaced = connection.replace();
    const next = await server.connection(2);
    await old.receive("close");
    publish(old, 2);
    old.close(1000);
    await replaced;
    connection.send("afterwards");
    assert.equal((await next.receive("text")).data, "hello");
    const request = await requestTo(next);
    assert.equal(request.method, "subscribe");
    assert.equal((await next.receive("text")).data, "afterwards");
    answerFrom(next, request, true);
    publish(next, 3);
    await got.nth(1, (value): value is 3 => value === 3, "the new one's message");
    const gap: Gap = { since: 1_700_000_000_100, duration: 0, reason: "replaced" };
    assert.deepEqual(got.entries, [1, 2, gap, 3]);
    assert.equal(subscription.status, "active");
    next.automatic = true;
  });

  test("whose replacement is lost in turn: everything is as after any loss", async () => {
    await using server = await start();
    const rpc = createRpc(jsonRpc());
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    const first = rpc.call(connection, "first");
    const old = await server.connection(1);
    await requestTo(old);
    const replaced = connection.replace();
    const next = await server.connection(2);
    await old.receive("close");
    old.close(1000);
    await replaced;
    const second = rpc.call(connection, "second");
    await requestTo(next);
    next.reset();
    await assert.rejects(first, ConnectionLostError);
    await assert.rejects(second, ConnectionLostError);
    const third = rpc.call(connection, "third");
    const last = await server.connection(3);
    answerFrom(last, await requestTo(last), 3);
    assert.equal(await third, 3);
    last.automatic = true;
  });
});

// ── Whatever the order ─────────────────────────────────────────────────────────────────────────────────────────────

type Step =
  | { readonly do: "call"; readonly idempotent: boolean; readonly timeout: number }
  | { readonly do: "abort" | "answer"; readonly which: number }
  | { readonly do: "advance"; readonly ms: number }
  | { readonly do: "reset" | "close" | "reconnect" | "replace" | "turn" };

// A socket that is being shut down can't be reset: libuv refuses, and Node then never closes it.
function resetIfOpen(peer: WsPeer | undefined): void {
  if (peer?.socket.readyState === WebSocket.OPEN) peer.reset();
}

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("call" as const),
        idempotent: fc.boolean(),
        timeout: fc.integer({ min: 1, max: 300 }),
      }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("answer" as const), which: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("abort" as const), which: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 100 }) }) },
    { weight: 6, arbitrary: fc.constant({ do: "turn" as const }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constantFrom("reset" as const, "close" as const, "reconnect" as const, "replace" as const),
      }),
    },
  ),
  { minLength: 1, maxLength: 150, size: "max" },
);

test("in whatever order answers, timeouts, aborts and lost connections come, each call settles once, never with another's answer, and all are accounted for", async () => {
  const held: { readonly peer: WsPeer; readonly request: Request }[] = [];
  await using server = await startJsonRpcServer((request, peer) => {
    held.push({ peer, request });
    return undefined;
  });
  await fc.assert(
    fc.asyncProperty(fc.boolean(), steps, async (openFirst, script) => {
      held.length = 0;
      const clock = new FakeClock();
      const rpc = createRpc(jsonRpc(), { clock, maxPending: 15, maxReplays: 2 });
      let strangers = 0;
      const module = rpc.define<null>("Calc", {
        handleIn(_frame, state) {
          strangers += 1;
          return ok(state);
        },
      });
      const before = server.peers.entries.length;
      const connection = module.start({ uri: server.url, state: null, options: QUICK });
      if (openFirst) await connection.opened();
      const outcomes: string[][] = [];
      const aborts: AbortController[] = [];
      const calls: Promise<void>[] = [];
      for (const step of script) {
        switch (step.do) {
          case "call": {
            const number = calls.length;
            const outcome: string[] = [];
            const cancel = new AbortController();
            outcomes.push(outcome);
            aborts.push(cancel);
            const { idempotent, timeout } = step;
            calls.push(
              rpc.call(connection, "echo", [number], { idempotent, timeout, signal: cancel.signal }).then(
                (value) => void outcome.push(JSON.stringify(value)),
                (error: Error) => void outcome.push(error.name),
              ),
            );
            break;
          }
          case "answer": {
            const [entry] = held.splice(step.which % Math.max(1, held.length), 1);
            if (entry !== undefined && entry.peer.socket.readyState === WebSocket.OPEN) {
              entry.peer.socket.send(JSON.stringify(result(entry.request, entry.request.params)));
            }
            break;
          }
          case "abort":
            aborts[step.which % Math.max(1, aborts.length)]?.abort();
            break;
          case "advance":
            clock.advance(step.ms);
            break;
          case "reset":
            resetIfOpen(server.peers.entries.at(-1));
            break;
          case "close":
            connection.close();
            break;
          case "reconnect":
            connection.reconnect();
            break;
          case "replace":
            connection.replace().catch(() => undefined);
            break;
          case "turn":
            // As many as a message and its answer take over the loopback interface.
            for (let turns = 0; turns < 5; turns += 1) await nextTurn();
        }
        const { calls: made, pending, waiting, replays: _, late: __, ...ended } = rpc.stats(connection);
        assert.equal(
          made,
          Object.values(ended).reduce((sum, count) => sum + count, pending),
        );
        assert.ok(pending <= 15, `${pending} calls are pending`);
        assert.ok(waiting <= pending, `${waiting} of ${pending} calls wait`);
      }
      await connection.stop("normal", { timeout: 200 });
      await Promise.all(calls);
      for (const [number, outcome] of outcomes.entries()) {
        assert.equal(outcome.length, 1);
        assert.match(
          outcome[0] ?? "",
          new RegExp(`^(\\[${number}\\]|CallTimeoutError|ConnectionLostError|TooManyCallsError|AbortError)$`),
        );
      }
      const { pending, answered } = rpc.stats(connection);
      assert.equal(pending, 0);
      assert.equal(answered, outcomes.filter(([outcome]) => outcome?.startsWith("[")).length);
      assert.equal(strangers, 0);
      assert.equal(clock.pending, 0);
      // What is not idempotent reaches the server once at the most, and nothing more often than it may be repeated.
      const sent = server.peers.entries.slice(before).flatMap((peer) => requestsOf(peer));
      for (const request of new Set(sent)) {
        assert.ok(sent.filter((one) => one === request).length <= 3, `${request} came too often`);
      }
      const once = script
        .filter((step) => step.do === "call")
        .flatMap(({ idempotent }, number) => (idempotent ? [] : [number]));
      for (const number of once) {
        const times = sent.filter((request) => request.startsWith(`echo [${number}] `)).length;
        assert.ok(times <= 1, `call ${number} came ${times} times`);
      }
      for (const peer of server.peers.entries.slice(before)) peer.socket.terminate();
    }),
    { numRuns: 120, interruptAfterTimeLimit: 30_000 },
  );
});

test("a numbered stream that is resumed from its cursor has no hole, whatever becomes of its connections, and comes twice only where that is told", async () => {
  type Feed = { readonly peer: WsPeer; next: number };
  const feeds: Feed[] = [];
  await using server = await startJsonRpcServer((request, peer) => {
    const { after } = request.params as unknown as { readonly after: number };
    feeds.push({ peer, next: after + 1 });
    return result(request, true);
  });
  const disturbances = fc.array(
    fc.oneof(
      { weight: 10, arbitrary: fc.constant("publish" as const) },
      {
        weight: 1,
        arbitrary: fc.constantFrom("reset" as const, "close" as const, "reconnect" as const, "replace" as const),
      },
    ),
    { maxLength: 80, size: "max" },
  );
  await fc.assert(
    fc.asyncProperty(disturbances, async (script) => {
      feeds.length = 0;
      const rpc = createRpc(jsonRpc());
      const connection = rpc.define("Feed", {}).start({ uri: server.url, state: null, options: QUICK });
      const before = server.peers.entries.length;
      let cursor = 0;
      let mayRepeat = false;
      let gaps = 0;
      const events = new Ledger<number>(String);
      const subscription = rpc.subscribe(connection, {
        method: "subscribe",
        parameters: () => ({ after: cursor }),
        matches: ({ method }: JsonRpcMessage) => method === "event",
        item: ({ params }: JsonRpcMessage) => (params as readonly [number])[0],
        onMessage(number) {
          if (!mayRepeat) assert.equal(number, cursor + 1);
          assert.ok(number <= cursor + 1, `${number} came after ${cursor}`);
          cursor = Math.max(cursor, number);
          events.add(number);
        },
        onGap({ reason }) {
          gaps += 1;
          mayRepeat = reason === "replaced";
        },
      });
      await connection.opened();
      for (const step of script) {
        if (step === "reset") resetIfOpen(server.peers.entries.at(-1));
        if (step === "close") connection.close();
        if (step === "reconnect") connection.reconnect();
        if (step === "replace") connection.replace().catch(() => undefined);
        if (step === "publish") {
          for (const feed of feeds) {
            if (feed.peer.socket.readyState !== WebSocket.OPEN) continue;
            feed.peer.socket.send(JSON.stringify({ jsonrpc: "2.0", method: "event", params: [feed.next] }));
            feed.next += 1;
          }
        }
        for (let turns = 0; turns < 3; turns += 1) await nextTurn();
      }
      const failure = await connection.stop("normal", { timeout: 200 });
      assert.equal(failure, "normal");
      assert.deepEqual(await subscription.ended, { reason: "terminated" });
      // Asked for at most once on a connection; and each time that it was established again, it was told.
      const peers = server.peers.entries.slice(before);
      for (const peer of peers) assert.ok(requestsOf(peer).length <= 1, requestsOf(peer).join());
      assert.ok(gaps <= Math.max(0, feeds.length - 1), `${gaps} gaps of ${feeds.length} feeds`);
      for (const peer of peers) peer.socket.terminate();
    }),
    { numRuns: 80, interruptAfterTimeLimit: 20_000 },
  );
});
