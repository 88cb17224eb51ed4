import assert from "node:assert/strict";
import { test } from "node:test";
import { startApp } from "../../../src/cli/run/app.ts";
import { appFolder } from "./app-folder.ts";

test("what was compiled from an ES module to CommonJS has its default export and options, too", async (t) => {
  const path = appFolder(t, {
    "app.cjs": 'exports.__esModule = true; exports.default = []; exports.options = { name: "compiled" };',
    "plain.cjs": "module.exports = [];",
  });
  for (const [file, name] of [
    ["app.cjs", "compiled"],
    ["plain.cjs", undefined],
  ] as const) {
    const app = await startApp(path(file));
    assert.equal(app.name, name);
    await app.stop();
  }
});
