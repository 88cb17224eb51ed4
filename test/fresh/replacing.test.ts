/** Make before break (section 2.11): `replace()` and `replaceAfter`, against servers that take part in it and servers that don't. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import {
  type Connection,
  type DataFrame,
  FreshError,
  ignore,
  ok,
  reply,
  stop,
  TerminatedError,
} from "../../src/index.ts";
import { accepting, FakeClock, type Peer, refusing, type Script, TestServer } from "../../src/testing/index.ts";
import { gate, Log, launch, Recorder } from "./fixtures.ts";

/** Accepts, and leaves the closing handshake to the test. */
const leaving: Script = accepting(() => undefined, { automatic: ["pong"] });

const textOf = (frame: DataFrame): string => (typeof frame.data === "string" ? frame.data : "");

/** A module whose state is the list of all that it has received. */
function listener(callbacks: ConstructorParameters<typeof Recorder<readonly string[]>>[0] = {}) {
  return new Recorder<readonly string[]>({ handleIn: (frame, texts) => ok([...texts, textOf(frame)]), ...callbacks });
}

test("replace opens a second connection, changes over at its 101 with the state as it is, and leaves the old one with 1000", async () => {
  await using server = await TestServer.start({ script: accepting() });
  const recorder = listener({
    handleConnect: (_status, _headers, texts) => reply(`hello after ${texts.length}`, texts),
  });
  await using connection = launch(server, recorder, []);
  const old = await server.connection(1);
  await old.receive("text");
  old.send("a");
  await recorder.call("handleIn");
  assert.equal(connection.send("to the old one"), "sent");
  await connection.replace();
  assert.equal(connection.send("to the new one"), "sent");
  const next = await server.connection(2);
  assert.equal((await next.receive("text")).data, "hello after 1");
  assert.equal((await next.receive("text")).data, "to the new one");
  assert.deepEqual(
    old.received.map((frame) => (frame.type === "text" ? frame.data : frame.type)),
    ["hello after 0", "to the old one", "close"],
  );
  assert.deepEqual(await old.ended, { type: "closed", code: 1000, reason: "" });
  assert.deepEqual(recorder.lines, ["handleConnect 101", 'handleIn text "a"', "handleConnect 101"]);
  const { opens, reconnects, replacements, attempts } = connection.stats;
  assert.deepEqual(
    { opens, reconnects, replacements, attempts },
    { opens: 2, reconnects: 0, replacements: 1, attempts: 2 },
  );
});

test("what still arrives on the old one is delivered before anything of the new one", async () => {
  await using server = await TestServer.start({
    script: [leaving, accepting(() => undefined, { glue: ["new 1", "new 2"] })],
  });
  const recorder = listener();
  await using connection = launch(server, recorder, []);
  const old = await server.connection(1);
  await connection.opened();
  const replaced = connection.replace();
  assert.equal((await old.receive("close")).code, 1000);
  const next = await server.connection(2);
  next.send("new 3");
  await next.flushed();
  for (const number of [1, 2, 3]) old.send(`old ${number}`);
  old.close(1000);
  await replaced;
  await recorder.call("handleIn", 6);
  assert.deepEqual(
    recorder.lines.filter((line) => line.startsWith("handleIn")).map((line) => line.slice("handleIn text ".length)),
    ['"old 1"', '"old 2"', '"old 3"', '"new 1"', '"new 2"', '"new 3"'],
  );
  assert.ok(!recorder.lines.some((line) => line.startsWith("handleDisconnect")));
});

test("an old one that never answers is cut off after closeTimeout, and then the new one is read", async () => {
  await using server = await TestServer.start({ script: [leaving, accepting(() => undefined, { glue: ["new"] })] });
  const log = new Log();
  const recorder = listener();
  await using connection = launch(server, recorder, [], { closeTimeout: 50, logger: log });
  await connection.opened();
  await connection.replace();
  await recorder.call("handleIn");
  assert.ok(log.messages("info").some((message) => /the one before didn't end in time/.test(message)));
  assert.equal((await (await server.connection(1)).ended).type, "closed");
});

test("what the old one has carried stays counted, and pings on it reach the module until its end", async () => {
  await using server = await TestServer.start({ script: [leaving, accepting()] });
  const recorder = listener();
  await using connection = launch(server, recorder, []);
  const old = await server.connection(1);
  await connection.opened();
  const replaced = connection.replace();
  await old.receive("close");
  old.send({ type: "ping", data: Buffer.from("still there?") });
  const [control] = (await recorder.call("handleControl")).given;
  assert.equal(Buffer.from(control.data).toString(), "still there?");
  const before = connection.stats.bytesReceived;
  old.close(1000);
  await replaced;
  assert.ok(connection.stats.bytesReceived >= before, "what the old one has carried stays counted");
  await connection.probe();
});

/** A port of the loopback interface that refuses. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const FAILURES: readonly (readonly [
  name: string,
  kind: string,
  phase: string,
  script: Script | "provider" | "refused",
])[] = [
  ["its provider fails", "connecting_failed", "provider", "provider"],
  ["nobody listens", "connecting_failed", "tcp", "refused"],
  ["the server refuses", "establishing_failed", "upgrade", refusing(503)],
  [
    "TCP ends before the answer",
    "establishing_failed",
    "upgrade",
    async (peer) => {
      await peer.request();
      peer.drop();
    },
  ],
  [
    "the 101 is cut short",
    "establishing_failed",
    "upgrade",
    async (peer) => {
      await peer.request();
      peer.sendRaw("HTTP/1.1 101 Swi");
      peer.end();
    },
  ],
  [
    "the 101 is wrong",
    "establishing_failed",
    "upgrade",
    async (peer) => {
      await peer.accept({ replace: { "sec-websocket-accept": "x" } });
    },
  ],
  [
    "no answer comes in time",
    "establishing_failed",
    "upgrade",
    async (peer) => {
      await peer.request();
    },
  ],
];

for (const [name, kind, phase, failure] of FAILURES) {
  test(`when the new attempt fails since ${name}, replace rejects with the reason and nothing has changed`, async () => {
    const closed = await closedPort();
    await using server = await TestServer.start({
      script: [accepting(), typeof failure === "string" ? accepting() : failure],
    });
    let asked = 0;
    const uri = (): string => {
      asked += 1;
      if (asked === 2 && failure === "provider") throw new Error("no address today");
      return asked === 2 && failure === "refused" ? `ws://127.0.0.1:${closed}` : server.url;
    };
    const recorder = listener();
    await using connection = recorder.module.start({
      uri,
      state: [],
      options: { logger: new Log(), closeTimeout: 500, upgradeTimeout: 100 },
    });
    await connection.opened();
    await assert.rejects(connection.replace(), (error) => {
      assert.ok(error instanceof FreshError);
      assert.deepEqual([error.kind, error.phase], [kind, phase]);
      return true;
    });
    assert.equal(connection.status, "open");
    assert.equal(connection.send("still here"), "sent");
    const old = await server.connection(1);
    assert.equal((await old.receive("text")).data, "still here");
    assert.deepEqual(recorder.lines, ["handleConnect 101"]);
    assert.equal(connection.stats.replacements, 0);
  });
}

test("if the old one dies while the new one is on its way, that becomes the next attempt, and replace resolves with it", async () => {
  const held = gate();
  await using server = await TestServer.start({
    script: [
      accepting(),
      async (peer) => {
        await peer.request();
        await held.promise;
        await peer.accept();
      },
    ],
  });
  const recorder = listener();
  await using connection = launch(server, recorder, ["first"], { backoffInitial: 60_000, backoffMax: 60_000 });
  const old = await server.connection(1);
  await connection.opened();
  const replaced = connection.replace();
  await (await server.connection(2)).request();
  old.reset();
  await recorder.call("handleError");
  assert.equal(connection.status, "connecting");
  held.open();
  await replaced;
  assert.equal(connection.isOpen, true);
  assert.deepEqual(recorder.lines, ["handleConnect 101", "handleError streaming_failed reset", "handleConnect 101"]);
  assert.equal(server.connections.length, 2, "no third one was made, and no backoff waited for");
  const { reconnects, replacements } = connection.stats;
  assert.deepEqual([reconnects, replacements], [1, 0]);
});

test("if the old one dies when the new one is open and waits for its turn, it is adopted without another attempt", async () => {
  const busy = gate();
  await using server = await TestServer.start({ script: accepting() });
  const recorder = listener({
    handleIn: async (_frame, texts) => {
      await busy.promise;
      return ok(texts);
    },
  });
  await using connection = launch(server, recorder, []);
  const old = await server.connection(1);
  await connection.opened();
  old.send("work");
  await recorder.call("handleIn");
  const replaced = connection.replace();
  const next = await server.connection(2);
  await next.request();
  assert.equal(connection.send("still to the old one"), "sent", "until its turn nothing has changed");
  assert.equal((await old.receive("text")).data, "still to the old one");
  old.reset();
  // The reset is seen behind the answer to the request, which is on its way already.
  while (connection.isOpen) await new Promise(setImmediate);
  busy.open();
  await replaced;
  await recorder.call("handleConnect", 2);
  assert.deepEqual(recorder.lines.slice(-2), ["handleError streaming_failed reset", "handleConnect 101"]);
  assert.equal(server.connections.length, 2);
  next.send("welcome");
  await recorder.call("handleIn", 2);
});

test("if the new one dies while the old one is read to its end, that end is told behind the old one's last frame", async () => {
  await using server = await TestServer.start({ script: [leaving, accepting((peer) => peer.reset()), accepting()] });
  const recorder = listener();
  await using connection = launch(server, recorder, []);
  const old = await server.connection(1);
  await connection.opened();
  const replaced = connection.replace();
  await old.receive("close");
  while (connection.isOpen) await new Promise(setImmediate);
  assert.equal(connection.status, "closing");
  assert.equal(connection.send("for the next one"), "queued");
  for (const number of [1, 2]) old.send(`old ${number}`);
  old.close(1000);
  await replaced;
  const next = await server.connection(3);
  assert.equal((await next.receive("text")).data, "for the next one");
  assert.deepEqual(recorder.lines.slice(0, 5), [
    "handleConnect 101",
    "handleConnect 101",
    'handleIn text "old 1"',
    'handleIn text "old 2"',
    // A channel that isn't read learns of its end only from the system, which doesn't always say how it was.
    recorder.lines[4],
  ]);
  assert.match(recorder.lines[4] ?? "", /^handleError streaming_failed (reset|ended)$/);
});

test("while the new one's handleConnect is pending, sends wait, and go out behind its replies", async () => {
  const slow = gate();
  await using server = await TestServer.start({ script: accepting() });
  const recorder = listener({
    handleConnect: async (_status, _headers, texts, self) => {
      if (self.stats.opens === 1) return ok(texts);
      await slow.promise;
      return reply("first", texts);
    },
  });
  await using connection = launch(server, recorder, []);
  await connection.opened();
  const replaced = connection.replace();
  await recorder.call("handleConnect", 2);
  assert.equal(connection.send("second"), "queued");
  slow.open();
  await replaced;
  const next = await server.connection(2);
  assert.equal((await next.receive("text")).data, "first");
  assert.equal((await next.receive("text")).data, "second");
});

for (const [name, leave] of [
  ["close()", (connection) => connection.close()],
  ["stop()", (connection) => void connection.stop()],
  ["reconnect()", (connection) => connection.reconnect()],
] as const satisfies readonly (readonly [string, (connection: Connection<null>) => void])[]) {
  test(`${name} in the middle of a replacement ${name === "reconnect()" ? "makes it the next attempt" : "gives it up"}, and replace is answered`, async () => {
    const held = gate();
    await using server = await TestServer.start({
      script: [
        accepting(),
        async (peer) => {
          await peer.request();
          await held.promise;
          await peer.accept().catch(() => undefined);
        },
      ],
    });
    const recorder = new Recorder<null>({ handleDisconnect: (_code, _reason, state) => ignore(state) });
    const connection = launch(server, recorder, null);
    await connection.opened();
    const replaced = connection.replace();
    replaced.catch(() => undefined);
    const next = await server.connection(2);
    await next.request();
    leave(connection);
    if (name === "reconnect()") {
      held.open();
      await replaced;
      assert.equal(connection.isOpen, true);
      assert.deepEqual(recorder.lines, ["handleConnect 101", "handleDisconnect - -", "handleConnect 101"]);
    } else {
      await assert.rejects(replaced, /left before its replacement was in place/);
      assert.notEqual((await next.ended).type, "closed");
      held.open();
    }
    await connection.stop();
    assert.equal(server.connections.length, 2);
  });
}

test("a crash in the middle of a replacement ends both", async () => {
  await using server = await TestServer.start({ script: [accepting(), async (peer) => void (await peer.request())] });
  const recorder = new Recorder<null>({
    handleInfo: () => {
      throw new Error("boom");
    },
  });
  const connection = launch(server, recorder, null);
  await connection.opened();
  const replaced = connection.replace();
  const next = await server.connection(2);
  await next.request();
  connection.info("now");
  await assert.rejects(replaced);
  await next.ended;
  assert.equal(typeof (await connection.exited), "object");
});

test("a signal rejects only the wait that it is of, and the replacement goes on for the others", async () => {
  const held = gate();
  await using server = await TestServer.start({
    script: [
      accepting(),
      async (peer) => {
        await peer.request();
        await held.promise;
        await peer.accept();
      },
    ],
  });
  await using connection = launch(server, listener(), []);
  await connection.opened();
  const abort = new AbortController();
  const impatient = connection.replace({ signal: abort.signal });
  const patient = connection.replace();
  await (await server.connection(2)).request();
  abort.abort(new Error("no longer"));
  await assert.rejects(impatient, /no longer/);
  await assert.rejects(connection.replace({ signal: AbortSignal.abort(new Error("before")) }), /before/);
  held.open();
  await patient;
  assert.equal(server.connections.length, 2, "two waits are for one replacement");
});

test("a replacement that its one waiter aborts leaves nothing at the server", async () => {
  await using server = await TestServer.start({ script: [accepting(), async (peer) => void (await peer.request())] });
  const recorder = listener();
  await using connection = launch(server, recorder, []);
  await connection.opened();
  const abort = new AbortController();
  const replaced = connection.replace({ signal: abort.signal });
  const next = await server.connection(2);
  await next.request();
  abort.abort();
  await assert.rejects(replaced, { name: "AbortError" });
  await next.ended;
  assert.equal(connection.isOpen, true);
});

test("a connection that isn't open has nothing to replace", async () => {
  await using server = await TestServer.start({ script: accepting() });
  const connection = launch(server, new Recorder<null>({ handleDisconnect: () => stop() }), null);
  await assert.rejects(connection.replace(), /is connecting, so there is nothing to replace/);
  await connection.opened();
  await connection.stop();
  await assert.rejects(connection.replace(), /is terminated/);
});

test("a termination rejects a replace that waits for the old one's end with what terminated it", async () => {
  await using server = await TestServer.start({ script: [leaving, accepting()] });
  const connection = launch(server, new Recorder<null>(), null, { closeTimeout: 60_000 });
  await connection.opened();
  const replaced = connection.replace();
  const settled = replaced.then(
    () => "resolved",
    (error) => error,
  );
  await (await server.connection(1)).receive("close");
  await connection.stop("normal", { timeout: 50 });
  const outcome = await settled;
  // The new one was in place already; whichever of the two is told first, the promise doesn't hang.
  assert.ok(outcome === "resolved" || outcome instanceof TerminatedError);
});

test("replaceAfter replaces a connection at that age, up to a tenth earlier, and the next one at its own", async () => {
  await using server = await TestServer.start({ script: accepting() });
  const clock = new FakeClock();
  const recorder = listener();
  await using connection = launch(server, recorder, [], {
    clock,
    random: () => 0.5,
    replaceAfter: 100_000,
    pingInterval: 0,
  });
  await recorder.call("handleConnect");
  for (const round of [1, 2, 3]) {
    clock.advance(94_999);
    await new Promise(setImmediate);
    assert.equal(server.connections.length, round, "not before its time");
    clock.advance(1);
    await recorder.call("handleConnect", round + 1);
    await (await server.connection(round)).ended;
    while (connection.stats.replacements < round) await new Promise(setImmediate);
  }
  assert.ok(recorder.lines.every((line) => line === "handleConnect 101"));
});

test("a replacement by age that fails is tried again by the backoff, for as long as the old one lives", async () => {
  await using server = await TestServer.start({
    script: [accepting(), refusing(503), refusing(503), accepting()],
  });
  const clock = new FakeClock();
  const log = new Log();
  const recorder = listener();
  await using connection = launch(server, recorder, [], {
    clock,
    random: () => 0,
    logger: log,
    replaceAfter: 1000,
    pingInterval: 0,
    backoffInitial: 100,
    backoffFactor: 2,
    backoffMax: 10_000,
    backoffJitter: "none",
  });
  await recorder.call("handleConnect");
  const failures = (): number => log.messages("error").filter((line) => /replacement failed/.test(line)).length;
  const met = async (done: () => boolean): Promise<void> => {
    while (!done()) await new Promise(setImmediate);
  };
  clock.advance(1000);
  await met(() => failures() === 1);
  clock.advance(100);
  await met(() => failures() === 2);
  clock.advance(199);
  await new Promise(setImmediate);
  assert.equal(server.connections.length, 3);
  clock.advance(1);
  await recorder.call("handleConnect", 2);
  await met(() => connection.stats.replacements === 1);
  assert.deepEqual(recorder.lines, ["handleConnect 101", "handleConnect 101"]);
});

/** What a server does with an attempt, of the successors of a stream that must not break. */
type Fate = "good" | "refused" | "dropped" | "half" | "hangs" | "old dies" | "old dies later" | "new dies";
const FATES: readonly Fate[] = [
  "good",
  "refused",
  "dropped",
  "half",
  "hangs",
  "old dies",
  "old dies later",
  "new dies",
];

/**
 * Numbers both ways over a connection that is replaced again and again: the server sends each number on the newest connection it
 * has accepted. `fates` are those of the connections behind the first.
 */
async function streams(fates: readonly Fate[]) {
  const received: number[] = [];
  const atServer: number[] = [];
  let newest: Peer | undefined;
  let serverSent = 0;
  // TCP keeps no order between two connections: a server that cares reads the old one to its end first, as the client does.
  let reading = Promise.resolve();
  const read = (peer: Peer): Promise<void> => {
    reading = reading.then(() => readAll(peer));
    return reading;
  };
  const readAll = async (peer: Peer): Promise<void> => {
    for await (const frame of peer.frames()) if (frame.type === "text") atServer.push(Number(frame.data));
  };
  const failed: Error[] = [];
  const serve = async (peer: Peer): Promise<void> => {
    await peer.accept();
    newest = peer;
    await read(peer).catch((error: Error) => failed.push(error));
  };
  const script: Script = async (peer, attempt) => {
    const fate = attempt === 1 ? "good" : (fates[attempt - 2] ?? "good");
    const old = newest;
    switch (fate) {
      case "good":
        return serve(peer);
      case "refused":
        await peer.refuse(503);
        return;
      case "dropped":
        await peer.request();
        return peer.drop();
      case "half":
        await peer.request();
        peer.sendRaw("HTTP/1.1 101 Switching");
        return peer.end();
      case "hangs":
        await peer.request();
        return;
      case "old dies":
        await peer.request();
        old?.end();
        return serve(peer);
      case "old dies later":
        await peer.accept();
        newest = peer;
        old?.end();
        return read(peer).catch((error: Error) => void failed.push(error));
      case "new dies":
        await peer.accept();
        newest = peer;
        peer.end();
        return read(peer).catch((error: Error) => void failed.push(error));
    }
  };
  await using server = await TestServer.start({ script, recordLimit: 10 });
  const recorder = new Recorder<null>({
    handleIn: (frame, state) => {
      received.push(Number(textOf(frame)));
      return ok(state);
    },
  });
  const dropped: number[] = [];
  const connection = launch(server, recorder, null, {
    upgradeTimeout: 500,
    closeTimeout: 5000,
    outbox: { maxMessages: 1_000_000, maxBytes: 1e9, maxAge: Number.POSITIVE_INFINITY },
    onDrop: (frame) => dropped.push(frame.type === "text" ? Number(frame.data) : 0),
  });
  await connection.opened();
  let sent = 0;
  let streaming = true;
  const stream = (): void => {
    if (!streaming) return;
    for (let index = 0; index < 20; index += 1) {
      sent += 1;
      connection.send(String(sent));
    }
    if (newest?.socket.writable) {
      newest.sendTogether(upTo(20).map((number) => String(serverSent + number)));
      serverSent += 20;
    }
    setImmediate(stream);
  };
  stream();
  let resolved = 0;
  for (const _fate of fates) {
    await connection.opened();
    await connection.replace().then(
      () => (resolved += 1),
      () => undefined,
    );
  }
  streaming = false;
  await connection.opened();
  await connection.drain();
  connection.send("0");
  while (atServer.at(-1) !== 0) await new Promise(setImmediate);
  while (newest?.bufferedAmount !== 0) await new Promise(setImmediate);
  await connection.probe();
  await connection.probe();
  const { stats } = connection;
  await connection.stop();
  return {
    received,
    atServer: atServer.slice(0, -1),
    sent,
    serverSent,
    stats,
    resolved,
    dropped,
    lines: recorder.lines,
  };
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

test("two numbered streams, one each way: nothing lost, doubled or out of order over twenty replacements under load", async () => {
  const { received, atServer, sent, serverSent, stats, resolved } = await streams(Array<Fate>(20).fill("good"));
  assert.equal(resolved, 20);
  assert.deepEqual(atServer, upTo(sent));
  assert.deepEqual(received, upTo(serverSent));
  assert.equal(stats.replacements, 20);
  assert.ok(sent > 400, `${sent} were sent`);
});

test("the same where successors fail in every phase: a failed one is not noticed by either stream", async () => {
  const fates: readonly Fate[] = [
    "refused",
    "good",
    "dropped",
    "half",
    "good",
    "hangs",
    "refused",
    "good",
    "half",
    "good",
  ];
  const { received, atServer, sent, serverSent, stats, lines } = await streams(fates);
  assert.deepEqual(atServer, upTo(sent));
  assert.deepEqual(received, upTo(serverSent));
  assert.equal(stats.replacements, 4);
  assert.ok(!lines.some((line) => /handleDisconnect|handleError/.test(line)), "the module has heard of no end");
});

test("whichever of the two dies in whichever phase: nothing is doubled or out of order, and what is lost is reported", async () => {
  const seed = 20_261_125;
  const fates = Array.from({ length: 24 }, (_, index) => FATES[(seed * (index + 7)) % FATES.length] as Fate);
  const { received, atServer, sent, serverSent, stats } = await streams([...FATES, ...fates]);
  const ascending = (numbers: readonly number[]): boolean =>
    numbers.every((number, index) => index === 0 || number > (numbers[index - 1] as number));
  assert.ok(ascending(atServer) && ascending(received), "in order, and none twice");
  const missing = sent - atServer.length;
  assert.ok(
    missing <= stats.dropped.lost,
    `${missing} of ${sent} are missing, ${stats.dropped.lost} were reported lost`,
  );
  // A server's FIN is behind all that it has sent.
  assert.deepEqual(received, upTo(serverSent));
});
