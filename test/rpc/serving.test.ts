/**
 * What the server asks of its client: handlers answer it, on the connection it was asked on.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ok } from "../../src/index.ts";
import { createRpc, type Handlers, jsonRpc, RpcError } from "../../src/rpc/index.ts";
import { gate, QUICK, Recorder } from "../fresh/fixtures.ts";
import { WsServer } from "../fresh/ws-server.ts";

async function serving(handlers: Handlers, options: { readonly maxPending?: number } = {}) {
  const server = await WsServer.start();
  const rpc = createRpc(jsonRpc(), { handlers, ...options });
  const recorder = new Recorder<null>({ handleIn: (_frame, state) => ok(state) });
  const module = rpc.define<null>("Client", recorder.module.callbacks);
  const connection = module.start({ uri: server.url, state: null, options: QUICK });
  const peer = await server.peer();
  return {
    server,
    recorder,
    connection,
    peer,
    send: (message: object) => peer.socket.send(JSON.stringify(message)),
    async [Symbol.asyncDispose]() {
      await connection.stop();
      await server.stop();
    },
  };
}

const asked = (id: number, method: string, params?: unknown): object => ({ jsonrpc: "2.0", id, method, params });

test("a handler's result, or the promise of one, answers the request", async () => {
  await using scope = await serving({
    add: (params) => (params as number[]).reduce((sum, n) => sum + n),
    later: async () => "later",
  });
  const { peer, send } = scope;
  send(asked(1, "add", [1, 2, 3]));
  assert.equal(await peer.text(1), '{"jsonrpc":"2.0","id":1,"result":6}');
  send(asked(2, "later"));
  assert.equal(await peer.text(2), '{"jsonrpc":"2.0","id":2,"result":"later"}');
});

test("an RpcError that a handler throws is the answer, and the connection goes on", async () => {
  await using scope = await serving({
    no: () => {
      throw new RpcError(7, "no", { why: 1 });
    },
    later: async () => {
      throw new RpcError(8, "not now");
    },
  });
  const { connection, peer, send } = scope;
  send(asked(1, "no"));
  assert.equal(await peer.text(1), '{"jsonrpc":"2.0","id":1,"error":{"code":7,"message":"no","data":{"why":1}}}');
  send(asked(2, "later"));
  assert.equal(await peer.text(2), '{"jsonrpc":"2.0","id":2,"error":{"code":8,"message":"not now"}}');
  assert.equal(connection.status, "open");
});

for (const [kind, handler] of [
  [
    "throws",
    () => {
      throw new Error("a fault");
    },
  ],
  ["rejects", () => Promise.reject(new Error("a fault"))],
] as const) {
  test(`a handler that ${kind} anything else: the server hears of an internal error, and the fault ends the connection`, async () => {
    await using scope = await serving({ broken: handler });
    const { connection, peer, send } = scope;
    send(asked(1, "broken"));
    const reason = (await connection.exited) as { error: Error };
    assert.match(reason.error.message, /a fault/);
    assert.equal(await peer.text(1), '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Internal error"}}');
  });
}

test("a notification gets no answer, and what has no handler goes to handleIn", async () => {
  const told = gate<unknown>();
  await using scope = await serving({ told: (params) => told.open(params) });
  const { peer, recorder, send } = scope;
  send({ jsonrpc: "2.0", method: "told", params: [1] });
  assert.deepEqual(await told.promise, [1]);
  send(asked(1, "toString"));
  await recorder.call("handleIn");
  assert.deepEqual(peer.lines, []);
});

test("an answer that is ready only after its connection was lost goes nowhere", async () => {
  const slow = gate<string>();
  await using scope = await serving({ slow: () => slow.promise, quick: () => "quick" });
  const { peer, server, send } = scope;
  send(asked(1, "slow"));
  send(asked(2, "quick"));
  await peer.text(1);
  peer.reset();
  const next = await server.peer(2);
  next.socket.send(JSON.stringify(asked(3, "quick")));
  assert.equal(await next.text(1), '{"jsonrpc":"2.0","id":3,"result":"quick"}');
  slow.open("too late");
  next.socket.send(JSON.stringify(asked(4, "quick")));
  assert.equal(await next.text(2), '{"jsonrpc":"2.0","id":4,"result":"quick"}');
});

test("more requests at once than maxPending are answered with an error", async () => {
  const slow = gate<string>();
  await using scope = await serving({ slow: () => slow.promise }, { maxPending: 2 });
  const { peer, send } = scope;
  for (const id of [1, 2, 3]) send(asked(id, "slow"));
  assert.equal(
    await peer.text(1),
    '{"jsonrpc":"2.0","id":3,"error":{"code":-32000,"message":"Too many requests at once."}}',
  );
  slow.open("done");
  assert.equal(await peer.text(3), '{"jsonrpc":"2.0","id":2,"result":"done"}');
  send(asked(4, "slow"));
  assert.equal(await peer.text(4), '{"jsonrpc":"2.0","id":4,"result":"done"}');
});
