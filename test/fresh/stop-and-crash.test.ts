/** How a connection ends: stopped, cut off, or by a fault of its module; against the `ws` package's server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallbackName, Callbacks, Connection } from "../../src/behaviour.ts";
import { close, type ExitReason, ignore, ok, reconnect, reply, stop } from "../../src/index.ts";
import { gate, Log, launch, QUICK, Recorder } from "./fixtures.ts";
import { WsServer } from "./ws-server.ts";

// ── stop() ───────────────────────────────────────────────────────────────────────────────────────────────────────────

test("stop() closes cleanly and terminates: handleTerminate is the last callback, handleDisconnect isn't called", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({ handleIn: (_frame, state) => ok(state + 1) });
  const connection = launch(server, recorder, 0);
  const peer = await server.peer();
  peer.socket.send("counts");
  await recorder.call("handleIn");
  assert.equal(await connection.stop(), "normal");
  assert.deepEqual(recorder.lines, ["handleConnect 101", 'handleIn text "counts"', "handleTerminate normal"]);
  assert.equal((await recorder.call("handleTerminate")).state, 1);
  await peer.closed;
  assert.deepEqual(peer.lines, ["close 1000"]);
});

test("stop tells the server 1001 for a shutdown, and 1000 for any other reason", async () => {
  const reasons: readonly (readonly [ExitReason | undefined, number])[] = [
    [undefined, 1000],
    ["normal", 1000],
    ["boom", 1000],
    ["shutdown", 1001],
    [{ shutdown: "restart" }, 1001],
  ];
  for (const [reason, code] of reasons) {
    await using server = await WsServer.start();
    const recorder = new Recorder<null>();
    const connection = launch(server, recorder, null);
    await connection.opened();
    assert.equal(await connection.stop(reason), reason ?? "normal");
    assert.equal((await (await server.peer()).closed).code, code);
    assert.equal((await recorder.call("handleTerminate")).given[0], reason ?? "normal");
  }
});

test("stop() ends a connection in every status it can have", async (t) => {
  const cases: Readonly<Record<string, (connection: Connection<null>, recorder: Recorder<null>) => Promise<unknown>>> =
    {
      connecting: async () => undefined,
      open: (connection) => connection.opened(),
      closing: async (connection) => {
        await connection.opened();
        connection.close();
      },
      waiting: async (connection, recorder) => {
        connection.close(4001);
        await recorder.call("handleDisconnect");
      },
      idle: async (connection, recorder) => {
        await connection.opened();
        connection.close(4000);
        await recorder.call("handleDisconnect");
      },
    };
  for (const [status, reach] of Object.entries(cases)) {
    await t.test(status, async () => {
      await using server = await WsServer.start();
      const recorder = new Recorder<null>({
        handleDisconnect: (code) => (code === 4000 ? ignore(null) : reconnect(null, { after: 60_000 })),
      });
      const connection = launch(server, recorder, null);
      await reach(connection, recorder);
      assert.equal(connection.status, status);
      assert.equal(await connection.stop("enough"), "enough");
      assert.equal(connection.status, "terminated");
      assert.equal(recorder.lines.at(-1), "handleTerminate enough");
      assert.equal(recorder.all("handleTerminate").length, 1);
    });
  }
});

test("what arrived before the stop is handled before handleTerminate, and nothing after it", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleInfo: async () => ok(null) });
  const connection = launch(server, recorder, null);
  await connection.opened();
  for (const message of [1, 2, 3]) connection.info(message);
  await connection.stop();
  connection.info("late");
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    "handleInfo 1",
    "handleInfo 2",
    "handleInfo 3",
    "handleTerminate normal",
  ]);
});

test("stop() is final: an answer of handleDisconnect that comes after it changes nothing", async () => {
  await using server = await WsServer.start();
  const asked = gate();
  const recorder = new Recorder<null>({
    handleDisconnect: async () => {
      await asked.promise;
      return reconnect();
    },
  });
  const connection = launch(server, recorder, null);
  (await server.peer()).socket.close(1000);
  await recorder.call("handleDisconnect");
  const stopped = connection.stop("enough");
  asked.open();
  assert.equal(await stopped, "enough");
  assert.equal(server.requests.entries.length, 1);
});

test("stop() may be called within a callback, whose answer still goes out of the way", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({
    handleIn: (_frame, _state, self) => {
      self.stop("from inside");
      return reply("too late", null);
    },
  });
  const connection = launch(server, recorder, null);
  const peer = await server.peer();
  peer.socket.send("go");
  assert.equal(await connection.exited, "from inside");
  await peer.closed;
  assert.deepEqual(peer.lines, ["close 1000"]);
});

test("a callback that never returns is cut off by stop's timeout: killed", async () => {
  await using server = await WsServer.start();
  const late = gate();
  const recorder = new Recorder<string>({
    handleIn: async () => {
      await late.promise;
      return reply("never sent", "never taken");
    },
  });
  const connection = launch(server, recorder, "state");
  const peer = await server.peer();
  peer.socket.send("hang");
  await recorder.call("handleIn");
  const before = performance.now();
  assert.equal(await connection.stop("normal", { timeout: 60 }), "killed");
  assert.ok(performance.now() - before >= 59);
  assert.equal(recorder.lines.at(-1), "handleTerminate killed");
  late.open();
  await new Promise(setImmediate);
  assert.equal(recorder.lines.length, 3);
  assert.equal(recorder.states.at(-1), "state");
  // Its late answer is not even tried.
  assert.equal(connection.stats.dropped.terminated, 0);
  await peer.closed;
  assert.deepEqual(peer.lines, ["close 1000"]);
});

test("a server that never answers the close frame is left after closeTimeout, and the stop is an orderly one", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  const connection = launch(server, recorder, null, { closeTimeout: 40 });
  await connection.opened();
  (await server.peer()).tcp.pause();
  assert.equal(await connection.stop("enough"), "enough");
  assert.equal(recorder.lines.at(-1), "handleTerminate enough");
});

test("a stop timeout that is shorter than closeTimeout cuts the closing off: killed", async () => {
  await using server = await WsServer.start();
  const connection = launch(server, new Recorder<null>(), null, { closeTimeout: 60_000 });
  await connection.opened();
  (await server.peer()).tcp.pause();
  assert.equal(await connection.stop("enough", { timeout: 40 }), "killed");
});

test("a second stop may bring the end nearer, never put it off", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleInfo: () => new Promise(() => undefined) });
  const connection = launch(server, recorder, null);
  await connection.opened();
  connection.info("hang");
  const before = performance.now();
  const first = connection.stop("normal", { timeout: 60_000 });
  const second = connection.stop("normal", { timeout: 40 });
  const third = connection.stop("normal", { timeout: 60_000 });
  assert.deepEqual(await Promise.all([first, second, third]), ["killed", "killed", "killed"]);
  assert.ok(performance.now() - before < 10_000);
});

test("await using stops the connection at the end of its scope", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  let outside: Connection<null>;
  {
    await using connection = launch(server, recorder, null);
    await connection.opened();
    outside = connection;
    assert.equal(outside.isOpen, true);
  }
  assert.equal(outside.status, "terminated");
  assert.equal(await outside.exited, "normal");
});

test("exited resolves with the reason for everyone who waits, before and after the end", async () => {
  await using server = await WsServer.start();
  const reason = { error: "mine" };
  const connection = launch(server, new Recorder<null>({ handleDisconnect: () => stop(reason) }), null);
  const { exited } = connection;
  (await server.peer()).socket.close(1000);
  assert.equal(await exited, reason);
  assert.equal(await connection.exited, reason);
  assert.equal(await connection.stop("other"), reason);
});

// ── Faults of the module ─────────────────────────────────────────────────────────────────────────────────────────────

type Fault = readonly [name: string, act: (thrown: Error) => unknown, isThrown: boolean];
const FAULTS: readonly Fault[] = [
  [
    "throws",
    (thrown) => {
      throw thrown;
    },
    true,
  ],
  ["rejects", (thrown) => Promise.reject(thrown), true],
  ["returns nothing", () => undefined, false],
  ["returns a promise of nothing", () => Promise.resolve(), false],
  ["returns null", () => null, false],
  ["returns the state", (_thrown) => 7, false],
  ["returns an object that is no response", () => ({ type: "accept" }), false],
];

/** What makes each callback run once on a fresh connection, and whether the connection is open then. */
const TRIGGERS: Readonly<
  Record<
    Exclude<CallbackName, "handleTerminate">,
    { readonly open: boolean; run(server: WsServer, connection: Connection<null>): Promise<unknown> }
  >
> = {
  handleConnect: { open: true, run: async () => undefined },
  handleIn: { open: true, run: async (server) => (await server.peer()).socket.send("x") },
  handleControl: { open: true, run: async (server) => (await server.peer()).socket.ping() },
  handleInfo: {
    open: true,
    run: async (_server, connection) => {
      await connection.opened();
      connection.info("x");
    },
  },
  handleDisconnect: { open: false, run: async (server) => (await server.peer()).socket.close(1000) },
  handleError: {
    open: false,
    run: async (server, connection) => {
      await connection.opened();
      (await server.peer()).socket.terminate();
    },
  },
};

for (const [callback, { open, run }] of Object.entries(TRIGGERS)) {
  for (const [name, act, isThrown] of FAULTS) {
    test(`a ${callback} that ${name} terminates the connection: { error, callback }, logged${open ? ", and 1011 is sent" : ""}`, async () => {
      await using server = await WsServer.start();
      const thrown = new Error("the module's own");
      const log = new Log();
      const recorder = new Recorder<null>({ [callback]: () => act(thrown) } as Partial<Callbacks<null>>);
      const connection = launch(server, recorder, null, { logger: log, errorLogging: false });
      await run(server, connection);
      const reason = (await connection.exited) as { readonly error: unknown; readonly callback: string };
      assert.deepEqual(Object.keys(reason).sort(), ["callback", "error"]);
      assert.equal(reason.callback, callback);
      if (isThrown) assert.equal(reason.error, thrown);
      else assert.match(String(reason.error), new RegExp(`^TypeError: ${callback} answered .*; it takes .*return\\?$`));
      assert.equal(recorder.all("handleTerminate").length, 1);
      assert.equal((await recorder.call("handleTerminate")).given[0], reason);
      assert.deepEqual(log.messages("error"), [`${callback} failed: ${reason.error}`]);
      if (open) assert.equal((await (await server.peer()).closed).code, 1011);
      assert.equal(server.requests.entries.length, 1);
    });
  }
}

test("a response of the other kind of callback is a fault too", async () => {
  const wrong: readonly (readonly [CallbackName, unknown, string])[] = [
    ["handleIn", ignore(null), "ignore()"],
    ["handleIn", reconnect(), "reconnect()"],
    ["handleInfo", stop(), "stop()"],
    ["handleConnect", stop("x"), "stop()"],
    ["handleDisconnect", ok(null), "ok()"],
    ["handleDisconnect", reply("x", null), "reply()"],
    ["handleError", close(1000, "", null), "close()"],
  ];
  for (const [callback, response, said] of wrong) {
    await using server = await WsServer.start();
    const recorder = new Recorder<null>({ [callback]: () => response } as Partial<Callbacks<null>>);
    const connection = launch(server, recorder, null);
    await TRIGGERS[callback as keyof typeof TRIGGERS].run(server, connection);
    const reason = (await connection.exited) as { readonly error: Error; readonly callback: string };
    assert.equal(reason.callback, callback);
    assert.ok(reason.error.message.startsWith(`${callback} answered ${said};`), reason.error.message);
  }
});

test("a fault is logged and terminates even if what is thrown is no Error", async () => {
  for (const thrown of ["a string", undefined, null, { code: 7 }]) {
    await using server = await WsServer.start();
    const log = new Log();
    const recorder = new Recorder<null>({
      handleInfo: () => {
        throw thrown;
      },
    });
    const connection = launch(server, recorder, null, { logger: log });
    await connection.opened();
    connection.info("x");
    assert.deepEqual(await connection.exited, { error: thrown, callback: "handleInfo" });
    assert.equal(log.messages("error").length, 1);
  }
});

test("a handleTerminate that throws gives the exit its own reason, and is logged", async () => {
  await using server = await WsServer.start();
  const thrown = new Error("at the very end");
  const log = new Log();
  const recorder = new Recorder<null>({
    handleTerminate: () => {
      throw thrown;
    },
  });
  const connection = launch(server, recorder, null, { logger: log });
  await connection.opened();
  assert.deepEqual(await connection.stop(), { error: thrown, callback: "handleTerminate" });
  assert.deepEqual(log.messages("error"), ["handleTerminate failed: Error: at the very end"]);
});

test("a fault passes over what waits: nothing else of the module runs but handleTerminate", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({
    handleInfo: async () => {
      throw new Error("fault");
    },
  });
  const connection = launch(server, recorder, null);
  await connection.opened();
  connection.info(1);
  connection.info(2);
  const { socket } = await server.peer();
  socket.send("x");
  await connection.exited;
  assert.deepEqual(
    recorder.lines.map((line) => line.split(" ")[0]),
    ["handleConnect", "handleInfo", "handleTerminate"],
  );
});

test("a fault of one connection is none of another's", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<string>({
    handleInfo: (message, state) => {
      if (message === "crash") throw new Error("fault");
      return reply(String(message), state);
    },
  });
  const crashing = launch(server, recorder, "a");
  await using other = launch(server, recorder, "b");
  await Promise.all([crashing.opened(), other.opened()]);
  crashing.info("crash");
  await crashing.exited;
  other.info("alive");
  const texts = await Promise.any(server.peers.entries.map((peer) => peer.text()));
  assert.equal(texts, "alive");
});

test("a crash while nothing is open terminates as well", async () => {
  const recorder = new Recorder<null>({
    handleInfo: () => {
      throw new Error("fault");
    },
  });
  const connection = recorder.module.start({
    uri: () => new Promise(() => undefined),
    state: null,
    options: QUICK,
  });
  connection.info("crash");
  const reason = (await connection.exited) as { readonly callback: string };
  assert.equal(reason.callback, "handleInfo");
});
