/**
 * What supervisors report, as OTP's do: children that ended with a fault, that could not be started or didn't end in time, and giving up.
 */
import { escapeControls } from "../escape.ts";
import type { Platform } from "../platform/platform.ts";
import { describeExitReason, type ExitReason } from "./exit-reason.ts";

/** pino's shape: the fields first, the sentence second. */
export interface SupervisorLogger {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export type Report =
  | {
      readonly type: "child_terminated";
      readonly childId: string;
      readonly reason: ExitReason;
      readonly restarted: boolean;
    }
  | { readonly type: "start_failed"; readonly childId: string; readonly error: unknown }
  /** It was told to end, and ended otherwise; "abandoned": it never did. */
  | {
      readonly type: "shutdown_failed";
      readonly childId: string;
      readonly reason: ExitReason;
      readonly abandoned: boolean;
    }
  | { readonly type: "gave_up"; readonly childId: string; readonly maxRestarts: number; readonly maxSeconds: number };

export function reportTo(
  logger: SupervisorLogger,
  supervisor: string,
  platform: Pick<Platform, "logError">,
): (report: Report) => void {
  return (report) => {
    const { type, ...fields } = report;
    // An error may tell what a peer has sent.
    const message = `${supervisor}: ${escapeControls(sentence(report))}`;
    try {
      logger.error({ supervisor, event: type, ...fields }, message);
    } catch (fault) {
      platform.logError(
        `(everfresh) the logger of ${supervisor} failed: ${escapeControls(String(fault))}; it was to log: ${message}`,
      );
    }
  };
}

/** The default: one line each, to where the platform's console goes. */
export function consoleReports(platform: Pick<Platform, "logError">): SupervisorLogger {
  return {
    error: (fields, message) => {
      const { error } = fields;
      const stack = error instanceof Error && error.stack !== undefined ? `\n${escapeControls(error.stack, "\n")}` : "";
      platform.logError(`(everfresh) ${message}${stack}`);
    },
  };
}

function sentence(report: Report): string {
  const child = `the child ${JSON.stringify(report.childId)}`;
  switch (report.type) {
    case "child_terminated": {
      const what = report.restarted ? "It is restarted." : "It is not restarted.";
      return `${child} ended (${describeExitReason(report.reason)}). ${what}`;
    }
    case "start_failed": {
      const { error } = report;
      return `${child} could not be started: ${error instanceof Error ? error.message : String(error)}`;
    }
    case "shutdown_failed":
      return report.abandoned
        ? `${child} was told to end, took no notice within its shutdown time, and is left behind. Let its stop() keep to the timeout that it is given.`
        : `${child} was told to end, and ended otherwise (${describeExitReason(report.reason)}).`;
    case "gave_up":
      return `${child} would be restarted once more than ${report.maxRestarts} times within ${report.maxSeconds} s, so the supervisor gives up and ends with "shutdown". See why the child fails, or raise maxRestarts.`;
  }
}
