/** Functions for uri and headers: what they are given, what becomes of what they do, and when they are given up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Options, type Provider, reconnect, stop } from "../../src/index.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { gate, Log, launch, QUICK, Recorder } from "./fixtures.ts";
import { WsServer } from "./ws-server.ts";

type Context = Parameters<Provider<string>>[0];
type UriProvider = Provider<string | URL>;

/** Nothing listens here, and nothing may: an attempt that gets so far is a fault of the test. */
const NOWHERE = "ws://127.0.0.1:1/";
const never = () => new Promise<never>(() => undefined);

/** A connection whose uri is a function, and what its module hears. */
function begin(uri: UriProvider, options: Options<null> = {}, recorder = new Recorder<null>()) {
  const connection = recorder.module.start({ uri, state: null, options: { ...QUICK, ...options } });
  return { connection, recorder };
}

/** The error of a connection that gives up at its first. */
async function failure(uri: UriProvider, options: Options<null> = {}) {
  const recorder = new Recorder<null>({ handleError: () => stop("seen") });
  const { connection } = begin(uri, options, recorder);
  await connection.exited;
  assert.deepEqual(recorder.lines.slice(1), ["handleTerminate seen"]);
  return (await recorder.call("handleError")).given[0];
}

/** Keeps rejections that nobody has handled, from now until the end of the test. */
function unhandledRejections(): Disposable & { readonly reasons: readonly unknown[] } {
  const reasons: unknown[] = [];
  const keep = (reason: unknown) => reasons.push(reason);
  process.on("unhandledRejection", keep);
  return { reasons, [Symbol.dispose]: () => process.off("unhandledRejection", keep) };
}

const aFewTurns = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
};

test("a provider is told the attempt, a signal, and which connection asks", async () => {
  await using server = await WsServer.start();
  const asked: Context[] = [];
  const headers = (context: Context) => {
    asked.push(context);
    return {};
  };
  const { connection } = begin(() => server.url, { name: "provided", headers });
  await using _end = connection;
  await connection.opened();
  const [context] = asked;
  assert.equal(asked.length, 1);
  assert.equal(context?.attempt, 1);
  assert.equal(context?.signal.aborted, false);
  assert.ok(context?.self === connection);
  assert.equal(context?.self.name, "provided");
});

test("a provider that fails is a failed attempt of phase provider, whose error names the option", async (t) => {
  const broken = new RangeError("the token service is away");
  const ways: readonly (readonly [string, () => never | Promise<never>])[] = [
    [
      "throws",
      () => {
        throw broken;
      },
    ],
    ["rejects", () => Promise.reject(broken)],
  ];
  for (const [way, fail] of ways) {
    await t.test(`uri ${way}`, async () => {
      const error = await failure(fail);
      assert.deepEqual([error.kind, error.phase, error.reason], ["connecting_failed", "provider", "provider"]);
      assert.match(error.message, /the uri function failed: the token service is away/);
      assert.equal(error.cause, broken);
    });
    await t.test(`headers ${way}`, async () => {
      const error = await failure(() => NOWHERE, { headers: fail });
      assert.deepEqual([error.kind, error.phase, error.reason], ["connecting_failed", "provider", "provider"]);
      assert.match(error.message, /the headers function failed: the token service is away/);
      assert.equal(error.cause, broken);
    });
  }
});

test("a provider that gives what can't be used is a failed attempt whose error names the option, not the secret", async (t) => {
  const uris = ["", "no address", "ftp://127.0.0.1/?token=s3cret", "ws:///?token=s3cret", 42, null, undefined];
  for (const uri of uris) {
    await t.test(`uri ${String(uri)}`, async () => {
      const error = await failure(() => uri as string);
      assert.deepEqual([error.kind, error.phase, error.reason], ["connecting_failed", "provider", "invalid_uri"]);
      assert.match(error.message, /what the uri function gave can't be used/);
      assert.doesNotMatch(error.message, /s3cret/);
    });
  }
  const headers: readonly unknown[] = [
    { "bad name": "s3cret" },
    { authorization: "s3cret\n" },
    { authorization: 5 },
    { upgrade: "x" },
    [["authorization"]],
    null,
    undefined,
    7,
  ];
  for (const given of headers) {
    await t.test(`headers ${JSON.stringify(given)}`, async () => {
      const error = await failure(() => NOWHERE, { headers: () => given as Record<string, string> });
      assert.deepEqual([error.kind, error.phase, error.reason], ["upgrading_failed", "provider", "invalid_header"]);
      assert.match(error.message, /what the headers function gave/);
      assert.doesNotMatch(error.message, /s3cret/);
    });
  }
});

test("what a provider throws needs to be no Error, and not even a word", async () => {
  const words: readonly (readonly [unknown, RegExp])[] = [
    ["away", /failed: away$/],
    [undefined, /failed: undefined$/],
    [Object.create(null), /failed: it threw something that has no words$/],
  ];
  for (const [thrown, message] of words) {
    const error = await failure(() => Promise.reject(thrown));
    assert.deepEqual([error.name, error.phase], ["FreshError", "provider"]);
    assert.match(error.message, message);
  }
});

test("headers that throw when they are read are a failed attempt like any other", async () => {
  const broken = new Error("no such key");
  const given = {
    get authorization(): string {
      throw broken;
    },
  };
  const error = await failure(() => NOWHERE, { headers: () => given });
  assert.deepEqual([error.name, error.phase, error.cause], ["FreshError", "provider", broken]);
  assert.match(error.message, /what the headers function gave failed to be read: no such key/);
});

test("providerTimeout ends an attempt whose provider never settles, and aborts its signal", async () => {
  const clock = new FakeClock();
  const asked = gate<AbortSignal>();
  const recorder = new Recorder<null>({ handleError: () => stop() });
  const uri: UriProvider = ({ signal }) => {
    asked.open(signal);
    return never();
  };
  const { connection } = begin(uri, { clock, providerTimeout: 700 }, recorder);
  const signal = await asked.promise;
  clock.advance(699);
  assert.deepEqual([signal.aborted, recorder.lines.length], [false, 0]);
  clock.advance(1);
  assert.equal(signal.aborted, true);
  await connection.exited;
  const [error] = (await recorder.call("handleError")).given;
  assert.deepEqual([error.kind, error.phase, error.reason], ["connecting_failed", "provider", "timed_out"]);
  assert.match(error.message, /the functions given for uri and headers took more than 700 ms/);
  assert.equal(clock.pending, 0);
});

test("what a provider brings after its attempt was given up is ignored, an error as well as an answer", async (t) => {
  for (const late of ["an answer", "an error"] as const) {
    await t.test(late, async () => {
      await using server = await WsServer.start();
      using unhandled = unhandledRejections();
      const clock = new FakeClock();
      const answers: { give(uri: string): void; fail(error: Error): void }[] = [];
      const recorder = new Recorder<null>();
      const { connection } = begin(
        ({ attempt }) => (attempt > 1 ? server.url : new Promise((give, fail) => answers.push({ give, fail }))),
        { clock, providerTimeout: 100 },
        recorder,
      );
      await using _end = connection;
      await aFewTurns();
      clock.advance(100);
      await recorder.call("handleError");
      if (late === "an answer") answers[0]?.give(NOWHERE);
      else answers[0]?.fail(new Error("too late"));
      await aFewTurns();
      assert.equal(connection.status, "waiting");
      clock.advance(5);
      await connection.opened();
      assert.deepEqual(recorder.lines, ["handleError connecting_failed timed_out", "handleConnect 101"]);
      assert.equal(server.requests.entries.length, 1);
      assert.deepEqual(unhandled.reasons, []);
    });
  }
});

test("when one of two providers fails, the other's signal aborts, and its own late error bothers nobody", async () => {
  using unhandled = unhandledRejections();
  const asked = gate<AbortSignal>();
  const error = await failure(
    async () => {
      await asked.promise;
      throw new Error("no address");
    },
    {
      headers: ({ signal }) => {
        asked.open(signal);
        return new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        });
      },
    },
  );
  assert.match(error.message, /the uri function failed: no address/);
  assert.equal((await asked.promise).aborted, true);
  await aFewTurns();
  assert.deepEqual(unhandled.reasons, []);
});

test("the attempts are counted up while providers fail, and each is slowed like any other", async () => {
  const attempts: number[] = [];
  const log = new Log();
  const recorder = new Recorder<null>({ handleError: () => (attempts.length < 4 ? reconnect() : stop()) });
  const { connection } = begin(
    ({ attempt }) => {
      attempts.push(attempt);
      throw new Error("away");
    },
    { logger: log, backoffInitial: 1, backoffFactor: 2 },
    recorder,
  );
  await connection.exited;
  assert.deepEqual(attempts, [1, 2, 3, 4]);
  const waits = log.lines.flatMap(({ fields }) => (typeof fields.wait === "number" ? [fields.wait] : []));
  assert.deepEqual(waits, [1, 2, 4]);
});

test("a provider's error with a retryAfter sets the wait, bounded as that of a refused upgrade", async (t) => {
  const cases: readonly (readonly [retryAfter: unknown, option: Options["retryAfter"], wait: number])[] = [
    [40, { max: 1000 }, 40],
    [40, { max: 30 }, 30],
    [40, false, 1],
    [-1, { max: 30 }, 1],
    [Number.NaN, { max: 30 }, 1],
    [Number.POSITIVE_INFINITY, { max: 30 }, 30],
    ["40", { max: 30 }, 1],
  ];
  for (const [asked, retryAfter, wait] of cases) {
    await t.test(`${String(asked)} ${JSON.stringify(retryAfter)}`, async () => {
      const log = new Log();
      const { connection, recorder } = begin(
        () => {
          throw Object.assign(new Error("busy"), { retryAfter: asked });
        },
        { logger: log, ...(retryAfter === undefined ? {} : { retryAfter }) },
      );
      await recorder.call("handleError", 1);
      await connection.stop();
      assert.equal(log.lines.find(({ fields }) => "wait" in fields)?.fields.wait, wait);
    });
  }
});

test("stop, close and reconnect while a provider is pending abort its signal, and what it brings is void", async (t) => {
  const pending = (): { uri: UriProvider; asked: Context[] } => {
    const asked: Context[] = [];
    return {
      asked,
      uri: (context) => {
        asked.push(context);
        return never();
      },
    };
  };
  await t.test("stop", async () => {
    const { uri, asked } = pending();
    const { connection, recorder } = begin(uri);
    await aFewTurns();
    assert.equal(await connection.stop("enough"), "enough");
    assert.deepEqual(
      asked.map(({ signal }) => signal.aborted),
      [true],
    );
    assert.deepEqual(recorder.lines, ["handleTerminate enough"]);
  });
  await t.test("close", async () => {
    const { uri, asked } = pending();
    const { connection, recorder } = begin(uri);
    await aFewTurns();
    connection.close();
    await recorder.call("handleDisconnect");
    assert.equal(asked[0]?.signal.aborted, true);
    await connection.stop();
    assert.deepEqual(recorder.lines, ["handleDisconnect - -", "handleTerminate normal"]);
  });
  await t.test("reconnect", async () => {
    const { uri, asked } = pending();
    const { connection, recorder } = begin(uri);
    await aFewTurns();
    connection.reconnect();
    await aFewTurns();
    assert.deepEqual(
      asked.map(({ attempt, signal }) => [attempt, signal.aborted]),
      [
        [1, true],
        [1, false],
      ],
    );
    await connection.stop();
    assert.deepEqual(recorder.lines, ["handleDisconnect - -", "handleTerminate normal"]);
  });
});

test("a signal that has aborted already leaves providers unasked", async () => {
  let asked = 0;
  const uri = () => {
    asked += 1;
    return NOWHERE;
  };
  const { connection } = begin(uri, { signal: AbortSignal.abort() });
  assert.equal(await connection.exited, "shutdown");
  await aFewTurns();
  assert.equal(asked, 0);
});

test("providers are asked anew after an open connection was lost, and the attempt counts on until it was stable", async () => {
  await using server = await WsServer.start({ onConnection: ({ socket }, number) => number < 3 && socket.terminate() });
  const attempts: number[] = [];
  const { connection } = begin(({ attempt }) => {
    attempts.push(attempt);
    return server.url;
  });
  await using _end = connection;
  await server.peer(3);
  assert.deepEqual(attempts, [1, 2, 3]);
});

test("a connection that is started with a uri of its own asks only its headers function", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null, { headers: async ({ self }) => ({ "x-id": self.id }) });
  assert.equal((await server.request()).headers["x-id"], connection.id);
});
