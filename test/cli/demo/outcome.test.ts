/** The outcome is praised only if all of it is as it should be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { doubtsOf, type Outcome, sums, table } from "../../../src/cli/demo/outcome.ts";
import { WATCH } from "../../../src/cli/demo/price-watch.ts";

const GOOD: Outcome = {
  chapters: [
    {
      deed: "resets",
      expected: ["lost", "broken"],
      struckAt: 100,
      sawAt: 101.4,
      saw: "lost",
      backAt: 250.5,
      missed: 3,
    },
    { deed: "refuses the next", expected: ["refused"], struckAt: 120, sawAt: 121, saw: "refused", backAt: 250.5 },
  ],
  surprises: [],
  planned: 2,
  watch: { ...WATCH, newest: 10, received: 7, missed: 3, gaps: 1 },
  orders: { made: 5, acknowledged: [1, 2, 4], inDoubt: [3, 5], pending: 0, queued: 1, dropped: 0 },
  exitReason: "normal",
  ticks: 10,
  taken: [1, 2, 3, 4],
  goodbye: { type: "closed", code: 1000, reason: "" },
};

test("the table has a row for each fault, words to the left and numbers to the right", () => {
  assert.deepEqual(table(GOOD), [
    "what the server did  what the client saw  seen after  back after  ticks missed",
    "───────────────────  ───────────────────  ──────────  ──────────  ────────────",
    "resets               lost                       1 ms      151 ms             3",
    "refuses the next     refused                    1 ms      131 ms",
  ]);
});

test("what never came about is said as such", () => {
  const [, , row] = table({ chapters: [{ deed: "resets", expected: [], struckAt: 0 }] });
  assert.match(row as string, /^resets +nothing +never +never$/);
});

test("the sums are told as sums", () => {
  const [ticks, orders] = sums(GOOD);
  assert.match(ticks as string, /10 made = 7 received \+ 3 missed, in 1 gap,/);
  assert.match(orders as string, /5 sent = 3 acknowledged \+ 2 in doubt/);
});

test("nothing is to be said against a good outcome", () => {
  assert.deepEqual(doubtsOf(GOOD), []);
});

const chapter = (more: object) => ({
  chapters: [{ ...GOOD.chapters[0], ...more } as never, GOOD.chapters[1] as never],
});
const watch = (more: object) => ({ watch: { ...GOOD.watch, ...more } });
const orders = (more: object) => ({ orders: { ...GOOD.orders, ...more } });

const WRONG: readonly (readonly [what: string, change: Partial<Outcome>, doubt: RegExp])[] = [
  ["a surprise", { surprises: ["The moon fell."] }, /^The moon fell\.$/],
  ["a fault that never came", { planned: 3 }, /^Of 3 faults only 2 came about\.$/],
  ["a fault seen for another", chapter({ saw: "refused" }), /was to see lost or broken, and saw refused\.$/],
  ["a fault not seen", chapter({ saw: undefined }), /and saw nothing\.$/],
  ["no return", chapter({ backAt: undefined }), /didn't come back\.$/],
  ["a tick unaccounted for", { ticks: 11 }, /^11 ticks were made, and 7 received and 3 missed/],
  ["a gap without a fault", watch({ unexplained: 1 }), /^1 ticks are missing or out of order/],
  ["no tick at all", { ...watch({ received: 0, missed: 10 }) }, /^No tick was received\.$/],
  ["an order unaccounted for", orders({ made: 6, pending: 1 }), /^6 orders were sent, and 5 are accounted for\.$/],
  ["no order acknowledged", { ...orders({ acknowledged: [], made: 2 }), taken: [3] }, /^No order was acknowledged\.$/],
  ["a dropped order", orders({ dropped: 1 }), /^1 orders were dropped\.$/],
  ["an order that came twice", { taken: [1, 2, 2, 3, 4] }, /^The server was sent an order twice\.$/],
  ["orders out of order", { taken: [1, 2, 4, 3] }, /^The server was sent orders out of their order\.$/],
  ["an acknowledged order that never came", { taken: [1, 2] }, /^The orders that the server took are not those/],
  ["an order nobody sent", { taken: [1, 2, 4, 9] }, /^The orders that the server took are not those/],
  ["another exit reason", { exitReason: "killed" }, /^The client ended with "killed", not with "normal"\.$/],
  ["a rude goodbye", { goodbye: { type: "fin" } }, /was not closed with 1000\.$/],
  ["no goodbye", { goodbye: undefined }, /was not closed with 1000\.$/],
];
for (const [what, change, doubt] of WRONG) {
  test(`${what} is doubted`, () => {
    const doubts = doubtsOf({ ...GOOD, ...change });
    assert.ok(
      doubts.some((sentence) => doubt.test(sentence)),
      doubts.join("\n"),
    );
  });
}
