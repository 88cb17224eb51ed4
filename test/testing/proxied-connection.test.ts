import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocket } from "ws";
import { accepting, type FaultRule, rawFrame } from "../../src/testing/index.ts";
import { behindProxy } from "./behind-proxy.ts";
import { ANSWER, REQUEST } from "./raw-client.ts";

test("a connection goes through its phases, each once, and tells them", async () => {
  await using set = await behindProxy();
  const client = new WebSocket(set.proxy.url);
  await once(client, "open");
  client.send("x");
  await once(client, "message");
  const connection = await set.proxy.connection(1);
  assert.equal(connection.phase, "open");
  client.close(1000);
  await once(client, "close");
  await connection.ended;
  const phases = set.proxy.history.flatMap((record) => (record.type === "phase" ? [record.phase] : []));
  assert.deepEqual(phases, ["connect", "request", "answer", "open", "closing"]);
  assert.equal(set.proxy.history.at(-1)?.type, "ended");
  assert.equal(connection.hasEnded, true);
  assert.deepEqual(connection.messages, { toClient: 1, toServer: 1 });
  assert.ok(connection.bytes.toClient > 129 && connection.bytes.toServer > 129);
});

test("TLS that the proxy ends has a phase more, and TLS that passes has two", async () => {
  const phasesWith = async (options: object) => {
    await using set = await behindProxy([], options);
    const client = new WebSocket(set.proxy.url, { rejectUnauthorized: false });
    await once(client, "open");
    client.terminate();
    return set.proxy.history.flatMap((record) => (record.type === "phase" ? [record.phase] : []));
  };
  assert.deepEqual(await phasesWith({ proxyTls: true }), ["connect", "clientHello", "request", "answer", "open"]);
  assert.deepEqual(await phasesWith({ serverTls: true }), ["connect", "clientHello"]);
});

test("reached resolves when a phase begins, and at once when it has", async () => {
  await using set = await behindProxy([], { script: accepting() });
  const client = await set.connect();
  const connection = await set.proxy.connection(1);
  const open = connection.reached("open");
  client.socket.write(REQUEST);
  await open;
  await connection.reached("connect", { timeout: 0 });
});

test("reached rejects when the phase doesn't come in time, and when the connection ends first, with a sentence", async () => {
  await using set = await behindProxy();
  const client = await set.connect();
  const connection = await set.proxy.connection(1);
  await assert.rejects(
    connection.reached("open", { timeout: 1 }),
    /did not come to the phase "open" within 1 ms; it is in "connect"/,
  );
  const waiting = connection.reached("open");
  client.socket.destroy();
  await assert.rejects(waiting, /has ended in the phase "connect", and never came to "open"/);
  await assert.rejects(connection.reached("closing"), /never came to "closing"/);
});

test("a fault in the phase closing comes before the other side has seen the close frame", async () => {
  const rules: readonly FaultRule[] = [{ when: { phase: "closing" }, fault: { type: "reset" } }];
  for (const who of ["client", "server"] as const) {
    await using set = await behindProxy(rules, {
      script: accepting((peer) => {
        if (who === "server") peer.close(1001);
      }),
    });
    const client = await set.connect();
    client.socket.write(REQUEST);
    await client.bytes(ANSWER.length);
    if (who === "client") client.socket.write(rawFrame({ opcode: "close", masked: true }));
    assert.equal((await client.closed)?.code, "ECONNRESET");
    assert.equal(client.received.length, ANSWER.length);
    const peer = await set.server.connection(1);
    assert.equal((await peer.ended).type, "reset");
    assert.deepEqual(peer.received, []);
  }
});

test("a fault comes so many ms after its place, and not at all when the connection has ended by then", async () => {
  const rules: readonly FaultRule[] = [
    { connection: 1, when: { phase: "open", ms: 30 }, fault: { type: "end" } },
    { connection: 2, when: { phase: "open", ms: 400 }, fault: { type: "end" } },
  ];
  await using set = await behindProxy(rules, { script: accepting() });
  const client = await set.connect();
  const start = performance.now();
  client.socket.write(REQUEST);
  await client.all();
  assert.ok(performance.now() - start >= 29);
  const second = await set.connect();
  second.socket.write(REQUEST);
  await second.bytes(ANSWER.length);
  second.socket.destroy();
  await (await set.proxy.connection(2)).ended;
  // Longer than the fault would have taken: that nothing comes can only be seen by waiting.
  await new Promise((resolve) => setTimeout(resolve, 450));
  assert.deepEqual(
    set.proxy.faults.map(({ connection }) => connection),
    [1],
  );
});

test("several rules apply to one connection, each at its place", async () => {
  const rules: readonly FaultRule[] = [
    { when: { phase: "open", messages: 2 }, fault: { type: "end" } },
    { when: { phase: "open", messages: 1 }, fault: { type: "inject", frame: { opcode: "text", payload: "between" } } },
    { when: { phase: "answer", bytes: 9 }, fault: { type: "corrupt", bytes: 1 } },
  ];
  await using set = await behindProxy(rules, {
    script: accepting(async (peer) => {
      peer.sendTogether(["one", "two", "three"]);
      await peer.ended;
    }),
  });
  const client = await set.connect();
  client.socket.write(REQUEST);
  const frames = ["one", "between", "two"].map((payload) => rawFrame({ opcode: "text", payload }));
  const expected = Buffer.concat([Buffer.from(ANSWER), ...frames]);
  expected[9] = (expected[9] as number) ^ 0xff;
  // A status that is wrong makes no 101 of it for the client only; the proxy has seen the right one.
  assert.deepEqual(await client.all(), expected);
});

test("faults by hand: reset, end, blackHole, any fault, and heal", async () => {
  await using set = await behindProxy();
  const open = async () => {
    const client = new WebSocket(set.proxy.url);
    await once(client, "open");
    return { client, connection: await set.proxy.connection(set.proxy.connections.length) };
  };
  for (const end of ["reset", "end"] as const) {
    const { client, connection } = await open();
    connection[end]();
    assert.equal((await once(client, "close"))[0], 1006);
    connection[end]();
  }
  const { client, connection } = await open();
  connection.apply({ type: "stall" });
  client.send("late");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(connection.messages.toServer, 0);
  connection.heal();
  assert.equal(String((await once(client, "message"))[0]), "late");
  connection.blackHole("toClient");
  client.send("lost");
  while (connection.messages.toClient < 2) await new Promise(setImmediate);
  client.terminate();
});

test("what is no fault, or can't happen now, is refused by hand as in a plan", async () => {
  await using set = await behindProxy([], { script: accepting() });
  const client = await set.connect();
  client.socket.write(REQUEST);
  await client.bytes(ANSWER.length);
  const connection = await set.proxy.connection(1);
  assert.throws(() => connection.apply({ type: "refuse", status: 503 }), /happens at the phase "request"/);
  assert.throws(() => connection.apply({ type: "rest" } as never), /did you mean "reset"/);
});
