/** Names under which connections are found, and links that carry an end with a fault to whoever started it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AlreadyStartedError, Fresh, type Name, NoSuchConnectionError, ok, stop } from "../../src/index.ts";
import { launch, QUICK, Recorder } from "./fixtures.ts";
import { runProgram } from "./program.ts";
import { WsServer } from "./ws-server.ts";

test("a name, a string or a symbol, finds its connection from start to termination", async () => {
  await using server = await WsServer.start();
  for (const name of ["found", Symbol("found")]) {
    assert.equal(Fresh.whereis(name), undefined);
    const connection = launch(server, new Recorder<null>(), null, { name });
    assert.equal(Fresh.whereis(name), connection);
    await connection.opened();
    assert.equal(Fresh.whereis(name), connection);
    await connection.stop();
    assert.equal(Fresh.whereis(name), undefined);
  }
});

test("a name survives reconnects", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { name: "survivor" });
  (await server.peer()).socket.close(1001);
  await recorder.call("handleDisconnect");
  assert.equal(Fresh.whereis("survivor"), connection);
  await recorder.call("handleConnect", 2);
  assert.equal(Fresh.send("survivor", "again"), "sent");
});

test("starting under a name that is taken throws AlreadyStartedError with the connection that has it", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { name: "taken" });
  const starts = [
    () => launch(server, recorder, null, { name: "taken" }),
    () => Fresh.start(server.url, recorder.module, null, { ...QUICK, name: "taken" }),
    () => Fresh.startLink(server.url, recorder.module, null, { ...QUICK, name: "taken" }),
    () => recorder.module.startLink({ uri: server.url, state: null, options: { ...QUICK, name: "taken" } }),
  ];
  for (const start of starts) {
    assert.throws(start, (error) => {
      assert.ok(error instanceof AlreadyStartedError);
      assert.equal(error.connection, connection);
      assert.match(error.message, /"taken" is already running/);
      return true;
    });
  }
  await connection.opened();
  assert.equal(server.requests.entries.length, 1);
});

test("a name is free as soon as its connection has exited, however it ended", async () => {
  await using server = await WsServer.start();
  const crashing = new Recorder<null>({
    handleInfo: () => {
      throw new Error("crash");
    },
  });
  const connection = launch(server, crashing, null, { name: "free again" });
  connection.info("go");
  await connection.exited;
  await using next = launch(server, new Recorder<null>(), null, { name: "free again" });
  assert.equal(Fresh.whereis("free again"), next);
});

test("an unknown name throws NoSuchConnectionError, and whereis gives undefined", () => {
  const refs: readonly Name[] = ["nobody", Symbol("nobody"), { global: "nobody" }];
  for (const ref of refs) {
    for (const use of [
      () => Fresh.send(ref, "x"),
      () => Fresh.close(ref),
      () => Fresh.info(ref, "x"),
      () => Fresh.isOpen(ref),
    ]) {
      assert.throws(use, (error) => {
        assert.ok(error instanceof NoSuchConnectionError);
        assert.match(error.message, /nobody/);
        return true;
      });
    }
    assert.equal(Fresh.whereis(ref), undefined);
  }
});

test("the name of a connection that has terminated is unknown; the connection itself stays usable as a reference", async () => {
  await using server = await WsServer.start();
  const connection = launch(server, new Recorder<null>(), null, { name: "gone" });
  await connection.stop();
  assert.throws(() => Fresh.send("gone", "x"), NoSuchConnectionError);
  assert.equal(Fresh.send(connection, "x"), "dropped");
});

// ── Links ────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("define's startLink and Fresh.startLink work as start does", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({ handleIn: (_frame, state) => ok(state + 1), handleDisconnect: () => stop() });
  for (const connection of [
    recorder.module.startLink({ uri: server.url, state: 0, options: QUICK }),
    Fresh.startLink(server.url, recorder.module, 0, QUICK),
    Fresh.startLink(server.url, {}, 0, QUICK),
  ]) {
    await connection.opened();
    assert.equal(await connection.stop(), "normal");
  }
});

test("a linked connection that ends with a fault raises an uncaught LinkedExitError, which ends the process", async () => {
  await using server = await WsServer.start();
  const { code, stdout, stderr } = await runProgram("linked.ts", server.url, "startLink", "throw");
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /LinkedExitError: The linked connection Linked ended: handleInfo failed: Error: thrown\./);
  assert.match(stderr, /\[cause\]: Error: thrown/);
});

test("a process that handles uncaught errors gets the LinkedExitError of each fault, and none of an orderly end", async () => {
  await using server = await WsServer.start();
  const ends = ["normal", "boom", "shutdown", "{error}", "{shutdown}", "killed", "throw"];
  const { code, stdout } = await runProgram("linked.ts", server.url, "startLink", "trap", ...ends);
  assert.equal(code, 0);
  assert.deepEqual(stdout.trimEnd().split("\n"), [
    "LinkedExitError boom",
    'LinkedExitError {"error":"unknown"}',
    "LinkedExitError killed",
    'LinkedExitError {"error":{},"callback":"handleInfo"}',
    "still here",
  ]);
});

test("an unlinked connection that crashes is logged, and raises nothing", async () => {
  await using server = await WsServer.start();
  const { code, stdout, stderr } = await runProgram("linked.ts", server.url, "start", "throw");
  assert.equal(code, 0);
  assert.equal(stdout, "still here\n");
  assert.match(stderr, /handleInfo failed: Error: thrown\n/);
});
