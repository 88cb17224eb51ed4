/** Pains of connections that live long: credentials that change, cut-offs that are planned, compression, options, and tests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fresh, InvalidOptionError, type Options, ok, permessageDeflate, reconnect, reply } from "../../src/index.ts";
import { accepting, FakeClock, refusing, TestServer } from "../../src/testing/index.ts";
import { Log, launch, Recorder } from "../fresh/fixtures.ts";

test("pain 18: credentials on a live link: replace() authenticates and subscribes with the new ones before the old link is left", async () => {
  await using server = await TestServer.start({ script: accepting() });
  let token = "old";
  const recorder = new Recorder<readonly string[]>({
    handleConnect: (_status, _headers, topics) =>
      reply(
        topics.map((topic) => `subscribe ${topic}`),
        topics,
      ),
    handleInfo: (topic, topics) => reply(`subscribe ${topic}`, [...topics, String(topic)]),
  });
  await using connection = launch(server, recorder, [] as readonly string[], {
    headers: () => ({ authorization: `Bearer ${token}` }),
  });
  await connection.opened();
  connection.info("prices");
  connection.info("trades");
  const old = await server.connection(1);
  await old.receive("text");
  await old.receive("text");
  token = "new";
  await connection.replace();
  const next = await server.connection(2);
  assert.equal((await next.request()).header("authorization"), "Bearer new");
  assert.equal((await next.receive("text")).data, "subscribe prices");
  assert.equal((await next.receive("text")).data, "subscribe trades");
  assert.deepEqual(await old.ended, { type: "closed", code: 1000, reason: "" });
  assert.ok(!recorder.lines.some((line) => line.startsWith("handleDisconnect")), "the state was kept, not reset");
});

test("pain 19: planned cut-offs: a server that cuts every connection at an age never gets to, and no number is missing", async () => {
  let cuts = 0;
  let sent = 0;
  const clock = new FakeClock();
  await using server = await TestServer.start({
    script: async (peer) => {
      await peer.accept();
      // The server's own limit, by the same clock.
      const limit = clock.after(86_400_000, () => {
        cuts += 1;
        peer.close(1001);
      });
      await peer.ended;
      clock.cancel(limit);
    },
  });
  const numbers: number[] = [];
  const recorder = new Recorder<null>({
    handleIn: (frame, state) => {
      numbers.push(Number(frame.data));
      return ok(state);
    },
  });
  await using connection = launch(server, recorder, null, {
    clock,
    replaceAfter: 82_800_000,
    pingInterval: 0,
    // The clock leaps by hours, and no network is as quick as that.
    connectTimeout: 0,
    upgradeTimeout: 0,
  });
  await connection.opened();
  for (let day = 1; day <= 5; day += 1) {
    for (let hour = 0; hour < 24; hour += 1) {
      clock.advance(3_600_000);
      // Time stands still until a replacement that has begun in this hour is over.
      while (connection.stats.replacements < connection.stats.attempts - 1) await new Promise(setImmediate);
      sent += 1;
      const { opens } = connection.stats;
      if (opens > 1) await (await server.connection(opens - 1)).ended;
      (await server.connection(opens)).send(String(sent));
      await recorder.call("handleIn", sent);
    }
  }
  assert.equal(cuts, 0);
  assert.deepEqual(
    numbers,
    Array.from({ length: 120 }, (_, index) => index + 1),
  );
  assert.ok(connection.stats.replacements >= 5);
  assert.ok(recorder.lines.every((line) => !/handleDisconnect|handleError/.test(line)));
});

test("pain 27: compression costs: it is off unless asked for, and then offered as it was asked", async () => {
  await using server = await TestServer.start({ script: accepting(), extensions: [permessageDeflate()] });
  const plain = launch(server, new Recorder<null>(), null);
  await plain.opened();
  assert.equal((await (await server.connection(1)).request()).header("sec-websocket-extensions"), undefined);
  assert.equal(plain.extensions, "");
  await plain.stop();
  await using asked = launch(server, new Recorder<null>(), null, {
    upgradeOptions: {
      extensions: [permessageDeflate({ clientNoContextTakeover: true, serverNoContextTakeover: true })],
    },
  });
  await asked.opened();
  assert.match(asked.extensions, /^permessage-deflate/);
  assert.match(asked.extensions, /server_no_context_takeover/);
});

test("pain 28: options that are ignored: one that is unknown, wrong or can't be honoured is an error at once that says so", () => {
  const start = (options: unknown): unknown => Fresh.start("ws://127.0.0.1:1", {}, null, options as Options<null>);
  for (const [options, option, says] of [
    [{ handshakeTimeout: 5 }, "handshakeTimeout", /There is no option handshakeTimeout/],
    [{ pingIntervall: 5 }, "pingIntervall", /Did you mean pingInterval\?/],
    [{ perMessageDeflate: true }, "perMessageDeflate", /There is no option perMessageDeflate/],
    [{ pingInterval: "30s" }, "pingInterval", /takes a number of milliseconds/],
    [{ headers: { "sec-websocket-key": "x" } }, "headers", /sec-websocket-key/],
    [{ outbox: { maxMesages: 5 } }, "outbox.maxMesages", /Did you mean outbox\.maxMessages\?/],
  ] as const) {
    assert.throws(
      () => start(options),
      (error) => error instanceof InvalidOptionError && error.option === option && says.test(error.message),
      JSON.stringify(options),
    );
  }
});

test("pain 30: reconnecting can be tested: refusals, a cut and a return, on a clock moved by hand, in real order", async () => {
  await using server = await TestServer.start({
    script: [refusing(503, { headers: [["retry-after", "30"]] }), accepting((peer) => peer.reset()), accepting()],
  });
  const clock = new FakeClock();
  const log = new Log();
  const recorder = new Recorder<number>({ handleError: (_error, failures) => reconnect(failures + 1) });
  await using connection = launch(server, recorder, 0, {
    clock,
    random: () => 0,
    logger: log,
    backoffInitial: 1000,
    backoffJitter: "full",
    pingInterval: 0,
  });
  await recorder.call("handleError");
  clock.advance(29_999);
  assert.equal(connection.status, "waiting");
  clock.advance(1);
  await recorder.call("handleError", 2);
  clock.advance(0);
  await recorder.call("handleConnect", 2);
  assert.deepEqual(recorder.lines, [
    "handleError establishing_failed status",
    "handleConnect 101",
    // A reset right behind the 101 reaches a client as an end, too: the system tells the one or the other.
    recorder.lines[2],
    "handleConnect 101",
  ]);
  assert.match(recorder.lines[2] ?? "", /^handleError streaming_failed (reset|ended)$/);
  assert.deepEqual(recorder.states, [0, 1, 1, 2]);
});
