import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { PARENT_VARIABLE, parentOf } from "../../../src/cli/run/parent.ts";

const fake = (env: Record<string, string>, more: object = {}) =>
  Object.assign(new EventEmitter(), { env, ppid: 7, send: () => true, ...more }) as unknown as NodeJS.Process;

test("only the process that the parent itself has started is its child", () => {
  assert.ok(parentOf(fake({ [PARENT_VARIABLE]: "7" })));
  assert.equal(parentOf(fake({ [PARENT_VARIABLE]: "6" })), undefined);
  assert.equal(parentOf(fake({})), undefined);
  assert.equal(parentOf(fake({ [PARENT_VARIABLE]: "7" }, { send: undefined })), undefined);
});

test("the child hears its parent's messages and its end, and nothing that others send", () => {
  const child = fake({ [PARENT_VARIABLE]: "7" });
  const heard: unknown[] = [];
  parentOf(child)?.onMessage((message) => heard.push(message));
  for (const message of ["x", null, { type: "dependency" }, { everfresh: "look" }])
    child.emit("message", message, undefined);
  child.emit("disconnect");
  assert.deepEqual(heard, [{ everfresh: "look" }, "gone"]);
});
