/**
 * Our supervisors beside the real ones: what OTP's and Elixir's did in some hundred sequences of child exits and commands was recorded
 * (`npm run record:otp`), and ours do the same, event by event. Where they don't on purpose, the difference has a name here, and a row in
 * docs/decisions/0028-supervision-and-otp.md; what differs without one is an error.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { replay } from "./replay.ts";
import type { Event, Recording, Sequence } from "./sequence.ts";

type Reading = (events: readonly Event[]) => readonly Event[];

/** Name → how the events of the one and the other side are read, so that they are the same but for this. */
const DIFFERENCES: Readonly<
  Record<string, { readonly of: Sequence[0]; readonly theirs: Reading; readonly ours: Reading }>
> = {
  // OTP lists the newest child first.
  "children-in-start-order": { of: "supervisor", theirs: (events) => events.map(reversed), ours: (events) => events },
  // Elixir ends the children of a dynamic supervisor in no order, and reports when all have ended.
  "no-order-of-dynamic-ends": { of: "dynamic", theirs: withSortedEnd, ours: withSortedEnd },
  // Of a permanent child that was told to end and did so with { shutdown }, OTP's supervisor reports, and Elixir's dynamic one doesn't.
  "one-rule-for-reports": { of: "dynamic", theirs: withoutReportsOfShutdown, ours: withoutReportsOfShutdown },
};

/** EVERFRESH_RECORDED names another file, to look further. */
const RECORDED = process.env.EVERFRESH_RECORDED ?? fileURLToPath(new URL("recorded.jsonl", import.meta.url));
const RECORDINGS = readFileSync(RECORDED, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Recording);

const KINDS = ["supervisor one_for_one", "supervisor one_for_all", "supervisor rest_for_one", "dynamic one_for_one"];

for (const wanted of KINDS) {
  const recordings = RECORDINGS.filter(({ sequence: [kind, strategy] }) => `${kind} ${strategy}` === wanted);

  test(`${wanted}: every recorded sequence comes out as with OTP`, async () => {
    assert.ok(recordings.length >= 100, `there are ${recordings.length} recordings`);
    for (const { sequence, events } of recordings) {
      let [theirs, ours] = [events, await replay(sequence)];
      for (const difference of Object.values(DIFFERENCES)) {
        if (difference.of !== sequence[0]) continue;
        theirs = difference.theirs(theirs);
        ours = difference.ours(ours);
      }
      assert.deepEqual(ours, theirs, `in ${JSON.stringify(sequence)}`);
    }
  });
}

test("each difference shows in a recording, and has its row in the decision", async () => {
  const page = readFileSync(new URL("../../../docs/decisions/0028-supervision-and-otp.md", import.meta.url), "utf8");
  for (const [name, { of, theirs, ours }] of Object.entries(DIFFERENCES)) {
    assert.ok(page.includes(`| \`${name}\` |`), `${name} has no row`);
    const shown = RECORDINGS.some(
      ({ sequence, events }) => sequence[0] === of && (changes(theirs, events) || changes(ours, events)),
    );
    assert.ok(shown || (await showsInOurs(of, ours)), `${name} shows nowhere`);
  }
});

async function showsInOurs(of: Sequence[0], reading: Reading): Promise<boolean> {
  for (const { sequence } of RECORDINGS) {
    if (sequence[0] === of && changes(reading, await replay(sequence))) return true;
  }
  return false;
}

function changes(reading: Reading, events: readonly Event[]): boolean {
  return JSON.stringify(reading(events)) !== JSON.stringify(events);
}

function withoutReportsOfShutdown(events: readonly Event[]): readonly Event[] {
  return events.filter(([type, kind, id], at) => {
    if (type !== "report" || kind !== "shutdown_failed") return true;
    const end = events.slice(0, at).findLast((event) => event[0] === "end" && event[1] === id);
    return end?.[2] !== "shutdown_x";
  });
}

function reversed(event: Event): Event {
  const [type, result] = event;
  return type === "result" && Array.isArray(result) && Array.isArray(result[0]) ? [type, [...result].reverse()] : event;
}

/** The ends and reports before the supervisor's exit, sorted. */
function withSortedEnd(events: readonly Event[]): readonly Event[] {
  const isEnd = ([type, kind]: Event): boolean => type === "end" || (type === "report" && kind === "shutdown_failed");
  const exit = events.findIndex(([type]) => type === "exit");
  let first = exit;
  while (first > 0 && isEnd(events[first - 1] as Event)) first -= 1;
  return [...events.slice(0, first), ...events.slice(first, exit).sort(), ...events.slice(exit)];
}
