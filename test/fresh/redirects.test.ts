/** maxRedirects, through the public API; the rules of each hop are proved in test/transport/redirect.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type FreshError, type Options, reply, stop, text } from "../../src/index.ts";
import { echo, refusing, type Script, TestServer } from "../../src/testing/index.ts";
import { Log, launch, Recorder } from "./fixtures.ts";

const to = (location: string, status = 302): Script => refusing(status, { headers: [["location", location]] });

/** The error with which the first attempt fails, and how long it took. */
async function failure(uri: string, options: Options<null>): Promise<{ error: FreshError; took: number }> {
  const recorder = new Recorder<null>({ handleError: () => stop() });
  const started = performance.now();
  await using _connection = launch(uri, recorder, null, options);
  const { given } = await recorder.call("handleError");
  return { error: given[0], took: performance.now() - started };
}

test("redirects aren't followed unless maxRedirects says so: the first is the refusal that handleError gets", async () => {
  await using target = await TestServer.start();
  await using server = await TestServer.start({ script: to(target.url) });
  const { error } = await failure(server.url, {});
  assert.equal(`${error.kind} ${error.reason} ${error.status}`, "establishing_failed status 302");
  assert.equal(error.headers?.get("location"), target.url);
  assert.match(error.message, /the option maxRedirects\.$/);
  assert.equal(target.connections.length, 0);
});

test("a redirected connection works as any other, its uri stays the given one, and so does each attempt's first server", async () => {
  await using target = await TestServer.start({
    script: [
      async (peer) => {
        await peer.accept();
        assert.equal((await peer.receive("text")).data, "hello");
        peer.close(1001);
      },
      echo(),
    ],
  });
  await using server = await TestServer.start({ script: to(target.url) });
  const recorder = new Recorder<null>({ handleConnect: () => reply(text("hello"), null) });
  await using connection = launch(`${server.url}/start?token=secret`, recorder, null, { maxRedirects: 1 });
  await recorder.call("handleIn");
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    "handleDisconnect 1001 ",
    "handleConnect 101",
    'handleIn text "hello"',
  ]);
  assert.equal(connection.uri, `${server.url}/start?token=secret`);
  assert.equal(server.connections.length, 2);
  assert.equal(connection.stats.attempts, 2, "an attempt is one, however many hops it takes");
});

test("each redirect is logged with its status and where it leads, without secrets, and infoLogging: false is silent", async () => {
  await using target = await TestServer.start();
  const uri = target.url.replace("//", "//user:s3cret@");
  await using server = await TestServer.start({ script: [to("/b", 307), to(`${uri}/c?token=s3cret#s3cret`)] });
  for (const infoLogging of [true, false]) {
    server.onConnection([to("/b", 307), to(`${uri}/c?token=s3cret#s3cret`)]);
    const log = new Log();
    const headers = { authorization: "Bearer s3cret" };
    await using connection = launch(server.url, new Recorder<null>(), null, {
      maxRedirects: 2,
      headers,
      logger: log,
      infoLogging,
    });
    await connection.opened();
    assert.ok(!JSON.stringify(log.lines).includes("s3cret"));
    assert.deepEqual(
      log.messages("info"),
      infoLogging
        ? [
            `Redirected to ${server.url}/b with status 307`,
            `Redirected to ${target.url}/c?token=*** with status 302, without the caller's headers: it is another origin`,
            "WebSocket connection established",
          ]
        : [],
    );
    if (!infoLogging) continue;
    const { connection: _, module: __, ...fields } = log.lines.find(({ level }) => level === "info")?.fields ?? {};
    assert.deepEqual(fields, { attempt: 1, status: 307, uri: `${server.url}/b`, credentials: "kept" });
  }
});

test("one redirect more than maxRedirects is too_many_redirects, with status and headers, and Retry-After counts", async () => {
  await using server = await TestServer.start({
    script: refusing(302, {
      headers: [
        ["location", "/again"],
        ["retry-after", "7"],
      ],
      body: "round",
    }),
  });
  const { error } = await failure(server.url, { maxRedirects: 3 });
  assert.equal(`${error.kind} ${error.phase} ${error.reason}`, "establishing_failed upgrade too_many_redirects");
  assert.equal(error.status, 302);
  assert.equal(error.headers?.get("location"), "/again");
  assert.equal(error.body, "round");
  assert.equal(error.retryAfter, 7000);
  assert.equal(server.connections.length, 4);
});

test("connectTimeout ends with the first server: all that follows has upgradeTimeout, hops included", async () => {
  await using silent = await TestServer.start({ script: () => undefined });
  await using server = await TestServer.start();
  const cases = [
    ["dns", "ws://never.test/"],
    ["tls", silent.url.replace("ws:", "wss:")],
    ["upgrade", silent.url],
  ] as const;
  for (const [phase, location] of cases) {
    server.onConnection(to(location));
    const { error, took } = await failure(server.url, {
      maxRedirects: 1,
      connectTimeout: 40,
      upgradeTimeout: 200,
      transportOptions: { lookup: () => undefined },
    });
    assert.equal(`${error.kind} ${error.phase} ${error.reason}`, `establishing_failed ${phase} timed_out`);
    assert.ok(took >= 199, `${took} ms`);
    if (phase !== "upgrade") assert.match(error.message, /the server that a redirect leads to had not been reached/);
  }
});

test("the upgradeTimeout is one for all hops: a server that redirects slowly and for ever is left in time", async () => {
  await using server = await TestServer.start({
    script: async (peer) => {
      await peer.request();
      await peer.delay(30);
      // The client may have left in this very moment.
      await peer.refuse(302, { headers: [["location", "/again"]] }).catch(() => undefined);
    },
  });
  const { error } = await failure(server.url, { maxRedirects: 10_000, upgradeTimeout: 200 });
  assert.equal(`${error.kind} ${error.reason}`, "establishing_failed timed_out");
  assert.ok(server.connections.length > 1 && server.connections.length < 9, `${server.connections.length} hops`);
});

test("stop during the second hop ends the attempt at once, and leaves no connection", async () => {
  await using silent = await TestServer.start({ script: () => undefined });
  await using server = await TestServer.start({ script: to(silent.url) });
  const recorder = new Recorder<null>();
  const connection = launch(server.url, recorder, null, { maxRedirects: 1 });
  const peer = await silent.connection(1);
  await peer.request();
  assert.equal(await connection.stop(), "normal");
  assert.deepEqual(recorder.lines, ["handleTerminate normal"]);
  assert.notEqual((await peer.ended).type, "closed");
});

test("a provider's headers are asked for once an attempt, and stay with the first origin", async () => {
  const seen: (string | undefined)[] = [];
  await using target = await TestServer.start({
    script: async (peer) => {
      seen.push((await peer.accept()).header("x-key"));
    },
  });
  await using server = await TestServer.start({
    script: async (peer) => {
      const { target: path, header } = await peer.request();
      seen.push(header("x-key"));
      await peer.refuse(308, { headers: [["location", path === "/" ? "/b" : target.url]] });
    },
  });
  let asked = 0;
  const headers = () => {
    asked += 1;
    return { "x-key": `key ${asked}` };
  };
  await using connection = launch(server.url, new Recorder<null>(), null, { maxRedirects: 2, headers });
  await connection.opened();
  assert.deepEqual(seen, ["key 1", "key 1", undefined]);
  assert.equal(asked, 1);
});
