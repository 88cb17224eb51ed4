/**
 * The runner of the tests (scripts/test.ts) is red when it should be, and its last line is the sum.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PROGRAMS } from "../../scripts/foreign-peers.ts";

const SCRIPT = fileURLToPath(new URL("../../scripts/test.ts", import.meta.url));
const WATCHDOG = new URL("../../scripts/test-watchdog.ts", import.meta.url).href;
const PASSING = 'test("passes", () => {});';

const roots: string[] = [];
after(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

test("tests that pass are counted in the last line, and the exit code is 0", async () => {
  const { code, lastLine } = await run({ "test/a.test.ts": PASSING, "test/deep/er/b.test.ts": PASSING });
  assert.deepEqual({ code, lastLine }, { code: 0, lastLine: "2 passed, 0 failed" });
});

test("a failed test is counted and fails the run", async () => {
  const { code, lastLine } = await run({
    "test/a.test.ts": `${PASSING} test("no", () => { throw new Error("no"); });`,
  });
  assert.deepEqual({ code, lastLine }, { code: 1, lastLine: "1 passed, 1 failed" });
});

test("a test skipped with a reason is counted and listed with it", async () => {
  const { code, lastLine, output } = await run({
    "test/a.test.ts": `${PASSING} test("later", { skip: "no IPv6 here" }, () => {});`,
  });
  assert.deepEqual({ code, lastLine }, { code: 0, lastLine: "1 passed, 0 failed, 1 skipped" });
  assert.match(output, /^skipped: test\/a\.test\.ts: later: no IPv6 here$/m);
});

test("what Node's own runner lets pass is a fault: each of these files adds one", async () => {
  const { code, lastLine, output } = await run({
    "test/holds-none.test.ts": "console.log(1);",
    "test/skipped-test.test.ts": 'test("later", { skip: true }, () => {});',
    "test/skipped-suite.test.ts": 'describe.skip("later", () => {});',
    "test/to-do.test.ts": 'test("later", { todo: "one day" }, () => {});',
    "test/hook.test.ts": 'describe("suite", () => { after(() => { throw new Error("no"); }); test("x", () => {}); });',
    "test/late.test.ts": 'test("x", () => {}); setTimeout(() => process.exit(3), 20);',
  });
  assert.deepEqual({ code, lastLine }, { code: 1, lastLine: "2 passed, 6 failed" });
  for (const sentence of [
    "test/holds-none.test.ts holds no test.",
    "test/skipped-test.test.ts: later is skipped without a reason.",
    "test/skipped-suite.test.ts: later is skipped without a reason.",
    "test/to-do.test.ts: later is a todo.",
    "test/hook.test.ts: suite failed as a suite.",
    "test/late.test.ts failed as a whole",
  ]) {
    assert.ok(output.includes(`fault: ${sentence}`), sentence);
  }
});

test("a process that ends before its tests do fails the run", async () => {
  const { code } = await run({ "test/a.test.ts": `${PASSING} test("x", async () => { process.exit(0); });` });
  assert.equal(code, 1);
});

test("a run without any test file fails", async () => {
  const { code, lastLine } = await run({ "test/readme.md": "nothing" });
  assert.deepEqual({ code, lastLine }, { code: 1, lastLine: "0 passed, 1 failed" });
  const limited = await run({ "test/a.test.ts": PASSING, "test/docs/readme.md": "" }, ["unit", "test/docs"]);
  assert.deepEqual(limited.lastLine, "0 passed, 1 failed");
});

test("a test that hangs is named and stopped by the watchdog", async () => {
  const hanging = 'test("hangs", () => new Promise((resolve) => setTimeout(resolve, 600_000)));';
  const { code, output } = await run({ "test/a.test.ts": `${PASSING} ${hanging}` }, ["unit"], {
    EVERFRESH_TEST_TIMEOUT: "300",
  });
  assert.equal(code, 1);
  assert.match(output, /The test "hangs" has not ended within 0\.3 s/);
});

test("a test that leaves something open fails the run, and what it is is said", async () => {
  const leaving =
    'import { createServer } from "node:net"; test("leaves", () => void createServer().listen(0, "127.0.0.1"));';
  const { code, output } = await run({ "test/a.test.ts": leaving }, ["unit"], { EVERFRESH_TEST_TIMEOUT: "600" });
  assert.equal(code, 1);
  assert.match(output, /All tests have ended, "leaves" last, and something keeps the process running: .*TCPServerWrap/);
});

test("a test may put a clock of its own in the place of the real one", async () => {
  const mocking = `
    globalThis.setTimeout = (callback) => setImmediate(callback);
    test("hurries", () => new Promise((resolve) => setTimeout(() => setImmediate(resolve), 3_600_000)));`;
  const { code, lastLine } = await run({ "test/a.test.ts": mocking });
  assert.deepEqual({ code, lastLine }, { code: 0, lastLine: "1 passed, 0 failed" });
});

test("the watchdog leaves a program alone that a test starts with the same flags", async () => {
  const starting = `
    import { spawnSync } from "node:child_process";
    test("starts", (t) => {
      const { stdout } = spawnSync(process.execPath, [...process.execArgv, "program.ts"], { encoding: "utf8" });
      t.diagnostic("it said " + JSON.stringify(stdout));
    });`;
  const { code, output } = await run({ "test/a.test.ts": starting, "program.ts": 'process.stdout.write("hello");' });
  assert.equal(code, 0);
  assert.match(output, /it said "hello"$/m);
});

test("a path limits the run to what lies under it", async () => {
  const files = { "test/a.test.ts": PASSING, "test/deep/b.test.ts": PASSING, "test/deeper/c.test.ts": PASSING };
  assert.equal((await run(files, ["unit", "test/deep"])).lastLine, "1 passed, 0 failed");
  assert.equal((await run(files, ["unit", "interop", "test/a.test.ts"])).lastLine, "1 passed, 0 failed");
});

test("a pattern limits the run to the tests it matches", async () => {
  const files = { "test/a.test.ts": `${PASSING} test("other", () => { throw new Error("no"); });` };
  assert.equal((await run(files, ["unit", "--name=passes"])).lastLine, "1 passed, 0 failed");
});

test("the suites are apart: interop's tests aren't unit's, and both can be summed", async () => {
  const files = { "test/a.test.ts": PASSING, "test/interop/b.test.ts": PASSING };
  const prepared = { EVERFRESH_PYTHON: fakePython("exit 0"), PATH: `${fakePrograms()}:${process.env.PATH}` };
  assert.equal((await run(files, ["interop"], prepared)).lastLine, "1 passed, 0 failed");
  assert.equal((await run(files, ["unit", "interop"], prepared)).lastLine, "2 passed, 0 failed");
});

test("interop with a Python that lacks a peer fails with a sentence that says what to do", async () => {
  const python = fakePython("exit 1");
  const { code, lastLine, output } = await run({ "test/interop/a.test.ts": PASSING }, ["interop"], {
    EVERFRESH_PYTHON: python,
  });
  assert.deepEqual({ code, lastLine }, { code: 1, lastLine: "0 passed, 1 failed" });
  assert.ok(output.includes(`EVERFRESH_PYTHON is ${python}, which can't import websockets`));
});

test("interop without a peer that can't be installed fails, and says which packages to install", async () => {
  // Nothing but Python and the daemons that the machine has: no apt-get either.
  const { code, lastLine, output } = await run({ "test/interop/a.test.ts": PASSING }, ["interop"], {
    EVERFRESH_PYTHON: fakePython("exit 0"),
    PATH: newRoot(),
  });
  assert.deepEqual({ code, lastLine }, { code: 1, lastLine: "0 passed, 1 failed" });
  assert.match(output, /there is no apt-get to install them with: libwebsockets-test-server websocketd/);
  assert.match(output, /run "sudo apt-get install libwebsockets-test-server websocketd/);
});

test("a wrong argument is refused with exit code 2", async () => {
  assert.equal((await run({ "test/a.test.ts": PASSING }, ["no-suite"])).code, 2);
  assert.equal((await run({ "test/a.test.ts": PASSING }, ["unit", "test/no-such-path"])).code, 2);
});

/** Runs scripts/test.ts in a new root with these files; `unit` unless told otherwise. */
async function run(files: Readonly<Record<string, string>>, args: readonly string[] = ["unit"], env = {}) {
  const root = newRoot();
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `import { after, describe, test } from "node:test";\n${source}\n`);
  }
  const flags = ["--import", import.meta.resolve("tsx"), "--import", WATCHDOG];
  // Node's runner refuses to run inside a test; this one is a test's subject, not a part of it.
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const child = spawn(process.execPath, [...flags, SCRIPT, ...args], {
    cwd: root,
    env: { ...environment, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return { code, output, lastLine: output.trimEnd().split("\n").at(-1) ?? "" };
}

function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "everfresh-runner-"));
  roots.push(root);
  return root;
}

/** A folder with a file of the name of each program that interop needs. */
function fakePrograms(): string {
  const folder = newRoot();
  for (const { name } of PROGRAMS) writeFileSync(join(folder, name), "");
  return folder;
}

function fakePython(line: string): string {
  const path = join(newRoot(), "python3");
  writeFileSync(path, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  return path;
}
