/**
 * The first listener to a connection's events: it turns them into log lines, in Fresh's words where Fresh has some.
 *
 * Everything that stands in a line is either ours or cleaned: what a peer sent has its control characters escaped, so that
 * it can't forge lines or drive a terminal, and no secret is in an event to begin with.
 */
import { escapeControls } from "../escape.ts";
import type { Platform } from "../platform/platform.ts";
import { describeExitReason } from "../supervision/exit-reason.ts";
import type { ConnectionEvent } from "./event.ts";
import type { Logger } from "./option-types.ts";

export type LogOptions = { readonly errorLogging: boolean; readonly infoLogging: boolean; readonly logger: Logger };

/** What tells this connection's lines from another's. */
export type LogSubject = { readonly id: string; readonly name: string | undefined; readonly module: string };

/**
 * The listener that logs. `lastResort` takes the line that says that the logger itself has thrown: a fault there must
 * neither end a connection nor go unseen.
 */
export function subscribeLog(
  { errorLogging, infoLogging, logger }: LogOptions,
  subject: LogSubject,
  lastResort: (line: string) => void,
): (event: ConnectionEvent) => void {
  const common = {
    connection: subject.id,
    module: subject.module,
    ...(subject.name === undefined ? {} : { name: subject.name }),
  };
  return (event) => {
    const line = lineOf(event);
    // A callback's own fault is never kept quiet (section 1.2).
    if (line.level === "error" && !errorLogging && event.type !== "crashed") return;
    if (line.level === "info" && !infoLogging) return;
    try {
      logger[line.level]?.({ ...common, ...line.fields }, line.message);
    } catch (fault) {
      lastResort(
        `(everfresh) the logger failed: ${escapeControls(String(fault))}; it was to log: ${escapeControls(line.message)}`,
      );
    }
  };
}

type Line = {
  readonly level: "error" | "info" | "debug";
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
};

function lineOf(event: ConnectionEvent): Line {
  switch (event.type) {
    case "attempt": {
      const { attempt, uri, headers } = event;
      return {
        level: "debug",
        fields: { attempt, uri, headers },
        message: `Connecting to ${uri}, attempt ${attempt}`,
      };
    }
    case "redirected": {
      const { attempt, status, uri, credentials } = event;
      const without = credentials === "dropped" ? ", without the caller's headers: it is another origin" : "";
      return {
        level: "info",
        fields: { attempt, status, uri, credentials },
        message: `Redirected to ${uri} with status ${status}${without}`,
      };
    }
    case "established": {
      // Without the subprotocol: some services take a token for one.
      const { attempt, extensions } = event;
      return { level: "info", fields: { attempt, extensions }, message: "WebSocket connection established" };
    }
    case "closed": {
      const { code, reason } = event;
      const why = reason === undefined || reason === "" ? "" : `: ${escapeControls(reason)}`;
      const how = code === undefined ? "without a code" : `with code ${code}${why}`;
      return { level: "info", fields: { code, reason }, message: `WebSocket connection is being closed ${how}` };
    }
    case "failed": {
      const { kind, phase, reason, status, cause, message } = event.error;
      return {
        level: "error",
        fields: {
          kind,
          phase,
          reason,
          ...(status === undefined ? {} : { status }),
          ...(cause === undefined ? {} : { cause }),
        },
        message: escapeControls(message),
      };
    }
    case "replaced": {
      const how = { ended: "has ended", "timed out": "didn't end in time", destroy: "was cut off" }[event.how];
      return {
        level: "info",
        fields: { how: event.how },
        message: `WebSocket connection replaced: the one before ${how}`,
      };
    }
    case "replacementFailed": {
      const { kind, phase, reason, status, message } = event.error;
      return {
        level: "error",
        fields: { kind, phase, reason, ...(status === undefined ? {} : { status }) },
        message: `The replacement failed, and the connection goes on as it was: ${escapeControls(message)}`,
      };
    }
    case "waiting":
      return {
        level: "debug",
        fields: { wait: event.wait },
        message: `Next attempt in ${Math.round(event.wait)} ms`,
      };
    case "crashed": {
      const { callback, error } = event;
      return {
        level: "error",
        fields: { callback, error },
        message: `${callback} failed: ${escapeControls(String(error))}`,
      };
    }
    case "dropping": {
      const { cause, status } = event;
      return {
        level: "error",
        fields: { cause, status },
        message: `Frames are being dropped (${cause}) while the connection is ${status}; stats.dropped counts them`,
      };
    }
    case "terminated": {
      const { reason, pending } = event;
      if (reason === "killed" && pending !== undefined) {
        return {
          level: "error",
          fields: { reason, callback: pending },
          message: `Cut off: ${pending} did not return within the time that the stop gave it, and what it still does is ignored`,
        };
      }
      return {
        level: "debug",
        fields: { reason },
        message: `Terminated: ${escapeControls(describeExitReason(reason))}`,
      };
    }
  }
}

/** The default logger: one line each, to where the platform's console goes. */
export function consoleLogger(platform: Pick<Platform, "logError" | "logInfo">): Logger {
  const line = (fields: Readonly<Record<string, unknown>>, message: string): string => {
    const error = fields.error;
    const stack = error instanceof Error && error.stack !== undefined ? `\n${escapeControls(error.stack, "\n")}` : "";
    return `(everfresh) ${String(fields.name ?? fields.module)} ${String(fields.connection)}: ${message}${stack}`;
  };
  return {
    error: (fields, message) => platform.logError(line(fields, message)),
    info: (fields, message) => platform.logInfo(line(fields, message)),
  };
}
