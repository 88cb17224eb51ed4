/** An app in a process of its own ends with the process that the user signals. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RunningCommand } from "../running-command.ts";
import { appFolder } from "./app-folder.ts";

test("a second signal ends the app with its parent", async (t) => {
  const path = appFolder(t, {
    "app.js": `import { Task } from "everfresh";
      export default [{ id: "a", start: () => Task.start(() => new Promise(() => {})), shutdown: "infinity" }];`,
  });
  const command = new RunningCommand(t, ["run", "--watch", path("app.js")]);
  await command.stderr.line(/runs as process/);
  command.signal("SIGTERM");
  await command.stderr.line(/told to end/);
  command.signal("SIGTERM");
  // Its streams are the app's too, so they end with both.
  assert.equal((await command.ended).code, 143);
});
