import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { onTyped } from "../../../src/cli/run/keys.ts";
import { FakeHost } from "../fake-host.ts";

/** As in /proc/self/stat, of a process in group 7. */
const stat = (foreground: number) => () => `9 (a (b) c) S 1 7 5 34816 ${foreground} 4194304 0`;

for (const [where, foreground] of [
  ["in the foreground of a terminal", stat(7)],
  ["in a terminal that controls nothing, as in a container", stat(-1)],
  ["where the system doesn't tell", () => undefined],
] as const) {
  test(`${where}, a line that is just the word calls back`, async () => {
    const { input } = new FakeHost({ terminal: true });
    let typed = 0;
    const count = (): void => {
      typed += 1;
    };
    onTyped(input, "t", count, foreground);
    input.write("t");
    input.write("\ntt\nx\n t \n");
    input.end("t");
    await once(input, "end");
    assert.equal(typed, 2);
  });
}

for (const [what, terminal, foreground] of [
  ["an input that is no terminal", false, 7],
  ["the terminal of a job in the background", true, 8],
] as const) {
  test(`${what} is left alone`, () => {
    const { input } = new FakeHost({ terminal });
    onTyped(input, "t", () => assert.fail(), stat(foreground));
    assert.equal(input.listenerCount("data"), 0);
    assert.equal(input.readableFlowing, null);
  });
}
