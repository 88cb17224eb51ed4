import assert from "node:assert/strict";
import { test } from "node:test";
import { parentControl } from "../../../src/cli/run/control.ts";
import type { Parent } from "../../../src/cli/run/parent.ts";

test("a parent's word ends the app, and so does its own end", async () => {
  for (const [message, exitCode] of [
    [{ everfresh: "end", exitCode: 130 }, 130],
    ["gone", 143],
  ] as const) {
    let tell: Parameters<Parent["onMessage"]>[0] = () => {};
    const control = parentControl({
      send: async () => {},
      onMessage: (listener) => {
        tell = listener;
      },
    });
    let looks = 0;
    control.onLook(() => {
      looks += 1;
    });
    tell({ everfresh: "look" });
    tell(message);
    assert.deepEqual([await control.ending, looks], [exitCode, 1]);
  }
});
