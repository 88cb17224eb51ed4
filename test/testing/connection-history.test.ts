import assert, { AssertionError } from "node:assert/strict";
import { test } from "node:test";
import { type Callbacks, Fresh, ok, reconnect, reply, stop } from "../../src/index.ts";
import {
  accepting,
  connectionHistory,
  echo,
  type HistoryOptions,
  refusing,
  type Script,
  TestServer,
} from "../../src/testing/index.ts";

const QUIET = { infoLogging: false, errorLogging: false, backoffInitial: 1, backoffMax: 1 };

const counting: Partial<Callbacks<number>> = {
  handleConnect: () => reply("hello", 1),
  handleIn: (_frame, count) => ok(count + 1),
  handleDisconnect: (code, _reason, count) => (code === 1000 ? stop() : reconnect(count)),
};

async function recorded(
  script: Script | readonly Script[],
  module: Parameters<typeof connectionHistory<number>>[0] = counting,
  options: HistoryOptions = {},
) {
  const server = await TestServer.start({ script });
  const history = connectionHistory<number>(module, options);
  const start = () => history.module.start({ uri: server.url, state: 0, options: QUIET });
  return { server, history, start, client: start(), [Symbol.asyncDispose]: () => server.stop() };
}

test("each call is recorded with its arguments, the state before it and what it answered, defaults too", async () => {
  await using set = await recorded(accepting((peer) => peer.send("welcome")));
  const connect = await set.history.next("handleConnect");
  assert.deepEqual([connect.connection, connect.state, connect.arguments[0]], [set.client.id, 0, 101]);
  assert.equal(connect.arguments[1].get("upgrade"), "websocket");
  assert.deepEqual(connect.outcome, { type: "answered", response: reply("hello", 1) });
  const message = await set.history.next("handleIn");
  assert.deepEqual(message.arguments, [{ type: "text", data: "welcome" }]);
  assert.deepEqual([message.state, message.outcome], [1, { type: "answered", response: ok(2) }]);
  set.client.info("a word");
  assert.deepEqual((await set.history.next("handleInfo")).outcome, { type: "answered", response: ok(2) });
  await set.client.stop();
  const end = await set.history.next("handleTerminate");
  assert.deepEqual([end.arguments, end.outcome], [["normal"], { type: "answered", response: undefined }]);
  assert.deepEqual(set.history.names.slice(0, 3), ["handleConnect", "handleIn", "handleInfo"]);
});

test("a module does recorded what it does alone: its name, its methods' this, answers at once, promises, faults", async () => {
  class Greeter {
    readonly greeting = "good day";
    handleConnect() {
      return reply(this.greeting, 0);
    }
    async handleIn() {
      return await Promise.resolve(stop() as never);
    }
  }
  assert.equal(connectionHistory(Fresh.define("Greeter", new Greeter())).module.name, "Greeter");
  await using set = await recorded(echo(), new Greeter());
  const call = await set.history.next("handleIn");
  assert.deepEqual(call.arguments, [{ type: "text", data: "good day" }]);
  assert.equal(call.outcome.type, "answered");
  // stop() is no answer of handleIn, recorded or not.
  const reason = await set.client.exited;
  assert.ok(typeof reason === "object" && "callback" in reason && reason.callback === "handleIn");
});

test("a callback that throws or rejects is recorded as that, and terminates the connection as ever", async () => {
  for (const handleConnect of [
    () => {
      throw new Error("no");
    },
    () => Promise.reject(new Error("no")),
  ]) {
    await using set = await recorded(accepting(), { handleConnect });
    const { outcome } = await set.history.next("handleConnect");
    assert.ok(outcome.type === "threw" && /no/.test(String(outcome.error)));
    const reason = await set.client.exited;
    assert.ok(typeof reason === "object" && "callback" in reason);
  }
});

test("a call that waits for its promise is pending, and next waits for its answer", async () => {
  let answer!: () => void;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await using set = await recorded(accepting(), { handleConnect: () => answered.then(() => ok(5)) });
  await set.history.until((calls) => calls.length === 1);
  assert.deepEqual(set.history.calls[0]?.outcome, { type: "pending" });
  const next = set.history.next("handleConnect");
  answer();
  assert.deepEqual((await next).outcome, { type: "answered", response: ok(5) });
  await set.client.stop();
});

test("next goes forward, and passes over what is of another name", async () => {
  const script = accepting((peer) => peer.sendTogether(["1", "2", "3"]));
  await using set = await recorded(script);
  await set.history.until((calls) => calls.filter(({ name }) => name === "handleIn").length === 3);
  assert.deepEqual((await set.history.next("handleIn")).arguments, [{ type: "text", data: "1" }]);
  assert.deepEqual((await set.history.next("handleIn")).arguments, [{ type: "text", data: "2" }]);
  await assert.rejects(set.history.next("handleConnect", { timeout: 1 }), AssertionError);
  assert.deepEqual((await set.history.next("handleIn")).arguments, [{ type: "text", data: "3" }]);
  await set.client.stop();
});

test("a wait that comes to nothing tells what ran instead", async () => {
  await using set = await recorded(accepting((peer) => peer.send("x")));
  await set.history.next("handleIn");
  await assert.rejects(set.history.next("handleDisconnect", { timeout: 1 }), {
    name: "AssertionError",
    message:
      'The history waited 1 ms for a handleDisconnect, and it didn\'t come. So far:\n    handleConnect 101\n    handleIn text "x"',
  });
  await assert.rejects(
    set.history.until(() => false, { timeout: 1 }),
    /for what it was to see/,
  );
  const failing = set.history.until((calls) => {
    if (calls.length > 2) throw new Error("a predicate's own fault");
    return false;
  });
  set.client.info("one call more");
  await assert.rejects(failing, /a predicate's own fault/);
  await set.client.stop();
  const nothing = connectionHistory(counting);
  await assert.rejects(nothing.next("handleIn", { timeout: 1 }), /So far: no callback ran\.$/);
});

test("assertCalls takes names, and arguments as many as matter, and tells the difference", async () => {
  const script = [
    refusing(503),
    accepting((peer) => peer.sendTogether(["x", { type: "close", code: 1001, reason: "bye" }])),
    accepting((peer) => peer.close(1000)),
  ];
  await using set = await recorded(script);
  await set.client.exited;
  set.history.assertCalls([
    ["handleError", { kind: "establishing_failed", reason: "status", status: 503 }],
    "handleConnect",
    ["handleIn", { data: "x" }],
    ["handleDisconnect", 1001, "bye"],
    ["handleConnect", 101],
    ["handleDisconnect", 1000],
    ["handleTerminate", "normal"],
  ]);
  assert.throws(
    () => set.history.assertCalls(["handleConnect", ["handleIn", { data: "y" }], "handleDisconnect", "handleConnect"]),
    (error) => {
      assert.ok(error instanceof AssertionError);
      assert.equal(error.operator, "assertCalls");
      assert.deepEqual(error.message.split("\n").slice(1), [
        "  + handleError establishing_failed status",
        "    handleConnect 101",
        "  - handleIn { data: 'y' }",
        '  + handleIn text "x"',
        '    handleDisconnect 1001 "bye"',
        "    handleConnect 101",
        '  + handleDisconnect 1000 ""',
        '  + handleTerminate "normal"',
      ]);
      return true;
    },
  );
});

test("several connections are told apart by their ids, each with a next of its own", async () => {
  await using set = await recorded(echo());
  const second = set.start();
  await set.history.until((calls) => calls.filter(({ name }) => name === "handleIn").length === 2);
  assert.deepEqual([...set.history.connections].sort(), [set.client.id, second.id].sort());
  for (const client of [set.client, second]) {
    const own = set.history.of(client);
    await own.next("handleIn");
    own.assertCalls(["handleConnect", "handleIn"]);
    assert.equal(set.history.of(client.id), own);
    assert.ok(own.calls.every(({ connection }) => connection === client.id));
  }
  assert.equal(set.history.calls.length, 4);
  assert.deepEqual(set.history.of("nobody").calls, []);
  assert.equal(set.history.connections.length, 2);
  await Promise.all([set.client.stop(), second.stop()]);
});

test("only the newest calls are kept, and next doesn't lose its place by that", async () => {
  const script = accepting((peer) => peer.sendTogether(Array.from({ length: 50 }, (_, index) => `${index}`)));
  await using set = await recorded(script, counting, { limit: 3 });
  await set.history.next("handleConnect").catch(() => {});
  await set.history.until((calls) => calls.some((call) => call.name === "handleIn" && call.arguments[0].data === "49"));
  assert.equal(set.history.calls.length, 3);
  const data = [];
  for (let index = 0; index < 3; index += 1) data.push((await set.history.next("handleIn")).arguments[0].data);
  assert.deepEqual(data, ["47", "48", "49"]);
  await set.client.stop();
});

test("attempts tell what came of each", async () => {
  await using set = await recorded([refusing(503), accepting((peer) => peer.close(1012)), accepting()]);
  await set.history.until((calls) => calls.filter(({ name }) => name === "handleConnect").length === 2);
  const connection = set.client.id;
  const before = [
    { connection, opened: false, end: { type: "failed", kind: "establishing_failed", reason: "status" } },
    { connection, opened: true, end: { type: "disconnected", code: 1012, reason: "" } },
  ];
  assert.deepEqual(set.history.attempts, [...before, { connection, opened: true, end: undefined }]);
  await set.client.stop();
});
