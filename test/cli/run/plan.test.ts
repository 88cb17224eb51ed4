import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArguments } from "../../../src/cli/arguments.ts";
import { planOf, TIMEOUT } from "../../../src/cli/run/plan.ts";
import { run } from "../../../src/cli/run.ts";
import { appFolder } from "./app-folder.ts";

test("a plan has the file's absolute path, and the deadline in ms", (t) => {
  const file = appFolder(t, { "app.js": "" })("app.js");
  assert.deepEqual(planOf(parseArguments([file], run.options)), { file, timeout: TIMEOUT, quiet: false });
  const given = parseArguments(["--timeout", "0", "-q", file], run.options);
  assert.deepEqual(planOf(given), { file, timeout: 0, quiet: true });
});
