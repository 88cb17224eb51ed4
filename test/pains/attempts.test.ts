/**
 * The field's pains with attempts: numbers 3 and 21 to 26 of the list in docs/resilience.md. Peers are real, and hang where they are told
 * to; deadlines run on a clock that the test moves. test/connection/lifecycle.test.ts explores all orders of events without sockets.
 */
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { OPTIONS } from "../../src/connection/options.ts";
import { type Connection, type FreshError, type Options, ok, type Provider, stop } from "../../src/index.ts";
import {
  accepting as accept,
  echo,
  FakeClock,
  type Script,
  seededRandom,
  TestServer,
} from "../../src/testing/index.ts";
import { gate, launch, QUICK, Recorder } from "../fresh/fixtures.ts";
import { accepting, headOf, rawPeer, wire } from "../transport/peers.ts";
import { eventually, leavesNothing, uncaught } from "../transport/recorder.ts";
import { TunnelAgent } from "../transport/tunnel-agent.ts";
import { HANGING, type Hanging } from "./hanging.ts";

/** A connection that hangs, on a clock of its own. */
function hang({ uri, options }: Hanging, recorder: Recorder<null>, more: Options<null> = {}) {
  const clock = new FakeClock();
  const connection = recorder.module.start({
    uri,
    state: null,
    options: {
      logger: { error: () => undefined, info: () => undefined },
      backoffJitter: "none",
      backoffInitial: 100,
      clock,
      ...options,
      ...more,
    },
  });
  return { clock, connection };
}

/** Everything that may still come has come, from here and from the peers. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function allGone(sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) socket.resume();
  await eventually(() => sockets.every((socket) => socket.destroyed || socket.readableEnded));
}

// ── 3 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

for (const place of HANGING) {
  test(`pain 3: no timeout by default: ${place.name} ends with a default deadline, at every attempt`, async (t) => {
    const limit = OPTIONS[place.option].fallback as number;
    const hanging = await place.make(t);
    await leavesNothing(async () => {
      const recorder = new Recorder<null>();
      const { clock, connection } = hang(hanging, recorder);
      for (let attempt = 1; attempt <= 3; attempt += 1) {
        await hanging.reached(attempt);
        clock.advance(limit - 1);
        await quiet();
        assert.equal(recorder.lines.length, attempt - 1, `attempt ${attempt}`);
        assert.equal(connection.status, "connecting");
        clock.advance(1);
        const { given } = await recorder.call("handleError", attempt);
        const [error] = given;
        assert.deepEqual([error.kind, error.phase, error.reason], [place.kind, place.phase, "timed_out"]);
        assert.match(error.message, place.sentence);
        await eventually(() => connection.status === "waiting");
        clock.advanceToNext();
        await eventually(() => connection.status === "connecting");
      }
      await hanging.reached(4);
      assert.equal(await connection.stop(), "normal");
      assert.equal(clock.pending, 0);
      hanging.late();
      await allGone(hanging.sockets);
      assert.deepEqual(recorder.lines.slice(3), ["handleTerminate normal"]);
    });
  });
}

test("pain 3: no timeout by default: each state but open and idle has one", () => {
  for (const option of [
    "providerTimeout",
    "connectTimeout",
    "upgradeTimeout",
    "closeTimeout",
    "pongTimeout",
  ] as const) {
    const limit = OPTIONS[option].fallback as number;
    assert.ok(limit > 0 && limit <= 10_000, option);
  }
});

// ── 23 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Interruption = readonly [
  name: string,
  act: (connection: Connection<null>, abort: AbortController) => void,
  lines: readonly string[],
];

const INTERRUPTIONS: readonly Interruption[] = [
  ["stop()", (connection) => void connection.stop(), ["handleTerminate normal"]],
  ["close()", (connection) => connection.close(), ["handleDisconnect - -", "handleTerminate normal"]],
  ["an AbortSignal", (_connection, abort) => abort.abort(), ["handleTerminate shutdown"]],
  [
    "reconnect(), then stop()",
    (connection) => {
      connection.reconnect();
      void connection.stop();
    },
    ["handleDisconnect - -", "handleTerminate normal"],
  ],
];

for (const place of HANGING) {
  for (const [name, act, lines] of INTERRUPTIONS) {
    test(`pain 23: closing while connecting crashes the process: ${name} in the phase ${place.phase} (${place.name}) is one ending, and nothing is left`, async (t) => {
      const hanging = await place.make(t);
      const thrown = uncaught(t);
      await leavesNothing(async () => {
        const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
        const abort = new AbortController();
        const { clock, connection } = hang(hanging, recorder, { signal: abort.signal });
        await hanging.reached();
        act(connection, abort);
        await connection.exited;
        assert.equal(clock.pending, 0);
        // What it waited for comes when nobody waits any more.
        hanging.late();
        await allGone(hanging.sockets);
        await quiet();
        assert.deepEqual(recorder.lines, lines);
      });
      assert.deepEqual(thrown, []);
    });
  }
}

for (const [name, act, exit] of [
  ["stop()", (connection: Connection<null>) => void connection.stop(), "normal"],
  ["an AbortSignal", (_connection: Connection<null>, abort: AbortController) => abort.abort(), "shutdown"],
] as const) {
  test(`pain 23: closing while connecting crashes the process: ${name} while a peer doesn't answer our close frame ends within closeTimeout`, async () => {
    await leavesNothing(async () => {
      await using server = await TestServer.start({ script: accept(), automatic: false });
      const clock = new FakeClock();
      const abort = new AbortController();
      const recorder = new Recorder<null>();
      const connection = launch(server, recorder, null, { clock, closeTimeout: 3000, signal: abort.signal });
      await connection.opened();
      connection.close();
      await clock.run(1000);
      act(connection, abort);
      await clock.run(1999);
      assert.equal(connection.status, "closing");
      await clock.run(1);
      assert.equal(await connection.exited, exit);
      assert.deepEqual(recorder.lines, ["handleConnect 101", `handleTerminate ${exit}`]);
      assert.equal(clock.pending, 0);
    });
  });
}

// ── 24, 25 ───────────────────────────────────────────────────────────────────────────────────────────────────────────

type Failing = {
  readonly name: string;
  readonly expected: readonly [FreshError["kind"], FreshError["phase"], reason: string];
  readonly uri: (t: TestContext) => Promise<string>;
  readonly options?: (t: TestContext) => Promise<Options<null>>;
};

const raw = (act: (socket: Socket, request: string) => unknown) => async (t: TestContext) =>
  (
    await rawPeer(t, async (socket) => {
      act(socket, await headOf(socket));
      socket.resume();
    })
  ).url();

/** A port on which nobody listens. */
async function nobody(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const FAILING: readonly Failing[] = [
  {
    name: "a provider that throws",
    expected: ["connecting_failed", "provider", "provider"],
    uri: async () => "ws://127.0.0.1/",
    options: async () => ({
      headers: () => {
        throw new Error("no token.");
      },
    }),
  },
  {
    name: "a name that doesn't resolve",
    expected: ["connecting_failed", "dns", "not_found"],
    uri: async () => "ws://nowhere.test/",
    options: async () => ({
      transportOptions: {
        lookup: (_host, _options, done) =>
          process.nextTick(done, Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" })),
      },
    }),
  },
  {
    name: "a port on which nobody listens",
    expected: ["connecting_failed", "tcp", "refused"],
    uri: async () => `ws://127.0.0.1:${await nobody()}/`,
  },
  {
    name: "TLS to a server that ends the handshake",
    expected: ["connecting_failed", "tls", "ended"],
    uri: async (t) =>
      (await rawPeer(t, (socket) => socket.once("data", () => socket.end()))).url().replace("ws:", "wss:"),
  },
  {
    name: "a proxy that refuses the tunnel",
    expected: ["connecting_failed", "proxy", "status"],
    uri: async () => "ws://behind.test/",
    options: async (t) => {
      const proxy = await rawPeer(t, async (socket) => {
        await headOf(socket);
        socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
      });
      return { transportOptions: { agent: new TunnelAgent(proxy.port) } };
    },
  },
  {
    name: "a refusal",
    expected: ["establishing_failed", "upgrade", "status"],
    uri: raw((socket) => socket.end("HTTP/1.1 403 Forbidden\r\nX-Why: banned\r\nContent-Length: 2\r\n\r\nno")),
  },
  {
    name: "an answer that is no HTTP",
    expected: ["establishing_failed", "upgrade", "malformed_response"],
    uri: raw((socket) => socket.end("220 mail.test ESMTP\r\n")),
  },
  {
    name: "a FIN instead of an answer",
    expected: ["establishing_failed", "upgrade", "ended"],
    uri: raw((socket) => socket.end()),
  },
  {
    name: "a reset instead of an answer",
    expected: ["establishing_failed", "upgrade", "reset"],
    uri: raw((socket) => socket.resetAndDestroy()),
  },
  {
    name: "an answer that is cut in the middle",
    expected: ["establishing_failed", "upgrade", "ended"],
    uri: raw((socket, request) => socket.end(accepting(request).subarray(0, 60))),
  },
  {
    name: "a wrong accept key",
    expected: ["establishing_failed", "upgrade", "accept"],
    uri: raw((socket) => socket.end(accepting("GET / HTTP/1.1\r\nsec-websocket-key: other\r\n\r\n"))),
  },
  {
    name: "a FIN right after the 101",
    expected: ["streaming_failed", "open", "ended"],
    uri: raw((socket, request) => socket.end(accepting(request))),
  },
  {
    name: "a violation glued to the 101",
    expected: ["decoding_failed", "open", "reserved_bits"],
    uri: raw((socket, request) => socket.end(Buffer.concat([accepting(request), Buffer.from([0xf1, 0])]))),
  },
];

for (const { name, expected, uri, options } of FAILING) {
  /** What a module hears of four attempts. */
  const fourAttempts = async (t: TestContext): Promise<Recorder<null>> => {
    const recorder = new Recorder<null>();
    const connection = launch(await uri(t), recorder, null, (await options?.(t)) ?? {});
    await recorder.call("handleError", 4);
    await connection.stop();
    return recorder;
  };

  test(`pain 24: failure without a reason: ${name} is an error with kind, phase, reason and a sentence`, async (t) => {
    for (const { given } of (await fourAttempts(t)).all("handleError")) {
      const [error] = given;
      assert.deepEqual([error.kind, error.phase, error.reason], expected);
      // What happened, to what, what to do: more than a word, and an end.
      assert.match(error.message, /^[A-Z][^:]+: .{20,}\.$/s);
      if (expected[2] !== "status") continue;
      assert.ok((error.status ?? 0) >= 400);
      assert.ok(error.headers instanceof Headers);
    }
  });

  test(`pain 25: close event missing: ${name} is one ending, attempt after attempt`, async (t) => {
    assertOneEndingEach(await fourAttempts(t));
  });
}

/** What a module may hear, and in what order: after one ending comes no other before the next attempt has begun. */
function assertOneEndingEach(recorder: Recorder<null>, attempts?: number): void {
  const letters = recorder.calls.entries
    .map((call) => {
      // Frames that were lost are told of before the ending, and are none.
      if (call.callback === "handleError") return call.given[0].kind === "casting_failed" ? "f" : "E";
      return call.callback === "handleConnect" ? "C" : call.callback === "handleDisconnect" ? "D" : "f";
    })
    .join("");
  // An attempt opened and ended, or didn't open and ended; the last one may be cut off by the termination.
  assert.match(letters, /^(?:(?:Cf*)?[ED])*(?:Cf*)?f?$/, recorder.lines.join("\n"));
  if (attempts !== undefined) {
    const endings = letters.replace(/[^ED]/g, "").length;
    assert.ok(endings === attempts || endings === attempts - 1, `${attempts} attempts, ${endings} endings`);
  }
}

// ── 21, 22 ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a server may do to a connection. */
const DEEDS: readonly Script[] = [
  echo(),
  echo(),
  echo(),
  async (peer) => {
    await peer.accept();
    peer.close(1001, "going");
  },
  async (peer) => {
    await peer.accept();
    peer.send("and gone");
    peer.end();
  },
  async (peer) => {
    await peer.accept();
    peer.reset();
  },
  async (peer) => {
    await peer.request();
    peer.drop();
  },
  async (peer) => {
    await peer.refuse(503);
  },
  async (peer) => {
    await peer.accept();
    peer.close(1000);
    peer.reset();
  },
];

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`pain 22: locks left behind: after any mix of calls and faults there is a way on, with one socket and one ending for each attempt (seed ${seed})`, async (t) => {
    const random = seededRandom(seed);
    const thrown = uncaught(t);
    await leavesNothing(async () => {
      let calm = false;
      let open = 0;
      const script: Script = async (peer, attempt) => {
        open += 1;
        void peer.ended.then(() => {
          open -= 1;
        });
        const deed = calm ? echo() : DEEDS[Math.floor(random() * DEEDS.length)];
        // The client may have left in the middle of it.
        await Promise.resolve(deed?.(peer, attempt)).catch(() => peer.drop());
      };
      await using server = await TestServer.start({ script });
      const recorder = new Recorder<null>();
      const connection = launch(server, recorder, null, {
        backoffInitial: 1,
        backoffMax: 3,
        closeTimeout: 20,
        headers: async () => {
          // Some attempts are given up while this is being waited for, and it answers afterwards.
          if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, random() * 4));
          return [];
        },
      });
      const calls: readonly (() => void)[] = [
        () => connection.close(),
        () => connection.close(4000, "why not"),
        () => connection.reconnect(),
        () => {
          connection.close();
          connection.reconnect();
        },
        () => {
          connection.reconnect();
          connection.close();
        },
        () => void connection.send("hello"),
        () => undefined,
      ];
      for (let step = 0; step < 150; step += 1) {
        calls[Math.floor(random() * calls.length)]?.();
        const turns = Math.floor(random() * 12);
        for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      }
      calm = true;
      // Whatever came before, this leads to a connection that works.
      connection.reconnect();
      await connection.opened();
      const echoed = recorder.all("handleIn").length;
      connection.send(`last ${seed}`);
      await eventually(() => recorder.lines.includes(`handleIn text "last ${seed}"`));
      assert.ok(recorder.all("handleIn").length > echoed);
      await eventually(() => open === 1);
      assertOneEndingEach(recorder, connection.stats.attempts);
      await connection.stop();
    });
    assert.deepEqual(thrown, []);
  });
}

// Of TCP and TLS nothing can succeed later, and an agent that is late has its test in test/transport/http1-abort.test.ts.
for (const place of HANGING.filter(({ phase }) => phase === "provider" || phase === "dns" || phase === "upgrade")) {
  test(`pain 21: zombie and duplicate sockets: an attempt left in the phase ${place.phase} (${place.name}) that succeeds later is closed, and the new one isn't touched`, async (t) => {
    const hanging = await place.make(t);
    await using server = await TestServer.start();
    const recorder = new Recorder<null>();
    let asked = 0;
    const uri: Provider<string> = (context) => {
      asked += 1;
      if (asked > 1) return server.url;
      return typeof hanging.uri === "function" ? hanging.uri(context) : hanging.uri;
    };
    const connection = recorder.module.start({ uri, state: null, options: { ...QUICK, ...hanging.options } });
    await hanging.reached();
    connection.reconnect();
    await connection.opened();
    hanging.late();
    await allGone(hanging.sockets);
    connection.send("still the same");
    await recorder.call("handleIn");
    assert.deepEqual(recorder.lines, ["handleDisconnect - -", "handleConnect 101", 'handleIn text "still the same"']);
    assert.equal(server.connections.length, 1);
    await connection.stop();
  });
}

test("pain 22: locks left behind: reconnect() ends any wait, however long, and after any number of failures", async () => {
  await using server = await TestServer.start();
  await server.down();
  const recorder = new Recorder<null>();
  const clock = new FakeClock();
  const connection = launch(server, recorder, null, { clock, backoffInitial: 3_600_000, backoffMax: 3_600_000 });
  for (let failure = 1; failure <= 20; failure += 1) {
    await recorder.call("handleError", failure);
    await eventually(() => connection.status === "waiting");
    connection.reconnect();
  }
  await recorder.call("handleError", 21);
  await eventually(() => connection.status === "waiting");
  await server.up();
  connection.reconnect();
  await connection.opened();
  assertOneEndingEach(recorder, connection.stats.attempts);
  await connection.stop();
});

// ── 26 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("pain 26: first message lost: what comes in one packet with the 101 reaches handleIn, after a handleConnect that takes its time", async (t) => {
  const peer = await rawPeer(t, async (socket) => {
    const request = await headOf(socket);
    socket.write(Buffer.concat([accepting(request), wire("first", "second")]));
    socket.resume();
  });
  const pending = gate();
  const recorder = new Recorder<null>({
    handleConnect: async () => {
      await pending.promise;
      return ok(null);
    },
  });
  const connection = launch(peer.url(), recorder, null);
  await connection.opened();
  await quiet();
  assert.deepEqual(recorder.lines, ["handleConnect 101"]);
  pending.open();
  await recorder.call("handleIn", 2);
  assert.deepEqual(recorder.lines, ["handleConnect 101", 'handleIn text "first"', 'handleIn text "second"']);
  await connection.stop("normal", { timeout: 0 });
});

test("pain 26: first message lost: nor is one that an end follows in the same packet", async (t) => {
  const peer = await rawPeer(t, async (socket) => {
    const request = await headOf(socket);
    socket.end(Buffer.concat([accepting(request), wire("first", { type: "close", code: 4001, reason: "no" })]));
  });
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  const connection = launch(peer.url(), recorder, null);
  await connection.exited;
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    'handleIn text "first"',
    "handleDisconnect 4001 no",
    "handleTerminate normal",
  ]);
});
