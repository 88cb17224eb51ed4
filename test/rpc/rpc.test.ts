/**
 * Calls over whole connections, against a JSON-RPC server that isn't ours: what is answered, and what a caller gets when it isn't.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { close, Fresh, NoSuchConnectionError, ok, reconnect, reply } from "../../src/index.ts";
import {
  CallNotSentError,
  CallTimeoutError,
  ConnectionLostError,
  createRpc,
  ForeignConnectionError,
  jsonRpc,
  RpcError,
  TooManyCallsError,
} from "../../src/rpc/index.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { gate, launch, QUICK, Recorder } from "../fresh/fixtures.ts";
import type { WsPeer } from "../fresh/ws-server.ts";
import { arithmetic, requestsOf, result, startJsonRpcServer } from "./json-rpc-server.ts";

type Methods = {
  subtract(params: readonly [number, number]): number;
  echo(params?: readonly unknown[]): unknown;
  silent(params?: readonly unknown[]): never;
  divide(params: readonly [number, number]): number;
};

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const NOWHERE = "ws://127.0.0.1:9/";

describe("a call", () => {
  test("resolves with the answer to it, and its types come from the map of methods", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>());
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    const difference: number = await rpc.call(connection, "subtract", [42, 23]);
    assert.equal(difference, 19);
    // @ts-expect-error: two numbers
    await rpc.call(connection, "subtract", ["a"]);
  });

  test("is answered by its own answer, whatever order the answers come in", async () => {
    const held: (() => void)[] = [];
    await using server = await startJsonRpcServer((request, peer) => {
      held.push(() => peer.socket.send(JSON.stringify(result(request, request.params))));
      if (held.length === 100) for (const send of held.reverse()) send();
      return undefined;
    });
    const rpc = createRpc(jsonRpc<Methods>());
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => rpc.call(connection, "echo", [n])));
    assert.deepEqual(
      answers,
      Array.from({ length: 100 }, (_, n) => [n]),
    );
  });

  test("that the server answers with an error rejects with its code, message and data", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>());
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    await assert.rejects(
      rpc.call(connection, "divide", [1, 0]),
      (error) =>
        error instanceof RpcError &&
        error.code === -32601 &&
        error.message === "Method not found" &&
        JSON.stringify(error.data) === '{"method":"divide"}',
    );
  });

  test("made before the connection is open waits for it, and goes out after handleConnect's replies and the outbox", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>());
    const module = rpc.define<null>("Calc", { handleConnect: (_status, _headers, state) => reply("hello", state) });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    const answer = rpc.call(connection, "subtract", [2, 1]);
    connection.send('{"method":"raw"}');
    assert.equal(rpc.stats(connection).waiting, 1);
    assert.equal(await answer, 1);
    const peer = await server.peer();
    assert.deepEqual(requestsOf(peer), ["hello", "raw", "subtract [2,1] #1"]);
  });

  test("waits while an async handleConnect is pending", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>());
    const login = gate();
    const module = rpc.define<null>("Calc", {
      async handleConnect(_status, _headers, state) {
        await login.promise;
        return reply("hello", state);
      },
    });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    await connection.opened();
    const answer = rpc.call(connection, "subtract", [2, 1]);
    login.open();
    assert.equal(await answer, 1);
    assert.deepEqual(requestsOf(await server.peer()), ["hello", "subtract [2,1] #1"]);
  });

  test("with whenClosed drop is rejected at once while the connection isn't open, as not sent", async () => {
    const rpc = createRpc(jsonRpc<Methods>());
    await using connection = rpc.define("Calc", {}).start({ uri: NOWHERE, state: null, options: QUICK });
    await assert.rejects(
      rpc.call(connection, "subtract", [2, 1], { whenClosed: "drop" }),
      (error) => error instanceof CallNotSentError && error.reason === "closed" && error.sent === "no",
    );
  });

  test("beyond maxPending is rejected at once, and room comes with an answer", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>(), { maxPending: 2 });
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    const first = rpc.call(connection, "subtract", [2, 1]);
    const second = rpc.call(connection, "subtract", [3, 1]);
    await assert.rejects(rpc.call(connection, "subtract", [4, 1]), (error) => {
      assert.ok(error instanceof TooManyCallsError && error.maxPending === 2 && error.sent === "no");
      assert.match(error.message, /^The call subtract was not sent: 2 calls are pending/);
      return true;
    });
    assert.deepEqual(await Promise.all([first, second]), [1, 2]);
    assert.equal(await rpc.call(connection, "subtract", [4, 1]), 3);
  });

  test("whose frame may not be sent is rejected with the reason, and the connection goes on", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc({ ...jsonRpc<Methods>(), request: () => "\ud800" });
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    await connection.opened();
    await assert.rejects(
      rpc.call(connection, "subtract", [2, 1]),
      (error) =>
        error instanceof CallNotSentError && error.reason === "refused" && /lone surrogate/.test(error.message),
    );
    assert.equal(connection.status, "open");
  });

  test("on a name that nobody has, or a module of somebody else's, is rejected in words", async () => {
    const rpc = createRpc(jsonRpc<Methods>());
    await assert.rejects(rpc.call("nobody", "subtract", [2, 1]), NoSuchConnectionError);
    await assert.rejects(rpc.call(null as never, "subtract", [2, 1]), NoSuchConnectionError);
    await using connection = Fresh.start(NOWHERE, {}, null, QUICK);
    await assert.rejects(rpc.call(connection, "subtract", [2, 1]), (error) => {
      assert.ok(error instanceof ForeignConnectionError);
      assert.match(error.message, /rpc\.define/);
      return true;
    });
  });

  test("reaches a connection by its name", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>());
    const options = { ...QUICK, name: "rpc-by-name" };
    await using _connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options });
    assert.equal(await rpc.call("rpc-by-name", "subtract", [5, 1]), 4);
  });
});

describe("a call that takes too long", () => {
  test("is rejected, and its late answer is dropped and counted, not given to handleIn", async () => {
    const held = gate<() => void>();
    await using server = await startJsonRpcServer((request, peer) => {
      if (request.method === "silent") held.open(() => peer.socket.send(JSON.stringify(result(request, "late"))));
      else return result(request, request.params);
      return undefined;
    });
    const clock = new FakeClock();
    const rpc = createRpc(jsonRpc<Methods>(), { clock, timeout: 100 });
    const seen: string[] = [];
    const module = rpc.define<null>("Calc", {
      handleIn(frame, state) {
        seen.push(String(frame.data));
        return ok(state);
      },
    });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    const call = rpc.call(connection, "silent", []);
    const answerLate = await held.promise;
    clock.advance(100);
    await assert.rejects(
      call,
      (error) => error instanceof CallTimeoutError && error.timeout === 100 && error.sent === "yes",
    );
    answerLate();
    assert.deepEqual(await rpc.call(connection, "echo", [1]), [1]);
    assert.deepEqual(seen, []);
    assert.equal(rpc.stats(connection).late, 1);
    assert.equal(rpc.stats(connection).timedOut, 1);
  });

  test("has its late answer given to handleIn when that is asked for", async () => {
    const held = gate<() => void>();
    await using server = await startJsonRpcServer((request, peer) => {
      held.open(() => peer.socket.send(JSON.stringify(result(request, "late"))));
      return undefined;
    });
    const clock = new FakeClock();
    const rpc = createRpc(jsonRpc<Methods>(), { clock, timeout: 100, lateAnswers: "deliver" });
    const seen = gate<string>();
    const module = rpc.define<null>("Calc", {
      handleIn(frame, state) {
        seen.open(String(frame.data));
        return ok(state);
      },
    });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    const call = rpc.call(connection, "silent", []);
    const answerLate = await held.promise;
    clock.advance(100);
    await assert.rejects(call, CallTimeoutError);
    answerLate();
    assert.match(await seen.promise, /late/);
  });

  test("while it waits for a connection is never sent", async () => {
    await using server = await startJsonRpcServer();
    const clock = new FakeClock();
    const rpc = createRpc(jsonRpc<Methods>(), { clock });
    const uri = gate<string>();
    await using connection = rpc.define("Calc", {}).start({ uri: () => uri.promise, state: null, options: QUICK });
    const slow = rpc.call(connection, "echo", ["slow"], { timeout: 100 });
    const patient = rpc.call(connection, "echo", ["patient"], { timeout: 200 });
    clock.advance(100);
    await assert.rejects(slow, (error) => error instanceof CallTimeoutError && error.sent === "no");
    uri.open(server.url);
    assert.deepEqual(await patient, ["patient"]);
    assert.deepEqual(requestsOf(await server.peer()), ['echo ["patient"] #2']);
    assert.equal(clock.pending, 0);
  });
});

describe("a call that its caller aborts", () => {
  test("rejects with the signal's reason, is never sent if it hasn't been, and never resolves if it has", async () => {
    const held = gate<() => void>();
    await using server = await startJsonRpcServer((request, peer) => {
      if (request.method !== "silent") return result(request, request.params);
      held.open(() => peer.socket.send(JSON.stringify(result(request, "late"))));
      return undefined;
    });
    const rpc = createRpc(jsonRpc<Methods>());
    const uri = gate<string>();
    await using connection = rpc.define("Calc", {}).start({ uri: () => uri.promise, state: null, options: QUICK });
    const cancel = new AbortController();
    const unsent = rpc.call(connection, "echo", ["unsent"], { signal: cancel.signal });
    const reason = new Error("not wanted any more");
    cancel.abort(reason);
    await assert.rejects(unsent, reason);
    await assert.rejects(rpc.call(connection, "echo", [], { signal: cancel.signal }), reason);

    uri.open(server.url);
    const later = new AbortController();
    const sent = rpc.call(connection, "silent", [], { signal: later.signal });
    const answerLate = await held.promise;
    later.abort(reason);
    await assert.rejects(sent, reason);
    answerLate();
    assert.deepEqual(await rpc.call(connection, "echo", [1]), [1]);
    assert.deepEqual(requestsOf(await server.peer()), ["silent [] #2", "echo [1] #3"]);
    const { aborted, late, pending } = rpc.stats(connection);
    assert.deepEqual({ aborted, late, pending }, { aborted: 2, late: 1, pending: 0 });
  });
});

describe("when the connection is lost", () => {
  test("a call that was sent is rejected: sent yes, once the system had it", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>());
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    const call = rpc.call(connection, "silent", []);
    const peer = await server.peer();
    await peer.text();
    peer.reset();
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof ConnectionLostError);
      assert.equal(error.sent, "yes");
      assert.equal((error.cause as { kind?: string }).kind, "streaming_failed");
      assert.match(
        error.message,
        /^The connection was lost \(streaming_failed, .*\) before the call silent was answered\. It had been sent/,
      );
      return true;
    });
  });

  test("a call that the system had not taken is rejected: sent unknown", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>());
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    await connection.opened();
    const peer = await server.peer();
    peer.socket.pause();
    const calls: Promise<unknown>[] = [];
    for (let tries = 0; connection.bufferedAmount === 0 && tries < 100; tries += 1) {
      calls.push(rpc.call(connection, "silent", ["x".repeat(1_000_000)]));
      await nextTurn();
    }
    connection.reconnect();
    const fates = (await Promise.allSettled(calls)).map((call) => {
      assert.ok(call.status === "rejected" && call.reason instanceof ConnectionLostError);
      return call.reason.sent;
    });
    assert.equal(fates.at(-1), "unknown");
    assert.equal(fates.at(0), "yes");
  });

  test("a call that waits isn't rejected, and goes out on the next connection", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>());
    const recorder = new Recorder<null>();
    const down = gate();
    const module = rpc.define<null>("Calc", {
      ...recorder.module.callbacks,
      async handleDisconnect(_code, _reason, state) {
        await down.promise;
        return reconnect(state);
      },
    });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    await connection.opened();
    connection.close();
    const call = rpc.call(connection, "subtract", [9, 1]);
    down.open();
    assert.equal(await call, 8);
    assert.deepEqual(requestsOf(await server.peer(2)), ["subtract [9,1] #1"]);
  });

  test("an idempotent call is sent again with the same id, before the outbox, and its own deadline keeps running", async () => {
    await using server = await startJsonRpcServer((request, peer) =>
      peer.request.headers["x-attempt"] === "1" ? undefined : result(request, request.params),
    );
    const clock = new FakeClock();
    const rpc = createRpc(jsonRpc<Methods>(), { clock });
    let attempts = 0;
    const options = { ...QUICK, headers: () => ({ "x-attempt": String(++attempts) }) };
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options });
    const again = rpc.call(connection, "echo", ["again"], { idempotent: true, timeout: 1000 });
    const once = rpc.call(connection, "echo", ["once"]);
    const peer = await server.peer();
    await peer.text(2);
    clock.advance(999);
    peer.reset();
    await assert.rejects(once, ConnectionLostError);
    connection.send('{"method":"raw"}');
    assert.deepEqual(await again, ["again"]);
    assert.deepEqual(requestsOf(await server.peer(2)), ['echo ["again"] #1', "raw"]);
    assert.equal(rpc.stats(connection).replays, 1);
    assert.equal(clock.pending, 0);
  });

  test("an idempotent call is sent again maxReplays times, then rejected", async () => {
    await using server = await startJsonRpcServer((_request, peer) => {
      peer.reset();
      return undefined;
    });
    const rpc = createRpc(jsonRpc<Methods>(), { maxReplays: 2 });
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    await assert.rejects(rpc.call(connection, "echo", [], { idempotent: true }), ConnectionLostError);
    const sent = server.peers.entries.filter((peer) => requestsOf(peer).length > 0);
    assert.equal(sent.length, 3);
    assert.equal(rpc.stats(connection).replays, 2);
  });

  test("an idempotent call whose deadline passes meanwhile is rejected, and not sent again", async () => {
    await using server = await startJsonRpcServer();
    const clock = new FakeClock();
    const rpc = createRpc(jsonRpc<Methods>(), { clock });
    const down = gate();
    const lost = gate();
    const module = rpc.define<null>("Calc", {
      async handleError(_error, state) {
        lost.open();
        await down.promise;
        return reconnect(state);
      },
    });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    const call = rpc.call(connection, "silent", [], { idempotent: true, timeout: 1000 });
    const peer = await server.peer();
    await peer.text();
    peer.reset();
    await lost.promise;
    clock.advance(1000);
    await assert.rejects(call, (error) => error instanceof CallTimeoutError && error.sent === "yes");
    down.open();
    assert.deepEqual(await rpc.call(connection, "echo", [1]), [1]);
    assert.deepEqual(requestsOf(await server.peer(2)), ["echo [1] #2"]);
  });

  test("by the module's answer to a frame's fault, calls are rejected as with any other end", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>());
    const module = rpc.define<null>("Calc", { handleError: (_error, state) => reconnect(state) });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    const call = rpc.call(connection, "silent", []);
    await (await server.peer()).text();
    connection.send("\ud800");
    await assert.rejects(call, ConnectionLostError);
    assert.equal(await rpc.call(connection, "subtract", [2, 1]), 1);
  });
});

describe("behind a peer that doesn't read", () => {
  /** A connection whose peer has been paused, and that holds as much as it takes; the next call waits in the outbox. */
  async function congested() {
    const server = await startJsonRpcServer();
    const clock = new FakeClock();
    const rpc = createRpc(jsonRpc<Methods>(), { clock });
    const options = { ...QUICK, clock, sendBuffer: 65_536, pingInterval: 0 };
    const connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options });
    await connection.opened();
    const peer = await server.peer();
    peer.socket.pause();
    const calls: Promise<unknown>[] = [];
    for (let tries = 0; connection.bufferedAmount < 65_536 && tries < 1000; tries += 1) {
      calls.push(rpc.call(connection, "silent", ["x".repeat(100_000)]).catch(() => undefined));
      await nextTurn();
    }
    assert.equal(connection.send('{"method":"full"}', { ttl: 10_000 }), "queued");
    return {
      server,
      clock,
      rpc,
      connection,
      peer,
      async [Symbol.asyncDispose]() {
        await connection.stop("normal", { timeout: 0 });
        await server.stop();
        await Promise.all(calls);
      },
    };
  }

  test("a call that times out doesn't go out later", async () => {
    await using scope = await congested();
    const { rpc, connection, clock, peer } = scope;
    const late = rpc.call(connection, "echo", ["late"], { timeout: 100 });
    const patient = rpc.call(connection, "echo", ["patient"]);
    clock.advance(100);
    await assert.rejects(late, CallTimeoutError);
    peer.socket.resume();
    assert.deepEqual(await patient, ["patient"]);
    const sent = requestsOf(peer);
    assert.deepEqual(sent.filter((request) => /^echo/.test(request)).length, 1);
  });

  test("a call waits for no other connection: it is rejected with this one's end, and doesn't go out on the next", async () => {
    await using scope = await congested();
    const { rpc, connection, clock, server } = scope;
    const lost = rpc.call(connection, "echo", ["lost"]);
    connection.reconnect();
    await assert.rejects(lost, (error) => error instanceof ConnectionLostError && error.sent === "unknown");
    clock.advance(100);
    assert.deepEqual(await rpc.call(connection, "echo", ["next"]), ["next"]);
    assert.deepEqual(
      requestsOf(await server.peer(2))
        .filter((request) => /^echo/.test(request))
        .map((request) => request.split(" ")[1]),
      ['["next"]'],
    );
  });
});

describe("when the connection terminates", () => {
  test("every call is rejected: those that waited with sent no, those under way with what is known", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>(), { ready: "told" });
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    const waiting = rpc.call(connection, "echo", []);
    const underWay = rpc.call(connection, "silent", [], { beforeReady: true });
    await (await server.peer()).text();
    const idempotent = rpc.call(connection, "silent", [], { idempotent: true });
    const stopped = connection.stop();
    await assert.rejects(waiting, (error) => error instanceof ConnectionLostError && error.sent === "no");
    await assert.rejects(underWay, (error) => error instanceof ConnectionLostError && error.sent === "yes");
    await assert.rejects(idempotent, ConnectionLostError);
    await stopped;
    await assert.rejects(
      rpc.call(connection, "echo", []),
      (error) => error instanceof CallNotSentError && error.reason === "terminated",
    );
    assert.equal(rpc.stats(connection).pending, 0);
  });

  test("by a callback that throws, that is the cause", async () => {
    await using server = await startJsonRpcServer((_request, peer) => {
      peer.socket.send("boom");
      return undefined;
    });
    const rpc = createRpc(jsonRpc<Methods>());
    const boom = new Error("boom");
    const module = rpc.define<null>("Calc", {
      handleIn() {
        throw boom;
      },
    });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    await assert.rejects(
      rpc.call(connection, "silent", []),
      (error) => error instanceof ConnectionLostError && error.cause === boom,
    );
  });
});

describe("a notification", () => {
  test("has no id, resolves when it is handed over, and waits while nothing is open", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>());
    await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
    await rpc.notify(connection, "changed", { a: 1 });
    assert.equal(await rpc.call(connection, "subtract", [2, 1]), 1);
    assert.deepEqual(requestsOf(await server.peer()), ['changed {"a":1}', "subtract [2,1] #2"]);
  });

  test("of a protocol that has none is refused in words", async () => {
    const { notification: _, ...protocol } = jsonRpc<Methods>();
    const rpc = createRpc(protocol);
    await using connection = rpc.define("Calc", {}).start({ uri: NOWHERE, state: null, options: QUICK });
    await assert.rejects(rpc.notify(connection, "changed"), /has no notifications/);
  });
});

describe("ready: told", () => {
  test("calls wait for ready() on each connection anew; one that is beforeReady doesn't", async () => {
    const logins: (() => void)[] = [];
    await using server = await startJsonRpcServer((request, peer) => {
      if (request.method !== "echo") return arithmetic(request, peer);
      logins.push(() => peer.socket.send(JSON.stringify(result(request, "welcome"))));
      return undefined;
    });
    const rpc = createRpc(jsonRpc<Methods>(), { ready: "told" });
    const module = rpc.define<null>("Calc", {
      handleConnect(_status, _headers, state, self) {
        rpc.call(self, "echo", ["login"], { beforeReady: true }).then(
          () => rpc.ready(self),
          () => undefined,
        );
        return reply("hello", state);
      },
    });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    for (const round of [1, 2]) {
      const call = rpc.call(connection, "subtract", [round, 1]);
      const peer = await server.peer(round);
      await peer.text(2);
      connection.send('{"method":"raw"}');
      await peer.text(3);
      assert.deepEqual(
        requestsOf(peer).map((request) => request.replace(/ ?#.*/, "")),
        ["hello", 'echo ["login"]', "raw"],
      );
      logins.shift()?.();
      assert.equal(await call, round - 1);
      const closed = peer.closed;
      connection.close();
      await closed;
    }
  });
});

describe("the module behind an rpc", () => {
  test("sees every frame that answers no call, and its state is its own", async () => {
    await using server = await startJsonRpcServer((request, peer) => {
      peer.socket.send("plain");
      peer.socket.send(JSON.stringify({ jsonrpc: "2.0", id: 999, result: "for nobody" }));
      return result(request, "done");
    });
    const rpc = createRpc(jsonRpc<Methods>());
    const recorder = new Recorder<number>({ handleIn: (_frame, count) => ok(count + 1) });
    const module = rpc.define("Recorder", recorder.module.callbacks);
    await using connection = launch(server, { module } as Recorder<number>, 0);
    assert.equal(await rpc.call(connection, "echo", []), "done");
    assert.deepEqual(recorder.lines, [
      "handleConnect 101",
      'handleIn text "plain"',
      'handleIn text "{\\"jsonrpc\\":\\"2.0\\",\\"id\\":999,\\"result\\":\\"for nobody\\"}"',
    ]);
    assert.deepEqual(recorder.states, [0, 0, 1]);
  });

  test("may close in handleConnect: nothing of ours goes out then", async () => {
    await using server = await startJsonRpcServer();
    const rpc = createRpc(jsonRpc<Methods>());
    let connects = 0;
    const module = rpc.define<null>("Calc", {
      handleConnect: (_status, _headers, state) => (++connects === 1 ? close(1000, "not yet", state) : ok(state)),
    });
    await using connection = module.start({ uri: server.url, state: null, options: QUICK });
    assert.equal(await rpc.call(connection, "subtract", [2, 1]), 1);
    assert.deepEqual(requestsOf(await server.peer(1)), []);
    assert.equal(rpc.stats(connection).answered, 1);
  });
});

test("an async handleConnect that answers after its connection was lost: nothing of ours is left behind for the next one", async () => {
  await using server = await startJsonRpcServer();
  const rpc = createRpc(jsonRpc<Methods>());
  const login = gate();
  let connects = 0;
  const module = rpc.define<null>("Calc", {
    async handleConnect(_status, _headers, state) {
      connects += 1;
      if (connects === 1) await login.promise;
      return ok(state);
    },
  });
  await using connection = module.start({ uri: server.url, state: null, options: QUICK });
  rpc.subscribe(connection, { method: "subscribe", confirm: "none", matches: () => false });
  const peer = await server.peer(1);
  await connection.opened();
  connection.close();
  await peer.closed;
  login.open();
  assert.equal(await rpc.call(connection, "subtract", [2, 1]), 1);
  assert.deepEqual(requestsOf(peer), []);
  assert.deepEqual(requestsOf(await server.peer(2)), ["subscribe #2", "subtract [2,1] #1"]);
});

test("what would follow a close frame in handleConnect's replies isn't sent, on this connection or twice on the next", async () => {
  await using server = await startJsonRpcServer();
  const rpc = createRpc(jsonRpc<Methods>());
  let connects = 0;
  const module = rpc.define<null>("Calc", {
    handleConnect: (_status, _headers, state) =>
      ++connects === 1 ? reply(["bye", { type: "close", code: 1000 }], state) : ok(state),
  });
  await using connection = module.start({ uri: server.url, state: null, options: QUICK });
  rpc.subscribe(connection, { method: "subscribe", confirm: "none", matches: () => false });
  assert.equal(await rpc.call(connection, "subtract", [2, 1]), 1);
  assert.deepEqual(requestsOf(await server.peer(1)), ["bye"]);
  assert.deepEqual(requestsOf(await server.peer(2)), ["subscribe #2", "subtract [2,1] #1"]);
});

test("100,000 calls leave nothing behind: no call, no timer, no listener, no memory", async () => {
  const peers: WsPeer[] = [];
  await using server = await startJsonRpcServer((request) => result(request, request.params), {
    onConnection: (peer) => peers.push(peer),
  });
  const clock = new FakeClock();
  const rpc = createRpc(jsonRpc<Methods>(), { clock });
  await using connection = rpc.define("Calc", {}).start({ uri: server.url, state: null, options: QUICK });
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners -= 1;
    removeEventListener.apply(signal, args);
  };
  const heap = [];
  for (let round = 0; round < 200; round += 1) {
    await Promise.all(Array.from({ length: 500 }, (_, n) => rpc.call(connection, "echo", [n], { signal })));
    if (round % 20 !== 19) continue;
    // What the test's own server has noted is no leak of ours.
    for (const peer of peers) peer.received.entries.length = 0;
    collectGarbage();
    heap.push(process.memoryUsage().heapUsed);
  }
  const [first = 0] = heap;
  const growth = (heap.at(-1) ?? 0) - first;
  assert.ok(growth < 1024 * 1024, `the heap grew by ${growth} bytes over 90,000 calls`);
  assert.equal(clock.pending, 0);
  assert.equal(listeners, 0);
  const { calls, answered, pending, waiting } = rpc.stats(connection);
  assert.deepEqual(
    { calls, answered, pending, waiting },
    { calls: 100_000, answered: 100_000, pending: 0, waiting: 0 },
  );
});
