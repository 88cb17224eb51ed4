import assert from "node:assert/strict";
import { test } from "node:test";
import { FreshError } from "../../src/connection/errors.ts";
import type { ConnectionEvent } from "../../src/connection/event.ts";
import { consoleLogger, subscribeLog } from "../../src/connection/log.ts";

type Line = readonly [level: string, fields: Readonly<Record<string, unknown>>, message: string];

function log(options: { errorLogging?: boolean; infoLogging?: boolean } = {}) {
  const lines: Line[] = [];
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    lines.push([level, fields, message]);
  };
  const logger = { error: at("error"), info: at("info"), debug: at("debug") };
  const emit = subscribeLog(
    { errorLogging: true, infoLogging: true, logger, ...options },
    { id: "1", name: "counter", module: "Counter" },
    (line) => lines.push(["last resort", {}, line]),
  );
  return { lines, emit };
}

const error = new FreshError({
  kind: "streaming_failed",
  phase: "open",
  reason: "ended",
  detail: "the peer ended TCP.",
});

const EVENTS: readonly [ConnectionEvent, string, string][] = [
  [{ type: "attempt", attempt: 2, uri: "ws://h/", headers: {} }, "debug", "Connecting to ws://h/, attempt 2"],
  [
    { type: "redirected", attempt: 1, status: 302, uri: "ws://h/b", credentials: "kept" },
    "info",
    "Redirected to ws://h/b with status 302",
  ],
  [
    { type: "redirected", attempt: 1, status: 308, uri: "wss://i/", credentials: "dropped" },
    "info",
    "Redirected to wss://i/ with status 308, without the caller's headers: it is another origin",
  ],
  [{ type: "established", attempt: 1, protocol: "", extensions: "" }, "info", "WebSocket connection established"],
  [{ type: "closed", code: 1001, reason: "away" }, "info", "WebSocket connection is being closed with code 1001: away"],
  [{ type: "closed", code: 1000, reason: "" }, "info", "WebSocket connection is being closed with code 1000"],
  [
    { type: "closed", code: undefined, reason: undefined },
    "info",
    "WebSocket connection is being closed without a code",
  ],
  [{ type: "failed", error }, "error", "The connection was lost: the peer ended TCP."],
  [{ type: "waiting", wait: 12.4 }, "debug", "Next attempt in 12 ms"],
  [{ type: "crashed", callback: "handleIn", error: new Error("boom") }, "error", "handleIn failed: Error: boom"],
  [
    { type: "dropping", cause: "overflow", status: "waiting" },
    "error",
    "Frames are being dropped (overflow) while the connection is waiting; stats.dropped counts them",
  ],
  [{ type: "terminated", reason: "normal", pending: undefined }, "debug", "Terminated: normal"],
  [{ type: "terminated", reason: "killed", pending: undefined }, "debug", "Terminated: killed"],
  [
    { type: "terminated", reason: "killed", pending: "handleIn" },
    "error",
    "Cut off: handleIn did not return within the time that the stop gave it, and what it still does is ignored",
  ],
];

for (const [event, level, message] of EVENTS) {
  test(`${event.type} is logged as ${level}: ${message}`, () => {
    const { lines, emit } = log();
    emit(event);
    assert.deepEqual(
      lines.map(([lineLevel, , lineMessage]) => [lineLevel, lineMessage]),
      [[level, message]],
    );
    const [, fields] = lines[0] as Line;
    assert.deepEqual([fields.connection, fields.name, fields.module], ["1", "counter", "Counter"]);
  });
}

test("infoLogging and errorLogging false stop their lines, but never that of a callback's own fault", () => {
  const { lines, emit } = log({ errorLogging: false, infoLogging: false });
  for (const [event] of EVENTS) emit(event);
  assert.deepEqual(
    lines.filter(([level]) => level !== "debug").map(([, , message]) => message),
    ["handleIn failed: Error: boom"],
  );
});

test("a logger that throws ends nothing, and what it was to log is not lost", () => {
  const last: string[] = [];
  const logger = {
    error: () => {
      throw new Error("disk full");
    },
    info: () => undefined,
  };
  const emit = subscribeLog(
    { errorLogging: true, infoLogging: true, logger },
    { id: "1", name: undefined, module: "Counter" },
    (line) => last.push(line),
  );
  emit({ type: "failed", error });
  assert.deepEqual(last, [
    "(everfresh) the logger failed: Error: disk full; it was to log: The connection was lost: the peer ended TCP.",
  ]);
});

test("a subprotocol is not logged: some services take a token for one", () => {
  const { lines, emit } = log();
  emit({ type: "established", attempt: 1, protocol: "token.s3cret", extensions: "" });
  assert.doesNotMatch(JSON.stringify(lines), /s3cret/);
});

test("a peer can't forge a line or drive a terminal: control characters are spelt out", () => {
  const { lines, emit } = log();
  emit({ type: "closed", code: 1000, reason: "x\r\n(everfresh) all is well\u001b[2J\u202e" });
  assert.match((lines[0] as Line)[2], /1000: x\\r\\n\(everfresh\) all is well\\u001b\[2J\\u202e$/);
});

test("the console's line names the connection, and a crash brings its stack", () => {
  const lines: string[] = [];
  const logger = consoleLogger({ logError: (line) => lines.push(line), logInfo: (line) => lines.push(line) });
  logger.info({ connection: "1", module: "Counter", name: "counter" }, "hello");
  logger.error({ connection: "2", module: "Counter", error: new Error("boom") }, "handleIn failed");
  assert.equal(lines[0], "(everfresh) counter 1: hello");
  assert.match(lines[1] as string, /^\(everfresh\) Counter 2: handleIn failed\nError: boom\n/);
});
