/** Our scripted server (`everfresh/testing`) with Python's `websockets` as its client, a peer that isn't ours. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { text as textOf } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { accepting, rawFrame, refusing, TestServer } from "../../src/testing/index.ts";
import { startPython } from "./python.ts";

type Step = readonly [step: string, ...args: readonly unknown[]];

/** Runs Python's client through these steps, and gives what came of each. */
async function python(uri: string, steps: readonly Step[], ...flags: readonly string[]): Promise<readonly unknown[]> {
  const child = startPython("websockets-client.py", [uri, JSON.stringify(steps), ...flags]);
  return JSON.parse(await textOf(child.stdout)) as readonly unknown[];
}

test("Python's messages come back from the echo: texts, bytes of every length form, fragments", async () => {
  await using server = await TestServer.start();
  const results = await python(server.url, [
    ["send", "größer 🦊"],
    ["receive"],
    ["send", ""],
    ["receive"],
    ["send-bytes", 126],
    ["receive"],
    ["send-bytes", 1_000_000],
    ["receive"],
    ["send-fragments", ["one ", "two ", "three"]],
    ["receive"],
    ["close", 1000, "bye"],
    ["end"],
  ]);
  assert.deepEqual(
    results.filter((result) => result !== null),
    [
      "größer 🦊",
      "",
      { bytes: 126 },
      { bytes: 1_000_000 },
      "one two three",
      { code: 1000, reason: "bye", clean: true },
    ],
  );
  const [peer] = server.connections;
  assert.deepEqual(await peer?.ended, { type: "closed", code: 1000, reason: "bye" });
});

test("Python's pings are answered with their payload, and it answers the server's", async () => {
  await using server = await TestServer.start({
    script: accepting(async (peer) => {
      assert.equal(Buffer.from((await peer.receive("ping")).data).toString(), "from Python");
      peer.send({ type: "ping", data: Buffer.from("from the server") });
      assert.equal(Buffer.from((await peer.receive("pong")).data).toString(), "from the server");
      peer.send("done");
    }),
  });
  const results = await python(server.url, [["ping", "from Python"], ["receive"], ["close", 1000], ["end"]]);
  assert.deepEqual(results, [true, "done", null, { code: 1000, reason: "", clean: true }]);
});

test("Python takes the server's close with its code and reason, and echoes it", async () => {
  await using server = await TestServer.start({ script: accepting((peer) => peer.close(4001, "größer")) });
  assert.deepEqual(await python(server.url, [["end"]]), [{ code: 4001, reason: "größer", clean: true }]);
  assert.deepEqual(await server.connections[0]?.ended, { type: "closed", code: 4001, reason: "größer" });
});

test("Python takes fragments with control frames between them, and bytes one at a time", async () => {
  await using server = await TestServer.start({
    script: accepting(async (peer) => {
      peer.sendRaw(
        Buffer.concat([
          rawFrame({ opcode: "text", fin: false, payload: "one " }),
          rawFrame({ opcode: "ping", payload: "between" }),
          rawFrame({ opcode: "continuation", payload: "message" }),
        ]),
      );
      assert.equal(Buffer.from((await peer.receive("pong")).data).toString(), "between");
      await peer.sendInPieces(rawFrame({ opcode: "text", payload: "byte by byte" }), 1, 0);
    }),
  });
  assert.deepEqual(await python(server.url, [["receive"], ["receive"], ["close", 1000]]), [
    "one message",
    "byte by byte",
    null,
  ]);
});

test("Python sees a refusal's status, and the server its request", async () => {
  await using server = await TestServer.start({ script: refusing(403, { body: "no\n" }) });
  assert.deepEqual(await python(server.url, [["receive"]], "--header", "Authorization:Bearer x"), [{ refused: 403 }]);
  assert.equal((await server.connections[0]?.request())?.header("authorization"), "Bearer x");
});

test("Python agrees to the first subprotocol that it offers", async () => {
  await using server = await TestServer.start();
  assert.deepEqual(await python(server.url, [["subprotocol"]], "--subprotocols", "chat,mqtt"), ["chat"]);
});

test("a server that vanishes is 1006 for Python, and a Python that vanishes has ended without a close frame", async () => {
  await using server = await TestServer.start({ script: accepting((peer) => peer.reset()) });
  const [end] = await python(server.url, [["end"]]);
  assert.deepEqual(end, { code: 1006, reason: "", clean: false });
  server.onConnection(accepting());
  await python(server.url, [["abort"], ["end"]]);
  const { type } = await (await server.connection(2)).ended;
  assert.ok(type === "fin" || type === "reset", type);
});

test("a violation of the server's is found by Python, whose 1002 the server gets", async () => {
  await using server = await TestServer.start({ script: accepting((peer) => peer.sendRaw(rawFrame({ opcode: 3 }))) });
  await python(server.url, [["receive"]]);
  const end = await server.connections[0]?.ended;
  assert.equal(end?.type === "closed" && end.code, 1002);
});

test("a wss: server is one for Python too", async () => {
  const file = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
  const tls = { key: readFileSync(file("server.key")), cert: readFileSync(file("server.crt")) };
  await using server = await TestServer.start({ tls });
  const results = await python(server.url, [["send", "secret"], ["receive"]], "--ca", file("authority.crt"));
  assert.deepEqual(results, [null, "secret"]);
});
