/** `everfresh run --watch`: the app starts anew when one of its files changes, behind an orderly end of the one before. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, type TestContext, test } from "node:test";
import { type Peer, TestServer } from "../../../src/testing/index.ts";
import { RunningCommand } from "../running-command.ts";
import { appFolder } from "./app-folder.ts";

const APP = (greeting: string) => `
import { Fresh } from "everfresh";
import { name } from "./lib/name.js";
const Feed = Fresh.define("Feed", { handleConnect(status, headers, state, self) {
  self.send("${greeting} " + name);
  return { type: "ok", state };
}, handleTerminate(reason) { console.log("terminated: " + reason); } });
export default [[Feed, { uri: process.env.SERVER, state: null }]];
`;

/** A server that notes what comes, and waits for how many notes there are. */
async function noting(t: TestContext) {
  const notes: string[] = [];
  let wake = (): void => undefined;
  const note = (text: string): void => {
    notes.push(text);
    wake();
  };
  const server = await TestServer.start({
    timeout: 60_000,
    script: async (peer: Peer) => {
      await peer.accept();
      for await (const frame of peer.frames()) {
        if (frame.type === "text") note(frame.data);
        if (frame.type === "close") note(`closed ${frame.code}`);
      }
    },
  });
  t.after(() => server.stop());
  const until = async (count: number): Promise<readonly string[]> => {
    while (notes.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return notes;
  };
  return { url: server.url, until };
}

async function watching(t: TestContext) {
  const { url, until } = await noting(t);
  const path = appFolder(t, { "app.js": APP("hello"), "lib/name.js": 'export const name = "one";' });
  const command = new RunningCommand(t, ["run", "--watch", path("app.js")], { env: { SERVER: url } });
  await until(1);
  await command.stderr.line(/runs as process/);
  return { command, path, until };
}

describe("everfresh run --watch", { concurrency: 2 }, () => {
  test("a change of the app, or of a module that it imports, ends it with 1001 and starts it anew", async (t) => {
    const { command, path, until } = await watching(t);
    writeFileSync(path("app.js"), APP("good morning"));
    assert.deepEqual(await until(3), ["hello one", "closed 1001", "good morning one"]);
    await command.stderr.line(/app\.js has changed; starting anew$/);
    await command.stderr.times(/runs as process/, 2);
    writeFileSync(path("lib/name.js"), 'export const name = "number two";');
    assert.deepEqual((await until(5)).slice(3), ["closed 1001", "good morning number two"]);
    await command.stderr.times(/runs as process/, 3);

    command.signal("SIGTERM");
    const { code, stdout } = await command.ended;
    assert.equal(code, 0);
    assert.equal((await until(6))[5], "closed 1001");
    assert.equal(stdout.match(/^terminated: shutdown$/gm)?.length, 3);
  });

  test("the new app isn't started before the old one has ended, however long that takes", async (t) => {
    // Longer than a process takes to start.
    const app = `import { Task } from "everfresh";
      export default [Task.childSpec({ run: async (signal) => {
        console.log("begins");
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        await new Promise((resolve) => setTimeout(resolve, 3000));
        console.log("ends");
      } })];`;
    const path = appFolder(t, { "app.js": app });
    const command = new RunningCommand(t, ["run", "--watch", path("app.js")]);
    await command.stderr.line(/runs as process/);
    writeFileSync(path("app.js"), `${app}\n`);
    await command.stdout.times(/begins/, 2);
    assert.equal(command.stdout.all, "begins\nends\nbegins\n");
  });

  test("an app that can't be loaded, or has ended, is started by the next change", async (t) => {
    const { command, path, until } = await watching(t);
    writeFileSync(path("app.js"), "export default [");
    await command.stderr.line(/ended with 1; the next change starts it again$/);
    writeFileSync(path("app.js"), 'import { Task } from "everfresh"; export default Task.start(async () => {});');
    await command.stderr.line(/ended with 0; the next change starts it again$/);
    writeFileSync(path("app.js"), APP("back"));
    assert.equal((await until(3))[2], "back one");
    await command.stderr.times(/runs as process/, 3);
    command.signal("SIGINT");
    assert.equal((await command.ended).code, 0);
  });

  test("SIGUSR2 shows the tree of the app that runs", {
    skip: process.platform === "win32" && "there is no SIGUSR2",
  }, async (t) => {
    const { command } = await watching(t);
    command.signal("SIGUSR2");
    await command.stderr.line(/└─ Feed {2}open {2}up /);
    command.signal("SIGTERM");
    assert.equal((await command.ended).code, 0);
  });

  test("an app whose parent is killed ends in order", async (t) => {
    const { command, until } = await watching(t);
    command.signal("SIGKILL");
    assert.equal((await until(2))[1], "closed 1001");
    assert.equal((await command.ended).signal, "SIGKILL");
  });
});
