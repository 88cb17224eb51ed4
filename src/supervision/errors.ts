/**
 * What a supervisor or a registry can't do, with OTP's names for the reasons.
 */
import type { Child } from "./child.ts";

/**
 * - "bad_spec", "bad_option": what was given can't be used. - "not_found": no child has that id. - "running", "restarting": it has to be
 * terminated first. - "already_started", "already_present": a child with that id runs, or is there and doesn't. - "start_failed": a child could
 * not be started. - "max_children": there is no room. - "terminated": the supervisor has ended, or is ending.
 */
export type SupervisorErrorReason =
  | "bad_spec"
  | "bad_option"
  | "not_found"
  | "running"
  | "restarting"
  | "already_started"
  | "already_present"
  | "start_failed"
  | "max_children"
  | "terminated";

export class SupervisorError extends Error {
  override readonly name = "SupervisorError";
  readonly reason: SupervisorErrorReason;
  /** Of "start_failed": which child. */
  readonly childId: string | undefined;
  /** Of "already_started": the child that runs. */
  readonly child: Child | undefined;

  constructor(
    reason: SupervisorErrorReason,
    message: string,
    details: { readonly cause?: unknown; readonly childId?: string; readonly child?: Child } = {},
  ) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.reason = reason;
    this.childId = details.childId;
    this.child = details.child;
  }
}

/** A child could not be started. */
export function startFailed(childId: string, cause: unknown): SupervisorError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `The child ${JSON.stringify(childId)} could not be started: ${why}`;
  return new SupervisorError("start_failed", message, { cause, childId });
}

/** `who`: "supervisor app". */
export function terminatedError(who: string): SupervisorError {
  return new SupervisorError("terminated", `The ${who} has ended, or is ending. Start another, or ask its supervisor.`);
}

/** A key that can't be taken: somebody has it. */
export class AlreadyRegisteredError extends Error {
  override readonly name = "AlreadyRegisteredError";
  /** Who has it. */
  readonly holder: unknown;

  constructor(key: string, holder: unknown) {
    super(
      `The key ${key} is registered already, and this registry's keys are unique. Unregister it first, or take another.`,
    );
    this.holder = holder;
  }
}
