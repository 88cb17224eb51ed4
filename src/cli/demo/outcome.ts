/**
 * What came of the demo: the table of its faults, the two sums, and every doubt whether it went as it should.
 */
import type { ExitReason } from "../../index.ts";
import type { PeerEnd } from "../../testing/index.ts";
import type { OrderCount } from "./orders.ts";
import type { Watch } from "./price-watch.ts";
import type { Chapter } from "./story.ts";

export type Outcome = {
  readonly chapters: readonly Chapter[];
  readonly surprises: readonly string[];
  /** Faults that were planned. */
  readonly planned: number;
  readonly watch: Watch;
  readonly orders: OrderCount;
  readonly exitReason: ExitReason;
  /** Of the server. */
  readonly ticks: number;
  readonly taken: readonly number[];
  readonly goodbye: PeerEnd | undefined;
};

const HEADINGS = ["what the server did", "what the client saw", "seen after", "back after", "ticks missed"] as const;

/** The table, line by line. */
export function table({ chapters }: Pick<Outcome, "chapters">): readonly string[] {
  const rows = chapters.map(({ deed, saw, struckAt, sawAt, backAt, missed }) => [
    deed,
    saw ?? "nothing",
    duration(struckAt, sawAt),
    duration(struckAt, backAt),
    missed === undefined ? "" : String(missed),
  ]);
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      // Words to the left, numbers to the right.
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number),
      )
      .join("  ")
      .trimEnd();
  return [line(HEADINGS), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)];
}

function duration(from: number, to: number | undefined): string {
  return to === undefined ? "never" : `${Math.round(to - from)} ms`;
}

/** The two sums, in words. */
export function sums({ ticks, watch, orders }: Pick<Outcome, "ticks" | "watch" | "orders">): readonly string[] {
  return [
    `Ticks    ${ticks} made = ${watch.received} received + ${watch.missed} missed, in ${watch.gaps} gap${watch.gaps === 1 ? "" : "s"}, each while the connection was down.`,
    `Orders   ${orders.made} sent = ${orders.acknowledged.length} acknowledged + ${orders.inDoubt.length} in doubt: handed to a connection that`,
    `         broke before the answer came. ${orders.queued} waited in the outbox for the next connection.`,
  ];
}

/** What is not as it should be, as sentences. */
export function doubtsOf(outcome: Outcome): readonly string[] {
  const { chapters, planned, watch, orders, ticks, taken, exitReason, goodbye } = outcome;
  const doubts = [...outcome.surprises];
  const expect = (holds: boolean, sentence: string) => {
    if (!holds) doubts.push(sentence);
  };

  expect(chapters.length === planned, `Of ${planned} faults only ${chapters.length} came about.`);
  for (const { deed, expected, saw, backAt } of chapters) {
    expect(
      saw !== undefined && expected.includes(saw),
      `The server ${deed}: the client was to see ${expected.join(" or ")}, and saw ${saw ?? "nothing"}.`,
    );
    expect(backAt !== undefined, `The server ${deed}: the client didn't come back.`);
  }

  expect(
    watch.received + watch.missed === ticks,
    `${ticks} ticks were made, and ${watch.received} received and ${watch.missed} missed are not as many.`,
  );
  expect(watch.unexplained === 0, `${watch.unexplained} ticks are missing or out of order where no connection broke.`);
  expect(watch.received > 0, "No tick was received.");

  const known = orders.acknowledged.length + orders.inDoubt.length;
  expect(orders.made === known, `${orders.made} orders were sent, and ${known} are accounted for.`);
  expect(orders.acknowledged.length > 0, "No order was acknowledged.");
  expect(orders.dropped === 0, `${orders.dropped} orders were dropped.`);
  const arrived = new Set(taken);
  expect(arrived.size === taken.length, "The server was sent an order twice.");
  expect(isAscending(taken), "The server was sent orders out of their order.");
  const accounted = new Set([...orders.acknowledged, ...orders.inDoubt]);
  expect(
    orders.acknowledged.every((order) => arrived.has(order)) && taken.every((order) => accounted.has(order)),
    "The orders that the server took are not those that the client believes it took.",
  );

  expect(exitReason === "normal", `The client ended with ${JSON.stringify(exitReason)}, not with "normal".`);
  expect(goodbye?.type === "closed" && goodbye.code === 1000, "The last connection was not closed with 1000.");
  return doubts;
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number > (numbers[index - 1] as number));
}
