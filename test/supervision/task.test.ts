import assert from "node:assert/strict";
import { test } from "node:test";
import { Task } from "../../src/index.ts";

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve()));

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a task ends with normal when its function has done, and with its fault when that throws", async () => {
  assert.equal(await Task.start(() => undefined).exited, "normal");
  const error = new Error("boom");
  assert.deepEqual(await Task.start(() => Promise.reject(error)).exited, { error, callback: "task" });
  const thrown = Task.start(() => {
    throw error;
  });
  assert.deepEqual(await thrown.exited, { error, callback: "task" });
});

test("a task that is stopped ends with the reason of the stop, whether it returns or throws for its signal", async () => {
  const returning = Task.start(untilAborted);
  await turn();
  assert.equal(await returning.stop("shutdown"), "shutdown");
  const throwing = Task.start(async (signal) => {
    await untilAborted(signal);
    signal.throwIfAborted();
  });
  await turn();
  assert.equal(await throwing.stop({ shutdown: "deploy" }).then((reason) => Object.keys(reason).join()), "shutdown");
  const failing = Task.start(async (signal) => {
    await untilAborted(signal);
    throw new Error("while ending");
  });
  await turn();
  const reason = await failing.stop("shutdown");
  assert.ok(typeof reason === "object" && "error" in reason && /while ending/.test(String(reason.error)));
});

test("a task that is stopped before it has begun never begins", async () => {
  let begun = false;
  const task = Task.start(() => {
    begun = true;
  });
  assert.equal(await task.stop("shutdown"), "shutdown");
  assert.equal(begun, false);
});

test("a task that takes no notice of its signal is given up with killed", async () => {
  const deaf = Task.start(() => new Promise(() => undefined));
  await turn();
  assert.equal(await deaf.stop("shutdown", { timeout: 1 }), "killed");
  assert.equal(await deaf.exited, "killed");
});

test("await using stops a task at the end of its scope, and a task's specification is temporary", async () => {
  let ended = false;
  {
    await using task = Task.start(async (signal) => {
      await untilAborted(signal);
      ended = true;
    });
    assert.ok(task !== undefined);
    await turn();
  }
  assert.equal(ended, true);
  assert.deepEqual(
    { ...Task.childSpec({ run: () => undefined }), start: 0 },
    { id: "Task", start: 0, restart: "temporary" },
  );
  assert.equal(Task.childSpec({ id: "sweep", run: () => undefined }).id, "sweep");
});
