/** The reference's responses and functions against Python's `websockets`, a peer that isn't ours. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Callbacks } from "../../src/behaviour.ts";
import {
  binary,
  close,
  type ExitReason,
  type FrameLike,
  Fresh,
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
import { gate, launch, QUICK, Recorder } from "../fresh/fixtures.ts";
import { type PythonPeer, PythonServer } from "./python-server.ts";

let server: PythonServer;
before(async () => {
  server = await PythonServer.start();
});
after(() => server.stop());

/** The callbacks that answer ok, reply or close, and what Python does to have each called. */
const GENERIC = {
  handleConnect: () => undefined,
  handleIn: (peer: PythonPeer) => peer.send("message"),
  handleControl: (peer: PythonPeer) => peer.pong("unasked"),
  handleInfo: () => undefined,
} as const;

/** A recorder with one callback that answers so the first time, directly or by a promise. */
function answering(callback: keyof typeof GENERIC, how: string, response: GenericResponse<number>): Recorder<number> {
  let isFirst = true;
  const answer = () => {
    // The answer to a ping in the reply must not bring about another reply.
    const answered = isFirst ? response : ok(7);
    isFirst = false;
    return how === "directly" ? answered : Promise.resolve(answered);
  };
  return new Recorder<number>({ handleDisconnect: () => stop(), [callback]: answer } as Partial<Callbacks<number>>);
}

for (const [callback, provoke] of Object.entries(GENERIC) as [keyof typeof GENERIC, (peer: PythonPeer) => void][]) {
  for (const how of ["directly", "by a promise"]) {
    test(`ok, reply and close of ${callback}, answered ${how}, do what they say`, async () => {
      for (const [response, lines] of [
        [ok(7), []],
        [
          reply(["a", binary(new Uint8Array(3)), ping("p"), pong("q"), text("b")], 7),
          ['text "a"', "binary 3", 'ping "p"', 'pong "q"', 'text "b"'],
        ],
        [close(4002, "closing", 7), ["close 4002 closing"]],
      ] as const) {
        const endpoint = server.endpoint();
        const recorder = answering(callback, how, response);
        const connection = launch(endpoint, recorder, 0);
        await recorder.call("handleConnect");
        const peer = await endpoint.peer();
        provoke(peer);
        if (callback === "handleInfo") connection.info("go");
        await recorder.call(callback);
        if (response.type === "close") {
          await connection.exited;
          assert.equal(recorder.lines.at(-2), "handleDisconnect 4002 closing");
        } else {
          if (response.type === "reply") await peer.text(2);
          await connection.stop();
        }
        await peer.closed;
        assert.deepEqual(
          peer.lines.filter((line) => line !== "close 1000"),
          lines,
        );
        assert.equal((await recorder.call("handleTerminate")).state, 7);
      }
    });
  }
}

test("reply takes one frame, a string, bytes, a list, or an empty list", async () => {
  const endpoint = server.endpoint();
  const replies: readonly (FrameLike | readonly FrameLike[])[] = [
    text("frame"),
    "string",
    new Uint8Array(2),
    ["a", "b"],
    [],
  ];
  const recorder = new Recorder<number>({ handleInfo: (_message, at) => reply(replies[at] ?? [], at + 1) });
  await using connection = launch(endpoint, recorder, 0);
  await connection.opened();
  for (const _ of replies) connection.info("next");
  connection.send("end");
  const peer = await endpoint.peer();
  await peer.text(5);
  assert.deepEqual(peer.lines, ['text "frame"', 'text "string"', "binary 2", 'text "a"', 'text "b"', 'text "end"']);
});

test("a close frame in a reply closes; without a code it goes out empty", async () => {
  for (const [frame, said] of [
    [{ type: "close", code: 4003, reason: "by reply" }, "close 4003 by reply"],
    [{ type: "close" }, "close"],
  ] as const) {
    const endpoint = server.endpoint();
    const recorder = new Recorder<null>({
      handleConnect: () => reply(["last words", frame], null),
      handleDisconnect: () => stop(),
    });
    await launch(endpoint, recorder, null).exited;
    const peer = await endpoint.peer();
    await peer.closed;
    assert.deepEqual(peer.lines, ['text "last words"', said]);
  }
});

/** The ends of an attempt: the callback that hears of it, and what Python does. */
const ENDINGS = [
  ["handleDisconnect", (peer: PythonPeer) => peer.close(1012, "restart")],
  ["handleError", (peer: PythonPeer) => peer.abort()],
] as const;

for (const [callback, end] of ENDINGS) {
  for (const how of ["directly", "by a promise"]) {
    const ending = (...answers: readonly ReturnType<Callbacks<number>["handleDisconnect"]>[]) => {
      let at = 0;
      const answer = () => (how === "directly" ? answers[at++] : Promise.resolve(answers[at++]));
      return new Recorder<number>({ [callback]: answer } as Partial<Callbacks<number>>);
    };

    test(`reconnect(), reconnect(state) and reconnect(state, { after }) of ${callback}, answered ${how}, come back`, async () => {
      const endpoint = server.endpoint();
      const recorder = ending(reconnect(50), reconnect(), reconnect(60, { after: 100 }), stop("enough"));
      const connection = launch(endpoint, recorder, 1);
      for (const number of [1, 2, 3]) end(await endpoint.peer(number));
      await recorder.call(callback, 3);
      const before = performance.now();
      end(await endpoint.peer(4));
      assert.ok(performance.now() - before >= 90);
      assert.equal(await connection.exited, "enough");
      assert.deepEqual(
        recorder.all("handleConnect").map(({ state }) => state),
        [1, 50, 1, 60],
      );
    });

    test(`ignore(state) of ${callback}, answered ${how}, leaves the connection down until it is asked to reconnect`, async () => {
      const endpoint = server.endpoint();
      const recorder = ending(ignore(9));
      await using connection = launch(endpoint, recorder, 1);
      await recorder.call("handleConnect");
      end(await endpoint.peer());
      await recorder.call(callback);
      connection.info("state?");
      assert.equal((await recorder.call("handleInfo")).state, 9);
      assert.equal(connection.status, "idle");
      connection.reconnect();
      await connection.opened();
      await endpoint.peer(2);
    });

    test(`stop() and stop(reason) of ${callback}, answered ${how}, terminate`, async () => {
      for (const [response, reason] of [
        [stop(), "normal"],
        [stop("boom"), "boom"],
        [stop({ shutdown: "later" }), { shutdown: "later" }],
      ] as readonly (readonly [ReturnType<typeof stop>, ExitReason])[]) {
        const endpoint = server.endpoint();
        const recorder = ending(response);
        const connection = launch(endpoint, recorder, 1);
        await recorder.call("handleConnect");
        end(await endpoint.peer());
        assert.deepEqual(await connection.exited, reason);
        assert.equal(recorder.all("handleTerminate").length, 1);
      }
    });
  }
}

// ── Functions ────────────────────────────────────────────────────────────────────────────────────────────────────────

test("Fresh.define, start, send, info, close, isOpen and whereis do their work by name", async () => {
  const endpoint = server.endpoint("echo");
  const heard = gate<string>();
  const Client = Fresh.define<null>("Client", {
    handleIn: ({ data }) => {
      heard.open(String(data));
      return ok(null);
    },
    handleInfo: (message) => reply(`info: ${message}`, null),
    handleDisconnect: (code) => stop({ code }),
  });
  const connection = Client.start({ uri: endpoint.url, state: null, options: { ...QUICK, name: "python" } });
  assert.equal(Fresh.whereis("python"), connection);
  await connection.opened();
  assert.equal(Fresh.isOpen("python"), true);
  assert.equal(Fresh.send("python", "hello"), "sent");
  assert.equal(await heard.promise, "hello");
  Fresh.info("python", "a message");
  const peer = await endpoint.peer();
  assert.equal(await peer.text(2), "info: a message");
  Fresh.close("python", 4000, "by name");
  assert.deepEqual(await connection.exited, { code: 4000 });
  assert.equal(Fresh.whereis("python"), undefined);
});

test("Fresh.start and startLink take a plain object and a class instance", async () => {
  class Echo {
    handleConnect(_status: number, _headers: Headers, state: string) {
      return reply(`from a class: ${state}`, state);
    }
  }
  const endpoint = server.endpoint();
  const connections = [
    Fresh.start(endpoint.url, new Echo(), "x", QUICK),
    Fresh.startLink(
      endpoint.url,
      { handleConnect: (_status: number, _headers: Headers, n: number) => reply(`${n}`, n) },
      5,
      QUICK,
    ),
  ];
  await Promise.all(connections.map((connection) => connection.opened()));
  const texts = await Promise.all([endpoint.peer(1), endpoint.peer(2)].map(async (peer) => (await peer).text()));
  assert.deepEqual([...texts].sort(), ["5", "from a class: x"]);
  await Promise.all(connections.map((connection) => connection.stop()));
});

test("what is sent before the open waits in the outbox, and goes out behind handleConnect's replies", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>({ handleConnect: async () => reply("hello", null) });
  await using connection = launch(endpoint, recorder, null);
  assert.equal(connection.send("queued 1"), "queued");
  assert.equal(connection.send(new Uint8Array(2)), "queued");
  const peer = await endpoint.peer();
  await peer.next("binary");
  assert.deepEqual(peer.lines, ['text "hello"', 'text "queued 1"', "binary 2"]);
});

test("stop tells Python 1000, a shutdown 1001, and a fault of the module 1011", async () => {
  const ends: readonly (readonly [number, (connection: ReturnType<typeof launch<null>>) => unknown])[] = [
    [1000, (connection) => connection.stop()],
    [1001, (connection) => connection.stop("shutdown")],
    [1011, (connection) => connection.info("crash")],
  ];
  for (const [code, end] of ends) {
    const endpoint = server.endpoint();
    const recorder = new Recorder<null>({
      handleInfo: () => {
        throw new Error("fault");
      },
    });
    const connection = launch(endpoint, recorder, null);
    await connection.opened();
    end(connection);
    await connection.exited;
    assert.equal((await (await endpoint.peer()).next("close")).code, code);
  }
});

test("reconnect() leaves Python with a 1000 and comes back at once; probe() measures the way there", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>();
  await using connection = launch(endpoint, recorder, null, { backoffInitial: 60_000, backoffMax: 60_000 });
  await connection.opened();
  assert.ok((await connection.probe()) > 0);
  connection.reconnect();
  await endpoint.peer(2);
  assert.equal((await (await endpoint.peer(1)).next("close")).code, 1000);
  await connection.opened();
  assert.ok((await connection.probe()) > 0);
});

test("drain resolves once Python has been given everything", async () => {
  const endpoint = server.endpoint();
  await using connection = launch(endpoint, new Recorder<null>(), null);
  await connection.opened();
  const peer = await endpoint.peer();
  for (let sent = 0; sent < 20; sent += 1) connection.send(new Uint8Array(500_000));
  await connection.drain();
  assert.equal(connection.bufferedAmount, 0);
  assert.equal((await peer.next("binary", 20)).length, 500_000);
});
