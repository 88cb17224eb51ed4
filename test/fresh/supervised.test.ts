/** Connections under supervisors, against a real server: when they are restarted, how they end, and by which names they are found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AlreadyStartedError,
  type Connection,
  type ExitReason,
  Fresh,
  type Name,
  NameTakenError,
  NoSuchConnectionError,
  ok,
  Registry,
  Supervisor,
  stop,
} from "../../src/index.ts";
import { Log, QUICK, Recorder } from "./fixtures.ts";
import { WsServer } from "./ws-server.ts";

const SILENT = { error: () => undefined };
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Exit reason → is it a fault? */
const REASONS: readonly (readonly [ExitReason, boolean])[] = [
  ["normal", false],
  ["shutdown", false],
  [{ shutdown: "deploy" }, false],
  ["killed", true],
  ["boom", true],
  [{ error: "unknown" }, true],
];

for (const restart of ["permanent", "transient", "temporary"] as const) {
  test(`${restart}: a connection is restarted for just the exit reasons it should be, and handleTerminate runs for each`, async () => {
    await using server = await WsServer.start();
    const recorder = new Recorder<number>(
      { handleInfo: () => ok(7), handleDisconnect: (code) => stop(REASONS[(code ?? 4000) - 4000]?.[0] ?? "normal") },
      "Worker",
    );
    for (const [at, [reason, isFault]] of REASONS.entries()) {
      const args = { uri: server.url, state: 1, options: QUICK };
      const spec = { ...recorder.module.childSpec(args), restart };
      await using supervisor = Supervisor.start([spec], { logger: SILENT });
      const first = supervisor.whichChildren()[0]?.child as Connection<number>;
      await first.opened();
      first.close(4000 + at);
      assert.deepEqual(await first.exited, reason);
      assert.deepEqual(recorder.all("handleTerminate").at(-1)?.given, [reason]);
      await settled();
      const second = supervisor.whichChildren()[0]?.child as Connection<number> | undefined;
      const isRestarted = restart === "permanent" || (restart === "transient" && isFault);
      assert.equal(second !== undefined && second !== first, isRestarted, JSON.stringify(reason));
      await second?.opened();
    }
  });
}

test("a module's own childSpec is transient under its name, the tuple form is the same, and spread overrides it", async () => {
  await using server = await WsServer.start();
  const { module } = new Recorder<number>({}, "Feed");
  const args = { uri: server.url, state: 1, options: QUICK };
  await using supervisor = Supervisor.start([
    [module, args],
    { ...module.childSpec(args), id: "Other", restart: "permanent" },
  ]);
  assert.deepEqual(
    supervisor.whichChildren().map(({ id, restart, type }) => [id, restart, type]),
    [
      ["Feed", "transient", "worker"],
      ["Other", "permanent", "worker"],
    ],
  );
});

test("a callback that throws is a restart with the initial state, and no uncaught error", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({
    handleInfo: (message, state) => {
      if (message === "crash") throw new Error("boom");
      return ok(state + 1);
    },
  });
  const log = new Log();
  const start = () => recorder.module.startLink({ uri: server.url, state: 1, options: QUICK });
  await using supervisor = Supervisor.start([{ id: "linked", start }], { logger: log });
  const first = supervisor.whichChildren()[0]?.child as Connection<number>;
  await first.opened();
  first.info("count");
  first.info("crash");
  await first.exited;
  const connected = await recorder.call("handleConnect", 2);
  assert.equal(connected.state, 1);
  assert.match(
    log.messages("error").join(),
    /the child "linked" ended \(handleInfo failed: Error: boom\)\. It is restarted\./,
  );
});

test("a supervisor that stops closes its connections with 1001, and each hears of it in handleTerminate", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>();
  const supervisor = Supervisor.start([[recorder.module, { uri: server.url, state: 1, options: QUICK }]]);
  const peer = await server.peer();
  const connection = supervisor.whichChildren()[0]?.child as Connection<number>;
  await connection.opened();
  await supervisor.stop("shutdown");
  assert.equal((await peer.closed).code, 1001);
  assert.deepEqual(recorder.all("handleTerminate")[0]?.given, ["shutdown"]);
});

test("a callback that never returns is cut off by the child's shutdown time, and both logs say so", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({ handleInfo: () => new Promise(() => undefined) });
  const [own, above] = [new Log(), new Log()];
  const args = { uri: server.url, state: 1, options: { ...QUICK, logger: own } };
  const supervisor = Supervisor.start([{ ...recorder.module.childSpec(args), shutdown: 50 }], { logger: above });
  const connection = supervisor.whichChildren()[0]?.child as Connection<number>;
  await connection.opened();
  connection.info("hang");
  await recorder.call("handleInfo");
  assert.equal(await supervisor.stop("shutdown"), "shutdown");
  assert.equal(await connection.exited, "killed");
  assert.deepEqual(recorder.all("handleTerminate")[0]?.given, ["killed"]);
  assert.match(
    own.messages("error").join(),
    /Cut off: handleInfo did not return within the time that the stop gave it/,
  );
  assert.match(above.messages("error").join(), /the child "Recorder" was told to end, and ended otherwise \(killed\)/);
});

const registry = new Registry<Connection<number>>({ keys: "unique" });
const NAMES: readonly Name[] = [
  "supervised",
  Symbol("supervised"),
  { global: "supervised" },
  { via: registry, name: { of: 1 } },
];

for (const [at, name] of NAMES.entries()) {
  test(`a connection is found by its name, restarts included, in form ${at + 1}: ${String(Object.keys(Object(name)))}`, async () => {
    await using server = await WsServer.start();
    const recorder = new Recorder<number>({ handleDisconnect: () => stop("boom") });
    const args = { uri: server.url, state: 1, options: { ...QUICK, name } };
    const supervisor = Supervisor.start([[recorder.module, args]], { logger: SILENT });
    const first = supervisor.whichChildren()[0]?.child as Connection<number>;
    assert.equal(Fresh.whereis(name), first);
    assert.throws(
      () => recorder.module.start(args),
      (error) => error instanceof AlreadyStartedError && error.connection === first,
    );
    await first.opened();
    assert.equal(Fresh.isOpen(name), true);
    assert.equal(Fresh.send(name, "by name"), "sent");
    Fresh.info(name, "by name");
    assert.deepEqual((await recorder.call("handleInfo")).given, ["by name"]);
    Fresh.close(name);
    await first.exited;
    await settled();
    const second = Fresh.whereis(name);
    assert.ok(second !== undefined && second !== first);
    await supervisor.stop();
    assert.equal(Fresh.whereis(name), undefined);
    assert.throws(() => Fresh.send(name, "nobody"), NoSuchConnectionError);
  });
}

test("a supervisor's name is no connection's, and can't be one's at the same time", async () => {
  const supervisor = Supervisor.start([], { name: "tree" });
  assert.equal(Fresh.whereis("tree"), undefined);
  assert.throws(() => Fresh.info("tree", 1), NoSuchConnectionError);
  assert.throws(
    () => Fresh.start("ws://127.0.0.1:1/", {}, 0, { name: "tree" }),
    (error) => error instanceof NameTakenError && error.holder === supervisor,
  );
  await supervisor.stop();
});

test("who stands in a registry under many keys leaves all of them with its end", async () => {
  await using server = await WsServer.start();
  const topics = new Registry<Connection<number>>({ keys: "duplicate" });
  const recorder = new Recorder<number>();
  const connections = [1, 2].map((state) => recorder.module.start({ uri: server.url, state, options: QUICK }));
  for (const connection of connections) topics.register("news", connection);
  topics.dispatch("news", (entries) => {
    for (const { connection } of entries) connection.info("all of you");
  });
  await recorder.call("handleInfo", 2);
  await connections[0]?.stop();
  assert.deepEqual(
    topics.lookup("news").map(({ connection }) => connection),
    [connections[1]],
  );
  await connections[1]?.stop();
  assert.equal(topics.size, 0);
});
