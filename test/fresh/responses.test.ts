/** Every response of a callback, in each of its forms, against the `ws` package's server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Callbacks } from "../../src/behaviour.ts";
import {
  binary,
  type Connection,
  close,
  type ExitReason,
  type FrameLike,
  type GenericResponse,
  ignore,
  ok,
  ping,
  pong,
  reconnect,
  reply,
  stop,
  text,
} from "../../src/index.ts";
import { launch, Recorder } from "./fixtures.ts";
import { WsServer } from "./ws-server.ts";

/** The callbacks that answer ok, reply or close; each is made to run once, then answers with ok. */
const GENERIC = ["handleConnect", "handleIn", "handleControl", "handleInfo"] as const;

/** A recorder whose callback of this name answers so the first time it is called, directly or by a promise. */
function answering(
  callback: (typeof GENERIC)[number],
  response: (state: number) => GenericResponse<number>,
  how: "directly" | "by a promise",
  more: Partial<Callbacks<number>> = {},
): Recorder<number> {
  let isFirst = true;
  const answer = (...args: readonly unknown[]) => {
    const state = args.find((value): value is number => typeof value === "number" && value < 100) as number;
    if (!isFirst) return ok(state);
    isFirst = false;
    return how === "directly" ? response(state) : Promise.resolve(response(state));
  };
  return new Recorder<number>({ handleDisconnect: () => stop(), ...more, [callback]: answer });
}

/** Makes the server and the test do what calls each of the generic callbacks. */
async function provoke(server: WsServer, recorder: Recorder<number>, connection: Connection<number>) {
  await recorder.call("handleConnect");
  const peer = await server.peer();
  peer.socket.send("message");
  peer.socket.pong("pong");
  connection.info("info");
  return peer;
}

for (const callback of GENERIC) {
  for (const how of ["directly", "by a promise"] as const) {
    test(`ok(state) of ${callback}, answered ${how}, carries on with that state`, async () => {
      await using server = await WsServer.start();
      const recorder = answering(callback, (state) => ok(state + 10), how);
      await using connection = launch(server, recorder, 1);
      await provoke(server, recorder, connection);
      await Promise.all([recorder.call("handleIn"), recorder.call("handleControl"), recorder.call("handleInfo")]);
      connection.info("last");
      assert.equal((await recorder.call("handleInfo", 2)).state, 11);
    });

    test(`reply(frames, state) of ${callback}, answered ${how}, sends them in order and carries on`, async () => {
      await using server = await WsServer.start();
      const frames: readonly FrameLike[] = ["one", binary(new Uint8Array([1, 2])), ping("three"), text("four")];
      const recorder = answering(callback, (state) => reply(frames, state + 10), how);
      await using connection = launch(server, recorder, 1);
      const peer = await provoke(server, recorder, connection);
      await peer.next("text", 2);
      assert.deepEqual(peer.lines, ['text "one"', "binary 2", 'ping "three"', 'text "four"']);
      connection.info("last");
      await recorder.call("handleInfo", 2);
      assert.equal(recorder.states.at(-1), 11);
    });

    test(`close(code, reason, state) of ${callback}, answered ${how}, sends a close frame whose answer is a disconnect`, async () => {
      await using server = await WsServer.start();
      const recorder = answering(callback, (state) => close(4001, "enough", state + 10), how);
      await using connection = launch(server, recorder, 1);
      const peer = await provoke(server, recorder, connection);
      assert.deepEqual(await peer.closed, { type: "close", code: 4001, reason: "enough" });
      assert.equal(await connection.exited, "normal");
      const disconnect = await recorder.call("handleDisconnect");
      assert.deepEqual(disconnect.given, [4001, "enough"]);
      assert.equal(disconnect.state, 11);
    });
  }
}

test("reply takes one frame, a string, bytes, or a list of them; an empty list sends nothing", async (t) => {
  const replies: readonly (readonly [string, FrameLike | readonly FrameLike[], readonly string[]])[] = [
    ["one frame", text("a"), ['text "a"']],
    ["a string", "a", ['text "a"']],
    ["bytes", new Uint8Array(3), ["binary 3"]],
    ["a Buffer", Buffer.from("abc"), ["binary 3"]],
    ["a ping", ping("p"), ['ping "p"']],
    ["a pong", pong("p"), ['pong "p"']],
    ["a list", ["a", text("b"), new Uint8Array(1), pong()], ['text "a"', 'text "b"', "binary 1", 'pong ""']],
    ["an empty list", [], []],
    ["an empty text", "", ['text ""']],
  ];
  for (const [name, frames, expected] of replies) {
    await t.test(name, async () => {
      await using server = await WsServer.start();
      const recorder = new Recorder<null>({ handleInfo: () => reply(frames, null) });
      await using connection = launch(server, recorder, null);
      await connection.opened();
      connection.info("reply");
      connection.send("end");
      const peer = await server.peer();
      await peer.received.nth(
        1,
        (entry): entry is typeof entry => entry.type === "text" && entry.data.toString() === "end",
        "the end",
      );
      assert.deepEqual(peer.lines, [...expected, 'text "end"']);
    });
  }
});

test("a close frame in a reply closes the connection after the frames before it", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({
    handleInfo: (_message, state) => reply(["bye", { type: "close", code: 4002, reason: "done" }], state + 1),
    handleDisconnect: () => stop(),
  });
  await using connection = launch(server, recorder, 0);
  await connection.opened();
  connection.info("go");
  await connection.exited;
  const peer = await server.peer();
  await peer.closed;
  assert.deepEqual(peer.lines, ['text "bye"', "close 4002 done"]);
  assert.deepEqual(recorder.lines.slice(1), [
    'handleInfo "go"',
    "handleDisconnect 4002 done",
    "handleTerminate normal",
  ]);
  assert.equal(recorder.states.at(-1), 1);
});

test("a close frame without a code in a reply goes out empty", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({
    handleInfo: () => reply({ type: "close" }, null),
    handleDisconnect: () => stop(),
  });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  connection.info("go");
  assert.equal((await (await server.peer()).closed).code, 1005);
  await connection.exited;
  assert.deepEqual((await recorder.call("handleDisconnect")).given, [undefined, undefined]);
});

test("frames of a reply behind its close frame wait for the next open", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({
    handleInfo: () => reply(["before", { type: "close", code: 1000 }, "behind"], null),
  });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  connection.info("go");
  assert.equal(await (await server.peer(2)).text(), "behind");
  assert.deepEqual((await server.peer(1)).lines, ['text "before"', "close 1000"]);
});

// ── handleDisconnect and handleError ─────────────────────────────────────────────────────────────────────────────────

/** The two ways in which an open connection's attempt ends: [the callback that hears of it, what the server does]. */
const ENDINGS = [
  [
    "handleDisconnect",
    async (server: WsServer, number: number) => (await server.peer(number)).socket.close(1001, "away"),
  ],
  ["handleError", async (server: WsServer, number: number) => (await server.peer(number)).socket.terminate()],
] as const;

for (const [callback, end] of ENDINGS) {
  for (const how of ["directly", "by a promise"] as const) {
    /** A recorder with these answers to the ends of its attempts, one after the other; then it stops. */
    const ending = (...answers: readonly (() => ReturnType<Callbacks<number>["handleDisconnect"]>)[]) => {
      let at = 0;
      const answer = () => (at < answers.length ? (answers[at++]?.() ?? stop()) : stop());
      return new Recorder<number>({
        handleIn: (_frame, state) => ok(state + 1),
        [callback]: how === "directly" ? answer : () => Promise.resolve(answer()),
      });
    };

    test(`reconnect() of ${callback}, answered ${how}, makes a new attempt with the initial state`, async () => {
      await using server = await WsServer.start();
      const recorder = ending(() => reconnect());
      await using _connection = launch(server, recorder, 5);
      (await server.peer(1)).socket.send("counts");
      await recorder.call("handleIn");
      await end(server, 1);
      assert.equal((await recorder.call(callback)).state, 6);
      assert.equal((await recorder.call("handleConnect", 2)).state, 5);
    });

    test(`reconnect(state) of ${callback}, answered ${how}, makes a new attempt with that state, and only that one`, async () => {
      await using server = await WsServer.start();
      const recorder = ending(
        () => reconnect(50),
        () => reconnect(),
      );
      await using _connection = launch(server, recorder, 5);
      await recorder.call("handleConnect", 1);
      await end(server, 1);
      assert.equal((await recorder.call("handleConnect", 2)).state, 50);
      await end(server, 2);
      assert.equal((await recorder.call(callback, 2)).state, 50);
      assert.equal((await recorder.call("handleConnect", 3)).state, 5);
    });

    test(`reconnect(state, { after }) of ${callback}, answered ${how}, waits so long instead of the backoff`, async () => {
      await using server = await WsServer.start();
      const recorder = ending(() => reconnect(1, { after: 120 }));
      await using connection = launch(server, recorder, 0, { backoffInitial: 60_000, backoffMax: 60_000 });
      await recorder.call("handleConnect", 1);
      const before = performance.now();
      await end(server, 1);
      await recorder.call(callback);
      await connection.opened();
      const waited = performance.now() - before;
      assert.ok(waited >= 119, `waited ${waited} ms`);
      assert.ok(waited < 5000, `waited ${waited} ms`);
    });

    test(`ignore(state) of ${callback}, answered ${how}, leaves the connection down with that state`, async () => {
      await using server = await WsServer.start();
      const recorder = ending(() => ignore(9));
      await using connection = launch(server, recorder, 0);
      await recorder.call("handleConnect", 1);
      await end(server, 1);
      await recorder.call(callback);
      connection.info("still here");
      assert.equal((await recorder.call("handleInfo")).state, 9);
      assert.equal(connection.status, "idle");
      connection.reconnect();
      await connection.opened();
      assert.equal(server.requests.entries.length, 2);
    });

    test(`stop() of ${callback}, answered ${how}, terminates with "normal"`, async () => {
      await using server = await WsServer.start();
      const recorder = ending(() => stop());
      await using connection = launch(server, recorder, 0);
      await recorder.call("handleConnect", 1);
      await end(server, 1);
      assert.equal(await connection.exited, "normal");
      assert.equal(recorder.lines.at(-1), "handleTerminate normal");
      assert.equal(connection.status, "terminated");
    });

    test(`stop(reason) of ${callback}, answered ${how}, terminates with that reason, the very same`, async () => {
      const reasons: readonly ExitReason[] = ["boom", { error: "unknown" }, { shutdown: 1 }, new Error("mine")];
      for (const reason of reasons) {
        await using server = await WsServer.start();
        const recorder = ending(() => stop(reason));
        await using connection = launch(server, recorder, 0);
        await recorder.call("handleConnect", 1);
        await end(server, 1);
        assert.equal(await connection.exited, reason);
        assert.equal((await recorder.call("handleTerminate")).given[0], reason);
      }
    });
  }
}

test("an undefined state given to reconnect is a state, not the lack of one", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<string | undefined>({
    handleDisconnect: () => reconnect<string | undefined>(undefined),
  });
  await using _connection = launch(server, recorder, "initial" as string | undefined);
  (await server.peer()).socket.close(1000);
  assert.equal((await recorder.call("handleConnect", 2)).state, undefined);
});
