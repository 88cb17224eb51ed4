import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../../src/cli/exit-code.ts";
import { NeedsNodeOptions, type NodeAbilities, typescriptRemedy } from "../../../src/cli/run/typescript.ts";
import { appFolder } from "./app-folder.ts";

const OLD: NodeAbilities = { version: "v20.19.0", stripsOnRequest: false, given: [] };
const ASKED: NodeAbilities = { version: "v22.10.0", stripsOnRequest: true, given: [] };
const STRIP = "--experimental-strip-types";

const coded = (code: string, message: string) => Object.assign(new Error(message), { code });
const UNKNOWN = coded("ERR_UNKNOWN_FILE_EXTENSION", 'Unknown file extension ".ts" for /x/app.ts');
const UNSUPPORTED = coded(
  "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX",
  "  x TypeScript enum is not supported in strip-only mode\n   ,-[2:1]\n",
);

const TSX = {
  "node_modules/tsx/package.json": '{"main":"loader.js"}',
  "node_modules/tsx/loader.js": "",
};

test("a Node that strips types when it is asked to is asked to", (t) => {
  const remedy = typescriptRemedy(UNKNOWN, appFolder(t, TSX)("app.ts"), ASKED);
  assert.ok(remedy instanceof NeedsNodeOptions);
  assert.deepEqual(remedy.nodeOptions, [STRIP]);
});

test("for a Node that can't, and for syntax that it can't, there is the project's tsx", (t) => {
  const file = appFolder(t, TSX)("app.ts");
  for (const [error, node] of [
    [UNKNOWN, OLD],
    [UNSUPPORTED, ASKED],
    [UNKNOWN, { ...ASKED, given: [STRIP] }],
  ] as const) {
    const remedy = typescriptRemedy(error, file, node);
    assert.ok(remedy instanceof NeedsNodeOptions);
    assert.equal(remedy.nodeOptions[0], "--import");
    assert.match(remedy.nodeOptions[1] as string, /^file:.*node_modules\/tsx\/loader\.js$/);
    // What has been tried is not tried again.
    assert.ok(typescriptRemedy(error, file, { ...node, given: [STRIP, ...remedy.nodeOptions] }) instanceof UsageError);
  }
});

test("where there is neither, a sentence says what to install", (t) => {
  const file = appFolder(t, {})("app.ts");
  const unknown = typescriptRemedy(UNKNOWN, file, OLD);
  assert.ok(unknown instanceof UsageError);
  assert.match(
    unknown.message,
    /^Node 20\.19\.0 can't run TypeScript, .*Install tsx .*\(npm install --save-dev tsx\), take Node 22\.18/,
  );
  const unsupported = typescriptRemedy(UNSUPPORTED, file, ASKED);
  assert.ok(unsupported instanceof UsageError);
  assert.match(
    unsupported.message,
    /leaving the types out.*what has: TypeScript enum is not supported in strip-only mode\. Install.*npm install --save-dev tsx/,
  );
});

test("other errors are none of this", (t) => {
  const file = appFolder(t, TSX)("app.ts");
  const others = [
    new Error("boom"),
    undefined,
    coded("ERR_UNKNOWN_FILE_EXTENSION", 'Unknown file extension ".css" for /x/app.css'),
    coded("ERR_MODULE_NOT_FOUND", "Cannot find module"),
  ];
  assert.deepEqual(
    others.map((error) => typescriptRemedy(error, file, OLD)),
    others.map(() => undefined),
  );
});
