/** The reference's callbacks and errors against Python's `websockets`, a peer that isn't ours. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { crc32 } from "node:zlib";
import { FreshError, ignore, ok, ping, pong, reply, stop } from "../../src/index.ts";
import { gate, launch, Recorder } from "../fresh/fixtures.ts";
import { PythonServer } from "./python-server.ts";

let server: PythonServer;
before(async () => {
  server = await PythonServer.start();
});
after(() => server.stop());

test("handleConnect gets 101 and the headers of Python's answer", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<number>();
  await using connection = launch(endpoint, recorder, 5);
  const { given, state, self } = await recorder.call("handleConnect");
  assert.equal(given[0], 101);
  assert.equal(given[1].get("upgrade"), "websocket");
  assert.match(given[1].get("server") ?? "", /websockets/);
  assert.equal(state, 5);
  assert.equal(self, connection);
});

test("text and binary messages of every length form arrive whole, both ways", async () => {
  const endpoint = server.endpoint("echo");
  const recorder = new Recorder<null>();
  await using connection = launch(endpoint, recorder, null);
  await connection.opened();
  const lengths = [0, 1, 125, 126, 65_535, 65_536, 2_000_000];
  for (const length of lengths) {
    connection.send(new Uint8Array(length).fill(length % 251));
    connection.send("é".repeat(length / 2));
  }
  await recorder.call("handleIn", 2 * lengths.length);
  const frames = recorder.all("handleIn").map(({ given }) => given[0]);
  for (const [at, length] of lengths.entries()) {
    const [bytes, text] = [frames[2 * at], frames[2 * at + 1]];
    assert.equal(bytes?.type, "binary");
    assert.ok(Buffer.from(bytes?.data as Uint8Array).equals(Buffer.alloc(length, length % 251)));
    assert.deepEqual(text, { type: "text", data: "é".repeat(length / 2) });
  }
  const peer = await endpoint.peer();
  const last = await peer.next("binary", lengths.length);
  assert.equal(last.checksum, crc32(Buffer.alloc(2_000_000, 2_000_000 % 251)));
});

test("a message in fragments arrives as one, code points split between them too", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>();
  await using _connection = launch(endpoint, recorder, null);
  const peer = await endpoint.peer();
  peer.sendInFragments(["one ", "two ", "", "three"]);
  await recorder.call("handleIn");
  const fox = Buffer.from("🦊");
  // A text frame and its continuation, with a ping between them.
  peer.sendRaw(Buffer.from([0x01, 2, ...fox.subarray(0, 2), 0x89, 1, 0x21, 0x80, 2, ...fox.subarray(2)]));
  await recorder.call("handleIn", 2);
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    'handleIn text "one two three"',
    'handleControl ping "!"',
    'handleIn text "🦊"',
  ]);
  assert.equal((await peer.next("pong")).data, "!");
});

test("a ping of Python's is answered before handleControl sees it, and its pong to ours arrives", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>({
    handleControl: ({ type }) => (type === "ping" ? reply(["from handleControl", ping("mine")], null) : ok(null)),
  });
  await using _connection = launch(endpoint, recorder, null);
  const peer = await endpoint.peer();
  peer.ping("théirs");
  await recorder.call("handleControl", 2);
  await peer.next("ping");
  assert.deepEqual(peer.lines, ['pong "théirs"', 'text "from handleControl"', 'ping "mine"']);
  assert.deepEqual(recorder.lines.slice(1), ['handleControl ping "théirs"', 'handleControl pong "mine"']);
});

test("an unasked pong of ours bothers nobody, nor one of Python's", async () => {
  const endpoint = server.endpoint("echo");
  const recorder = new Recorder<null>();
  await using connection = launch(endpoint, recorder, null);
  await connection.opened();
  connection.send(pong("unasked"));
  const peer = await endpoint.peer();
  peer.pong("nor this");
  connection.send("still well");
  await recorder.call("handleIn");
  await recorder.call("handleControl");
  await peer.text();
  assert.deepEqual(peer.lines, ['pong "unasked"', 'text "still well"']);
});

test("handleInfo is called while connecting, open and idle", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>({
    handleInfo: (message) => reply(`info ${message}`, null),
    handleDisconnect: () => ignore(null),
  });
  await using connection = launch(endpoint, recorder, null);
  connection.info("early");
  await connection.opened();
  connection.info("open");
  const peer = await endpoint.peer();
  await peer.text(2);
  assert.deepEqual(peer.lines, ['text "info early"', 'text "info open"']);
  peer.close(1000);
  await recorder.call("handleDisconnect");
  connection.info("idle");
  await recorder.call("handleInfo", 3);
  connection.reconnect();
  assert.equal(await (await endpoint.peer(2)).text(), "info idle");
});

test("handleDisconnect gets Python's code and reason; the close is echoed, an empty one with an empty one", async (t) => {
  const closes: readonly (readonly [number | undefined, string | undefined, string, string])[] = [
    [1000, "bye", "handleDisconnect 1000 bye", "close 1000 bye"],
    [1001, "", "handleDisconnect 1001 ", "close 1001"],
    [4999, "größer", "handleDisconnect 4999 größer", "close 4999 größer"],
    [undefined, undefined, "handleDisconnect - -", "close"],
  ];
  for (const [code, reason, called, echoed] of closes) {
    await t.test(called, async () => {
      const endpoint = server.endpoint();
      const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
      const connection = launch(endpoint, recorder, null);
      const peer = await endpoint.peer();
      peer.close(code, reason);
      await connection.exited;
      assert.deepEqual(recorder.lines, ["handleConnect 101", called, "handleTerminate normal"]);
      await peer.closed;
      assert.deepEqual(peer.lines, [echoed]);
    });
  }
});

test("a close of our own is answered by Python, and the answer is the disconnect", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  const connection = launch(endpoint, recorder, null);
  await connection.opened();
  connection.close(4001, "enough");
  await connection.exited;
  assert.deepEqual(recorder.lines.slice(1), ["handleDisconnect 4001 enough", "handleTerminate normal"]);
  const { code, reason, clean } = await (await endpoint.peer()).closed;
  assert.deepEqual({ code, reason, clean }, { code: 4001, reason: "enough", clean: true });
});

test("handleTerminate is the last callback, with the newest state", async () => {
  const endpoint = server.endpoint("echo");
  const recorder = new Recorder<number>({
    handleConnect: () => reply(["a", "b"], 0),
    handleIn: (_frame, state) => (state === 1 ? reply({ type: "close", code: 1000 }, 2) : ok(state + 1)),
    handleDisconnect: () => stop("done"),
  });
  const connection = launch(endpoint, recorder, 0);
  assert.equal(await connection.exited, "done");
  assert.deepEqual((await recorder.call("handleTerminate")).given, ["done"]);
  assert.equal((await recorder.call("handleTerminate")).state, 2);
});

test("a callback's promise holds back what comes next", async () => {
  const endpoint = server.endpoint();
  const asked = gate();
  const recorder = new Recorder<number>({
    handleIn: async (_frame, state) => {
      await asked.promise;
      return reply(`slowly ${state}`, state + 1);
    },
  });
  await using _connection = launch(endpoint, recorder, 0);
  const peer = await endpoint.peer();
  peer.send("1");
  peer.send("2");
  peer.ping("meanwhile");
  await peer.next("pong");
  assert.equal(recorder.calls.entries.length, 2);
  asked.open();
  await peer.text(2);
  assert.deepEqual(peer.lines, ['pong "meanwhile"', 'text "slowly 0"', 'text "slowly 1"']);
});

// ── handleError ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The error that stops a module's first attempt. */
async function failure(
  endpoint: { readonly url: string },
  act: () => Promise<void> = async () => undefined,
  options: Parameters<typeof launch<null>>[3] = {},
): Promise<FreshError> {
  const recorder = new Recorder<null>({ handleError: () => stop("failed"), handleDisconnect: () => stop("closed") });
  const connection = launch(endpoint, recorder, null, options);
  await act();
  assert.equal(await connection.exited, "failed");
  const [error] = (await recorder.call("handleError")).given;
  assert.ok(error instanceof FreshError);
  return error;
}

test("connecting_failed: nobody listens any more", async () => {
  const gone = await PythonServer.start();
  const endpoint = gone.endpoint();
  await gone.stop();
  const error = await failure(endpoint);
  assert.deepEqual([error.kind, error.phase, error.reason], ["connecting_failed", "tcp", "refused"]);
});

test("establishing_failed: Python refuses with a status, headers and a body", async () => {
  const endpoint = server.endpoint();
  await endpoint.refuse(503, { headers: [["Retry-After", "12"]], body: "come back later\n" });
  const error = await failure(endpoint);
  assert.deepEqual([error.kind, error.phase, error.reason], ["establishing_failed", "upgrade", "status"]);
  assert.equal(error.status, 503);
  assert.equal(error.body, "come back later\n");
  assert.equal(error.retryAfter, 12_000);
  assert.equal(error.headers?.get("retry-after"), "12");
});

test("establishing_failed: Python doesn't answer within upgradeTimeout", async () => {
  const endpoint = server.endpoint();
  await endpoint.stall();
  const error = await failure(endpoint, undefined, { upgradeTimeout: 50 });
  assert.deepEqual([error.kind, error.reason], ["establishing_failed", "timed_out"]);
});

test("streaming_failed: TCP ends without a close frame", async (t) => {
  for (const how of ["eof", "abort"] as const) {
    await t.test(how, async () => {
      const endpoint = server.endpoint();
      const error = await failure(endpoint, async () => (await endpoint.peer())[how]());
      assert.deepEqual([error.kind, error.phase], ["streaming_failed", "open"]);
    });
  }
});

test("streaming_failed: Python stops reading, so that no pong comes within pongTimeout", async () => {
  const endpoint = server.endpoint();
  const error = await failure(endpoint, async () => (await endpoint.peer()).pause(), {
    pingInterval: 50,
    pongTimeout: 100,
  });
  assert.deepEqual([error.kind, error.reason], ["streaming_failed", "pong_timeout"]);
});

test("decoding_failed: bytes that RFC 6455 forbids; Python is told with the close code", async (t) => {
  const violations: readonly (readonly [string, number, readonly number[]])[] = [
    ["bad UTF-8", 1007, [0x81, 1, 0xff]],
    ["a reserved bit", 1002, [0xc1, 0]],
    ["a masked frame", 1002, [0x81, 0x80, 0, 0, 0, 0]],
    ["too long a message", 1009, [0x82, 127, 0, 0, 0, 0, 1, 0, 0, 1]],
  ];
  for (const [name, code, bytes] of violations) {
    await t.test(name, async () => {
      const endpoint = server.endpoint();
      const error = await failure(endpoint, async () => (await endpoint.peer()).sendRaw(Uint8Array.from(bytes)));
      assert.equal(error.kind, "decoding_failed");
      assert.equal(error.closeCode, code);
      assert.equal((await (await endpoint.peer()).next("close")).code, code);
    });
  }
});

test("encoding_failed: what may not be sent isn't, and Python sees nothing of it", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>();
  await using connection = launch(endpoint, recorder, null);
  await connection.opened();
  for (const frame of ["\ud800", ping(new Uint8Array(126)), { type: "close", code: 1006 }] as const) {
    assert.equal(connection.send(frame), "dropped");
  }
  connection.send("after it");
  const peer = await endpoint.peer();
  await peer.text();
  assert.deepEqual(peer.lines, ['text "after it"']);
  assert.deepEqual(
    recorder.all("handleError").map(({ given }) => given[0].kind),
    ["encoding_failed", "encoding_failed", "encoding_failed"],
  );
});

test("casting_failed: frames that Python never read are told as lost, then the end of the stream", async () => {
  const endpoint = server.endpoint();
  const recorder = new Recorder<null>({
    handleError: (error, state) => (error.kind === "casting_failed" ? ignore(state) : stop("lost")),
  });
  const connection = launch(endpoint, recorder, null);
  await connection.opened();
  const peer = await endpoint.peer();
  await peer.pause();
  while (connection.bufferedAmount < 16_000_000) {
    connection.send(new Uint8Array(1_000_000));
    await new Promise(setImmediate);
  }
  peer.abort();
  assert.equal(await connection.exited, "lost");
  const kinds = recorder.all("handleError").map(({ given }) => given[0].kind);
  assert.deepEqual(kinds, ["casting_failed", "streaming_failed"]);
  assert.ok(connection.stats.dropped.lost > 0);
});

test("without callbacks of its own a module stays: it answers pings and comes back after each end", async () => {
  const endpoint = server.endpoint();
  await endpoint.refuse(500);
  const recorder = new Recorder<null>();
  await using connection = launch(endpoint, recorder, null);
  const first = await endpoint.peer(1);
  first.ping();
  await first.next("pong");
  first.close(1012);
  (await endpoint.peer(2)).abort();
  await endpoint.peer(3);
  await connection.opened();
  assert.deepEqual(
    recorder.lines.map((line) => line.split(" ").slice(0, 2).join(" ")),
    [
      "handleError establishing_failed",
      "handleConnect 101",
      "handleControl ping",
      "handleDisconnect 1012",
      "handleConnect 101",
      "handleError streaming_failed",
      "handleConnect 101",
    ],
  );
});
