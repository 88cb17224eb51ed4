/** The story keeps who did what when, and notices what nobody had planned. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Story } from "../../../src/cli/demo/story.ts";

function telling() {
  let now = 1000;
  const told: string[] = [];
  const story = new Story(
    (at, who, what) => told.push(`${at} ${who} ${what}`),
    () => now,
  );
  return {
    story,
    told,
    at: (time: number) => {
      now = 1000 + time;
    },
  };
}

test("a fault, what the client saw, and its return are one chapter, with their times", () => {
  const { story, told, at } = telling();
  story.opened();
  at(10);
  story.struck("resets", ["lost"]);
  at(12);
  story.saw("lost");
  at(50);
  story.opened();
  story.missed(3);
  assert.deepEqual(story.chapters, [
    { deed: "resets", expected: ["lost"], struckAt: 10, sawAt: 12, saw: "lost", backAt: 50, missed: 3 },
  ]);
  assert.deepEqual(told, [
    "0 client connected",
    "10 server resets",
    "12 client sees lost",
    "50 client is back, 40 ms later",
  ]);
  assert.deepEqual(story.surprises, []);
});

test("two faults of one outage are back together; what was missed stands with the first", () => {
  const { story, told, at } = telling();
  story.opened();
  at(10);
  story.struck("hangs up", []);
  story.saw("ended");
  at(20);
  story.struck("refuses", []);
  story.saw("refused");
  at(100);
  story.opened();
  story.missed(5);
  assert.deepEqual(
    story.chapters.map(({ saw, backAt, missed }) => [saw, backAt, missed]),
    [
      ["ended", 100, 5],
      ["refused", 100, undefined],
    ],
  );
  assert.equal(told.at(-1), "100 client is back, 90 ms later");
});

test("what the client sees without a fault is a surprise", () => {
  const { story } = telling();
  story.opened();
  story.saw("lost");
  assert.deepEqual(story.surprises, ["The client saw lost, and the server had done nothing."]);
});
