import assert from "node:assert/strict";
import { test } from "node:test";
import { consoleReports, type Report, reportTo } from "../../src/supervision/report.ts";

const REPORTS: readonly (readonly [Report, message: string])[] = [
  [
    {
      type: "child_terminated",
      childId: "a",
      reason: { error: new Error("boom"), callback: "handleIn" },
      restarted: true,
    },
    'supervisor "app": the child "a" ended (handleIn failed: Error: boom). It is restarted.',
  ],
  [
    { type: "child_terminated", childId: "a", reason: "boom", restarted: false },
    'supervisor "app": the child "a" ended (boom). It is not restarted.',
  ],
  [
    { type: "start_failed", childId: "a", error: new Error("one\nline") },
    'supervisor "app": the child "a" could not be started: one\\nline',
  ],
  [
    { type: "shutdown_failed", childId: "a", reason: "killed", abandoned: false },
    'supervisor "app": the child "a" was told to end, and ended otherwise (killed).',
  ],
  [
    { type: "shutdown_failed", childId: "a", reason: "killed", abandoned: true },
    'supervisor "app": the child "a" was told to end, took no notice within its shutdown time, and is left behind. Let its stop() keep to the timeout that it is given.',
  ],
  [
    { type: "gave_up", childId: "a", maxRestarts: 3, maxSeconds: 5 },
    'supervisor "app": the child "a" would be restarted once more than 3 times within 5 s, so the supervisor gives up and ends with "shutdown". See why the child fails, or raise maxRestarts.',
  ],
];

for (const [report, expected] of REPORTS) {
  test(`${report.type} is one line, and its fields stand beside it: ${expected.slice(18)}`, () => {
    const lines: (readonly [Readonly<Record<string, unknown>>, string])[] = [];
    const logger = {
      error: (fields: Readonly<Record<string, unknown>>, message: string) => void lines.push([fields, message]),
    };
    reportTo(logger, 'supervisor "app"', { logError: () => undefined })(report);
    const { type, ...fields } = report;
    assert.deepEqual(lines, [[{ supervisor: 'supervisor "app"', event: type, ...fields }, expected]]);
  });
}

test("a logger that throws hinders no supervisor, and what it was to log is not lost", () => {
  const lines: string[] = [];
  const logger = {
    error: () => {
      throw new Error("disk full");
    },
  };
  const [report] = REPORTS[1] as [Report, string];
  reportTo(logger, "supervisor", { logError: (line) => void lines.push(line) })(report);
  assert.match(
    lines.join(),
    /the logger of supervisor failed: Error: disk full; it was to log: supervisor: the child "a" ended \(boom\)/,
  );
});

test("the console gets the stack of a fault", () => {
  const lines: string[] = [];
  const error = new Error("boom");
  consoleReports({ logError: (line) => void lines.push(line) }).error({ error }, "it failed");
  assert.deepEqual(lines, [`(everfresh) it failed\n${error.stack}`]);
});
