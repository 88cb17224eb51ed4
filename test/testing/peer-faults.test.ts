import assert from "node:assert/strict";
import { test } from "node:test";
import { FAULT_FIELDS } from "../../src/testing/fault-schema.ts";
import type { FaultType } from "../../src/testing/index.ts";
import { accepting, FaultPlanError, PeerError, TestServer } from "../../src/testing/index.ts";
import { isOnPeer } from "../../src/testing/peer-faults.ts";
import { ANSWER, RawClient, REQUEST } from "./raw-client.ts";

test("a script plays a fault by its name, in the middle of what it does", async () => {
  await using server = await TestServer.start({
    script: accepting(async (peer) => {
      peer.send("before");
      peer.apply({ type: "inject", frame: { opcode: "ping" }, times: 100 });
      peer.apply({ type: "end" });
      await peer.ended;
    }),
  });
  const client = await RawClient.connect(server.port);
  client.socket.write(REQUEST);
  assert.equal((await client.all()).length, ANSWER.length + 8 + 200);
  client.socket.destroy();
});

test("a request that waits for its answer can be refused by a fault, and one that has it can't", async () => {
  await using server = await TestServer.start({ script: () => {} });
  const client = await RawClient.connect(server.port);
  client.socket.write(REQUEST);
  const peer = await server.connection(1);
  await peer.request();
  peer.apply({ type: "refuse", status: 401, headers: [["www-authenticate", "Bearer"]], body: "who?" });
  assert.match(String(await client.all()), /^HTTP\/1\.1 401 .*www-authenticate: Bearer\r\n\r\nwho\?$/s);
  assert.throws(() => peer.apply({ type: "refuse", status: 401 }), FaultPlanError);
  client.socket.destroy();
});

test("a server plays what is a server's to play, and says of the rest where it belongs", async () => {
  await using server = await TestServer.start({ script: accepting() });
  const client = await RawClient.open(server.port);
  const peer = await server.connection(1);
  const types = Object.keys(FAULT_FIELDS) as FaultType[];
  assert.deepEqual(
    types.filter((type) => !isOnPeer(type)),
    ["latency", "bandwidth", "drip", "split", "glue", "corrupt", "tlsAlert", "down"],
  );
  assert.throws(
    () => peer.apply({ type: "latency", ms: 1 }),
    (error) => error instanceof PeerError && error.reason === "misused",
  );
  client.socket.destroy();
});
