import assert from "node:assert/strict";
import { renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { changedFile } from "../../../src/cli/run/file-watch.ts";
import { appFolder } from "./app-folder.ts";

function watching(t: TestContext, change: (path: (name: string) => string) => void): Promise<string> {
  const path = appFolder(t, { "a.js": "1", "b.js": "1" });
  for (const name of ["a.js", "b.js"]) utimesSync(path(name), 1, 1);
  const changed = changedFile([path("a.js"), path("b.js"), path("c.js")], t.signal, { interval: 20 });
  change(path);
  return changed;
}

const CHANGES: readonly (readonly [what: string, file: RegExp, change: (path: (name: string) => string) => void])[] = [
  ["written", /b\.js$/, (path) => writeFileSync(path("b.js"), "2")],
  ["touched", /b\.js$/, (path) => utimesSync(path("b.js"), 5, 5)],
  ["removed", /a\.js$/, (path) => rmSync(path("a.js"))],
  ["made", /c\.js$/, (path) => writeFileSync(path("c.js"), "")],
  [
    "replaced, as some editors save",
    /a\.js$/,
    (path) => {
      writeFileSync(path("a.js~"), "2");
      renameSync(path("a.js~"), path("a.js"));
    },
  ],
];
for (const [what, file, change] of CHANGES) {
  test(`a file that is ${what} is a change`, async (t) => {
    // Behind the first look, which is under way.
    const changed = watching(t, (path) => void setTimeout(10).then(() => change(path)));
    assert.match(await changed, file);
  });
}
