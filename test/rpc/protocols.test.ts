/**
 * Protocols other than JSON-RPC, each in the few lines that its users would write: Phoenix's arrays, an exchange's ids, binary frames
 * with an id of one byte.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { binary } from "../../src/index.ts";
import { createRpc, RpcError, type RpcProtocol } from "../../src/rpc/index.ts";
import { QUICK } from "../fresh/fixtures.ts";
import { WsServer } from "../fresh/ws-server.ts";

/** A server that gives each message to a function, and sends what that gives. */
const startServer = (answer: (data: Buffer) => string | Uint8Array | undefined): Promise<WsServer> =>
  WsServer.start({
    onConnection: ({ socket }) =>
      socket.on("message", (data) => {
        const answered = answer(data as Buffer);
        if (answered !== undefined) socket.send(answered);
      }),
  });

test("Phoenix: an array with a reference, answered by phx_reply with a status", async () => {
  type Message = readonly [join: string | null, ref: string | null, topic: string, event: string, payload: unknown];
  const phoenix: RpcProtocol<Message, { [event: string]: (params: object) => unknown }, string> = {
    id: String,
    read: (frame) => (frame.type === "text" ? (JSON.parse(frame.data) as Message) : undefined),
    correlate: ([, ref, , event]) => (event === "phx_reply" ? (ref ?? undefined) : undefined),
    answer([, , , , payload]) {
      const { status, response } = payload as { readonly status: string; readonly response: unknown };
      if (status === "error") throw new RpcError(0, "The channel refused it.", response);
      return response;
    },
    request: (ref, event, params) => JSON.stringify([null, ref, "room:lobby", event, params]),
  };
  await using server = await startServer((data) => {
    const [join, ref, topic, event] = JSON.parse(String(data)) as Message;
    const status = event === "new_msg" ? "ok" : "error";
    return JSON.stringify([join, ref, topic, "phx_reply", { status, response: { event } }]);
  });
  const rpc = createRpc(phoenix);
  await using connection = rpc.define("Channel", {}).start({ uri: server.url, state: null, options: QUICK });
  assert.deepEqual(await rpc.call(connection, "new_msg", { body: "hello" }), { event: "new_msg" });
  await assert.rejects(
    rpc.call(connection, "shout", {}),
    (error) => error instanceof RpcError && JSON.stringify(error.data) === '{"event":"shout"}',
  );
});

test("Binance: an id and a result or an error, beside messages of a stream", async () => {
  type Message = { readonly id?: number; readonly result?: unknown; readonly code?: number; readonly msg?: string };
  const binance: RpcProtocol<Message> = {
    read: (frame) => (frame.type === "text" ? (JSON.parse(frame.data) as Message) : undefined),
    correlate: ({ id }) => id,
    answer({ result, code, msg }) {
      if (code !== undefined) throw new RpcError(code, msg ?? "");
      return result;
    },
    request: (id, method, params) => JSON.stringify({ id, method, params }),
  };
  await using server = await startServer((data) => {
    const { id, method } = JSON.parse(String(data)) as { id: number; method: string };
    return JSON.stringify(
      method === "LIST_SUBSCRIPTIONS" ? { id, result: ["btcusdt@trade"] } : { id, code: 2, msg: "Invalid request" },
    );
  });
  const rpc = createRpc(binance);
  await using connection = rpc.define("Binance", {}).start({ uri: server.url, state: null, options: QUICK });
  assert.deepEqual(await rpc.call(connection, "LIST_SUBSCRIPTIONS"), ["btcusdt@trade"]);
  await assert.rejects(rpc.call(connection, "SUBSCRIBE", []), /Invalid request/);
});

test("binary frames with an id of one byte: a thousand calls, a hundred at a time, each with its own answer", async () => {
  const bytes: RpcProtocol<Uint8Array, { double(params: number): number }> = {
    id: (count) => count & 0xff,
    read: (frame) => (frame.type === "binary" ? frame.data : undefined),
    correlate: (message) => message[0],
    answer: (message) => new DataView(message.buffer, message.byteOffset).getUint32(1),
    request(id, _method, params) {
      const frame = new DataView(new ArrayBuffer(5));
      frame.setUint8(0, id);
      frame.setUint32(1, params as number);
      return binary(new Uint8Array(frame.buffer));
    },
  };
  await using server = await startServer((data) => {
    const answer = Buffer.from(data);
    answer.writeUInt32BE(answer.readUInt32BE(1) * 2, 1);
    return answer;
  });
  const rpc = createRpc(bytes);
  await using connection = rpc.define("Bytes", {}).start({ uri: server.url, state: null, options: QUICK });
  for (let round = 0; round < 10; round += 1) {
    const numbers = Array.from({ length: 100 }, (_, n) => round * 100 + n);
    const doubled = await Promise.all(numbers.map((n) => rpc.call(connection, "double", n)));
    assert.deepEqual(
      doubled,
      numbers.map((n) => n * 2),
    );
  }
});
