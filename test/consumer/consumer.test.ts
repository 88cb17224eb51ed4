/**
 * The package as its users get it: packed from a clean copy of the sources, installed as a tarball into an empty project,
 * imported from JavaScript and TypeScript, and run as a command. Nothing here needs a network.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FIXTURES = fileURLToPath(new URL("./project/", import.meta.url));
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const publicNames: Readonly<Record<string, { values: string[] }>> = JSON.parse(
  readFileSync(join(ROOT, "test/house/public-names.json"), "utf8"),
);

/** What the package is made from; a build must need no more. */
const SOURCES = [
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "src",
  "scripts",
  "LICENSE",
  "README.md",
  "CHANGELOG.md",
];

const base = mkdtempSync(join(tmpdir(), "everfresh-consumer-"));
const checkout = join(base, "checkout");
const project = join(base, "project");
const installed = join(project, "node_modules/everfresh");
let packed: readonly string[] = [];

before(
  async () => {
    for (const path of SOURCES) cpSync(join(ROOT, path), join(checkout, path), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(checkout, "node_modules"), "junction");
    // What an earlier build left behind must not reach the package.
    mkdirSync(join(checkout, "dist"));
    writeFileSync(join(checkout, "dist/stale.js"), "");
    const pack = await run("npm", ["pack", "--json", "--pack-destination", base], checkout);
    const [report] = JSON.parse(pack.stdout.slice(pack.stdout.indexOf("[\n")));
    packed = report.files.map(({ path }: { path: string }) => path).sort();

    cpSync(FIXTURES, project, { recursive: true });
    writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    await run("npm", ["install", join(base, report.filename)], project);
  },
  { timeout: 120_000 },
);
after(() => rmSync(base, { recursive: true, force: true }));

test("the tarball holds dist, src, and the papers, and nothing that an earlier build left", () => {
  const strangers = packed.filter(
    (path) => !/^(dist|src)\/|^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(path),
  );
  assert.deepEqual(strangers, []);
  assert.ok(!packed.includes("dist/stale.js"));
  for (const paper of ["README.md", "LICENSE", "CHANGELOG.md"]) assert.ok(packed.includes(paper), paper);
});

test("each source has its code, its types and the maps that lead from both back to it", () => {
  const sources = packed.filter((path) => path.startsWith("src/"));
  const wanted = sources.flatMap((path) =>
    [".js", ".js.map", ".d.ts", ".d.ts.map"].map((end) => path.replace(/^src/, "dist").replace(/\.ts$/, end)),
  );
  assert.ok(sources.length > 20);
  assert.deepEqual(
    packed.filter((path) => path.startsWith("dist/")),
    wanted.sort(),
  );
  for (const map of packed.filter((path) => path.endsWith(".map"))) {
    const { sources: origins } = JSON.parse(readFileSync(join(installed, map), "utf8"));
    for (const origin of origins) assert.ok(existsSync(join(installed, map, "..", origin)), `${map}: ${origin}`);
  }
});

test("the installation brings nothing but the package itself", () => {
  const others = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."));
  assert.deepEqual(others, ["everfresh"]);
});

test("import and require give the public names of every entry point", async () => {
  for (const [entry, { values }] of Object.entries(publicNames)) {
    const imported = await node([
      "-p",
      `import("${entry}").then((m) => console.log(JSON.stringify(Object.keys(m)))), ""`,
    ]);
    assert.deepEqual(JSON.parse(imported.stdout).sort(), values, entry);
    const required = await node([
      "--input-type=commonjs",
      "-e",
      `console.log(JSON.stringify(Object.keys(require("${entry}"))))`,
    ]);
    assert.deepEqual(
      JSON.parse(required.stdout)
        .filter((name: string) => name !== "__esModule")
        .sort(),
      values,
      entry,
    );
  }
});

test("a program in JavaScript has a conversation", async () => {
  const { stdout } = await node(["main.js"]);
  assert.deepEqual(JSON.parse(stdout), { last: "ping!!", reason: "normal", stopIsThere: "function" });
});

for (const resolution of ["nodenext", "bundler"] as const) {
  for (const entry of ["main", "protocol", "rpc", "testing"] as const) {
    test(`a program in TypeScript on ${entry} compiles with "${resolution}", strict, and our declarations checked`, async () => {
      provideNodeTypes();
      const modules = resolution === "bundler" ? ["--module", "esnext"] : ["--module", "nodenext"];
      await node([
        TSC,
        "--noEmit",
        "--strict",
        "--exactOptionalPropertyTypes",
        ...["--skipLibCheck", "false", "--target", "es2023", "--lib", "es2023"],
        ...[...modules, "--moduleResolution", resolution, `${entry}.ts`],
      ]);
    });
  }
}

test("npx everfresh --version tells the version of the package", async () => {
  const { stdout } = await run("npx", ["everfresh", "--version"], project);
  assert.match(stdout, new RegExp(`^(everfresh )?${manifest.version.replaceAll(".", "\\.")}\\n$`));
});

test("npx everfresh connect talks to a server", async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.on("connection", (socket) => socket.on("message", (data) => socket.send(`you said: ${data}`)));
  const { stdout } = await run(
    "npx",
    ["everfresh", "connect", `ws://127.0.0.1:${port}`, "--max-messages", "1"],
    project,
    "hello\n",
  );
  assert.match(stdout, /you said: hello$/m);
  for (const socket of server.clients) socket.terminate();
  server.close();
  await once(server, "close");
});

test("npx everfresh run runs a JavaScript app", async () => {
  writeFileSync(join(project, "app.js"), APP);
  const { stdout } = await run("npx", ["everfresh", "run", "app.js", "--quiet"], project);
  assert.equal(stdout, "running\n");
});

test("everfresh run runs a TypeScript app where Node can, and else says what to install", async () => {
  writeFileSync(join(project, "app.ts"), TYPED_APP);
  const { code, stdout, stderr } = await endOf(runApp("app.ts"));
  const can = process.allowedNodeEnvironmentFlags.has("--experimental-strip-types");
  assert.deepEqual([code, stdout], can ? [0, "running\n"] : [2, ""], stderr);
  if (!can) assert.match(stderr, /can't run TypeScript, .*Install tsx in the project \(npm install --save-dev tsx\)/);
});

test("everfresh run takes the project's tsx for TypeScript that Node can't run, and passes the signals on", async () => {
  symlinkSync(join(ROOT, "node_modules/tsx"), join(project, "node_modules/tsx"), "junction");
  writeFileSync(join(project, "app.ts"), ENUM_APP);
  const child = runApp("app.ts");
  child.stdout.once("data", () => child.kill("SIGTERM"));
  const { code, stdout, stderr } = await endOf(child);
  assert.deepEqual([code, stdout], [0, "running\ntold to end\n"], stderr);
});

const APP = `
import { Task } from "everfresh";
export default () => Task.start(async () => console.log("running"));
`;
const TYPED_APP = `
import { Task, type TaskFunction } from "everfresh";
const work: TaskFunction = async () => console.log("running");
export default () => Task.start(work);
`;
/** An enum is more than a type, so no Node leaves it out. */
const ENUM_APP = `
import { Task } from "everfresh";
enum Word { Begin = "running", End = "told to end" }
export default Task.start(async (signal: AbortSignal) => {
  console.log(Word.Begin);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  console.log(Word.End);
});
`;

/** The command itself: npx would stand between it and its signals. */
function runApp(file: string) {
  const command = join(installed, "dist/cli/main.js");
  return spawn(process.execPath, [command, "run", file, "--quiet"], {
    cwd: project,
    env: plainEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
}

async function endOf(child: ReturnType<typeof runApp>) {
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code, stdout, stderr };
}

/** Puts @types/node where `npm install --save-dev @types/node` would. npm, later, would take it away again. */
function provideNodeTypes(): void {
  for (const name of ["@types/node", "undici-types"]) {
    cpSync(join(ROOT, "node_modules", name), join(project, "node_modules", name), { recursive: true });
  }
}

function node(args: readonly string[]): Promise<{ stdout: string }> {
  return run(process.execPath, args, project);
}

/** Runs a command to its end, which must be a good one; npm without network and without this run's own settings. */
async function run(command: string, args: readonly string[], cwd: string, input?: string): Promise<{ stdout: string }> {
  const npm = {
    npm_config_offline: "true",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_yes: "false",
  };
  const child = spawn(command, args, { cwd, env: { ...plainEnvironment(), ...npm }, timeout: 90_000 });
  // Standard input stays open: its end would mean that there is nothing more to say.
  if (input !== undefined) child.stdin.write(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  assert.equal(code, 0, `${command} ${args.join(" ")} ended with ${code}:\n${stdout}\n${stderr}`);
  return { stdout };
}

/** Without what this run itself was given. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|node_)/i.test(name)));
}
