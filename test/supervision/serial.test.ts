import assert from "node:assert/strict";
import { test } from "node:test";
import { Serial } from "../../src/supervision/serial.ts";

test("what finds nothing under way begins at once, and what comes meanwhile waits for its turn", async () => {
  const serial = new Serial();
  const done: string[] = [];
  let go = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const first = serial.run(async () => {
    done.push("first begins");
    await gate;
    done.push("first ends");
  });
  const others = ["second", "third"].map((name) => serial.run(() => void done.push(name)));
  const urgent = serial.runNext(() => void done.push("urgent"));
  assert.deepEqual(done, ["first begins"]);
  go();
  await Promise.all([first, urgent, ...others]);
  assert.deepEqual(done, ["first begins", "first ends", "urgent", "second", "third"]);
});

test("a task that fails rejects for who asked, and the next one runs", async () => {
  const serial = new Serial();
  const thrown = serial.run(() => {
    throw new Error("thrown");
  });
  const rejected = serial.run(async () => {
    throw new Error("rejected");
  });
  const fine = serial.run(() => "fine");
  await assert.rejects(thrown, /thrown/);
  await assert.rejects(rejected, /rejected/);
  assert.equal(await fine, "fine");
});
