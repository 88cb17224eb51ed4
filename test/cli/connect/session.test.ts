/** A session holds back what can't be taken, on both sides, and counts no silence while it does. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ConnectEvent } from "../../../src/cli/connect/event.ts";
import type { InputLine } from "../../../src/cli/connect/lines.ts";
import { Session, type SessionPlan, type Tell } from "../../../src/cli/connect/session.ts";
import { accepting, echo, type Script, TestServer } from "../../../src/testing/index.ts";

async function serve(t: TestContext, script: Script): Promise<TestServer> {
  const server = await TestServer.start({ script });
  t.after(() => server.stop());
  return server;
}

const planFor = (server: TestServer, more: Partial<SessionPlan> = {}): SessionPlan => ({
  uri: server.url,
  options: {},
  afterEnd: "reconnect",
  maxMessages: Number.POSITIVE_INFINITY,
  lingerAfter: () => 0,
  ...more,
});

function start(t: TestContext, plan: SessionPlan, tell: Tell = () => undefined): Session {
  const session = new Session(plan, tell);
  t.after(() => session.end({ code: 0, cause: "interrupted" }));
  return session;
}

/** Lines that are made when they are asked for. */
function source(count: number, text: string) {
  const state = { asked: 0 };
  async function* generate(): AsyncGenerator<InputLine> {
    for (; state.asked < count; state.asked += 1) yield { text };
  }
  return { lines: generate(), state };
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
};

test("while nothing is open, no more lines are taken than the outbox is to hold; all go out in the end", async (t) => {
  const received: string[] = [];
  const server = await serve(
    t,
    accepting(async (peer) => {
      for await (const frame of peer.frames()) if (frame.type === "text") received.push(frame.data);
    }),
  );
  await server.down();
  const session = start(t, planFor(server));
  // Empty lines have no bytes, so it is their number that has to be bounded.
  const { lines, state } = source(5000, "");
  const feeding = session.feed(lines);
  await turns(50);
  assert.ok(state.asked <= 1000, `${state.asked} lines were taken`);
  await server.up();
  await feeding;
  assert.deepEqual(await session.ended, { code: 0, cause: "input_ended" });
  assert.equal(received.length, 5000);
});

test("a server that doesn't read slows the input down", async (t) => {
  let release = () => {};
  let count = 0;
  const server = await serve(
    t,
    accepting(async (peer) => {
      peer.pause();
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      await Promise.race([released, peer.ended]);
      peer.resume();
      for await (const frame of peer.frames()) if (frame.type === "text") count += 1;
    }),
  );
  const total = 1000;
  const { lines, state } = source(total, "x".repeat(64 * 1024));
  const session = start(t, planFor(server));
  const feeding = session.feed(lines);
  // Until the system's own buffers are full as well: it asks for nothing any more.
  for (let before = -1; before !== state.asked || before === 0; await turns(200)) before = state.asked;
  assert.ok(state.asked < total / 2, `${state.asked} of ${total} lines were taken, and the server has read none`);
  release();
  await feeding;
  assert.deepEqual(await session.ended, { code: 0, cause: "input_ended" });
  assert.equal(count, total);
});

for (const order of ["before", "after"] as const) {
  test(`while whoever is told can't take more, from ${order} the input's end, nothing more is told and no silence is counted`, async (t) => {
    const server = await serve(t, echo());
    const told: string[] = [];
    let release = () => {};
    let held = () => {};
    const holding = new Promise<void>((resolve) => {
      held = resolve;
    });
    const tell = (event: ConnectEvent): Promise<void> | undefined => {
      if (event.type !== "message") return undefined;
      told.push(event.data);
      if (told.length !== 2) return undefined;
      held();
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    const session = start(t, planFor(server, { lingerAfter: () => 50 }), tell);
    async function* lines(): AsyncGenerator<InputLine> {
      for (const text of ["1", "2", "3"]) yield { text };
      if (order === "before") await holding;
    }
    await session.feed(lines());
    await holding;
    const peer = await server.connection(1);
    assert.equal(await peer.delay(300), true);
    assert.ok(!peer.received.some(({ type }) => type === "close"), "it closed while nothing could be told");
    assert.deepEqual(told, ["1", "2"]);
    release();
    assert.deepEqual(await session.ended, { code: 0, cause: "input_ended" });
    assert.deepEqual(told, ["1", "2", "3"]);
  });
}

test("the first cause of an end counts, but a signal always does", async (t) => {
  const server = await serve(t, echo());
  const first = start(t, planFor(server));
  first.end({ code: 0, cause: "max_messages" });
  first.end({ code: 1, cause: "failed" });
  assert.deepEqual(await first.ended, { code: 0, cause: "max_messages" });
  const second = start(t, planFor(server));
  second.end({ code: 0, cause: "max_messages" });
  second.end({ code: 130, cause: "interrupted" });
  assert.deepEqual(await second.ended, { code: 130, cause: "interrupted" });
});

test("lines that were taken and not sent are told at the end, and an end by the input's fault is no success", async (t) => {
  const server = await serve(t, echo());
  const events: ConnectEvent[] = [];
  const tell = (event: ConnectEvent) => void events.push(event);
  await server.down();
  const session = start(t, planFor(server, { afterEnd: "exit" }), tell);
  const { lines } = source(3, "lost");
  void session.feed(lines);
  assert.deepEqual(await session.ended, { code: 1, cause: "failed" });
  assert.deepEqual(
    events.filter(({ type }) => type === "unsent"),
    [{ type: "unsent", lines: 3, why: "the command ended first." }],
  );
});

test("a fault of whoever is told ends the session with that fault, and is not swallowed", async (t) => {
  const server = await serve(t, echo());
  const session = start(t, planFor(server), (event) => {
    if (event.type === "open") throw new Error("no paper");
    return undefined;
  });
  await assert.rejects(session.ended, /no paper/);
});
