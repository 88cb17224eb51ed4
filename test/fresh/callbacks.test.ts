/** Every callback of a module: its arguments, its default, and its asynchronous form, against the `ws` package's server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Callbacks } from "../../src/behaviour.ts";
import { type BinaryFrame, Fresh, FreshError, ignore, ok, reconnect, reply, stop, text } from "../../src/index.ts";
import { gate, launch, QUICK, Recorder } from "./fixtures.ts";
import { WsServer } from "./ws-server.ts";

test("handleConnect gets 101, the answer's headers, the initial state and the connection", async () => {
  await using server = await WsServer.start({ onHeaders: (lines) => lines.push("X-Region: eu-1") });
  const recorder = new Recorder<number>();
  await using connection = launch(server, recorder, 7);
  const { given, state, self } = await recorder.call("handleConnect");
  assert.equal(given[0], 101);
  assert.equal(given[1].get("upgrade"), "websocket");
  assert.equal(given[1].get("x-region"), "eu-1");
  assert.equal(state, 7);
  assert.equal(self, connection);
  assert.equal(connection.isOpen, true);
});

test("handleIn gets text as a string and binary as bytes, whole and in order, also the empty ones", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({ handleIn: (_frame, count) => ok(count + 1) });
  await using _connection = launch(server, recorder, 0);
  const { socket } = await server.peer();
  socket.send("größer 🦊");
  socket.send(Buffer.from([0, 255, 128]));
  socket.send("");
  socket.send(Buffer.alloc(0));
  await recorder.call("handleIn", 4);
  const frames = recorder.all("handleIn").map(({ given }) => given[0]);
  assert.deepEqual(frames[0], { type: "text", data: "größer 🦊" });
  const [, bytes, , none] = frames as readonly BinaryFrame[];
  assert.equal(bytes?.type, "binary");
  assert.ok(bytes?.data instanceof Uint8Array);
  assert.deepEqual([...bytes.data], [0, 255, 128]);
  assert.deepEqual(frames[2], { type: "text", data: "" });
  assert.equal(none?.data.byteLength, 0);
  assert.deepEqual(
    recorder.all("handleIn").map(({ state }) => state),
    [0, 1, 2, 3],
  );
});

test("handleIn gets a message in fragments as one, and control frames between them as they come", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using _connection = launch(server, recorder, null);
  const { socket } = await server.peer();
  socket.send("one ", { fin: false });
  socket.ping("between");
  socket.send("two ", { fin: false });
  socket.send("three", { fin: true });
  await recorder.call("handleIn");
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    'handleControl ping "between"',
    'handleIn text "one two three"',
  ]);
});

test("handleIn gets messages of every length form", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using _connection = launch(server, recorder, null);
  const { socket } = await server.peer();
  const lengths = [125, 126, 65_535, 65_536, 1_000_000];
  for (const length of lengths) socket.send(Buffer.alloc(length, length % 251));
  await recorder.call("handleIn", lengths.length);
  const data = recorder.all("handleIn").map(({ given }) => given[0].data as Uint8Array);
  assert.deepEqual(
    data.map(({ byteLength }) => byteLength),
    lengths,
  );
  assert.ok(data.every((bytes) => bytes.every((byte) => byte === bytes.byteLength % 251)));
});

test("handleControl gets pings and pongs with their payload", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using _connection = launch(server, recorder, null);
  const { socket } = await server.peer();
  socket.ping("are you there");
  socket.pong("unasked");
  socket.ping();
  await recorder.call("handleControl", 3);
  assert.deepEqual(recorder.lines.slice(1), [
    'handleControl ping "are you there"',
    'handleControl pong "unasked"',
    'handleControl ping ""',
  ]);
});

test("handleInfo gets any value as it is, in order", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null);
  await connection.opened();
  const values = [undefined, null, 0, "ping", { nested: [1] }, new Map([["a", 1]]), Symbol("s")];
  for (const value of values) Fresh.info(connection, value);
  await recorder.call("handleInfo", values.length);
  assert.deepEqual(
    recorder.all("handleInfo").map(({ given }) => given[0]),
    values,
  );
});

test("handleInfo gets a value in every status that a connection can have", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({
    handleDisconnect: (_code, reason) => (reason === "wait" ? reconnect(null, { after: 60_000 }) : ignore(null)),
  });
  await using connection = launch(server, recorder, null);
  const statuses: string[] = [connection.status];
  connection.info("connecting");
  await connection.opened();
  statuses.push(connection.status);
  connection.info("open");
  const first = await server.peer();
  first.socket.pause();
  connection.close(1000, "");
  statuses.push(connection.status);
  connection.info("closing");
  await recorder.call("handleInfo", 3);
  first.socket.resume();
  await recorder.call("handleDisconnect");
  statuses.push(connection.status);
  connection.info("idle");
  await recorder.call("handleInfo", 4);
  connection.reconnect();
  (await server.peer(2)).socket.close(1001, "wait");
  await recorder.call("handleDisconnect", 2);
  statuses.push(connection.status);
  connection.info("waiting");
  await recorder.call("handleInfo", 5);
  assert.deepEqual(statuses, ["connecting", "open", "closing", "idle", "waiting"]);
  assert.deepEqual(
    recorder.all("handleInfo").map(({ given }) => given[0]),
    statuses,
  );
});

test("handleDisconnect gets the code and reason that the server sent", async (t) => {
  const closes: readonly (readonly [number | undefined, string | undefined, string])[] = [
    [1000, "bye", "handleDisconnect 1000 bye"],
    [1001, undefined, "handleDisconnect 1001 "],
    [1012, "zurück in 5 Minuten 🦊", "handleDisconnect 1012 zurück in 5 Minuten 🦊"],
    [4999, "x".repeat(123), `handleDisconnect 4999 ${"x".repeat(123)}`],
    [undefined, undefined, "handleDisconnect - -"],
  ];
  for (const [code, reason, expected] of closes) {
    await t.test(`${code} ${reason}`, async () => {
      await using server = await WsServer.start();
      const recorder = new Recorder<number>({ handleDisconnect: () => stop() });
      await using connection = launch(server, recorder, 3);
      (await server.peer()).socket.close(code, reason);
      await connection.exited;
      assert.deepEqual(recorder.lines, ["handleConnect 101", expected, "handleTerminate normal"]);
      assert.deepEqual(recorder.states, [3, 3, 3]);
    });
  }
});

test("handleError gets a FreshError that says what failed", async () => {
  await using server = await WsServer.start({ refuse: () => ({ status: 403, body: "not you" }) });
  const recorder = new Recorder<string>({ handleError: () => stop("refused") });
  await using connection = launch(server, recorder, "state");
  assert.equal(await connection.exited, "refused");
  const { given, state } = await recorder.call("handleError");
  assert.ok(given[0] instanceof FreshError);
  assert.equal(given[0].kind, "establishing_failed");
  assert.equal(given[0].status, 403);
  assert.equal(given[0].body, "not you");
  assert.equal(state, "state");
});

test("handleTerminate gets the reason and the newest state, and what it returns is ignored", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({
    handleIn: (_frame, state) => ok(state + 1),
    handleDisconnect: (_code, reason) => stop({ shutdown: reason }),
    handleTerminate: () => "ignored" as unknown as undefined,
  });
  await using connection = launch(server, recorder, 0);
  const { socket } = await server.peer();
  socket.send("a");
  socket.send("b");
  socket.close(1000, "enough");
  assert.deepEqual(await connection.exited, { shutdown: "enough" });
  const { given, state } = await recorder.call("handleTerminate");
  assert.deepEqual(given[0], { shutdown: "enough" });
  assert.equal(state, 2);
});

test("a module without callbacks stays connected, answers pings, and comes back after a close and after an error", async () => {
  await using server = await WsServer.start();
  await using connection = Fresh.define<number>("Empty", {}).start({ uri: server.url, state: 0, options: QUICK });
  const first = await server.peer(1);
  first.socket.send("ignored");
  first.socket.ping("p");
  assert.equal((await first.next("pong")).data.toString(), "p");
  connection.info("ignored");
  // encoding_failed is ignored by default: the connection stays.
  assert.equal(connection.send("\ud800"), "dropped");
  assert.equal(connection.send("still here"), "sent");
  assert.equal(await first.text(), "still here");
  first.socket.close(1001);
  const second = await server.peer(2);
  second.reset();
  await server.peer(3);
  await connection.opened();
  assert.equal(connection.stats.reconnects, 2);
});

test("callbacks may be the methods of a class instance, which keep their this", async () => {
  class Greeter implements Partial<Callbacks<number>> {
    readonly #name: string;
    heard = "";

    constructor(name: string) {
      this.#name = name;
    }

    handleConnect(_status: number, _headers: Headers, state: number) {
      return reply(text(`I am ${this.#name}`), state);
    }

    handleIn(frame: { readonly data: unknown }, state: number) {
      this.heard = String(frame.data);
      return reply(text(`${this.#name} heard ${this.heard}`), state + 1);
    }
  }
  await using server = await WsServer.start();
  const greeter = new Greeter("Ada");
  await using connection = Fresh.start(server.url, greeter, 0, QUICK);
  assert.equal(connection.module.name, "Greeter");
  const peer = await server.peer();
  assert.equal(await peer.text(), "I am Ada");
  peer.socket.send("hello");
  assert.equal(await peer.text(2), "Ada heard hello");
  assert.equal(greeter.heard, "hello");
});

test("callbacks may be a plain object's", async () => {
  await using server = await WsServer.start();
  const module = { handleIn: (_frame: unknown, count: number) => reply(text(String(count)), count + 1) };
  await using connection = Fresh.start(server.url, module, 5, QUICK);
  assert.equal(connection.module.name, "Anonymous");
  await using again = Fresh.start(server.url, module, 0, QUICK);
  assert.equal(again.module, connection.module);
  const peer = await server.peer();
  peer.socket.send("x");
  assert.equal(await peer.text(), "5");
});

test("a callback's promise holds back whatever comes next, and its answer counts as a direct one does", async (t) => {
  await t.test("handleConnect", async () => {
    await using server = await WsServer.start({ onConnection: ({ socket }) => socket.send("early") });
    const asked = gate();
    const recorder = new Recorder<number>({
      handleConnect: async (_status, _headers, state) => {
        await asked.promise;
        return reply("hello", state + 1);
      },
    });
    await using connection = launch(server, recorder, 0);
    await recorder.call("handleConnect");
    connection.info("behind");
    assert.equal(connection.send("later"), "queued");
    assert.deepEqual(recorder.lines, ["handleConnect 101"]);
    asked.open();
    const peer = await server.peer();
    assert.equal(await peer.text(1), "hello");
    assert.equal(await peer.text(2), "later");
    await Promise.all([recorder.call("handleIn"), recorder.call("handleInfo")]);
    assert.deepEqual(recorder.states, [0, 1, 1]);
  });

  await t.test("handleIn, handleControl and handleInfo", async () => {
    await using server = await WsServer.start();
    const gates = [gate(), gate(), gate()];
    let at = 0;
    const slowly = async (state: number) => {
      await gates[at++]?.promise;
      return reply(String(state), state + 1);
    };
    const recorder = new Recorder<number>({
      handleIn: (_frame, state) => slowly(state),
      handleControl: (_frame, state) => slowly(state),
      handleInfo: (_message, state) => slowly(state),
    });
    await using connection = launch(server, recorder, 0);
    const peer = await server.peer();
    peer.socket.send("m");
    await recorder.call("handleIn");
    peer.socket.pong("p");
    connection.info("i");
    assert.equal(recorder.calls.entries.length, 2);
    gates[0]?.open();
    assert.equal(await peer.text(1), "0");
    gates[1]?.open();
    gates[2]?.open();
    assert.deepEqual([await peer.text(2), await peer.text(3)], ["1", "2"]);
    assert.equal(recorder.calls.entries.length, 4);
  });

  await t.test("handleDisconnect and handleError", async () => {
    await using server = await WsServer.start();
    const [left, failed] = [gate(), gate()];
    const recorder = new Recorder<number>({
      handleDisconnect: async () => {
        await left.promise;
        return reconnect(10);
      },
      handleError: async () => {
        await failed.promise;
        return stop("enough");
      },
    });
    await using connection = launch(server, recorder, 0);
    (await server.peer(1)).socket.close(1000);
    await recorder.call("handleDisconnect");
    assert.equal(connection.status, "closing");
    connection.info("behind");
    left.open();
    await recorder.call("handleConnect", 2);
    (await server.peer(2)).reset();
    await recorder.call("handleError");
    failed.open();
    assert.equal(await connection.exited, "enough");
    assert.deepEqual(recorder.lines, [
      "handleConnect 101",
      "handleDisconnect 1000 ",
      'handleInfo "behind"',
      "handleConnect 101",
      "handleError streaming_failed reset",
      "handleTerminate enough",
    ]);
    assert.deepEqual(recorder.states, [0, 0, 10, 10, 10, 10]);
  });
});
