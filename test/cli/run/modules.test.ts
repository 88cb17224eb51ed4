import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { relative } from "node:path";
import { test } from "node:test";
import { modulesOf } from "../../../src/cli/run/modules.ts";
import { appFolder } from "./app-folder.ts";

const FILES = {
  "package.json": '{"type":"module","imports":{"#alias":"./src/alias.js"}}',
  "app.ts": `
    import { a } from "./a.ts";
    import type { B } from './b.js';
    export * from "./c";
    import "#alias";
    import { Fresh } from "everfresh";
    import { readFile } from "node:fs";
    const data = require("./data.json");
    const late = () => import("./late.mjs");
    new Worker(new URL("./worker.js", import.meta.url));
    import "./missing.js";
    import "pkg";
    import "neighbour";
  `,
  "a.ts": 'import "./app.ts"; import "./deep/index.ts";',
  "b.ts": "",
  "c.ts": "",
  "src/alias.js": "",
  "data.json": "{}",
  "late.mjs": "",
  "worker.js": "",
  "deep/index.ts": 'import "../deeper";',
  "deeper/index.js": "",
  "node_modules/pkg/package.json": '{"main":"index.js"}',
  "node_modules/pkg/index.js": 'import "./more.js";',
  "packages/neighbour/package.json": '{"name":"neighbour","main":"index.js"}',
  "packages/neighbour/index.js": "",
};

test("an app's modules are those that it imports, however, and theirs; not those in node_modules", (t) => {
  const path = appFolder(t, FILES);
  mkdirSync(path("node_modules"), { recursive: true });
  symlinkSync(path("packages/neighbour"), path("node_modules/neighbour"), "junction");
  const found = modulesOf(path("app.ts")).map((file) => relative(path("."), file).replaceAll("\\", "/"));
  assert.equal(found[0], "app.ts");
  const inFolder = found.filter((file) => !file.startsWith("..") && !file.startsWith("missing"));
  assert.deepEqual(inFolder.sort(), [
    "a.ts",
    "app.ts",
    "b.ts",
    "c.ts",
    "data.json",
    "deep/index.ts",
    "deeper/index.js",
    "late.mjs",
    "packages/neighbour/index.js",
    "src/alias.js",
    "worker.js",
  ]);
  // What isn't there yet is looked for in each place where it may come to be.
  for (const place of ["missing.js", "missing.ts"]) assert.ok(found.includes(place), place);
});

test("an app that isn't there has its own file to wait for", (t) => {
  const path = appFolder(t, {});
  assert.deepEqual(modulesOf(path("none.ts")), [path("none.ts")]);
});
