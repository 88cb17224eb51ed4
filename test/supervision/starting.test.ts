import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChildSpec, type ResolvedSpec, resolveSpec } from "../../src/supervision/child-spec.ts";
import { ChildStart } from "../../src/supervision/starting.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import { PlainChild } from "./plain-child.ts";

const spec = (start: ChildSpec["start"], shutdown: ResolvedSpec["shutdown"] = 500): ResolvedSpec =>
  resolveSpec({ id: "a", start, shutdown });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what start() gives at once is there at once", () => {
  const clock = new FakeClock();
  const child = new PlainChild();
  assert.deepEqual(
    new ChildStart(
      spec(() => child),
      clock,
    ).outcome,
    { type: "started", child },
  );
  assert.deepEqual(
    new ChildStart(
      spec(() => undefined),
      clock,
    ).outcome,
    { type: "ignored" },
  );
  const error = new Error("boom");
  const throwing = (): never => {
    throw error;
  };
  assert.deepEqual(new ChildStart(spec(throwing), clock).outcome, { type: "failed", error });
});

test("what a promise brings comes with it; what is no child is a failed start", async () => {
  const clock = new FakeClock();
  const child = new PlainChild();
  assert.deepEqual(
    await new ChildStart(
      spec(async () => child),
      clock,
    ).outcome,
    { type: "started", child },
  );
  assert.deepEqual(
    await new ChildStart(
      spec(async () => undefined),
      clock,
    ).outcome,
    { type: "ignored" },
  );
  for (const nothing of [null, 1, {}, { exited: Promise.resolve("normal") }, { stop: () => undefined }]) {
    const outcome = await new ChildStart(
      spec(async () => nothing as unknown as PlainChild),
      clock,
    ).outcome;
    assert.ok(outcome.type === "failed" && /what is no child/.test(String(outcome.error)), JSON.stringify(nothing));
  }
});

test("a start that isn't wanted any more is told by its signal, and has its child's shutdown time", async () => {
  const clock = new FakeClock();
  let signal: AbortSignal | undefined;
  let give: (child: PlainChild) => void = () => undefined;
  const slow = (context: { readonly signal: AbortSignal }): Promise<PlainChild> => {
    signal = context.signal;
    return new Promise((resolve) => {
      give = resolve;
    });
  };
  const start = new ChildStart(spec(slow), clock);
  start.cancel();
  assert.equal(signal?.aborted, true);
  clock.advance(499);
  await turn();
  const child = new PlainChild();
  give(child);
  assert.deepEqual(await start.outcome, { type: "started", child }, "it has come in time, and is ended as others are");
  assert.equal(clock.pending, 0);
});

test("a start past that time is abandoned, and the child that comes all the same is ended at once", async () => {
  const clock = new FakeClock();
  let give: (child: PlainChild) => void = () => undefined;
  const slow = (): Promise<PlainChild> =>
    new Promise((resolve) => {
      give = resolve;
    });
  const start = new ChildStart(spec(slow), clock);
  start.cancel();
  clock.advance(500);
  assert.deepEqual(await start.outcome, { type: "abandoned" });
  const late = new PlainChild();
  give(late);
  await turn();
  assert.deepEqual(late.told, ["killed 0"]);
});
