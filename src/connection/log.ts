/**
 * The first listener to a connection's events: it turns them into log lines, in Fresh's words where Fresh has some.
 *
 * Everything that stands in a line is either ours or cleaned: what a peer sent has its control characters escaped, so that
 * it can't forge lines or drive a terminal, and no secret is in an event to begin with.
 */
import { escapeControls } from "../escape.ts";
import type { Platform } from "../platform/platform.ts";
import { describeExitReason } from "./errors.ts";
import type { ConnectionEvent } from "./event.ts";
import type { Logger } from "./option-types.ts";

export type LogOptions = { readonly errorLogging: boolean; readonly infoLogging: boolean; readonly logger: Logger };

/** What tells this connection's lines from another's. */
export type LogSubject = { readonly id: string; readonly name: string | undefined; readonly module: string };

export function subscribeLog(options: LogOptions, subject: LogSubject): (event: ConnectionEvent) => void {
  const { errorLogging, infoLogging, logger } = options;
  const fields = (more: Record<string, unknown>): Record<string, unknown> => ({
    connection: subject.id,
    module: subject.module,
    ...(subject.name === undefined ? {} : { name: subject.name }),
    ...more,
  });
  return (event) => {
    switch (event.type) {
      case "attempt":
        logger.debug?.(
          fields({ attempt: event.attempt, uri: event.uri, headers: event.headers }),
          `Connecting to ${event.uri}, attempt ${event.attempt}`,
        );
        return;
      case "established":
        if (infoLogging) {
          logger.info(
            fields({ attempt: event.attempt, protocol: event.protocol, extensions: event.extensions }),
            "WebSocket connection established",
          );
        }
        return;
      case "closed":
        if (infoLogging) {
          const { code, reason } = event;
          const how =
            code === undefined ? "without a code" : `with code ${code}${reason ? `: ${escapeControls(reason)}` : ""}`;
          logger.info(fields({ code, reason }), `WebSocket connection is being closed ${how}`);
        }
        return;
      case "failed":
        if (errorLogging) {
          const { error } = event;
          logger.error(
            fields({
              kind: error.kind,
              phase: error.phase,
              reason: error.reason,
              ...(error.status === undefined ? {} : { status: error.status }),
              ...(error.cause === undefined ? {} : { cause: error.cause }),
            }),
            escapeControls(error.message),
          );
        }
        return;
      case "waiting":
        logger.debug?.(fields({ wait: event.wait }), `Next attempt in ${Math.round(event.wait)} ms`);
        return;
      case "crashed":
        // Not subject to errorLogging: a fault of the program itself is never swallowed (section 1.2).
        logger.error(
          fields({ callback: event.callback, error: event.error }),
          `${event.callback} failed: ${escapeControls(String(event.error))}`,
        );
        return;
      case "dropping":
        if (errorLogging) {
          logger.error(
            fields({ cause: event.cause, status: event.status }),
            `Frames are being dropped (${event.cause}) while the connection is ${event.status}; stats.dropped counts them`,
          );
        }
        return;
      case "terminated":
        logger.debug?.(
          fields({ reason: event.reason }),
          `Terminated: ${escapeControls(describeExitReason(event.reason))}`,
        );
        return;
    }
  };
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
