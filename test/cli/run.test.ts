/** `everfresh run` as users have it: the real command on apps in folders of their own, and a local server. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type Peer, TestServer } from "../../src/testing/index.ts";
import { appFolder } from "./run/app-folder.ts";
import { type CommandOptions, RunningCommand, runCommand } from "./running-command.ts";

const IMPORTS = 'import { Fresh, ok, Supervisor, Task } from "everfresh";\n';
/** A module whose connections say which they are by the path of their address. */
const FEED = `${IMPORTS}
const Feed = Fresh.define("Feed", {});
const feed = (id) => ({ ...Feed.childSpec({ uri: process.env.SERVER + "/" + id, state: null }), id });
`;
/** A child that takes no notice of being told to end. */
const STUBBORN = `${IMPORTS}
const stubborn = { id: "stubborn", start: () => Task.start(() => new Promise(() => {})), shutdown: "infinity" };
`;

/** Runs an app that is one file. */
function running(t: TestContext, text: string, args: readonly string[] = [], options: CommandOptions = {}) {
  return new RunningCommand(t, ["run", ...args, appFolder(t, { "app.js": text })("app.js")], options);
}

const ended = (t: TestContext, text: string, args: readonly string[] = []) => running(t, text, args).ended;

/** A server that tells of each close frame in the order of their coming. */
async function serving(t: TestContext): Promise<{ readonly url: string; readonly goodbyes: readonly string[] }> {
  const goodbyes: string[] = [];
  const server = await TestServer.start({
    timeout: 30_000,
    script: async (peer: Peer) => {
      const { target } = await peer.accept();
      const frame = await peer.receive("close");
      goodbyes.push(`${target} ${frame.type === "close" ? frame.code : frame.type}`);
    },
  });
  t.after(() => server.stop());
  return { url: server.url, goodbyes };
}

async function allOpen(command: RunningCommand, times: number): Promise<void> {
  await command.stderr.line(/ runs as process \d+$/);
  await command.stdout.times(/connection established/, times);
}

describe("everfresh run", { concurrency: 2 }, () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal} stops the children in reverse, their connections close with 1001, and the exit code is 0`, async (t) => {
      const { url, goodbyes } = await serving(t);
      const command = running(t, `${FEED} export default [feed("a"), feed("b"), feed("c")];`, [], {
        env: { SERVER: url },
      });
      await allOpen(command, 3);
      command.signal(signal);
      const { code, stderr } = await command.ended;
      assert.equal(code, 0, stderr);
      assert.deepEqual(goodbyes, ["/c 1001", "/b 1001", "/a 1001"]);
    });
  }

  test("supervisors under supervisors end in order too", async (t) => {
    const { url, goodbyes } = await serving(t);
    const inner = 'Supervisor.childSpec({ children: [feed("b"), feed("c")] })';
    const command = running(t, `${FEED} export default [feed("a"), ${inner}, feed("d")];`, [], {
      env: { SERVER: url },
    });
    await allOpen(command, 4);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
    assert.deepEqual(goodbyes, ["/d 1001", "/c 1001", "/b 1001", "/a 1001"]);
  });

  test("a second signal ends it at once, with that signal's exit code", async (t) => {
    const command = running(t, `${STUBBORN} export default [stubborn];`);
    await command.stderr.line(/runs as process/);
    command.signal("SIGTERM");
    await command.stderr.line(/told to end: it has 25 s for it; a second signal ends it at once$/);
    command.signal("SIGINT");
    assert.equal((await command.ended).code, 130);
  });

  test("at the deadline it is cut off with 4, and a sentence says who hasn't ended", async (t) => {
    const inner = "Supervisor.childSpec({ id: 'inner', children: [stubborn] })";
    const easy =
      "Task.childSpec({ id: 'easy', run: (signal) => new Promise((end) => signal.addEventListener('abort', end)) })";
    const command = running(t, `${STUBBORN} export default [${inner}, ${easy}];`, ["--timeout", "300"]);
    await command.stderr.line(/runs as process/);
    command.signal("SIGTERM");
    const { code, stderr } = await command.ended;
    assert.equal(code, 4, stderr);
    assert.match(stderr, /^everfresh: cut off after 300 ms; not ended: inner\/stubborn$/m);
  });

  test("an app that hangs before it has anything to run is cut off at the deadline too", async (t) => {
    const command = running(t, "console.log('here'); export default () => new Promise(() => {});", [
      "--timeout",
      "200",
    ]);
    await command.stdout.line(/here/);
    command.signal("SIGTERM");
    const { code, stderr } = await command.ended;
    assert.equal(code, 4);
    assert.match(stderr, /app\.js had not begun, and was cut off\.$/m);
  });

  test("a supervisor that gives up: 3", async (t) => {
    const { code, stderr } = await ended(
      t,
      `${IMPORTS} export default [{ id: "bad", start: () => Task.start(() => { throw new Error("no") }) }];`,
    );
    assert.equal(code, 3, stderr);
    assert.match(stderr, /^everfresh: The supervisor gave up: children had to be restarted too often\.$/m);
  });

  test("a child that can't be started: 1, and a sentence says which and why", async (t) => {
    const { code, stderr } = await ended(
      t,
      `export default [{ id: "bad\\u001b[2J", start: async () => { throw new Error("no luck") } }];`,
    );
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^everfresh: The child "bad\\u001b\[2J" could not be started: no luck$/m);
    assert.ok(!stderr.includes("\u001b"));
  });

  test("an app that ends by itself ends the command: in order with 0, with a fault with 1", async (t) => {
    assert.equal((await ended(t, `${IMPORTS} export default Task.start(async () => {});`)).code, 0);
    const { code, stderr } = await ended(
      t,
      `${IMPORTS} export default Task.start(async () => { throw new Error("worn out"); });`,
    );
    assert.equal(code, 1);
    assert.match(stderr, /^everfresh: The app ended with a fault: task failed: Error: worn out$/m);
  });

  test("a supervisor that shuts itself down with its significant children has not given up: 0", async (t) => {
    const { code, stderr } = await ended(
      t,
      `${IMPORTS}
      export default [{ ...Task.childSpec({ run: async () => {} }), significant: true }];
      export const options = { autoShutdown: "any_significant" };`,
    );
    assert.equal(code, 0, stderr);
  });

  test("a supervisor, a function and an async function may be exported, and the options of a list count", async (t) => {
    const count = `let starts = 0; const list = [{ id: "bad", start: () => { console.log("start " + ++starts); return Task.start(() => { throw new Error("no"); }); } }];`;
    for (const [text, starts] of [
      [`${count} export default Supervisor.start(list, { maxRestarts: 1 });`, 2],
      [`${count} export default () => Supervisor.start(list, { maxRestarts: 0 });`, 1],
      [`${count} export default async () => list;`, 4],
      [`${count} export default list; export const options = { maxRestarts: 2 };`, 3],
    ] as const) {
      const { code, stdout } = await ended(t, `${IMPORTS} ${text}`);
      assert.deepEqual([code, stdout.match(/start \d/g)?.length], [3, starts], text);
    }
  });

  test("a supervisor without children runs until it is told to end", async (t) => {
    const command = running(t, "export default [];");
    await command.stderr.line(/runs as process/);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
  });

  test("names are those of the app's own everfresh", async (t) => {
    const command = running(
      t,
      `${IMPORTS} export default [{ id: "asker", start: () => Task.start(() => {
        console.log("found " + (Supervisor.whereis("root") !== undefined));
      }), restart: "temporary" }]; export const options = { name: "root" };`,
    );
    assert.equal(await command.stdout.line(/found/), "found true");
  });

  const REFUSALS: readonly (readonly [what: string, text: string, code: number, sentence: RegExp])[] = [
    ["without a default export", "export const x = 1;", 2, /app\.js has no default export\. Export a supervisor, /],
    ["that exports a number", "export default 7;", 2, /its default export is a number\. Export a supervisor/],
    ["that exports one child", "export default { id: 'a', start() {} };", 2, /is a single child: put it into a list\./],
    ["whose function gives nothing", "export default () => {};", 2, /its default function gave undefined\./],
    ["with a child that is none", "export default [{ start() {} }];", 2, /A child's id is a string/],
    ["that throws", "throw new Error('oh dear');", 1, /app\.js can't be loaded\.\nError: oh dear\n {4}at /],
    ["that can't be read", "export default [", 1, /app\.js can't be loaded\.\n/],
    ["whose function throws", "export default () => { throw new Error('dear oh'); };", 1, /failed\.\nError: dear oh/],
    [
      "with options for a supervisor",
      `${IMPORTS} export default Supervisor.start([]); export const options = {};`,
      2,
      /app\.js exports options, which are for a list of children/,
    ],
  ];
  for (const [what, text, code, sentence] of REFUSALS) {
    test(`an app ${what}: ${code} and a sentence`, async (t) => {
      const outcome = await ended(t, text);
      assert.match(outcome.stderr, sentence);
      assert.equal(outcome.code, code);
    });
  }

  test("a file that isn't there: 2, and the one that may be meant", async (t) => {
    const path = appFolder(t, { "app.js": "export default [];" });
    const { code, stderr } = await runCommand(t, ["run", path("app")]);
    assert.equal(code, 2);
    assert.match(stderr, /^everfresh: There is no file .*app\. Did you mean .*app\.js\?$/m);
    assert.match(
      (await runCommand(t, ["run", path("node_modules")])).stderr,
      /is no file\. Give the file that exports/,
    );
    assert.match((await runCommand(t, ["run"])).stderr, /run takes the file of an app/);
    assert.match((await runCommand(t, ["run", "a", "b"])).stderr, /run takes one file, and got 2/);
  });

  test("--quiet tells nothing of an orderly life", async (t) => {
    const command = running(t, "console.log('here'); export default [];", ["--quiet"]);
    await command.stdout.line(/here/);
    command.signal("SIGTERM");
    const { code, stderr } = await command.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  });

  test("SIGUSR2 prints each child with state, uptime, restarts, rates and last error, and nothing of a peer's raw", {
    skip: process.platform === "win32" && "there is no SIGUSR2",
  }, async (t) => {
    const server = await TestServer.start({
      timeout: 30_000,
      script: async (peer: Peer) => {
        const { target } = await peer.accept();
        peer.send(target === "/bad" && peer.number < 3 ? "boom\u001b[2J\u202e" : "fine");
        await peer.ended;
      },
    });
    t.after(() => server.stop());
    const command = running(
      t,
      `${FEED}
      const Bad = Fresh.define("Bad", { handleIn(frame, state) { if (frame.data !== "fine") throw new Error(frame.data); console.log("fine"); return ok(state); } });
      const inner = Supervisor.childSpec({ id: "inner", children: [feed("deep")] });
      const away = Feed.childSpec({ uri: "ws://u:secret@127.0.0.1:1/?token=secret", state: null, options: { errorLogging: false, backoffInitial: 60000, backoffJitter: "none" } });
      export default [[Bad, { uri: process.env.SERVER + "/bad", state: null }], { ...away, id: "away" }, inner];`,
      [],
      { env: { SERVER: server.url } },
    );
    await command.stdout.line(/^fine$/);
    await command.stdout.times(/Feed .*connection established/, 1);
    command.signal("SIGUSR2");
    await command.stderr.line(/deep/);
    const all = command.stderr.all;
    assert.match(
      all,
      /^everfresh: .*app\.js, process \d+, \d{4}-.*Z\nthe supervisor {2}running, 3 children {2}up \d+ m?s/m,
    );
    assert.match(
      all,
      /^├─ Bad {4}open +up \d+ m?s +restarts \d .*in [\d.]+\/s {2}out [\d.]+\/s .*ws:\/\/127\.0\.0\.1:\d+\/bad {2}last error: handleIn failed: Error: boom\\u001b\[2J\\u202e$/m,
    );
    assert.match(
      all,
      /^├─ away {3}(waiting|connecting) .*attempt \d+ .*ws:\/\/127\.0\.0\.1:1\/ {2}last error .*ago: .*refused/m,
    );
    assert.match(all, /^└─ inner {2}running, 1 child .*\n {3}└─ deep {2}open {2}up /m);
    for (const raw of ["secret", "\u001b", "\u202e"]) assert.ok(!all.includes(raw), all);
  });
});
