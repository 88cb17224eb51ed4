/**
 * The pains with requests and subscriptions on a connection that breaks.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionLostError, createRpc, type Gap, type JsonRpcMessage, jsonRpc } from "../../src/rpc/index.ts";
import { QUICK } from "../fresh/fixtures.ts";
import { Ledger } from "../fresh/ledger.ts";
import { requestsOf, result, startJsonRpcServer } from "../rpc/json-rpc-server.ts";

test("pain 16: requests in flight hang at a disconnect: each rejects and says what was sent, and only the idempotent is sent again", async () => {
  await using server = await startJsonRpcServer((request) =>
    server.peers.entries.length > 1 ? result(request, "answered") : undefined,
  );
  const rpc = createRpc(jsonRpc());
  await using connection = rpc.define("Client", {}).start({ uri: server.url, state: null, options: QUICK });
  const pay = rpc.call(connection, "pay");
  const read = rpc.call(connection, "read", undefined, { idempotent: true });
  const peer = await server.peer(1);
  await peer.text(2);
  peer.reset();
  await assert.rejects(pay, (error) => error instanceof ConnectionLostError && error.sent === "yes");
  assert.equal(await read, "answered");
  assert.deepEqual(requestsOf(await server.peer(2)), ["read #2"]);
});

test("pain 20: gaps after a reconnect are invisible: the subscriber is told since when and how long, and resumes from its cursor", async () => {
  await using server = await startJsonRpcServer((request) => result(request, true));
  const rpc = createRpc(jsonRpc());
  await using connection = rpc.define("Client", {}).start({ uri: server.url, state: null, options: QUICK });
  const messages = new Ledger<number>(String);
  const gaps = new Ledger<Gap>(({ reason }) => reason);
  const started = Date.now();
  rpc.subscribe(connection, {
    method: "subscribe",
    parameters: () => ({ after: messages.entries.at(-1) ?? 0 }),
    matches: ({ method }: JsonRpcMessage) => method === "event",
    item: ({ params }: JsonRpcMessage) => (params as readonly [number])[0],
    onMessage: (number) => messages.add(number),
    onGap: (gap) => gaps.add(gap),
  });
  const peer = await server.peer(1);
  await peer.text();
  peer.socket.send('{"jsonrpc":"2.0","method":"event","params":[7]}');
  await messages.nth(1, (number): number is 7 => number === 7, "the message");
  peer.reset();
  const { since, duration, reason } = await gaps.nth(1, (gap): gap is Gap => gap.reason === "failed", "the gap");
  assert.equal(reason, "failed");
  assert.ok(since >= started - 1 && duration >= 0 && since + duration <= Date.now() + 1);
  assert.deepEqual(requestsOf(await server.peer(2)), ['subscribe {"after":7} #2']);
});
