/** The rules that hold everywhere (section 2 of the design), each seen against the `ws` package's server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ignore, ok, pong, reconnect, reply, stop, text } from "../../src/index.ts";
import { gate, launch, Recorder } from "./fixtures.ts";
import { WsServer } from "./ws-server.ts";

/** A server's frame as bytes, for what `ws` would send in several writes, or not at all. At most 125 bytes. */
function frame(opcode: number, payload: string | Uint8Array = ""): Buffer {
  const data = Buffer.from(payload as string);
  return Buffer.concat([Buffer.from([0x80 | opcode, data.length]), data]);
}
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const closePayload = (code: number, reason = "") =>
  Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);

// ── 2.1 One mailbox ──────────────────────────────────────────────────────────────────────────────────────────────────

test("events are handled one at a time in the order of their arrival, while a promise is pending too", async () => {
  await using server = await WsServer.start();
  const gates = Array.from({ length: 4 }, () => gate());
  let running = 0;
  let most = 0;
  let at = 0;
  const slowly = async (state: null) => {
    running += 1;
    most = Math.max(most, running);
    await gates[at++]?.promise;
    running -= 1;
    return ok(state);
  };
  const recorder = new Recorder<null>({
    handleIn: (_frame, state) => slowly(state),
    handleControl: (_frame, state) => slowly(state),
    handleInfo: (_message, state) => slowly(state),
    handleDisconnect: () => stop(),
  });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  const { socket } = await server.peer();
  connection.info(1);
  socket.send("2");
  socket.ping("3");
  socket.close(1000, "5");
  for (const one of gates) one.open();
  await connection.exited;
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    "handleInfo 1",
    'handleIn text "2"',
    'handleControl ping "3"',
    "handleDisconnect 1000 5",
    "handleTerminate normal",
  ]);
  assert.equal(most, 1);
});

test("a synchronous callback costs no microtask", async () => {
  await using server = await WsServer.start();
  const order: string[] = [];
  const recorder = new Recorder<null>({
    handleIn: ({ data }, state) => {
      order.push(`callback ${data}`);
      queueMicrotask(() => order.push(`microtask ${data}`));
      return ok(state);
    },
  });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  (await server.peer()).tcp.write(Buffer.concat([frame(TEXT, "a"), frame(TEXT, "b"), frame(TEXT, "c")]));
  await recorder.call("handleIn", 3);
  await Promise.resolve();
  assert.deepEqual(order, ["callback a", "callback b", "callback c", "microtask a", "microtask b", "microtask c"]);
});

test("frames that come with the 101 are delivered after handleConnect, in order", async () => {
  await using server = await WsServer.start({
    onConnection: ({ tcp }) => {
      tcp.write(Buffer.concat([frame(TEXT, "a"), frame(PING, "b"), frame(TEXT, "c")]));
    },
  });
  const recorder = new Recorder<null>();
  await using _connection = launch(server, recorder, null);
  await recorder.call("handleIn", 2);
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    'handleIn text "a"',
    'handleControl ping "b"',
    'handleIn text "c"',
  ]);
});

// ── 2.2 Order on the wire ────────────────────────────────────────────────────────────────────────────────────────────

test("the order on the wire is the order of send and reply calls", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({
    handleIn: (_frame, state, self) => {
      self.send(`${state} sent first`);
      return reply([`${state} replied`, `${state} replied again`], state + 1);
    },
  });
  await using connection = launch(server, recorder, 0);
  await connection.opened();
  const peer = await server.peer();
  connection.send("before");
  peer.socket.send("x");
  peer.socket.send("y");
  await recorder.call("handleIn", 2);
  connection.send("after");
  await peer.text(8);
  assert.deepEqual(
    peer.lines,
    [
      "before",
      "0 sent first",
      "0 replied",
      "0 replied again",
      "1 sent first",
      "1 replied",
      "1 replied again",
      "after",
    ].map((line) => `text ${JSON.stringify(line)}`),
  );
});

for (const how of ["directly", "by a promise"] as const) {
  test(`handleConnect's replies, given ${how}, precede the outbox`, async () => {
    await using server = await WsServer.start();
    const recorder = new Recorder<null>({
      handleConnect: () => {
        const answer = reply(["hello 1", "hello 2"], null);
        return how === "directly" ? answer : new Promise((resolve) => setImmediate(resolve, answer));
      },
    });
    await using connection = launch(server, recorder, null);
    assert.equal(connection.send("queued 1"), "queued");
    await recorder.call("handleConnect");
    connection.send("queued 2");
    const peer = await server.peer();
    await peer.text(4);
    assert.deepEqual(peer.lines, ['text "hello 1"', 'text "hello 2"', 'text "queued 1"', 'text "queued 2"']);
  });
}

test("a bad frame in a reply reaches handleError with the state from before; the reply's other frames and its state stand", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<string>({
    handleInfo: () => reply(["first", pong(new Uint8Array(126)), "third"], "after"),
    handleError: () => ignore("given by handleError"),
  });
  await using connection = launch(server, recorder, "before");
  await connection.opened();
  connection.info("go");
  connection.info("state?");
  const peer = await server.peer();
  await peer.text(2);
  assert.deepEqual(peer.lines.slice(0, 2), ['text "first"', 'text "third"']);
  assert.equal((await recorder.call("handleError")).state, "before");
  assert.equal((await recorder.call("handleInfo", 2)).state, "after");
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    'handleInfo "go"',
    "handleError encoding_failed control_too_long",
    'handleInfo "state?"',
    "handleError encoding_failed control_too_long",
  ]);
});

test("each bad frame of a reply finds the state from before it, whatever handleError has answered to the one before", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<string>({
    handleInfo: () => reply(["\ud800", "\udfff"], "after"),
    handleError: () => ignore("given by handleError"),
  });
  await using connection = launch(server, recorder, "before");
  await connection.opened();
  connection.info("go");
  await recorder.call("handleError", 2);
  assert.deepEqual(recorder.states, ["before", "before", "before", "before"]);
});

test("a bad frame given to send reaches handleError in its turn, and the state of its ignore(state) stands", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({ handleError: (_error, state) => ignore(state + 10) });
  await using connection = launch(server, recorder, 0);
  await connection.opened();
  connection.info("before");
  connection.send("\ud800");
  connection.info("after");
  await recorder.call("handleInfo", 2);
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    'handleInfo "before"',
    "handleError encoding_failed lone_surrogate",
    'handleInfo "after"',
  ]);
  assert.deepEqual(recorder.states, [0, 0, 0, 10]);
});

test("an asynchronous handleError holds back the rest of the reply whose frame was bad", async () => {
  await using server = await WsServer.start();
  const asked = gate();
  const recorder = new Recorder<number>({
    handleInfo: (_message, state) => reply(["first", "\ud800", "third"], state + 1),
    handleError: async (_error, state) => {
      await asked.promise;
      return ignore(state);
    },
  });
  await using connection = launch(server, recorder, 0);
  await connection.opened();
  connection.info("go");
  await recorder.call("handleError");
  connection.send("sent meanwhile");
  asked.open();
  const peer = await server.peer();
  await peer.text(3);
  assert.deepEqual(peer.lines, ['text "first"', 'text "sent meanwhile"', 'text "third"']);
});

for (const how of ["directly", "by a promise"] as const) {
  test(`reconnect() as handleError's answer to a bad frame, given ${how}, leaves the rest of the reply unsent`, async () => {
    await using server = await WsServer.start();
    const recorder = new Recorder<number>({
      handleInfo: () => reply(["first", "\ud800", "third"], 100),
      handleError: () => (how === "directly" ? reconnect() : Promise.resolve(reconnect())),
    });
    await using connection = launch(server, recorder, 0);
    await connection.opened();
    connection.info("go");
    await recorder.call("handleConnect", 2);
    const [first, second] = [await server.peer(1), await server.peer(2)];
    await first.closed;
    assert.deepEqual(first.lines, ['text "first"', "close 1000"]);
    connection.send("end");
    await second.text();
    assert.deepEqual(second.lines, ['text "end"']);
    assert.equal(recorder.states.at(-1), 0);
  });
}

// ── 2.3 Pings ────────────────────────────────────────────────────────────────────────────────────────────────────────

test("a ping is answered with its payload before handleControl sees it", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleControl: () => reply("from handleControl", null) });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  const peer = await server.peer();
  peer.socket.ping("are you there");
  await peer.text();
  assert.deepEqual(peer.lines, ['pong "are you there"', 'text "from handleControl"']);
});

test("a ping is answered while a callback's promise is pending", async () => {
  await using server = await WsServer.start();
  const asked = gate();
  const recorder = new Recorder<null>({
    handleIn: async () => {
      await asked.promise;
      return ok(null);
    },
  });
  await using _connection = launch(server, recorder, null);
  const peer = await server.peer();
  peer.socket.send("work for a while");
  peer.socket.ping("meanwhile");
  await peer.next("pong");
  assert.deepEqual(recorder.lines, ["handleConnect 101", 'handleIn text "work for a while"']);
  asked.open();
  await recorder.call("handleControl");
});

test("under a flood of pings only the newest pong is kept for a server that doesn't read", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null);
  await connection.opened();
  const peer = await server.peer();
  peer.tcp.pause();
  while (connection.bufferedAmount < 8_000_000) {
    connection.send(new Uint8Array(1_000_000));
    await new Promise(setImmediate);
  }
  const before = connection.bufferedAmount;
  const count = 5000;
  for (let sent = 1; sent <= count; sent += 1) peer.socket.ping(`ping ${sent}`);
  await recorder.call("handleControl", count);
  const grown = connection.bufferedAmount - before;
  assert.ok(grown < 100_000, `pongs took ${grown} bytes`);
  peer.tcp.resume();
  await peer.received.nth(
    1,
    (entry): entry is typeof entry => entry.type === "pong" && entry.data.toString() === `ping ${count}`,
    "the newest pong",
  );
  const pongs = peer.received.entries.filter(({ type }) => type === "pong");
  assert.ok(pongs.length < count / 10, `${pongs.length} pongs`);
});

// ── 2.4 One ending an attempt ────────────────────────────────────────────────────────────────────────────────────────

test("nothing that follows a close frame is delivered, whatever the network does", async (t) => {
  const followers: readonly (readonly [string, Buffer])[] = [
    ["a message", frame(TEXT, "late")],
    ["a ping", frame(PING)],
    ["another close frame", frame(CLOSE, closePayload(1001))],
    ["garbage", Buffer.alloc(50, 0xff)],
  ];
  for (const [name, follower] of followers) {
    await t.test(name, async () => {
      await using server = await WsServer.start();
      const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
      await using connection = launch(server, recorder, null);
      await connection.opened();
      const peer = await server.peer();
      peer.tcp.write(Buffer.concat([frame(CLOSE, closePayload(4000, "bye")), follower]));
      await connection.exited;
      assert.deepEqual(recorder.lines, ["handleConnect 101", "handleDisconnect 4000 bye", "handleTerminate normal"]);
      await peer.closed;
      assert.deepEqual(peer.lines, ["close 4000 bye"]);
    });
  }
});

test("nothing that follows a violation is delivered", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleError: () => stop() });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  const { tcp } = await server.peer();
  tcp.write(Buffer.concat([frame(3), frame(TEXT, "late"), frame(CLOSE, closePayload(1000))]));
  await connection.exited;
  assert.equal(recorder.lines.length, 3);
  assert.equal(recorder.lines[1], "handleError decoding_failed reserved_opcode");
});

test("an attempt ends with one callback when a close frame, a FIN and a reset come together", async () => {
  await using server = await WsServer.start({
    onConnection: (peer, number) => {
      if (number > 5) return;
      peer.tcp.write(frame(CLOSE, closePayload(1001)));
      peer.reset();
    },
  });
  const recorder = new Recorder<null>();
  await using connection = launch(server, recorder, null);
  await server.peer(6);
  await connection.opened();
  const endings = recorder.all("handleDisconnect").length + recorder.all("handleError").length;
  assert.equal(endings, 5);
});

test("no event of an ended attempt arrives after the answer that ended it", async () => {
  await using server = await WsServer.start();
  const asked = gate();
  const recorder = new Recorder<null>({
    handleInfo: async () => {
      await asked.promise;
      return ok(null);
    },
    handleError: () => reconnect(),
  });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  const { tcp } = await server.peer();
  connection.info("hold");
  tcp.write(frame(TEXT, "in time"));
  tcp.end(frame(TEXT, "in time too"));
  // The attempt is over when the end has been read, though the module is still to hear of the frames before it.
  while (connection.status === "open") await new Promise(setImmediate);
  asked.open();
  await recorder.call("handleConnect", 2);
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    'handleInfo "hold"',
    'handleIn text "in time"',
    'handleIn text "in time too"',
    "handleError streaming_failed ended",
    "handleConnect 101",
  ]);
});

// ── 2.5 Closing ──────────────────────────────────────────────────────────────────────────────────────────────────────

test("a peer's close frame is echoed with its code, and an empty one with an empty one", async (t) => {
  for (const [name, code, reason, seen] of [
    ["with a code and a reason", 4003, "why not", 4003],
    ["with a code", 1001, "", 1001],
    ["empty", undefined, undefined, 1005],
  ] as const) {
    await t.test(name, async () => {
      await using server = await WsServer.start();
      const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
      await using connection = launch(server, recorder, null);
      const peer = await server.peer();
      peer.socket.close(code, reason);
      assert.equal((await peer.closed).code, seen);
      await connection.exited;
      assert.deepEqual((await recorder.call("handleDisconnect")).given, [code, reason]);
      assert.equal(recorder.all("handleDisconnect").length, 1);
    });
  }
});

test("after our own close frame data that still arrives is delivered, then the peer's answer", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  const peer = await server.peer();
  peer.tcp.pause();
  connection.close(1000, "bye");
  assert.equal(connection.status, "closing");
  peer.socket.send("still in flight");
  peer.socket.ping("this too");
  peer.tcp.resume();
  await connection.exited;
  assert.deepEqual(recorder.lines, [
    "handleConnect 101",
    'handleIn text "still in flight"',
    'handleControl ping "this too"',
    "handleDisconnect 1000 bye",
    "handleTerminate normal",
  ]);
  await peer.closed;
  // The pong that goes out behind our close frame comes to a server that has its answer already.
  assert.deepEqual(peer.lines, ["close 1000 bye"]);
});

test("an end of TCP after our own close frame is a disconnect without code and reason", async (t) => {
  for (const how of ["end", "reset"] as const) {
    await t.test(how, async () => {
      await using server = await WsServer.start();
      const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
      await using connection = launch(server, recorder, null, { closeTimeout: 60_000 });
      await connection.opened();
      const peer = await server.peer();
      peer.tcp.pause();
      connection.close();
      if (how === "end") peer.tcp.end();
      else peer.reset();
      await connection.exited;
      assert.deepEqual(recorder.lines, ["handleConnect 101", "handleDisconnect - -", "handleTerminate normal"]);
    });
  }
});

test("closeTimeout after our own close frame is a disconnect without code and reason, and destroys the transport", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleDisconnect: () => stop() });
  await using connection = launch(server, recorder, null, { closeTimeout: 50 });
  await connection.opened();
  const peer = await server.peer();
  peer.tcp.pause();
  const before = performance.now();
  connection.close(1000, "bye");
  await connection.exited;
  assert.ok(performance.now() - before >= 49);
  assert.deepEqual(recorder.lines, ["handleConnect 101", "handleDisconnect - -", "handleTerminate normal"]);
  peer.tcp.resume();
  await peer.closed;
});

test("an end of TCP that nobody announced is an error, not a disconnect", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({ handleError: () => stop() });
  await using connection = launch(server, recorder, null);
  await connection.opened();
  (await server.peer()).tcp.end();
  await connection.exited;
  assert.equal(recorder.lines[1], "handleError streaming_failed ended");
});

test("close while connecting abandons the attempt: a disconnect without code and reason, and no socket is left", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({ handleDisconnect: () => ignore(1) });
  await using connection = launch(server, recorder, 0);
  connection.close(1000, "never mind");
  await recorder.call("handleDisconnect");
  assert.deepEqual(recorder.lines, ["handleDisconnect - -"]);
  connection.info("idle now");
  await recorder.call("handleInfo");
  assert.equal(connection.status, "idle");
  connection.reconnect();
  await connection.opened();
  assert.equal(server.openSockets, 1);
});

test("while waiting or idle there is nothing to close", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({
    handleDisconnect: (_code, reason) => (reason === "wait" ? reconnect(null, { after: 60_000 }) : ignore(null)),
  });
  await using connection = launch(server, recorder, null);
  (await server.peer(1)).socket.close(1000, "wait");
  await recorder.call("handleDisconnect", 1);
  assert.equal(connection.status, "waiting");
  connection.close();
  assert.equal(connection.status, "waiting");
  connection.reconnect();
  (await server.peer(2)).socket.close(1000, "idle");
  await recorder.call("handleDisconnect", 2);
  assert.equal(connection.status, "idle");
  connection.close();
  connection.info("after it");
  await recorder.call("handleInfo");
  assert.equal(connection.status, "idle");
  assert.equal(recorder.all("handleDisconnect").length, 2);
});

test("replies made while not open go where sends go: to the outbox", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<null>({
    handleInfo: (message) => reply(`reply to ${message}`, null),
    handleDisconnect: () => ignore(null),
  });
  await using connection = launch(server, recorder, null);
  connection.info("connecting");
  assert.equal(connection.bufferedAmount, "reply to connecting".length);
  assert.equal(await (await server.peer(1)).text(), "reply to connecting");
  (await server.peer(1)).socket.close(1000);
  await recorder.call("handleDisconnect");
  connection.info("idle");
  connection.reconnect();
  assert.equal(await (await server.peer(2)).text(), "reply to idle");
});

// ── 2.7 State ────────────────────────────────────────────────────────────────────────────────────────────────────────

test("reconnecting resets the state to the initial one unless given another", async () => {
  await using server = await WsServer.start();
  const recorder = new Recorder<number>({
    handleConnect: (_status, _headers, state) => ok(state + 1),
    handleIn: (_frame, state) => ok(state + 10),
    handleDisconnect: (_code, reason, state) => (reason === "keep" ? reconnect(state) : reconnect()),
  });
  await using _connection = launch(server, recorder, 0);
  const states: number[] = [];
  for (const [number, reason] of [
    [1, "keep"],
    [2, "reset"],
    [3, "keep"],
  ] as const) {
    const peer = await server.peer(number);
    states.push((await recorder.call("handleConnect", number)).state);
    peer.socket.send("counts");
    await recorder.call("handleIn", number);
    peer.socket.close(1000, reason);
  }
  states.push((await recorder.call("handleConnect", 4)).state);
  assert.deepEqual(states, [0, 11, 0, 11]);
});

test("the initial state of a reconnect is the very value that was given to start", async () => {
  await using server = await WsServer.start();
  const initial = { count: 0 };
  const recorder = new Recorder<{ readonly count: number }>({ handleConnect: () => ok({ count: 5 }) });
  await using _connection = launch(server, recorder, initial);
  (await server.peer(1)).socket.close(1000);
  assert.equal((await recorder.call("handleConnect", 1)).state, initial);
  assert.equal((await recorder.call("handleConnect", 2)).state, initial);
});

// ── 2.9 Nothing waits for ever ───────────────────────────────────────────────────────────────────────────────────────

test("a server that accepts and then says nothing is left and tried again, for as long as it takes", async () => {
  await using server = await WsServer.start({ autoPong: false });
  const recorder = new Recorder<null>();
  await using _connection = launch(server, recorder, null, { pingInterval: 10, pongTimeout: 20 });
  await recorder.call("handleError", 3);
  assert.deepEqual(
    recorder.all("handleError").map(({ given }) => given[0].reason),
    ["pong_timeout", "pong_timeout", "pong_timeout"],
  );
});

test("text() and the other constructors make what a reply can hold, and nothing of the caller's is changed", async () => {
  await using server = await WsServer.start();
  const bytes = new Uint8Array([1, 2, 3]);
  const frames = [text("a"), { type: "binary", data: bytes }, pong(bytes)] as const;
  const recorder = new Recorder<null>({ handleConnect: () => reply(frames, null) });
  await using _connection = launch(server, recorder, null);
  const peer = await server.peer();
  await peer.next("pong");
  assert.deepEqual(peer.lines, ['text "a"', "binary 3", `pong ${JSON.stringify("\u0001\u0002\u0003")}`]);
  assert.deepEqual([...bytes], [1, 2, 3]);
});
